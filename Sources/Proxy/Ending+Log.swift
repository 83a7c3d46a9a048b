import Logs
import Pooling

extension Ending {
  /// What the lines about it are counted under for the rate limit.
  var logCause: LogCause {
    switch self {
    case .clientClosed: .clientClosed
    case .clientUnexpectedEOF: .clientUnexpectedEof
    case .clientLoginTimeout: .clientLoginTimeout
    case .clientIdleTimeout: .clientIdleTimeout
    case .queryWaitTimeout: .queryWaitTimeout
    case .queryTimeout: .queryTimeout
    case .idleTransactionTimeout: .idleTransactionTimeout
    case .transactionTimeout: .transactionTimeout
    case .transactionInStatementMode: .transactionInStatementMode
    case .tooManyClients: .maxClientConn
    case .tooManyDatabaseClients: .maxDatabaseClients
    case .tooManyUserClients: .maxUserClients
    case .noSuchDatabase: .noSuchDatabase
    case .databaseRemoved: .databaseRemoved
    case .databaseConfigurationChanged: .databaseConfigurationChanged
    case .consoleRefused: .consoleRefused
    case .startupRefused: .startupRefused
    case .authenticationFailed: .authenticationFailed
    case .tenantRefused: .tenantRefused
    case .invalidMessageType, .invalidMessageLength: .protocolViolation
    case .simpleQueryRefused: .disablePqexec
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
    case .shuttingDown: .shutdown
    case .adminDisconnect: .adminDisconnect
    case .databaseDisabled: .databaseDisabled
    case .suspendTimeout: .suspendTimeout
    case .unsupported: .unsupported
    case .internalError: .internalError
    }
  }
}
