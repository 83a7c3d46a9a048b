/// The two keys that let one log in as a user with SCRAM-SHA-256 in place of the password.
///
/// They belong to one salt and iteration count: a server takes them only where it has the very
/// verifier that they were recovered with.
public struct ScramKeys: Hashable, Sendable, Redacted {
  /// 32 bytes; who has them is the user.
  public var clientKey: [UInt8]
  /// 32 bytes; who has them is the server.
  public var serverKey: [UInt8]

  public init(clientKey: [UInt8], serverKey: [UInt8]) {
    self.clientKey = clientKey
    self.serverKey = serverKey
  }

  /// ClientKey and ServerKey of a password (RFC 5802 section 3), or nil where a digest is
  /// unavailable or `iterations` is not positive.
  public static func derive(password: [UInt8], salt: [UInt8], iterations: Int) -> ScramKeys? {
    guard
      let salted = Digest.pbkdf2(
        password: SASLprep.prepare(password), salt: salt, iterations: iterations),
      let clientKey = Digest.hmacSHA256(key: salted, message: Array("Client Key".utf8)),
      let serverKey = Digest.hmacSHA256(key: salted, message: Array("Server Key".utf8))
    else { return nil }
    return ScramKeys(clientKey: clientKey, serverKey: serverKey)
  }
}
