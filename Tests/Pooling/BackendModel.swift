/// PostgreSQL's side of one connection, as far as it decides what is answered: the loop that reads
/// messages, and COPY's own reading of them. It knows nothing of ``Ledger`` and shares no code with
/// it.
///
/// Rules, from PostgreSQL's documentation, "Message Flow":
/// - A simple Query and a FunctionCall end with ReadyForQuery, whatever happens in them.
/// - An error in an extended message has all messages skipped up to the next Sync, which is
///   answered.
/// - In COPY IN mode Sync and Flush are ignored, CopyDone and CopyFail end the mode, anything else
///   is an
///   error. An error there ends a simple Query as any error does, and skips to Sync in an Execute.
/// - Outside of COPY IN mode CopyData, CopyDone and CopyFail are ignored.
struct BackendModel {
  /// What a statement does when it runs.
  enum Outcome {
    case completes
    case fails
    case copiesIn
    case copiesOut
    case begins
    case commits
  }

  struct Message: CustomStringConvertible {
    var type: Character
    /// What the statements of a Query do, in order; the first alone counts for the other messages.
    var script: [Outcome] = [.completes]
    /// It is a query of the pooler's own.
    var isOwn = false

    var description: String {
      "\(type) \(script.map { "\($0)".split(separator: ".").last ?? "" }.joined(separator: ", "))"
    }
  }

  enum Output: Equatable {
    case ready(status: UInt8)
    case error
    case copyIn
    /// Rows, tags, COPY OUT data and all else that nobody counts.
    case other
  }

  struct Delivery: Equatable {
    var output: Output
    var isOwn: Bool
  }

  enum CopyMode {
    case simple
    case extended
  }

  private(set) var input: [Message] = []
  private(set) var output: [Delivery] = []
  private(set) var status = UInt8(ascii: "I")
  private(set) var isSkippingUntilSync = false
  private(set) var isBatchOpen = false
  private(set) var copy: CopyMode?
  /// The connection broke: a current server ends it on a Query amid COPY data.
  private(set) var isDead = false
  /// What the Query that runs has still to do behind its COPY.
  private var rest: ArraySlice<Outcome> = []
  private var isRunningOwn = false
  /// A server before version 14 consumes a Query amid COPY data and goes on.
  let endsOnStrayInCopy: Bool

  init(endsOnStrayInCopy: Bool) { self.endsOnStrayInCopy = endsOnStrayInCopy }

  /// Anybody else could use the connection now and would get the answers to his own messages alone.
  var isFree: Bool {
    output.isEmpty && copy == nil && !isSkippingUntilSync && !isBatchOpen
      && status == UInt8(ascii: "I")
      && input.allSatisfy { "dcfH".contains($0.type) }
  }

  /// All that has been sent is answered, as far as it will be.
  var isQuiet: Bool { input.isEmpty && output.isEmpty }

  var canRun: Bool { !input.isEmpty && !isDead }

  mutating func receive(_ message: Message) { input.append(message) }

  mutating func deliver() -> Delivery? { output.isEmpty ? nil : output.removeFirst() }

  // MARK: the loop

  /// Reads and runs the next message.
  mutating func run() {
    guard canRun else { return }
    let message = input.removeFirst()
    if let copy { return runInCopy(message, copy) }
    if isSkippingUntilSync && message.type != "S" { return }
    switch message.type {
    case "Q":
      isBatchOpen = false
      isRunningOwn = message.isOwn
      rest = message.script[...]
      runStatements()
    case "F":
      if message.script[0] == .fails { fail() } else { emit(.other) }
      emitReady()
    case "S":
      let mayFail = isBatchOpen && !isSkippingUntilSync
      isSkippingUntilSync = false
      isBatchOpen = false
      // A deferred constraint may fail where the transaction ends.
      if message.script[0] == .fails && mayFail { fail() }
      emitReady()
    case "P", "B", "D", "C":
      isBatchOpen = true
      isRunningOwn = message.isOwn
      if message.script[0] == .fails { failInBatch() } else { emit(.other) }
    case "E":
      isBatchOpen = true
      execute(message.script[0])
    default: break  // Flush, and copy messages that come too late
    }
  }

  /// COPY may fail with no message read: a time limit, a cancel, a relation that takes no rows.
  mutating func failCopy() {
    guard let mode = copy else { return }
    copy = nil
    switch mode {
    case .simple:
      fail()
      rest = []
      emitReady()
    case .extended: failInBatch()
    }
  }

  private mutating func runInCopy(_ message: Message, _ mode: CopyMode) {
    switch message.type {
    case "S", "H": break
    case "d":
      if message.script[0] == .fails { failCopy() }
    case "c":
      if message.script[0] == .fails { return failCopy() }
      copy = nil
      emit(.other)
      if mode == .simple { runStatements() }
    case "f": failCopy()
    default:
      guard endsOnStrayInCopy else { return failCopy() }
      emit(.error)
      isDead = true
    }
  }

  private mutating func runStatements() {
    while let outcome = rest.popFirst() {
      switch outcome {
      case .fails:
        fail()
        rest = []
      case .copiesIn where status != UInt8(ascii: "E"):
        emit(.copyIn)
        copy = .simple
        return
      default: runOne(outcome)
      }
      if output.last?.output == .error { rest = [] }
    }
    emitReady()
  }

  private mutating func execute(_ outcome: Outcome) {
    switch outcome {
    case .fails: failInBatch()
    case .copiesIn where status != UInt8(ascii: "E"):
      emit(.copyIn)
      copy = .extended
    default:
      runOne(outcome)
      if output.last?.output == .error { isSkippingUntilSync = true }
    }
  }

  private mutating func runOne(_ outcome: Outcome) {
    if outcome == .commits {
      status = UInt8(ascii: "I")
    } else if status == UInt8(ascii: "E") {
      return emit(.error)
    } else if outcome == .begins {
      status = UInt8(ascii: "T")
    }
    emit(.other)
  }

  private mutating func fail() {
    emit(.error)
    if status == UInt8(ascii: "T") { status = UInt8(ascii: "E") }
  }

  private mutating func failInBatch() {
    fail()
    isSkippingUntilSync = true
  }

  private mutating func emitReady() {
    emit(.ready(status: status))
    isRunningOwn = false
  }

  private mutating func emit(_ output: Output) {
    self.output.append(Delivery(output: output, isOwn: isRunningOwn))
  }
}
