import PostgresWire

/// Reads commands of the console.
public struct ConsoleParser {
  private typealias Token = ConsoleLexer.Token

  /// In one text. Their answers are made one behind the other.
  static let mostCommands = 100

  /// The commands of a text, which semicolons part.
  public static func parse(_ text: String) throws(ConsoleError) -> [ConsoleCommand] {
    guard let tokens = ConsoleLexer.tokens(text) else {
      throw ConsoleError(
        "syntax error: a quote or a comment has no end", sqlstate: SQLState.syntaxError)
    }
    var commands: [ConsoleCommand] = []
    for statement in tokens.split(separator: .symbol(";")) {
      guard commands.count < mostCommands else {
        throw ConsoleError(
          "too many commands in one query: at most \(mostCommands)",
          sqlstate: SQLState.programLimitExceeded)
      }
      var parser = ConsoleParser(rest: Array(statement)[...])
      commands.append(try parser.command())
    }
    return commands
  }

  private var rest: ArraySlice<Token>

  private static let names = [
    "show", "select", "set", "reload", "pause", "resume", "disable", "enable", "reconnect", "kill",
    "kill_client", "suspend", "shutdown", "wait_close",
  ]

  /// What drivers and their connection pools say without being asked, by the first word. PgBouncer
  /// refuses it, and them with it.
  private static let ignored: [String: (tag: String, ConsoleCommand.TransactionStep?)] = [
    "begin": ("BEGIN", .begin), "start": ("START TRANSACTION", .begin), "commit": ("COMMIT", .end),
    "end": ("COMMIT", .end), "rollback": ("ROLLBACK", .end), "abort": ("ROLLBACK", .end),
    "discard": ("DISCARD ALL", nil), "reset": ("RESET", nil), "unlisten": ("UNLISTEN", nil),
    "close": ("CLOSE CURSOR", nil), "deallocate": ("DEALLOCATE", nil),
  ]

  /// Parameters of PostgreSQL that drivers SET at their logins. None of them is one of the pooler's
  /// settings.
  private static let driverParameters: Set<String> = [
    "application_name", "client_encoding", "client_min_messages", "datestyle",
    "extra_float_digits", "idle_in_transaction_session_timeout", "intervalstyle", "lock_timeout",
    "names", "search_path", "session", "standard_conforming_strings", "statement_timeout", "time",
    "timezone", "transaction",
  ]

  private mutating func command() throws(ConsoleError) -> ConsoleCommand {
    let start = rest
    guard let first = word() else { throw Self.invalid(start) }
    if let (tag, step) = Self.ignored[first] { return .ignored(tag, step) }
    let command: ConsoleCommand
    switch first {
    case "show", "select": return try show(isSelect: first == "select")
    case "set": return try set()
    case "reload": command = .reload
    case "pause": command = .pause(database: database())
    case "resume": command = .resume(database: database())
    case "reconnect": command = .reconnect(database: database())
    case "kill": command = .kill(database: database())
    case "wait_close": command = .waitClose(database: database())
    case "suspend": command = .suspend
    case "enable", "disable":
      guard let name = database() else { throw .needsDatabase }
      command = first == "enable" ? .enable(database: name) : .disable(database: name)
    case "kill_client": command = try killClient()
    case "shutdown": command = try shutdown()
    default: throw Self.invalid(start)
    }
    return try ended(command)
  }

  // MARK: parts

  private mutating func word() -> String? {
    guard case .word(let text)? = rest.first else { return nil }
    rest.removeFirst()
    return text.lowercased()
  }

  /// A name, which keeps its case, or nothing.
  private mutating func database() -> String? {
    switch rest.first {
    case .word(let name)?, .name(let name)?, .literal(let name)?:
      rest.removeFirst()
      return name
    case .symbol?, nil: return nil
    }
  }

  private func ended(_ command: ConsoleCommand) throws(ConsoleError) -> ConsoleCommand {
    if rest.isEmpty { return command }
    throw ConsoleError(
      "syntax error behind \(command.tag)", sqlstate: SQLState.syntaxError,
      hint: "SHOW HELP tells the commands.")
  }

  private mutating func killClient() throws(ConsoleError) -> ConsoleCommand {
    guard let text = database() else { throw .invalidClient }
    if text.lowercased().hasPrefix("0x"), let handle = UInt64(text.dropFirst(2), radix: 16) {
      return .killClientAt(handle: handle)
    }
    guard let id = UInt64(text) else { throw .invalidClient }
    return .killClient(id: id)
  }

  private mutating func shutdown() throws(ConsoleError) -> ConsoleCommand {
    switch word() {
    case nil: return .shutdown(.immediate)
    case "wait_for_servers"?: return .shutdown(.waitForServers)
    case "wait_for_clients"?: return .shutdown(.waitForClients)
    case let mode?:
      throw ConsoleError(
        "invalid SHUTDOWN mode \"\(mode)\"", sqlstate: SQLState.syntaxError,
        hint: "WAIT_FOR_SERVERS and WAIT_FOR_CLIENTS are known.")
    }
  }

  private mutating func set() throws(ConsoleError) -> ConsoleCommand {
    let isPlain = rest.first != .word("session") && rest.first != .word("SESSION")
    guard let name = word() else { throw Self.badSet }
    if !isPlain || Self.driverParameters.contains(name) { return .ignored("SET", nil) }
    switch rest.popFirst() {
    case .symbol("=")?: break
    case .word(let to)? where to.lowercased() == "to": break
    default: throw Self.badSet
    }
    switch rest.popFirst() {
    case .literal(let value)?, .name(let value)?, .word(let value)?:
      return try ended(.set(name: name, value: value))
    case .symbol?, nil: throw Self.badSet
    }
  }

  private static let badSet = ConsoleError(
    "syntax error in SET", sqlstate: SQLState.syntaxError, hint: "As in SET key = 'value'.")

  // MARK: SHOW

  private mutating func show(isSelect: Bool) throws(ConsoleError) -> ConsoleCommand {
    let start = rest
    if isSelect, case .word(let text)? = rest.first, let number = Int64(text), rest.count == 1 {
      return .constant(number)
    }
    // What asyncpg says when a connection goes back to its pool.
    if isSelect, case .word(let text)? = rest.first,
      text.lowercased().hasSuffix("pg_advisory_unlock_all")
    {
      return .ignored("SELECT 0", nil)
    }
    guard let name = word() else {
      if start.isEmpty && !isSelect { return .showHelp }
      throw Self.badShow(nil)
    }
    if name == "help" { return try ended(.showHelp) }
    if name == "version", rest == [.symbol("("), .symbol(")")] { return .show(.version, []) }
    guard let table = ShowTable(rawValue: name) else { throw Self.badShow(name) }
    guard case .word(let next)? = rest.first, next.lowercased() == "where" else {
      return try ended(.show(table, []))
    }
    rest.removeFirst()
    return .show(table, try filters(table))
  }

  private mutating func filters(_ table: ShowTable) throws(ConsoleError) -> [TableFilter] {
    var filters: [TableFilter] = []
    repeat {
      filters.append(try filter(table))
    } while word() == "and"
    guard rest.isEmpty else { throw Self.badWhere }
    return filters
  }

  private mutating func filter(_ table: ShowTable) throws(ConsoleError) -> TableFilter {
    guard let name = database()?.lowercased() else { throw Self.badWhere }
    let known = (table.columns + table.hiddenColumns).map(\.name)
    guard known.contains(name) else {
      throw ConsoleError(
        "column \"\(name)\" does not exist", sqlstate: SQLState.undefinedColumn,
        hint: "There are \(known.joined(separator: ", ")).")
    }
    let comparison: TableFilter.Comparison
    switch (rest.popFirst(), rest.first) {
    case (.symbol("=")?, _): comparison = .equal
    case (.symbol("<")?, .symbol(">")?), (.symbol("!")?, .symbol("=")?):
      rest.removeFirst()
      comparison = .unequal
    default: throw Self.badWhere
    }
    switch rest.popFirst() {
    case .literal(let value)?, .word(let value)?: return TableFilter(name, comparison, value)
    case .name?, .symbol?, nil: throw Self.badWhere
    }
  }

  private static let badWhere = ConsoleError(
    "syntax error in WHERE", sqlstate: SQLState.syntaxError,
    hint: "As in SHOW CLIENTS WHERE state = 'waiting' AND database <> 'app'.")

  // MARK: errors

  private static func badShow(_ name: String?) -> ConsoleError {
    let known = ShowTable.allCases.map(\.rawValue) + ["help"]
    return ConsoleError(
      "bad SHOW arg, use SHOW HELP", hint: hint(name, known).map { "Perhaps SHOW \($0)?" })
  }

  private static func invalid(_ tokens: ArraySlice<Token>) -> ConsoleError {
    var name: String?
    if case .word(let text)? = tokens.first { name = text.lowercased() }
    return ConsoleError(
      "invalid command, use SHOW HELP;", hint: hint(name, names).map { "Perhaps \($0)?" })
  }

  /// What was probably meant: what begins like it, or differs in a letter or two.
  private static func hint(_ name: String?, _ known: [String]) -> String? {
    guard let name, !name.isEmpty, name.utf8.count <= 40 else { return nil }
    let close = known.filter { $0.hasPrefix(name) || Self.distance($0, name) <= 2 }
    return close.isEmpty ? nil : close.map { $0.uppercased() }.joined(separator: ", ")
  }

  /// The number of letters by which two words differ.
  private static func distance(_ one: String, _ other: String) -> Int {
    let (a, b) = (Array(one.utf8), Array(other.utf8))
    var row = Array(0...b.count)
    for i in a.indices {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let above = row[j + 1]
        row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
        diagonal = above
      }
    }
    return row[b.count]
  }
}
