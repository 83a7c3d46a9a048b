import PostgresWire

/// Why a command of the console has failed. The texts are PgBouncer's, where it has one.
public struct ConsoleError: Error, Equatable, Sendable {
  public var sqlstate: String
  public var message: String
  public var hint: String?

  public init(
    _ message: String, sqlstate: String = SQLState.protocolViolation, hint: String? = nil
  ) {
    self.message = message
    self.sqlstate = sqlstate
    self.hint = hint
  }

  public static func noSuchDatabase(_ name: String) -> ConsoleError {
    ConsoleError("no such database: \(name)")
  }
  public static let needsAdmin = ConsoleError(
    "admin access needed", sqlstate: SQLState.insufficientPrivilege)
  public static let isShuttingDown = ConsoleError("pooler is shutting down")
  public static let isPaused = ConsoleError("already suspended/paused")
  public static let isNotPaused = ConsoleError("pooler is not paused/suspended")
  public static let clientNotFound = ConsoleError("client not found")
  public static let invalidClient = ConsoleError("invalid client pointer supplied")
  public static let needsDatabase = ConsoleError("a database is required")
  public static let reloadFailed = ConsoleError(
    "RELOAD failed, see logs for additional details", sqlstate: SQLState.configFileError)
}
