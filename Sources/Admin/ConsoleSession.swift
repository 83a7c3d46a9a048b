import PostgresWire

/// What a command has come to.
public enum ConsoleOutcome: Equatable, Sendable {
  case table(ConsoleTable)
  /// There is nothing to tell but that it is done.
  case done
  /// Done, with a notice's text and its detail.
  case notice(String, detail: String)
  case failed(ConsoleError)
}

/// The console's side of one connection: messages in, commands out; their outcomes in, messages
/// out. It knows the simple and the extended protocol, and nothing of what the commands do.
///
/// | state | becomes | by |
/// |---|---|---|
/// | ready | busy, or ready | `receive`: a Query, or an Execute, has a command to be run |
/// | busy | sending | `complete`: its outcome |
/// | sending | busy | its rows are out, and the Query has another command |
/// | sending | ready | its rows are out |
///
/// Only a ready one takes messages. Rows are written in pieces, so that a long table neither fills
/// memory nor holds its caller up.
public struct ConsoleSession: Sendable {
  public enum State: Equatable, Sendable {
    case ready
    case busy(ConsoleCommand)
    case sending
  }

  struct Statement: Sendable {
    var command: ConsoleCommand
    var parameterTypes: [UInt32]
  }

  struct Portal: Sendable {
    var command: ConsoleCommand
    var formats: [UInt16]
    /// What its command has come to, and how many rows of it are out.
    var table: ConsoleTable?
    var sent = 0
  }

  /// What the rows go to.
  enum Sink: Sendable {
    /// A simple query with these commands still to come.
    case query(ArraySlice<ConsoleCommand>)
    /// An Execute of the portal, of so many rows.
    case portal(String, maximumRows: Int)
  }

  public internal(set) var state = State.ready
  var writer = MessageWriter()
  var sink = Sink.query([])
  var table: ConsoleTable?
  var sent = 0
  var limit = 0
  var statements: [String: Statement] = [:]
  var portals: [String: Portal] = [:]
  /// An extended message has failed: all is passed over up to the Sync.
  var isSkipping = false
  /// What ReadyForQuery says: `I`, or `T` where a driver takes itself to be in a transaction.
  var transaction = Self.idle
  let isAdmin: Bool
  let hasOldColumns: Bool

  static let idle = UInt8(ascii: "I")

  /// The most statements, and portals, that one connection may have. A portal may hold a table.
  static let maximumNames = 1_000
  static let maximumPortals = 16
  /// How many rows are written at a time.
  static let rowsAtATime = 200

  /// - Parameters:
  ///   - isAdmin: whether all commands are allowed, not only those that look.
  ///   - hasOldColumns: whether tables have the columns of older versions of PgBouncer too.
  public init(isAdmin: Bool, hasOldColumns: Bool = false) {
    self.isAdmin = isAdmin
    self.hasOldColumns = hasOldColumns
  }

  /// What has to be sent now; more comes as long as the state is `sending`.
  public mutating func output() -> [UInt8] {
    if state == .sending { sendRows() }
    defer { writer.bytes.removeAll() }
    return writer.bytes
  }

  /// Takes a message. Only in the state `ready`.
  /// - Returns: false if it is none that the console knows.
  public mutating func receive(_ type: UInt8, _ body: [UInt8]) -> Bool {
    if isSkipping && type != ClientMessageType.sync { return true }
    switch type {
    case ClientMessageType.query: query(body)
    case ClientMessageType.parse: parse(body)
    case ClientMessageType.bind: bind(body)
    case ClientMessageType.describe: describe(body)
    case ClientMessageType.execute: execute(body)
    case ClientMessageType.close: close(body)
    case ClientMessageType.sync:
      isSkipping = false
      // Portals end with their transaction.
      if transaction == Self.idle { portals.removeAll() }
      ready()
    case ClientMessageType.flush: break
    default: return false
    }
    return true
  }

  /// The command of the state `busy` has been run.
  public mutating func complete(_ outcome: ConsoleOutcome) {
    guard case .busy(let command) = state else { return }
    switch outcome {
    case .failed(let error): failed(error)
    case .notice(let text, let detail):
      writer.noticeResponse(
        severity: "NOTICE", sqlstate: SQLState.successfulCompletion, message: text,
        detail: detail)
      finished(command)
    case .done: finished(command)
    case .table(let whole):
      var filters: [TableFilter] = []
      if case .show(_, let wanted) = command { filters = wanted }
      let chosen = whole.filtered(by: filters)
      let table = hasOldColumns ? OldColumns.added(to: chosen, of: command) : chosen
      switch sink {
      case .query:
        table.describe(in: &writer)
        begin(table, from: 0, rows: 0)
      case .portal(let name, let maximumRows):
        portals[name]?.table = table
        begin(table, from: 0, rows: maximumRows)
      }
    }
  }

  // MARK: simple queries

  private mutating func query(_ body: [UInt8]) {
    // A simple query ends the unnamed statement.
    statements[""] = nil
    portals[""] = nil
    let text = String(decoding: body.prefix { $0 != 0 }, as: UTF8.self)
    do throws(ConsoleError) {
      let commands = try ConsoleParser.parse(text)
      if commands.isEmpty {
        writer.emptyQueryResponse()
        return ready()
      }
      sink = .query(commands[...])
      next()
    } catch {
      sink = .query([])
      failed(error)
    }
  }

  /// Goes on to the next command of a simple query.
  private mutating func next() {
    guard case .query(var commands) = sink, let command = commands.popFirst() else {
      return ready()
    }
    sink = .query(commands)
    begin(command)
  }

  /// Has a command run, or answers it where there is nothing to run.
  mutating func begin(_ command: ConsoleCommand) {
    if command.needsAdmin && !isAdmin { return failed(.needsAdmin) }
    state = .busy(command)
    switch command {
    case .nothing: finished(command)
    case .ignored(_, let step):
      switch step {
      case .begin: transaction = UInt8(ascii: "T")
      case .end: transaction = Self.idle
      case nil: break
      }
      finished(command)
    case .showHelp: complete(.notice("Console usage", detail: ConsoleCommand.help))
    case .constant(let number):
      complete(.table(ConsoleTable(columns: command.columns ?? [], rows: [[.integer(number)]])))
    default: break
    }
  }

  private mutating func finished(_ command: ConsoleCommand) {
    state = .ready
    if command == .nothing {
      writer.emptyQueryResponse()
    } else {
      writer.commandComplete(command.tag)
    }
    if case .query = sink { next() }
  }

  mutating func failed(_ error: ConsoleError) {
    state = .ready
    writer.errorResponse(
      severity: "ERROR", sqlstate: error.sqlstate, message: error.message, hint: error.hint)
    switch sink {
    case .query: ready()
    case .portal: isSkipping = true
    }
  }

  private mutating func ready() {
    state = .ready
    sink = .query([])
    writer.readyForQuery(status: transaction)
  }

  // MARK: rows

  /// Begins to write rows of a table.
  /// - Parameter rows: how many at most; 0: all.
  mutating func begin(_ table: ConsoleTable, from start: Int, rows: Int) {
    self.table = table
    sent = start
    limit = rows == 0 ? table.rows.count : min(table.rows.count, start + rows)
    state = .sending
    sendRows()
  }

  private mutating func sendRows() {
    guard let table else {
      state = .ready
      return
    }
    var formats: [UInt16] = []
    if case .portal(let name, _) = sink { formats = portals[name]?.formats ?? [] }
    let end = min(limit, sent + Self.rowsAtATime)
    table.write(sent..<end, in: &writer, formats: formats)
    sent = end
    if sent == limit { endRows(table) }
  }

  private mutating func endRows(_ table: ConsoleTable) {
    self.table = nil
    state = .ready
    switch sink {
    case .query:
      writer.commandComplete("SHOW")
      next()
    case .portal(let name, _):
      if sent < table.rows.count {
        portals[name]?.sent = sent
        writer.portalSuspended()
      } else {
        // It has no more rows, whoever asks again.
        portals[name]?.table = ConsoleTable(columns: table.columns)
        portals[name]?.sent = 0
        writer.commandComplete(portals[name]?.command.tag ?? "SHOW")
      }
    }
  }
}
