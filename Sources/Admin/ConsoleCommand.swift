/// What somebody asks of the console.
public enum ConsoleCommand: Equatable, Sendable {
  case show(ShowTable, [TableFilter])
  case showHelp
  /// SELECT of a number, as connection pools ask whether anybody is there.
  case constant(Int64)
  /// The empty statement.
  case nothing
  /// What drivers say on their own and what has no meaning here: its tag.
  case ignored(String, TransactionStep?)

  case set(name: String, value: String)
  case reload
  case pause(database: String?)
  case resume(database: String?)
  case enable(database: String)
  case disable(database: String)
  case reconnect(database: String?)
  case kill(database: String?)
  /// By its `id` in SHOW CLIENTS, or by its `ptr`.
  case killClient(id: UInt64)
  case killClientAt(handle: UInt64)
  case suspend
  case waitClose(database: String?)
  case shutdown(ShutdownMode)

  public enum ShutdownMode: Equatable, Sendable {
    case immediate
    case waitForServers
    case waitForClients
  }

  /// What a driver says about transactions, which change nothing here but the status that it hears.
  public enum TransactionStep: Equatable, Sendable {
    case begin
    case end
  }

  /// Whether stats_users may not.
  public var needsAdmin: Bool {
    switch self {
    case .show(let table, _): table.needsAdmin
    case .showHelp, .constant, .nothing, .ignored: false
    case .set, .reload, .pause, .resume, .enable, .disable, .reconnect, .kill, .killClient,
      .killClientAt, .suspend, .waitClose, .shutdown:
      true
    }
  }

  /// The columns of its answer; nil where it has none.
  public var columns: [TableColumn]? {
    switch self {
    case .show(let table, _): table.columns
    case .constant: [TableColumn("?column?", .int4)]
    default: nil
    }
  }

  /// What CommandComplete says once it is done.
  public var tag: String {
    switch self {
    case .show, .showHelp: "SHOW"
    case .constant: "SELECT 1"
    case .nothing: ""
    case .ignored(let tag, _): tag
    case .set: "SET"
    case .reload: "RELOAD"
    case .pause: "PAUSE"
    case .resume: "RESUME"
    case .enable: "ENABLE"
    case .disable: "DISABLE"
    case .reconnect: "RECONNECT"
    case .kill: "KILL"
    case .killClient, .killClientAt: "KILL_CLIENT"
    case .suspend: "SUSPEND"
    case .waitClose: "WAIT_CLOSE"
    case .shutdown: "SHUTDOWN"
    }
  }

  /// What SHOW HELP says.
  public static let help: String = {
    let tables = ShowTable.allCases.map { $0.rawValue.uppercased() }.sorted()
    let lines = stride(from: 0, to: tables.count, by: 6).map {
      "\n\t     " + tables[$0..<min($0 + 6, tables.count)].joined(separator: "|")
    }
    return """
      \n\tSHOW HELP\(lines.joined(separator: "|"))
      \tSHOW ... WHERE column = 'value' [AND ...]
      \tSET key = arg
      \tRELOAD
      \tPAUSE [<db>]
      \tRESUME [<db>]
      \tDISABLE <db>
      \tENABLE <db>
      \tRECONNECT [<db>]
      \tKILL [<db>]
      \tKILL_CLIENT <client_id>
      \tSUSPEND
      \tSHUTDOWN
      \tSHUTDOWN WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS
      \tWAIT_CLOSE [<db>]
      """
  }()
}
