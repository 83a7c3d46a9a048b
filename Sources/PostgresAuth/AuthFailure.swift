import PostgresWire

/// Why a client's login failed.
public enum AuthFailure: Error, Hashable, Sendable {
  case passwordAuthenticationFailed
  /// With the reason, which is for the log and not for the client.
  case saslAuthenticationFailed(ScramError)
  case trustAuthenticationFailed
  case noSuchUser
  /// The stored secret does not serve the method.
  case wrongPasswordType
  case emptyPassword
  /// Above ``ClientAuthenticator/maximumBodyBytes``.
  case passwordTooLong
  /// The message is not one NUL-terminated string, or not a SASL message.
  case malformedMessage
  case unknownMechanism
  /// A message that is not due.
  case unexpectedMessage
  /// libcrypto has no MD5.
  case md5Unavailable

  /// The primary message for the client; PgBouncer's texts, PostgreSQL's where it has none.
  public var message: String {
    switch self {
    case .passwordAuthenticationFailed: "password authentication failed"
    case .saslAuthenticationFailed: "SASL authentication failed"
    case .trustAuthenticationFailed: "\"trust\" authentication failed"
    case .noSuchUser: "no such user"
    case .wrongPasswordType: "wrong password type"
    case .emptyPassword: "empty password returned by client"
    case .passwordTooLong: "password too long"
    case .malformedMessage: "invalid password packet size"
    case .unknownMechanism: "client selected an invalid SASL authentication mechanism"
    case .unexpectedMessage: "unexpected password message"
    case .md5Unavailable: "MD5 authentication is not available: OpenSSL is without MD5"
    }
  }

  /// ``message`` and, where there is more to tell, the reason: for the log.
  public var logMessage: String {
    switch self {
    case .saslAuthenticationFailed(let reason): "\(message): \(reason)"
    case .passwordAuthenticationFailed, .trustAuthenticationFailed, .noSuchUser,
      .wrongPasswordType, .emptyPassword, .passwordTooLong, .malformedMessage,
      .unknownMechanism, .unexpectedMessage, .md5Unavailable:
      message
    }
  }

  /// The SQLSTATE for the client.
  public var sqlstate: String {
    switch self {
    case .passwordAuthenticationFailed, .saslAuthenticationFailed, .wrongPasswordType,
      .emptyPassword:
      SQLState.invalidPassword
    case .trustAuthenticationFailed, .noSuchUser: SQLState.invalidAuthorizationSpecification
    case .passwordTooLong, .malformedMessage, .unknownMechanism, .unexpectedMessage:
      SQLState.protocolViolation
    case .md5Unavailable: SQLState.featureNotSupported
    }
  }
}
