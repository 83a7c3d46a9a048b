/// Why a line is written, for the rate limit (`log_rate_limit`) and for whoever filters. A bounded
/// set: nothing that a client chooses makes a new one.
public enum LogCause: Int, CaseIterable, Sendable {
  // How connections come and go.
  case login, serverConnection, serverClosed, clientClosed, clientUnexpectedEof, clientIdleTimeout
  case shutdown, adminDisconnect, keepsServer, idlePool, autoDatabase, verbose
  // Why clients are refused or sent away.
  case clientLoginTimeout, queryWaitTimeout, queryTimeout, idleTransactionTimeout
  case transactionTimeout, transactionInStatementMode, maxClientConn, maxDbClientConnections
  case maxUserClientConnections, noSuchDatabase, databaseRemoved, databaseConfigurationChanged
  case consoleRefused, startupRefused, authenticationFailed, tenantRefused, protocolViolation
  case disablePqexec, serverLoginFailed, serverLost, parametersRefused, tenantSettingsRefused
  case outOfStep, textTooLong, tenantLimit, forbiddenFunction, tooManyStatements
  case duplicateStatement, notificationsNotTaken, databaseDisabled, suspendTimeout, unsupported
  case internalError
  // What else goes wrong.
  case openingFailed, reservePool, cancelFailed, listeningFailed, listeningLost, tenantTable
  case tenantRow, mayBeLost, acceptFailed
  // What queries are like.
  case slowQuery, repeatedQuery
  // What is never left out.
  case command, statistics

  /// How many lines of a cause may be written.
  public enum Rate: Sendable {
    case unlimited
    /// Normal business, which may come in numbers: a hundred times the setting.
    case routine
    /// As many as the setting says.
    case problem
  }

  public var rate: Rate {
    if rawValue >= Self.command.rawValue { return .unlimited }
    return rawValue <= Self.verbose.rawValue ? .routine : .problem
  }

  private static let names = allCases.map { cause in
    var name = ""
    for letter in String(describing: cause) {
      name += letter.isUppercase ? "_\(letter.lowercased())" : String(letter)
    }
    return name
  }

  /// As lines have it: `no_such_database`.
  public var name: String { Self.names[rawValue] }

  private static let byName = Dictionary(
    uniqueKeysWithValues: zip(names, allCases).map { ($0, $1) })

  public init?(name: String) {
    guard let cause = Self.byName[name] else { return nil }
    self = cause
  }
}
