import Pooling
import PostgresWire
import Testing

/// What happens to a ledger, and what it says in the end. In `events` a letter is a message that
/// the client sends; `<G`, `<E` and `<Z` with a status are CopyInResponse, ErrorResponse and
/// ReadyForQuery from the server; `own` is a query of the pooler's own, `recount` those that
/// are to tell what is owed.
struct LedgerCase: CustomTestStringConvertible, Sendable {
  var events: String
  var state: String
  var testDescription: String { "\(events): \(state)" }

  init(_ events: String, _ state: String) {
    self.events = events
    self.state = state
  }
}

@Suite struct LedgerTests {
  /// Plays the events; the last message that had to wait ends it.
  static func ledger(after events: String) -> (ledger: Ledger, isHeld: Bool) {
    var ledger = Ledger()
    for event in events.split(separator: " ") {
      switch event.first {
      case "<": receive(event.dropFirst(), &ledger)
      case "o": ledger.poolerSendsQuery()
      case "r": ledger.poolerRecounts()
      default:
        for type in event.utf8 where !ledger.clientSends(type) { return (ledger, true) }
      }
    }
    return (ledger, false)
  }

  private static func receive(_ message: Substring, _ ledger: inout Ledger) {
    switch message.first {
    case "G": ledger.copyInReceived()
    case "E": ledger.errorReceived()
    default: _ = ledger.readyForQueryReceived(message.utf8.last ?? 0)
    }
  }

  static func state(_ ledger: Ledger) -> String {
    if ledger.isTainted { return ledger.canRecount ? "doubtful" : "tainted" }
    if ledger.isClean { return "clean" }
    if ledger.isIdleInTransaction && ledger.isSettled { return "in transaction" }
    if ledger.isAnsweringOwn { return "own" }
    return ledger.owesReply ? "owes" : "open"
  }

  static let simple: [LedgerCase] = [
    .init("", "clean"), .init("Q", "owes"), .init("Q <ZI", "clean"),
    .init("Q <E <ZI", "clean"), .init("Q <ZT", "in transaction"),
    .init("Q <ZT Q <E <ZE", "in transaction"), .init("Q <ZT Q <ZI", "clean"),
    .init("QQ <ZI", "owes"), .init("QQ <ZI <ZI", "clean"),
    .init("F", "owes"), .init("F <ZI", "clean"), .init("F <E <ZI", "clean"),
    .init("own", "own"), .init("own <ZI", "clean"), .init("own <E <ZI", "clean"),
    .init("own Q <ZI", "owes"), .init("own Q <ZI <ZI", "clean"),
  ]

  static let extended: [LedgerCase] = [
    .init("P", "open"), .init("PBDE", "open"), .init("PBDEH", "open"), .init("PBDES", "owes"),
    .init("PBDES <ZI", "clean"), .init("P <E BES <ZI", "clean"), .init("S <ZI", "clean"),
    .init("PS BES <ZI", "owes"), .init("PS BES <ZI <ZI", "clean"),
    .init("PS B <ZI", "open"), .init("PS B <ZI S <ZI", "clean"),
    .init("CS <ZI", "clean"), .init("BES <ZT", "in transaction"),
    .init("Q PBES <ZI", "owes"), .init("Q PBES <ZI <ZI", "clean"),
    .init("PBE Q", "tainted"), .init("PBE Q <ZI", "tainted"), .init("PBE F <ZI", "tainted"),
  ]

  static let simpleCopy: [LedgerCase] = [
    .init("Q <G", "owes"), .init("Q <G ddd", "owes"), .init("Q <G ddc", "owes"),
    .init("Q <G ddc <ZI", "clean"), .init("Q <G df <E <ZI", "clean"),
    .init("Q <G d <E d <ZI dc", "clean"), .init("Qddc <G <ZI", "clean"),
    .init("Qddc <E <ZI", "clean"), .init("Qddf <G <E <ZI", "clean"),
    .init("Q <G dc <G dc <ZI", "clean"), .init("Qdc <G Q <ZI", "owes"),
    .init("Qdc Q <G <ZI", "owes"), .init("Qdc Q <G <ZI <ZI", "clean"),
    .init("Qdc Qdc <G <ZI <G <ZI", "clean"),
    .init("Q <G SdcS <ZI", "owes"), .init("Q <G Sdc <ZI", "clean"), .init("Q <G S <E", "tainted"),
    .init("QdS", "owes"), .init("QdS <G c <ZI", "clean"),
    .init("QS <G dc <ZI", "clean"), .init("QS <G <E <ZI", "tainted"),
    .init("d", "clean"), .init("c", "clean"), .init("f", "clean"), .init("dc Q <ZI", "clean"),
    .init("Q dc <ZI", "clean"), .init("Qc S <ZI", "owes"), .init("Qc S <ZI <ZI", "clean"),
  ]

  static let extendedCopy: [LedgerCase] = [
    .init("PBE <G", "open"), .init("PBE <G ddc", "open"), .init("PBE <G ddcS", "owes"),
    .init("PBE <G ddcS <ZI", "clean"), .init("PBE <G dfS <E <ZI", "clean"),
    .init("PBE <G d <E dcS <ZI", "clean"),
    .init("PBES <G", "open"), .init("PBES <G ddc", "open"), .init("PBES <G ddcS <ZI", "clean"),
    .init("PBESS <G ddcS <ZI", "clean"), .init("PBES <G S", "open"),
    .init("PBE <G SdcS <ZI", "clean"),
    .init("PBES <G <E", "tainted"), .init("PBES <G dc <E S", "tainted"),
    .init("PBEddcS <G <ZI", "clean"), .init("PBEdd <G cS <ZI", "clean"),
    .init("PBEddcS <G <E <ZI", "clean"), .init("PBEddcS <E <ZI", "clean"),
    .init("PBEScS <G <ZI", "clean"), .init("PBEdS", "owes"), .init("PBEdS <G cS <ZI", "clean"),
    .init("PBES PBEdcS <ZI", "owes"), .init("PBES PBEdcS <ZI <G <ZI", "clean"),
    .init("Q PBEdcS <ZT <G <ZT", "in transaction"), .init("Q PBEdcS Q <ZT <G <ZT <ZI", "clean"),
    .init("PBEdcS PBEdcS <G <ZI <G <ZI", "clean"), .init("PBEdc <G EdcS <G <ZI", "clean"),
    .init("PBEfS <G <E <ZI", "clean"),
  ]

  /// A COPY that fails, with a Sync behind it that it may have ignored or not.
  static let failedCopy: [LedgerCase] = [
    .init("PBES <G dc <E S <ZI", "doubtful"), .init("PBES <G dcS <E <ZI", "doubtful"),
    .init("PBES <G dd <E dcS <ZE", "doubtful"), .init("PBES <G <E fS <ZI", "doubtful"),
    .init("PBES <G <E dcSS <ZI", "tainted"), .init("PBES <G <E dcSS <ZI <ZI", "doubtful"),
    .init("Q <ZT PBES <G dcS <E <ZE", "doubtful"), .init("PBE <G Sd <E cS <ZI", "doubtful"),
    .init("PBE <G Sd <E <ZI cS <ZI", "clean"), .init("PBE <G SS <E cS <ZI", "tainted"),
    // Its Sync is answered, and the client has sent no other one.
    .init("PBES <G <E <ZI", "clean"), .init("PBES <G d <E <ZI dcS", "owes"),
    .init("PBES <G d <E <ZI dcS <ZI", "clean"), .init("PBES <G dc <E <ZI", "clean"),
    .init("PBES <G dc <E <ZI S <ZI", "clean"), .init("PBES <G <E <ZE", "in transaction"),
    .init("PBES <G <E c <ZI", "clean"), .init("PBES <G <E <ZI Q", "owes"),
    // What is sent behind it may be what is answered.
    .init("PBES <G dcS PBES <E <ZI <ZI", "tainted"), .init("PBES <G dcS <E Q <ZI <ZI", "tainted"),
    .init("PBES <G dcS <E PBES <ZI <ZI", "tainted"), .init("PBES <G dcS <E <ZI P", "tainted"),
    .init("PBES P <G dcS <E <ZI", "tainted"), .init("PBESS <G dcS <E <ZI", "tainted"),
    .init("PBES PBES <G dcS <E <ZI", "tainted"), .init("PBESQ <G dcS <E <ZI <ZI", "tainted"),
    .init("PBES <G S dcS <E <ZI", "tainted"), .init("Q PBES <ZI <G dcS <E <ZI", "doubtful"),
    .init("QS <G dc <E <ZI <ZI", "tainted"), .init("PBE Q <E <ZI", "tainted"),
    // The pooler asks.
    .init("PBES <G dcS <E <ZI recount", "tainted"),
  ]

  /// Ends that are sent ahead, or for nothing, and what makes a COPY fail before version 14.
  static let copyEnds: [LedgerCase] = [
    // Each CopyInResponse takes one end with it, whenever that was sent.
    .init("Q <G c <G c <ZI", "clean"), .init("Q <G c <G Sc <ZI", "clean"),
    .init("Q <G c <G Sc <ZI Q <ZI", "clean"), .init("Qcc <G <G <ZI", "clean"),
    .init("Qc <G <G SQ", "tainted"), .init("Qc <G <G Sc <ZI", "clean"),
    .init("Qcc <G <ZI", "clean"), .init("Q Qc <ZI <G <ZI", "clean"),
    .init("Qc <G S <ZI", "owes"), .init("Qc <G S <ZI <ZI", "clean"),
    .init("Q <ZI Qc <G SdS <ZI <ZI", "owes"), .init("Q <ZI Qc <G SdS <ZI <ZI <ZI", "clean"),
    .init("PBE <G cc S <ZI", "clean"), .init("PBESccPBES <G <ZI", "clean"),
    .init("PBEScc PBES <G <G cS <ZI", "clean"), .init("PBEScES <G <G cS <ZI", "clean"),
    // Nobody can tell which Execute it is that copies.
    .init("PBEdcEdcS", "tainted"), .init("PBcES <G", "tainted"), .init("PBE <G cc ES", "tainted"),
    .init("PBEcSES <G <ZI <ZI", "clean"),
    // Amid the data of a simple COPY.
    .init("Q <G Q", "tainted"), .init("Q <G F", "tainted"), .init("QQ <G", "tainted"),
    .init("QQc <G", "tainted"), .init("QcQ <G <ZI <ZI", "clean"), .init("QSQ <G", "tainted"),
    .init("PBES <G Q", "tainted"), .init("PBESQ <G", "tainted"), .init("QPBE <G", "tainted"),
    .init("QPBEc <G", "tainted"), .init("Q <G PBEc", "tainted"), .init("Q <G Hdc <ZI", "clean"),
    .init("Q <G PS <E", "tainted"), .init("Q <G P <E <ZI S <ZI", "clean"),
    .init("<G", "tainted"),
  ]

  @Test(arguments: simple + extended + simpleCopy + extendedCopy + failedCopy + copyEnds)
  func `a ledger knows what is owed`(_ example: LedgerCase) {
    #expect(Self.state(Self.ledger(after: example.events).ledger) == example.state)
  }

  @Test func `a ReadyForQuery that nobody asked for is unexpected`() {
    var ledger = Ledger()
    let ready = ledger.readyForQueryReceived(TransactionStatus.idle)
    #expect(ready == .unexpected)
    var batch = Self.ledger(after: "PBE").ledger
    let early = batch.readyForQueryReceived(TransactionStatus.idle)
    #expect(early == .unexpected)
  }

  @Test func `a tainted server's ReadyForQuery goes to its client`() {
    var ledger = Self.ledger(after: "PBE Q <ZI").ledger
    let ready = ledger.readyForQueryReceived(TransactionStatus.idle)
    #expect(ready == .client)
    #expect(!ledger.isClean)
  }

  @Test func `a ReadyForQuery tells whose it is`() {
    var ledger = Self.ledger(after: "own QQ").ledger
    let whose = (0..<3).map { _ in ledger.readyForQueryReceived(TransactionStatus.idle) }
    #expect(whose == [.own, .client, .client])
  }

  @Test func `ends that nothing is answered to do not fill the ledger`() {
    for batch in ["PBE", "Q"] {
      let ends = Self.ledger(after: batch + String(repeating: "c", count: 100))
      #expect(!ends.isHeld && ends.ledger.isTainted)
      #expect(ends.ledger.hasRoom)
    }
  }

  @Test(arguments: ["Q", "S", "F"])
  func `a message beyond the capacity waits for a reply`(_ type: String) {
    let full = String(repeating: type, count: Ledger.capacity)
    #expect(Self.ledger(after: full).isHeld == false)
    #expect(Self.ledger(after: full + " " + type).isHeld)
    #expect(Self.ledger(after: full + " <ZI " + type).isHeld == false)
    let replies = String(repeating: " <ZI", count: Ledger.capacity)
    #expect(Self.ledger(after: full + replies).ledger.isClean)
  }

  @Test func `what needs no entry goes through a full ledger`() {
    let full = String(repeating: "S", count: Ledger.capacity)
    #expect(Self.ledger(after: full + " PBDEHd").isHeld == false)
    #expect(Self.ledger(after: full + " Ec").isHeld)
  }

  @Test func `a message that waits leaves the ledger as it was`() {
    let full = Self.ledger(after: String(repeating: "Q", count: Ledger.capacity)).ledger
    for type in "QSFcf".utf8 {
      var ledger = full
      let wasSent = ledger.clientSends(type)
      #expect(!wasSent)
      #expect(ledger == full)
    }
  }

  /// Every ledger that up to four events lead to.
  @Test func `a batch's end in one is its two messages`() {
    func happen(_ event: Int, to ledger: inout Ledger) {
      switch event {
      case 0: _ = ledger.clientSends(ClientMessageType.bind)
      case 1: _ = ledger.clientSends(ClientMessageType.execute)
      case 2: _ = ledger.clientSends(ClientMessageType.sync)
      case 3: _ = ledger.clientSends(ClientMessageType.query)
      case 4: _ = ledger.clientSends(ClientMessageType.copyDone)
      case 5:
        for _ in 1..<Ledger.capacity { _ = ledger.clientSends(ClientMessageType.query) }
      case 6: ledger.copyInReceived()
      case 7: ledger.errorReceived()
      default: _ = ledger.readyForQueryReceived(TransactionStatus.inTransaction)
      }
    }
    var ledgers = [Ledger()]
    var begin = 0
    for _ in 0..<4 {
      let end = ledgers.count
      for ledger in ledgers[begin..<end] {
        for event in 0..<9 {
          var next = ledger
          happen(event, to: &next)
          ledgers.append(next)
        }
      }
      begin = end
    }
    var ended = 0
    for ledger in ledgers {
      var atOnce = ledger
      guard atOnce.clientEndsBatch() else {
        #expect(atOnce == ledger)
        continue
      }
      ended += 1
      var oneByOne = ledger
      let areSent =
        oneByOne.clientSends(ClientMessageType.execute)
        && oneByOne.clientSends(ClientMessageType.sync)
      #expect(areSent)
      #expect(atOnce == oneByOne)
    }
    #expect(ended > 100)
  }

  @Test func `one reply is told from several`() {
    #expect(Self.ledger(after: "Q").ledger.owesOneReply)
    #expect(Self.ledger(after: "PBES").ledger.owesOneReply)
    #expect(!Self.ledger(after: "").ledger.owesOneReply)
    #expect(!Self.ledger(after: "QQ").ledger.owesOneReply)
    #expect(!Self.ledger(after: "Q P").ledger.owesOneReply)
    #expect(!Self.ledger(after: "Q <G").ledger.owesOneReply)
  }

  @Test func `COPY data that is awaited is neither a query nor an idle transaction`() {
    #expect(!Self.ledger(after: "Q <ZT PBES <G").ledger.owesReply)
    #expect(!Self.ledger(after: "Q <ZT PBES <G").ledger.isIdleInTransaction)
    #expect(Self.ledger(after: "Q <ZT P").ledger.isIdleInTransaction)
  }
}
