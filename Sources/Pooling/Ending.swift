import PostgresWire

/// Why a client's connection ends: every way there is, with what the client is told, what the log
/// says and how a metric names it. The texts are PgBouncer's where it has the case.
public enum Ending: Equatable, Sendable {
  /// Terminate.
  case clientClosed
  /// The socket ended without Terminate.
  case clientUnexpectedEOF
  case clientLoginTimeout
  case clientIdleTimeout
  case queryWaitTimeout(cause: String?)
  case queryTimeout
  case idleTransactionTimeout
  case transactionTimeout
  case transactionInStatementMode
  case tooManyClients
  case tooManyDatabaseClients
  case tooManyUserClients
  case noSuchDatabase(String)
  case databaseRemoved
  case databaseConfigurationChanged
  case consoleRefused
  /// The startup packet is refused.
  case startupRefused(sqlstate: String, message: String)
  /// `reason` is for the log alone.
  case authenticationFailed(sqlstate: String, message: String, reason: String)
  /// It may not act for a tenant, or for none.
  case tenantRefused(sqlstate: String, message: String)
  case invalidMessageType(UInt8)
  case invalidMessageLength
  /// A simple Query, which disable_pqexec forbids.
  case simpleQueryRefused
  /// No server could be logged in to. A server's own refusal is passed on verbatim.
  case serverLoginFailed(sqlstate: String, message: String)
  /// The server died while the client held it.
  case serverLost(cause: String)
  /// The client's own parameters are refused by the server.
  case parametersRefused(sqlstate: String, message: String)
  /// The server refuses what its tenant is to have. Which setting that is, where it is known, is
  /// for the log alone.
  case tenantSettingsRefused(sqlstate: String, setting: String?)
  /// It has sent what makes it uncertain which answer is whose, so that it can't be told under
  /// which tenant its next statement would run.
  case outOfStep
  /// A text is longer than what is looked at as a whole, and could touch its tenant's settings.
  case textTooLong
  /// Its tenant is at a limit.
  case tenantLimit(TenantQuotaRefusal)
  /// A FunctionCall of a function that could.
  case forbiddenFunction
  /// It has prepared more than one client may.
  case tooManyStatements
  /// A Parse, too long to be kept, of a name that the client has already.
  case duplicateStatement
  /// More notifications have come for it than are kept for a client that does not take them.
  case notificationsNotTaken
  case shuttingDown
  /// By KILL or KILL_CLIENT.
  case adminDisconnect
  /// By DISABLE.
  case databaseDisabled(String)
  /// It has not taken what was sent to it before SUSPEND.
  case suspendTimeout
  case unsupported(String)
  case internalError(String)

  /// What the client is told; nil: nothing, it is gone.
  public var notice: (sqlstate: String, message: String)? {
    switch self {
    case .clientClosed, .clientUnexpectedEOF: nil
    case .clientLoginTimeout: (SQLState.protocolViolation, "client_login_timeout (server down)")
    case .clientIdleTimeout: (SQLState.idleSessionTimeout, "client_idle_timeout")
    case .queryWaitTimeout(nil): (SQLState.queryCanceled, "query_wait_timeout")
    case .queryWaitTimeout(let cause?):
      (
        SQLState.connectionFailure,
        "query_wait_timeout (last server connection failed: \(cause))"
      )
    case .queryTimeout: (SQLState.queryCanceled, "query_timeout: query timeout")
    case .idleTransactionTimeout:
      (SQLState.idleInTransactionSessionTimeout, "idle transaction timeout")
    case .transactionTimeout: (SQLState.transactionTimeout, "transaction timeout")
    case .transactionInStatementMode:
      (
        SQLState.protocolViolation,
        "transaction blocks not allowed in statement pooling mode"
      )
    case .tooManyClients:
      (SQLState.tooManyConnections, "no more connections allowed (max_client_conn)")
    case .tooManyDatabaseClients:
      (
        SQLState.tooManyConnections,
        "client connections exceeded (max_db_client_connections)"
      )
    case .tooManyUserClients:
      (
        SQLState.tooManyConnections,
        "client connections exceeded (max_user_client_connections)"
      )
    case .noSuchDatabase(let name):
      (SQLState.undefinedDatabase, "no such database: \(name)")
    case .databaseRemoved: (SQLState.undefinedDatabase, "database removed")
    case .databaseConfigurationChanged:
      (SQLState.adminShutdown, "database configuration changed")
    case .consoleRefused:
      (
        SQLState.invalidAuthorizationSpecification,
        "not allowed to use the console: see admin_users and stats_users"
      )
    case .authenticationFailed(let sqlstate, let message, _),
      .startupRefused(let sqlstate, let message),
      .tenantRefused(let sqlstate, let message),
      .serverLoginFailed(let sqlstate, let message),
      .parametersRefused(let sqlstate, let message):
      (sqlstate, message)
    case .tenantSettingsRefused(let sqlstate, _): (sqlstate, Self.tenantSettingsRefused)
    case .outOfStep:
      (
        SQLState.protocolViolation,
        "it can't be told any longer which answer is whose, or under which tenant something runs: "
          + "a Query was sent behind messages of the extended protocol without a Sync or within a "
          + "COPY, a COPY has failed whose Sync was sent ahead, or what was bound has not been run "
          + "before the next was"
      )
    case .tenantLimit(let limit): (SQLState.tooManyConnections, Self.text(limit))
    case .textTooLong:
      (
        SQLState.insufficientPrivilege,
        "a statement is too long to be looked at, and could change the tenant's settings: give "
          + "values as parameters, or by COPY"
      )
    case .forbiddenFunction:
      (
        SQLState.insufficientPrivilege,
        "permission denied to call this function by FunctionCall: it could change the tenant's "
          + "settings"
      )
    case .invalidMessageType(let type):
      (SQLState.protocolViolation, "invalid frontend message type \(type)")
    case .invalidMessageLength: (SQLState.protocolViolation, "invalid message length")
    case .simpleQueryRefused: (SQLState.protocolViolation, "PQexec disallowed")
    case .serverLost(let cause):
      (SQLState.connectionFailure, "server conn crashed? (\(cause))")
    case .tooManyStatements:
      (
        SQLState.configurationLimitExceeded,
        "too many prepared statements: more than 16 MB of them on one connection"
      )
    case .duplicateStatement:
      (SQLState.duplicatePreparedStatement, "prepared statement already exists")
    case .notificationsNotTaken:
      (
        SQLState.configurationLimitExceeded,
        "too many notifications waiting: more than 1 MB that the client has not taken, "
          + "since it does not read or is in a transaction"
      )
    case .shuttingDown:
      (SQLState.adminShutdown, "terminating connection: pooler is shutting down")
    case .adminDisconnect: (SQLState.adminShutdown, "admin forced disconnect")
    case .suspendTimeout: (SQLState.adminShutdown, "suspend_timeout")
    case .databaseDisabled(let name):
      (SQLState.protocolViolation, "database \"\(name)\" is disabled")
    case .unsupported(let what): (SQLState.featureNotSupported, what)
    case .internalError(let what): (SQLState.internalError, what)
    }
  }

  private static func text(_ limit: TenantQuotaRefusal) -> String {
    switch limit {
    case .maxClients: "the tenant has too many clients (max_client_connections)"
    case .maxWaiting: "too many clients of the tenant wait (max_waiting_clients)"
    case .tooManyTenants: "too many tenants at a time"
    }
  }

  public static let tenantSettingsRefused =
    "the settings of the tenant were refused by the server; nothing was run"

  /// Whether the query that runs is to be cancelled: it has taken longer than it may.
  public var stopsQuery: Bool {
    switch self {
    case .queryTimeout, .transactionTimeout, .adminDisconnect: true
    default: false
    }
  }

  /// The reason in the log line `closing because: ...`.
  public var logText: String {
    switch self {
    case .clientClosed: "client close request"
    case .clientUnexpectedEOF: "client unexpected eof"
    case .shuttingDown: "server shutting down"
    case .authenticationFailed(_, _, let reason): reason
    case .tenantSettingsRefused(_, let setting):
      Self.tenantSettingsRefused + (setting.map { " (\($0))" } ?? "")
    default: notice?.message ?? "unknown"
    }
  }
}
