// What endings are counted as.
extension Ending {
  /// The names under which endings are counted.
  public enum Label: String, CaseIterable, Sendable {
    case clientClosed = "client_closed"
    case clientUnexpectedEOF = "client_unexpected_eof"
    case clientLoginTimeout = "client_login_timeout"
    case clientIdleTimeout = "client_idle_timeout"
    case queryWaitTimeout = "query_wait_timeout"
    case queryTimeout = "query_timeout"
    case idleTransactionTimeout = "idle_transaction_timeout"
    case transactionTimeout = "transaction_timeout"
    case transactionInStatementMode = "transaction_in_statement_mode"
    case tooManyClients = "max_client_conn"
    case tooManyDatabaseClients = "max_db_client_connections"
    case tooManyUserClients = "max_user_client_connections"
    case noSuchDatabase = "no_such_database"
    case databaseRemoved = "database_removed"
    case databaseConfigurationChanged = "database_configuration_changed"
    case consoleRefused = "console_refused"
    case startupRefused = "startup_refused"
    case authenticationFailed = "authentication_failed"
    case tenantRefused = "tenant_refused"
    case protocolViolation = "protocol_violation"
    case simpleQueryRefused = "disable_pqexec"
    case serverLoginFailed = "server_login_failed"
    case serverLost = "server_lost"
    case parametersRefused = "parameters_refused"
    case tenantSettingsRefused = "tenant_settings_refused"
    case outOfStep = "out_of_step"
    case textTooLong = "text_too_long"
    case tenantLimit = "tenant_limit"
    case forbiddenFunction = "forbidden_function"
    case tooManyStatements = "too_many_statements"
    case duplicateStatement = "duplicate_statement"
    case notificationsNotTaken = "notifications_not_taken"
    case shuttingDown = "shutdown"
    case adminDisconnect = "admin_disconnect"
    case databaseDisabled = "database_disabled"
    case suspendTimeout = "suspend_timeout"
    case unsupported
    case internalError = "internal_error"
  }

  public var label: Label {
    switch self {
    case .clientClosed: .clientClosed
    case .clientUnexpectedEOF: .clientUnexpectedEOF
    case .clientLoginTimeout: .clientLoginTimeout
    case .clientIdleTimeout: .clientIdleTimeout
    case .queryWaitTimeout: .queryWaitTimeout
    case .queryTimeout: .queryTimeout
    case .idleTransactionTimeout: .idleTransactionTimeout
    case .transactionTimeout: .transactionTimeout
    case .transactionInStatementMode: .transactionInStatementMode
    case .tooManyClients: .tooManyClients
    case .tooManyDatabaseClients: .tooManyDatabaseClients
    case .tooManyUserClients: .tooManyUserClients
    case .noSuchDatabase: .noSuchDatabase
    case .databaseRemoved: .databaseRemoved
    case .databaseConfigurationChanged: .databaseConfigurationChanged
    case .consoleRefused: .consoleRefused
    case .startupRefused: .startupRefused
    case .authenticationFailed: .authenticationFailed
    case .tenantRefused: .tenantRefused
    case .invalidMessageType, .invalidMessageLength: .protocolViolation
    case .simpleQueryRefused: .simpleQueryRefused
    case .serverLoginFailed: .serverLoginFailed
    case .serverLost: .serverLost
    case .parametersRefused: .parametersRefused
    case .tenantSettingsRefused: .tenantSettingsRefused
    case .outOfStep: .outOfStep
    case .textTooLong: .textTooLong
    case .tenantLimit: .tenantLimit
    case .forbiddenFunction: .forbiddenFunction
    case .tooManyStatements: .tooManyStatements
    case .duplicateStatement: .duplicateStatement
    case .notificationsNotTaken: .notificationsNotTaken
    case .shuttingDown: .shuttingDown
    case .adminDisconnect: .adminDisconnect
    case .databaseDisabled: .databaseDisabled
    case .suspendTimeout: .suspendTimeout
    case .unsupported: .unsupported
    case .internalError: .internalError
    }
  }
}
