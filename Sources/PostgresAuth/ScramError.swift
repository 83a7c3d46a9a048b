/// Why a SCRAM exchange failed. No case carries a secret.
public enum ScramError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was wrong with the peer's message.
  case malformed(String)
  case messageTooLong
  /// A message came that is not due in this state.
  case unexpectedMessage
  case channelBindingUnsupported
  case authorizationIdentityUnsupported
  /// The peer asks for a mandatory extension (`m=`).
  case extensionUnsupported
  case nonceMismatch
  /// The server asks for more work than is done for it.
  case tooManyIterations(Int)
  /// The client does not know the password, or the user does not exist.
  case proofMismatch
  /// The server does not know the password.
  case serverSignatureMismatch
  /// The server's own error value.
  case refusedByServer(String)
  /// Keys that have not 32 bytes each.
  case invalidKeys
  /// libcrypto refuses SHA-256, HMAC or PBKDF2 with these inputs.
  case digestUnavailable

  public var description: String {
    switch self {
    case .malformed(let reason): "malformed SCRAM message: \(reason)"
    case .messageTooLong: "SCRAM message is longer than \(ScramAttributes.maximumBytes) bytes"
    case .unexpectedMessage: "SCRAM message out of turn"
    case .channelBindingUnsupported: "SCRAM channel binding is not supported"
    case .authorizationIdentityUnsupported: "SCRAM authorization identity is not supported"
    case .extensionUnsupported: "unsupported mandatory SCRAM extension"
    case .nonceMismatch: "SCRAM nonce does not match"
    case .tooManyIterations(let count):
      "server asks for \(count) SCRAM iterations, above the limit of "
        + "\(ScramClient.maximumIterations)"
    case .proofMismatch: "SCRAM proof does not match"
    case .serverSignatureMismatch: "SCRAM signature of the server does not match"
    case .refusedByServer(let reason): "server refused SCRAM authentication: \(reason)"
    case .invalidKeys: "SCRAM keys must have 32 bytes each"
    case .digestUnavailable: "OpenSSL refuses SHA-256, HMAC or PBKDF2 with these inputs"
    }
  }
}
