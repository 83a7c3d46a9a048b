/// Why a client's first packet is refused. Texts are PostgreSQL's where it has one.
public enum StartupError: Error, Hashable, Sendable {
  /// The length is below 8 or above ``StartupPacket/maximumBytes``, or wrong for its request.
  case invalidLength
  /// The bytes are a TLS handshake record (first byte 0x16), not a startup packet.
  case directTLS
  case unsupportedProtocol(major: Int, minor: Int)
  /// A name without value, or bytes missing or left over at the end of the parameters.
  case invalidLayout
  case noUser
  case invalidUTF8
  /// A cancel request whose secret is not 4 to 256 bytes long.
  case invalidCancelLength

  /// The SQLSTATE to send.
  public var sqlstate: String {
    switch self {
    case .invalidLength, .directTLS, .invalidLayout, .invalidCancelLength:
      SQLState.protocolViolation
    case .unsupportedProtocol: SQLState.featureNotSupported
    case .noUser: SQLState.invalidAuthorizationSpecification
    case .invalidUTF8: SQLState.characterNotInRepertoire
    }
  }

  /// The primary message to send.
  public var message: String {
    switch self {
    case .invalidLength: "invalid length of startup packet"
    case .directTLS:
      "received a direct TLS connection request: connect with sslnegotiation=postgres"
    case .unsupportedProtocol(let major, let minor):
      "unsupported frontend protocol \(major).\(minor): server supports 3.0 to 3.2"
    case .invalidLayout:
      "invalid startup packet layout: expected terminator as last byte"
    case .noUser: "no PostgreSQL user name specified in startup packet"
    case .invalidUTF8: "startup packet contains text that is not valid UTF-8"
    case .invalidCancelLength: "invalid length of query cancel packet"
    }
  }
}
