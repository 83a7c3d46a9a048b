import Pooling
import PostgresWire

/// One server connection: what Sluice keeps of it, and beside it a model of PostgreSQL itself,
/// which knows nothing of the former.
final class StatementServer {
  /// A message on its way to the server.
  struct Message {
    enum Kind: Equatable {
      case parse(UInt64)
      case parseUnnamed
      /// 0: of a statement that nobody has.
      case bind(UInt64)
      case close(UInt64)
      /// A Close of a portal that is not there.
      case idleClose
      case sync
    }

    /// What becomes of the client's names, were it alone with the server.
    enum Effect: Equatable {
      case none
      case prepare([UInt8], tail: [UInt8])
      case deallocate([UInt8])
    }

    var kind: Kind
    var effect = Effect.none
    /// The client asks for a name that it has: the server refuses it.
    var isRepeated = false
  }

  /// What the server makes of a message.
  enum Outcome {
    case done
    case error
    case planChange
  }

  // What Sluice keeps.
  var ledger = Ledger()
  var scanner = ServerScanner()
  var replies = ReplyQueue()
  var statements = ServerStatements()

  // The model.
  private(set) var held: Set<UInt64> = []
  private var messages: [Message] = []
  private var isSkipping = false
  /// Whole messages that have not been delivered.
  private(set) var output: [[UInt8]] = []
  /// What is owed, as ``replies`` should have it.
  private(set) var owed: [ReplyQueue.Entry] = []
  /// The most answers that were missing at once: till then nothing more can give way.
  private(set) var mostOwed = 0
  /// Statements that never give way.
  var onlyCopies = 0

  var canRun: Bool { !messages.isEmpty }
  var isQuiet: Bool { messages.isEmpty && output.isEmpty && ledger.isClean }

  func send(_ message: Message, _ entry: ReplyQueue.Entry?) {
    messages.append(message)
    guard let entry else { return }
    replies.push(entry)
    owed.append(entry)
    mostOwed = max(mostOwed, owed.count)
  }

  /// The server forgets everything, as DISCARD ALL has it.
  func discardAll() {
    held = []
    onlyCopies = 0
    statements.removeAll()
  }

  /// Reads the next message.
  /// - Returns: what becomes of the client's names.
  func run(fails: Bool) throws(Finding) -> Message.Effect {
    let message = messages.removeFirst()
    if isSkipping && message.kind != .sync { return .none }
    var writer = MessageWriter()
    let outcome = try outcome(of: message, fails: fails)
    guard outcome == .done else {
      isSkipping = true
      output.append(Self.error(outcome))
      return .none
    }
    switch message.kind {
    case .parse(let serial):
      held.insert(serial)
      writer.parseComplete()
    case .parseUnnamed: writer.parseComplete()
    case .bind: writer.bindComplete()
    case .close(let serial):
      held.remove(serial)
      writer.closeComplete()
    case .idleClose: writer.closeComplete()
    case .sync:
      isSkipping = false
      writer.readyForQuery(status: TransactionStatus.idle)
    }
    output.append(writer.bytes)
    return message.effect
  }

  private func outcome(of message: Message, fails: Bool) throws(Finding) -> Outcome {
    switch message.kind {
    case .parse(let serial):
      if message.isRepeated {
        try check(held.contains(serial), "a repeated name is taken")
        return .error
      }
      try check(!held.contains(serial), "Parse of statement \(serial), which the server has")
      return fails ? .error : .done
    case .bind(let serial):
      if serial == 0 { return .error }
      try check(held.contains(serial), "Bind of statement \(serial), which the server lacks")
      return fails ? .planChange : .done
    case .parseUnnamed: return fails ? .error : .done
    // PostgreSQL takes a Close of what is not there, too.
    case .close, .idleClose, .sync: return .done
    }
  }

  private static func error(_ outcome: Outcome) -> [UInt8] {
    var writer = MessageWriter()
    writer.errorResponse(
      severity: "ERROR",
      sqlstate: outcome == .planChange ? SQLState.featureNotSupported : SQLState.syntaxError,
      message: "no")
    return writer.bytes
  }

  /// Reads what the server has sent, one message.
  /// - Returns: the event, and what has failed.
  func deliver() throws(Finding) -> (event: ServerScan.Event, failed: [ReplyQueue.Entry]) {
    let message = output.removeFirst()
    let scan = scanner.next(message.span.bytes, from: 0, ledger: &ledger, replies: &replies)
    try check(scan.position == message.count, "a message is left lying: \(scan)")
    try check(scan.event != .violation, "a violation")
    let entries = replies.takeFailed()
    switch message[0] {
    case ServerMessageType.errorResponse: try fail(entries, batch: ledger.readyCount)
    // What the client has sent behind an error, and the server has skipped.
    case ServerMessageType.readyForQuery: try fail(entries, batch: ledger.readyCount &- 1)
    default:
      try check(entries.isEmpty, "failed without an error")
      try answer(scan.event)
    }
    try check(replies.isEmpty == owed.isEmpty, "what is owed is not in step")
    let isPending = owed.contains { $0.kind == .parseUnnamed || $0.kind == .ownParseUnnamed }
    try check(replies.unnamedIsPending == isPending, "pending unnamed statements")
    return (scan.event, entries)
  }

  private func fail(_ failed: [ReplyQueue.Entry], batch: UInt32) throws(Finding) {
    let expected = Array(owed.prefix { $0.batch == batch })
    try check(failed == expected, "failed: \(failed), not \(expected)")
    owed.removeFirst(expected.count)
  }

  private func answer(_ event: ServerScan.Event) throws(Finding) {
    try check(!owed.isEmpty, "an answer to nothing")
    let entry = owed.removeFirst()
    let isTold = entry.kind != .bind && entry.kind != .parseUnnamed
    if isTold {
      try check(event == .completed(entry), "\(event) for \(entry)")
    } else {
      try check(event == .drained, "\(event) for \(entry)")
    }
  }

  /// Nothing is under way: both know the same.
  func checkQuiet(limit: Int) throws(Finding) {
    try check(statements.count == held.count, "\(statements.count) for \(held.count) statements")
    try check(
      held.count <= limit + mostOwed + onlyCopies,
      "\(held.count) statements, the limit being \(limit)")
  }

  /// As ``checkQuiet(limit:)``, one by one, which counts as a use of each.
  func checkEach() throws(Finding) {
    for serial in held.sorted() {
      let presence = statements.use(serial, batch: ledger.openBatch)
      try check(presence == .present, "\(presence): \(serial), which the server has")
    }
  }
}
