/// What a server stores of a password for SCRAM-SHA-256: it can check the password, and prove to
/// a client that it knows it, but cannot log in elsewhere with it.
///
/// As text: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the last three in Base64
/// (PostgreSQL documentation, "pg_authid").
public struct ScramVerifier: Hashable, Sendable, Redacted {
  /// Bytes of the salts that PostgreSQL makes.
  public static var saltBytes: Int { 16 }

  public var iterations: Int
  public var salt: [UInt8]
  /// 32 bytes.
  public var storedKey: [UInt8]
  /// 32 bytes.
  public var serverKey: [UInt8]

  public init(iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
    self.iterations = iterations
    self.salt = salt
    self.storedKey = storedKey
    self.serverKey = serverKey
  }

  /// The verifier of a password.
  ///
  /// - Parameter iterations: at least 1; the time this takes grows with it.
  /// - Returns: nil where `iterations` is not positive or libcrypto has not the digests.
  public static func make(
    password: String, iterations: Int, salt: [UInt8]
  ) -> ScramVerifier? {
    guard
      let keys = ScramKeys.derive(
        password: Array(password.utf8), salt: salt, iterations: iterations),
      let storedKey = Digest.sha256(keys.clientKey)
    else { return nil }
    return ScramVerifier(
      iterations: iterations, salt: salt, storedKey: storedKey, serverKey: keys.serverKey)
  }

  /// Parses the text form; nil where `text` is anything else.
  public init?(_ text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].elementsEqual("SCRAM-SHA-256".utf8) else { return nil }
    let colon = UInt8(ascii: ":")
    let derivation = parts[1].split(separator: colon, omittingEmptySubsequences: false)
    let keys = parts[2].split(separator: colon, omittingEmptySubsequences: false)
    guard derivation.count == 2, keys.count == 2,
      let iterations = ScramAttributes.parseIterations(derivation[0]),
      let salt = Base64.decode(derivation[1]), !salt.isEmpty,
      let storedKey = Base64.decode(keys[0]), storedKey.count == Digest.sha256Bytes,
      let serverKey = Base64.decode(keys[1]), serverKey.count == Digest.sha256Bytes
    else { return nil }
    self.init(iterations: iterations, salt: salt, storedKey: storedKey, serverKey: serverKey)
  }

  /// The text form. It is a secret: with it one can pose as the server and guess the password.
  public var text: String {
    func base64(_ data: [UInt8]) -> String {
      String(decoding: Base64.encode(data), as: UTF8.self)
    }
    return "SCRAM-SHA-256$\(iterations):\(base64(salt))$\(base64(storedKey)):\(base64(serverKey))"
  }

  /// Whether `password` is the one that the verifier was made of.
  public func matches(password: [UInt8]) -> Bool {
    guard let keys = ScramKeys.derive(password: password, salt: salt, iterations: iterations),
      let candidate = Digest.sha256(keys.clientKey)
    else { return false }
    return Digest.constantTimeEquals(candidate, storedKey)
  }
}
