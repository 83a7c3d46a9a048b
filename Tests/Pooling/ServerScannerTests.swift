import Pooling
import PostgresWire
import Testing

/// A server's bytes as they come, in pieces, and the events that they make.
private struct ServerFeed {
  enum Event: Equatable {
    case ready, ownReady, lateReady, violation
    case parameter([UInt8])
    case error([UInt8])
    case notification([UInt8])
  }

  var scanner = ServerScanner()
  var ledger: Ledger
  var taken: [UInt8] = []
  var events: [Event] = []
  private(set) var carry: [UInt8] = []

  init(sent: String) { ledger = LedgerTests.ledger(after: sent).ledger }

  mutating func feed(_ bytes: [UInt8], cutAt cuts: [Int]) {
    var start = 0
    for cut in cuts + [bytes.count] {
      feed(Array(bytes[start..<cut]))
      start = cut
    }
  }

  mutating func feed(_ piece: [UInt8]) {
    if events.last == .violation { return }
    carry += piece
    let bytes = carry
    var replies = ReplyQueue()
    var position = 0
    while true {
      let scan = scanner.next(
        bytes.span.bytes, from: position, ledger: &ledger, replies: &replies)
      position = scan.position
      guard note(scan.event) else { break }
    }
    taken += carry[..<position]
    carry.removeFirst(position)
  }

  /// - Returns: whether the scan goes on.
  private mutating func note(_ event: ServerScan.Event) -> Bool {
    switch event {
    case .drained, .passing: return false
    case .readyForQuery: events.append(.ready)
    case .lateReadyForQuery: events.append(.lateReady)
    case .ownReadyForQuery: events.append(.ownReady)
    case .parameterStatus(let body): events.append(.parameter(bytes(of: body)))
    case .errorResponse(let body): events.append(.error(bytes(of: body)))
    case .completed, .ownRow, .commandComplete, .described, .ownAnswer, .notice, .statementEnd,
      .preambleDone, .preambleFailed:
      return true
    case .notification(let body): events.append(.notification(bytes(of: body)))
    case .violation:
      events.append(.violation)
      return false
    }
    return true
  }

  private func bytes(of body: ServerScan.Body) -> [UInt8] {
    Array(carry[body.start..<body.start + body.count])
  }
}

private let readyBytes = frame("Z", [UInt8(ascii: "I")])
private let parameter = frame("S", [65, 0, 66, 0])
private let shortError = frame("E", [67, 48, 0, 0])

@Suite struct ServerScannerTests {
  struct Stream: Sendable {
    var sent: String
    var bytes: [UInt8]
  }

  static let streams: [Stream] = [
    .init(sent: "Q", bytes: readyBytes),
    .init(
      sent: "Q",
      bytes: frame("T", zeros(30)) + frame("D", zeros(200)) + frame("C", zeros(9)) + readyBytes),
    .init(sent: "QPBES", bytes: parameter + readyBytes + shortError + parameter + readyBytes),
    .init(sent: "Q", bytes: frame("G", zeros(3)) + shortError + readyBytes),
    .init(sent: "PBES", bytes: frame("1") + frame("2") + frame("G", zeros(3)) + frame("N")),
    .init(sent: "own Q", bytes: frame("C", zeros(4)) + readyBytes + frame("A") + readyBytes),
    .init(sent: "Q", bytes: parameter + readyBytes + readyBytes),
  ]

  @Test(arguments: streams)
  func `however the bytes are cut, the same is found`(_ stream: Stream) {
    var whole = ServerFeed(sent: stream.sent)
    whole.feed(stream.bytes)
    for cut in cuts(of: stream.bytes) {
      var feed = ServerFeed(sent: stream.sent)
      feed.feed(stream.bytes, cutAt: cut)
      #expect(feed.events == whole.events)
      #expect(feed.taken == whole.taken)
      #expect(feed.ledger == whole.ledger)
      #expect(!feed.scanner.isMidMessage)
    }
  }

  @Test func `several events in one buffer come one by one`() {
    var feed = ServerFeed(sent: "own QPBES")
    let bytes =
      readyBytes + parameter + shortError + readyBytes + frame("D", zeros(50)) + readyBytes
    feed.feed(bytes)
    #expect(
      feed.events == [
        .ownReady, .parameter([65, 0, 66, 0]), .error([67, 48, 0, 0]), .ready, .ready,
      ]
    )
    #expect(feed.taken == bytes)
    #expect(feed.ledger.isClean)
  }

  @Test func `ReadyForQuery waits for its status byte`() {
    var feed = ServerFeed(sent: "Q")
    feed.feed(Array(readyBytes[..<5]))
    #expect(feed.events.isEmpty)
    #expect(feed.carry.count == 5)
    feed.feed([UInt8(ascii: "T")])
    #expect(feed.events == [.ready])
    #expect(feed.ledger.status == TransactionStatus.inTransaction)
  }

  @Test func `ParameterStatus is waited for whole`() {
    var feed = ServerFeed(sent: "Q")
    feed.feed(Array(parameter.dropLast()))
    #expect(feed.taken.isEmpty && feed.events.isEmpty)
    feed.feed([0])
    #expect(feed.events == [.parameter([65, 0, 66, 0])])
  }

  @Test func `a short ErrorResponse is waited for whole, a very long one passes`() {
    let limit = ServerScanner.wholeMessageLimit
    var feed = ServerFeed(sent: "Q")
    feed.feed(header("E", UInt32(limit - 1)) + zeros(limit - 6))
    #expect(feed.taken.isEmpty)
    feed.feed([0])
    #expect(feed.events == [.error(zeros(limit - 5))])
    var long = ServerFeed(sent: "Q <G")
    long.feed(header("E", UInt32(limit)) + zeros(100))
    #expect(long.taken.count == 105)
    #expect(long.events.isEmpty)
    #expect(long.scanner.isMidMessage)
    long.feed(zeros(limit - 104) + readyBytes)
    #expect(long.events == [.ready])
    #expect(long.ledger.isClean)
  }

  @Test func `an error counts once, however often it is looked at`() {
    var feed = ServerFeed(sent: "PBES <G")
    feed.feed(shortError, cutAt: Array(0..<shortError.count))
    #expect(feed.ledger.isTainted)
    #expect(feed.events == [.error([67, 48, 0, 0])])
  }

  @Test(arguments: ["T", "E"])
  func `a late answer to a Sync is told from the client's own`(status: String) {
    let ready = frame("Z", Array(status.utf8))
    var both = ServerFeed(sent: "PBES <G dcS")
    both.feed(shortError + ready + ready)
    #expect(both.events == [.error([67, 48, 0, 0]), .ready, .lateReady])
    #expect(!both.ledger.isTainted && both.ledger.isSettled)
    var first = ServerFeed(sent: "PBES <G dc")
    first.feed(shortError + ready)
    #expect(first.events == [.error([67, 48, 0, 0]), .ready])
    #expect(!first.ledger.isTainted && first.ledger.isSettled)
  }

  /// What the server may say to the question what is owed.
  @Test(arguments: ["T", "E"], [0, 1])
  func `what is owed is told by what comes before the answer`(status: String, late: Int) {
    let ready = frame("Z", Array(status.utf8))
    let bytes =
      Array(repeating: ready, count: late).flatMap(\.self) + parameter + frame("3") + ready
    for cut in 0..<bytes.count {
      var feed = ServerFeed(sent: "PBES <G dcS <E <Z\(status) recount")
      feed.feed(bytes, cutAt: [cut])
      #expect(feed.events == [.parameter([65, 0, 66, 0]), .ownReady])
      #expect(!feed.ledger.isTainted && feed.ledger.isSettled)
      #expect(feed.ledger.status == status.utf8.first)
    }
    // An error tells nothing.
    var feed = ServerFeed(sent: "PBES <G dcS <E <Z\(status) recount")
    feed.feed(shortError + ready)
    #expect(feed.ledger.isTainted && !feed.ledger.canRecount)
  }

  @Test func `a long row is never kept`() {
    var feed = ServerFeed(sent: "Q")
    feed.feed(header("D", 0x7fff_fffe) + zeros(1000))
    #expect(feed.carry.isEmpty)
    #expect(feed.scanner.isMidMessage)
  }

  @Test(arguments: [
    frame("R", zeros(4)), frame("K", zeros(8)), frame("v", zeros(8)), header("D", 3),
    header("C", 0x8000_0000), header("Z", 4), header("Z", 6) + zeros(2), header("S", 16_384),
    header("D", 0xffff_ffff),
  ])
  func `what the protocol does not allow is a violation`(_ bytes: [UInt8]) {
    var feed = ServerFeed(sent: "Q")
    feed.feed(frame("C", zeros(2)) + bytes)
    #expect(feed.events == [.violation])
    #expect(feed.taken == frame("C", zeros(2)))
  }

  @Test func `a ReadyForQuery that nobody asked for is a violation`() {
    var feed = ServerFeed(sent: "Q")
    feed.feed(readyBytes + readyBytes)
    #expect(feed.events == [.ready, .violation])
  }

  @Test func `notifications are events only while they are watched`() {
    let note = frame("A", [0, 0, 0, 1, 97, 0, 0])
    let bytes = frame("T") + note + frame("Z", [73])
    for cuts in cuts(of: bytes) {
      var feed = ServerFeed(sent: "Q")
      feed.feed(bytes, cutAt: cuts)
      #expect(feed.events == [.ready])
      feed = ServerFeed(sent: "Q")
      feed.ledger.watches = .notifications
      feed.feed(bytes, cutAt: cuts)
      #expect(feed.events == [.notification([0, 0, 0, 1, 97, 0, 0]), .ready])
      #expect(feed.taken == bytes)
    }
  }
}
