import Pooling
import TestSupport

/// One connection driven at random: a ledger on the one side, a model of PostgreSQL on the other,
/// and messages under way between them for as long as chance has it.
struct LedgerRun {
  var ledger = Ledger()
  var backend: BackendModel
  private(set) var trace: [String] = []
  /// What the ledger did wrong, if anything.
  var fault: String?
  private(set) var cleanChecks = 0
  private(set) var quietChecks = 0
  /// How often the pooler has asked what is owed, and what came before the answer.
  private(set) var recounts = 0
  private(set) var lateReadies = 0
  var generator: SeededGenerator
  private let isTracing: Bool
  private let alphabet: [Character]
  private let copyPercent: Int
  /// How often things fail that need not be told to.
  var failPercent: Int
  let progressPercent: Int

  /// What clients of different manners send. A letter that stands twice is sent twice as often.
  private static let alphabets: [[Character]] = [
    Array("QQQQSPBE"), Array("PBDESSE"), Array("QQdcf"), Array("PBEESSdcf"), Array("EESdc"),
    Array("QSdcf"), Array("QFHPBDCESdcf"), Array("QQSS"), Array("EESSf"), Array("EdcS"),
    Array("QEdcfS"), Array("EESSdddccQ"), Array("EdddcS"), Array("QccS"), Array("QScd"),
    Array("EccS"), Array("QFcSS"), Array("QEHcS"),
  ]

  init(seed: UInt64, isTracing: Bool) {
    var generator = SeededGenerator(seed: seed)
    self.isTracing = isTracing
    alphabet = Self.alphabets[generator.below(Self.alphabets.count)]
    copyPercent = [0, 20, 60, 90][generator.below(4)]
    failPercent = [0, 5, 25][generator.below(3)]
    progressPercent = [30, 50, 70, 85][generator.below(4)]
    backend = BackendModel(endsOnStrayInCopy: generator.chance(50))
    self.generator = generator
  }

  mutating func run(steps: Int) {
    for _ in 0..<steps where fault == nil && !backend.isDead {
      if generator.chance(progressPercent) { progress() } else { send() }
      check()
    }
    // Whatever is under way arrives in the end.
    while fault == nil && !backend.isDead && (backend.canRun || !backend.output.isEmpty) {
      progress()
      check()
    }
  }

  mutating func check() {
    guard fault == nil, !backend.isDead else { return }
    if ledger.isClean {
      cleanChecks += 1
      if !backend.isFree { fault = "clean, but the server is not free" }
    }
    guard backend.isQuiet, !ledger.isTainted else { return }
    // What is owed and will never come would be taken for what comes later.
    quietChecks += 1
    let owed = ledger.openBatch &- ledger.readyCount
    if owed != (backend.copy == .simple ? 1 : 0) { fault = "\(owed) are owed, and none will come" }
    if ledger.isCopying != (backend.copy != nil) {
      fault = "whether COPY is under way is not known"
    }
  }

  // MARK: client

  /// The pooler asks what is owed, where that can be told.
  mutating func recount() {
    guard ledger.canRecount else { return }
    recounts += 1
    ledger.poolerRecounts()
    note("pooler asks what is owed")
    for type in "CS" { backend.receive(BackendModel.Message(type: type, isOwn: true)) }
  }

  private mutating func send() {
    if ledger.canRecount && generator.chance(50) { recount() }
    if ledger.isClean && generator.chance(5) {
      let script: [BackendModel.Outcome] = [generator.chance(20) ? .fails : .completes]
      ledger.poolerSendsQuery()
      note("pooler sends Q")
      return backend.receive(BackendModel.Message(type: "Q", script: script, isOwn: true))
    }
    let type = alphabet[generator.below(alphabet.count)]
    let message = BackendModel.Message(type: type, script: script(type))
    guard ledger.clientSends(type.asciiValue ?? 0) else {
      if !ledger.owesReply { fault = "a message waits although no reply is owed" }
      return
    }
    note("client sends \(message)")
    backend.receive(message)
  }

  private mutating func script(_ type: Character) -> [BackendModel.Outcome] {
    guard type == "Q" || type == "E" else {
      return [generator.chance(failPercent) ? .fails : .completes]
    }
    return (0..<(type == "Q" ? 1 + generator.below(3) : 1)).map { _ in
      if generator.chance(failPercent) { return .fails }
      if generator.chance(copyPercent) { return .copiesIn }
      return [.completes, .completes, .copiesOut, .begins, .commits][generator.below(5)]
    }
  }

  // MARK: server

  mutating func progress() {
    if backend.copy != nil && generator.chance(failPercent / 2) {
      note("  COPY fails by itself")
      backend.failCopy()
    } else if backend.canRun && (backend.output.isEmpty || generator.chance(60)) {
      let next = backend.input[0].type
      note("  server reads \(next)")
      backend.run()
      if backend.isDead { note("  server ends the connection") }
    } else if let delivery = backend.deliver() {
      note("    pooler gets \(delivery.output)")
      receive(delivery)
    }
  }

  private mutating func receive(_ delivery: BackendModel.Delivery) {
    if ledger.isRecounting, !delivery.isOwn, case .ready(let status) = delivery.output {
      lateReadies += 1
      return ledger.doubtfulReadyReceived(status)
    }
    if ledger.isAnsweringOwn != delivery.isOwn {
      fault =
        delivery.isOwn ? "a client sees the answer to an own query" : "a client's answer is lost"
    }
    switch delivery.output {
    case .ready(let status):
      switch ledger.readyForQueryReceived(status) {
      case .client: if delivery.isOwn { fault = "own taken for a client's" }
      case .own: if !delivery.isOwn { fault = "a client's taken for own" }
      case .late:
        lateReadies += 1
        if delivery.isOwn { fault = "own taken for a late one" }
      case .unexpected: fault = "a ReadyForQuery that the ledger did not expect"
      }
    case .error: ledger.errorReceived()
    case .copyIn: ledger.copyInReceived()
    case .other: ledger.recountAnswered()
    }
  }

  mutating func note(_ text: @autoclosure () -> String) {
    if isTracing { trace.append(text()) }
  }
}
