/// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for logging in to a server.
///
/// The server is trusted only once ``receive(serverFinal:)`` has returned: until then it has not
/// shown that it knows the password.
///
/// | state | event | next |
/// |---|---|---|
/// | ready | firstMessage | awaitingFirst |
/// | awaitingFirst | server-first-message | awaitingFinal, answer client-final-message |
/// | awaitingFinal | server-final-message | verified |
/// | any | anything else | failed |
public struct ScramClient: Sendable, Redacted {
  /// What the client proves that it knows.
  public enum Credential: Sendable, Redacted {
    case password(String)
    /// The keys of an earlier exchange, 32 bytes each, for a server with the same verifier.
    case keys(clientKey: [UInt8], serverKey: [UInt8])
  }

  /// Most iterations that a password is put through for a server, about a second's work: more
  /// would let a server, or who poses as it, stop everything else. PostgreSQL's default is 4096.
  /// Keys need no iterations, so there the limit does not apply.
  public static var maximumIterations: Int { 1_000_000 }

  private enum State {
    case ready
    case awaitingFirst
    case awaitingFinal(expectedSignature: [UInt8])
    case verified
    case failed
  }

  private let credential: Credential
  private let nonce: [UInt8]
  private let firstBare: [UInt8]
  private var state = State.ready

  /// - Parameter nonce: random bytes, 18 or more; they are sent in Base64.
  public init(credential: Credential, nonce: [UInt8]) {
    self.init(credential: credential, user: "", printableNonce: Base64.encode(nonce))
  }

  /// As the public initializer, with a nonce that is sent as it is and a user name, which
  /// PostgreSQL ignores.
  init(credential: Credential, user: String, printableNonce: [UInt8]) {
    self.credential = credential
    nonce = printableNonce
    firstBare = Array("n=\(user),r=".utf8) + printableNonce
  }

  /// Whether the server has proven that it knows the password.
  public var isVerified: Bool {
    if case .verified = state { true } else { false }
  }

  /// The client-first-message.
  public mutating func firstMessage() -> [UInt8] {
    if case .ready = state { state = .awaitingFirst } else { state = .failed }
    return Self.gs2Header + firstBare
  }

  /// - Returns: the client-final-message.
  public mutating func receive(serverFirst message: [UInt8]) throws(ScramError) -> [UInt8] {
    guard case .awaitingFirst = state else { throw fail(.unexpectedMessage) }
    state = .failed
    try ScramAttributes.check(message)
    var attributes = ScramAttributes(message[...])
    let fullNonce = try attributes.next("r")
    guard ScramAttributes.isNonce(fullNonce), fullNonce.count > nonce.count,
      fullNonce.starts(with: nonce)
    else { throw .nonceMismatch }
    guard let salt = Base64.decode(try attributes.next("s")), !salt.isEmpty else {
      throw .malformed("invalid salt")
    }
    guard let iterations = ScramAttributes.parseIterations(try attributes.next("i")) else {
      throw .malformed("invalid iteration count")
    }
    try attributes.skipExtensions()

    let keys = try makeKeys(salt: salt, iterations: iterations)
    let withoutProof =
      Array("c=".utf8) + Base64.encode(Self.gs2Header) + Array(",r=".utf8) + fullNonce
    let comma = [UInt8(ascii: ",")]
    let authMessage = firstBare + comma + message + comma + withoutProof
    guard let storedKey = Digest.sha256(keys.clientKey),
      let clientSignature = Digest.hmacSHA256(key: storedKey, message: authMessage),
      let serverSignature = Digest.hmacSHA256(key: keys.serverKey, message: authMessage)
    else { throw .digestUnavailable }
    let proof = zip(keys.clientKey, clientSignature).map { $0 ^ $1 }
    state = .awaitingFinal(expectedSignature: serverSignature)
    return withoutProof + Array(",p=".utf8) + Base64.encode(proof)
  }

  /// Returns where the server has proven that it knows the password.
  public mutating func receive(serverFinal message: [UInt8]) throws(ScramError) {
    guard case .awaitingFinal(let expectedSignature) = state else {
      throw fail(.unexpectedMessage)
    }
    state = .failed
    try ScramAttributes.check(message)
    var attributes = ScramAttributes(message[...])
    let first = try attributes.next()
    switch first.name {
    case UInt8(ascii: "e"): throw .refusedByServer(Self.printable(first.value))
    case UInt8(ascii: "m"): throw .extensionUnsupported
    case UInt8(ascii: "v"): break
    default: throw .malformed("attribute \"v\" expected")
    }
    try attributes.skipExtensions()
    guard let signature = Base64.decode(first.value) else {
      throw .malformed("invalid signature")
    }
    guard Digest.constantTimeEquals(signature, expectedSignature) else {
      throw .serverSignatureMismatch
    }
    state = .verified
  }

  /// No channel binding and no authorization identity.
  private static var gs2Header: [UInt8] { Array("n,,".utf8) }

  private mutating func fail(_ error: ScramError) -> ScramError {
    state = .failed
    return error
  }

  private func makeKeys(salt: [UInt8], iterations: Int) throws(ScramError) -> ScramKeys {
    switch credential {
    case .password(let password):
      guard iterations <= Self.maximumIterations else { throw .tooManyIterations(iterations) }
      guard
        let keys = ScramKeys.derive(
          password: Array(password.utf8), salt: salt, iterations: iterations)
      else { throw .digestUnavailable }
      return keys
    case .keys(let clientKey, let serverKey):
      guard clientKey.count == Digest.sha256Bytes, serverKey.count == Digest.sha256Bytes else {
        throw .invalidKeys
      }
      return ScramKeys(clientKey: clientKey, serverKey: serverKey)
    }
  }

  /// The start of a server's error value, fit for a log.
  private static func printable(_ value: ArraySlice<UInt8>) -> String {
    let characters = value.prefix(64).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: characters, as: UTF8.self)
  }
}
