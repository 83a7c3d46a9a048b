/// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for a client that logs in.
///
/// Rules:
/// - Channel binding is not offered: `n` and `y` are taken, `p` is refused, and the client must
///   repeat its choice at the end.
/// - The user name within the messages is ignored, as in PostgreSQL: the startup packet tells it.
/// - An unknown user gets the same messages from a salt that stays the same, and fails at the end
///   with the error of a wrong password.
///
/// | state | event | next |
/// |---|---|---|
/// | awaitingFirst | client-first-message | awaitingFinal, answer server-first-message |
/// | awaitingFinal | client-final-message | succeeded, answer server-final-message |
/// | any | anything else | failed |
public struct ScramServer: Sendable, Redacted {
  private enum Source {
    case verifier(ScramVerifier)
    case password(String, iterations: Int, salt: [UInt8])
    /// No user; `derivesKeys` does the work that a password would make.
    case mock(iterations: Int, salt: [UInt8], derivesKeys: Bool)
  }

  private enum State {
    case awaitingFirst
    case awaitingFinal(Exchange)
    case succeeded(ScramKeys)
    case failed
  }

  private struct Exchange {
    var gs2Header: [UInt8]
    var clientFirstBare: [UInt8]
    var serverFirst: [UInt8]
    /// The client's and ours.
    var nonce: [UInt8]
    var verifier: ScramVerifier
  }

  private let source: Source
  private let serverNonce: [UInt8]
  private var state = State.awaitingFirst

  /// - Parameter nonce: random bytes, 18 or more; they are sent in Base64.
  public init(verifier: ScramVerifier, nonce: [UInt8]) {
    self.init(source: .verifier(verifier), printableNonce: Base64.encode(nonce))
  }

  /// For a password that is stored in plain: a verifier is made of it at the client's first
  /// message, which takes the time of `iterations` rounds.
  ///
  /// - Parameters:
  ///   - salt: of ``ScramVerifier/saltBytes``; see ``mockSalt(user:key:)``.
  ///   - nonce: random bytes, 18 or more; they are sent in Base64.
  public init(password: String, iterations: Int, salt: [UInt8], nonce: [UInt8]) {
    self.init(
      source: .password(password, iterations: iterations, salt: salt),
      printableNonce: Base64.encode(nonce))
  }

  /// For a user that does not exist: no client succeeds.
  ///
  /// - Parameters:
  ///   - salt: the same at each attempt, as a user's is: see ``mockSalt(user:key:)``.
  ///   - derivesKeys: whether to spend the time that a plain password would take.
  ///   - nonce: random bytes, 18 or more; they are sent in Base64.
  public static func mock(
    iterations: Int, salt: [UInt8], derivesKeys: Bool, nonce: [UInt8]
  ) -> ScramServer {
    ScramServer(
      source: .mock(iterations: iterations, salt: salt, derivesKeys: derivesKeys),
      printableNonce: Base64.encode(nonce))
  }

  /// The salt to show for a user without a verifier: it depends on the name and a secret key
  /// alone, so that repeated attempts do not tell users that exist from others.
  public static func mockSalt(user: String, key: [UInt8]) -> [UInt8]? {
    Digest.hmacSHA256(key: key, message: Array("salt:\(user)".utf8)).map {
      Array($0.prefix(ScramVerifier.saltBytes))
    }
  }

  /// As the public initializer, with a nonce that is sent as it is.
  init(verifier: ScramVerifier, printableNonce: [UInt8]) {
    self.init(source: .verifier(verifier), printableNonce: printableNonce)
  }

  private init(source: Source, printableNonce: [UInt8]) {
    self.source = source
    serverNonce = printableNonce
  }

  /// The client's keys, once it has succeeded: with them one can log in to a server that has the
  /// same verifier.
  public var keys: ScramKeys? {
    guard case .succeeded(let keys) = state else { return nil }
    return keys
  }

  /// - Returns: the server-first-message.
  public mutating func receive(clientFirst message: [UInt8]) throws(ScramError) -> [UInt8] {
    guard case .awaitingFirst = state else { throw fail(.unexpectedMessage) }
    state = .failed
    try ScramAttributes.check(message)
    let bare = try Self.parseHeader(message)
    var attributes = ScramAttributes(bare)
    _ = try attributes.next("n")
    let clientNonce = try attributes.next("r")
    guard ScramAttributes.isNonce(clientNonce) else { throw .malformed("invalid nonce") }
    try attributes.skipExtensions()

    let verifier = try makeVerifier()
    let nonce = clientNonce + serverNonce
    let serverFirst =
      Array("r=".utf8) + nonce + Array(",s=".utf8) + Base64.encode(verifier.salt)
      + Array(",i=\(verifier.iterations)".utf8)
    state = .awaitingFinal(
      Exchange(
        gs2Header: Array(message[..<bare.startIndex]), clientFirstBare: Array(bare),
        serverFirst: serverFirst, nonce: Array(nonce), verifier: verifier))
    return serverFirst
  }

  /// - Returns: the server-final-message; the client has proven that it knows the password.
  public mutating func receive(clientFinal message: [UInt8]) throws(ScramError) -> [UInt8] {
    guard case .awaitingFinal(let exchange) = state else { throw fail(.unexpectedMessage) }
    state = .failed
    try ScramAttributes.check(message)
    let final = try Self.parseFinal(message)
    guard final.channelBinding.elementsEqual(Base64.encode(exchange.gs2Header)) else {
      throw .malformed("unexpected channel-binding data")
    }
    guard Digest.constantTimeEquals(Array(final.nonce), exchange.nonce) else {
      throw .nonceMismatch
    }
    let comma = [UInt8(ascii: ",")]
    let authMessage =
      exchange.clientFirstBare + comma + exchange.serverFirst + comma + final.withoutProof
    let verifier = exchange.verifier
    guard
      let clientSignature = Digest.hmacSHA256(key: verifier.storedKey, message: authMessage),
      let serverSignature = Digest.hmacSHA256(key: verifier.serverKey, message: authMessage),
      let storedKey = Digest.sha256(zip(final.proof, clientSignature).map { $0 ^ $1 })
    else { throw .digestUnavailable }
    let isProven = Digest.constantTimeEquals(storedKey, verifier.storedKey)
    if case .mock = source { throw .proofMismatch }
    guard isProven else { throw .proofMismatch }
    state = .succeeded(
      ScramKeys(
        clientKey: zip(final.proof, clientSignature).map { $0 ^ $1 },
        serverKey: verifier.serverKey))
    return Array("v=".utf8) + Base64.encode(serverSignature)
  }

  private mutating func fail(_ error: ScramError) -> ScramError {
    state = .failed
    return error
  }

  private func makeVerifier() throws(ScramError) -> ScramVerifier {
    switch source {
    case .verifier(let verifier): return verifier
    case .password(let password, let iterations, let salt):
      guard
        let verifier = ScramVerifier.make(
          password: password, iterations: iterations, salt: salt)
      else { throw .digestUnavailable }
      return verifier
    case .mock(let iterations, let salt, let derivesKeys):
      if derivesKeys,
        ScramVerifier.make(password: "mock", iterations: iterations, salt: salt) == nil
      {
        throw .digestUnavailable
      }
      let key = [UInt8](repeating: 0, count: Digest.sha256Bytes)
      return ScramVerifier(iterations: iterations, salt: salt, storedKey: key, serverKey: key)
    }
  }

  /// Checks the gs2-header: a flag, no authorization identity, and a comma behind each.
  ///
  /// - Returns: the client-first-message-bare, which follows it.
  private static func parseHeader(_ message: [UInt8]) throws(ScramError) -> ArraySlice<UInt8> {
    switch message.first {
    case UInt8(ascii: "n"), UInt8(ascii: "y"): break
    case UInt8(ascii: "p"): throw .channelBindingUnsupported
    default: throw .malformed("unexpected channel-binding flag")
    }
    let comma = UInt8(ascii: ",")
    guard message.count >= 3, message[1] == comma else { throw .malformed("comma expected") }
    if message[2] == UInt8(ascii: "a") { throw .authorizationIdentityUnsupported }
    guard message[2] == comma else { throw .malformed("comma expected") }
    return message[3...]
  }

  private struct Final {
    var channelBinding: ArraySlice<UInt8>
    var nonce: ArraySlice<UInt8>
    var proof: [UInt8]
    var withoutProof: ArraySlice<UInt8>
  }

  /// `c=...,r=...`, optional extensions, and the proof as the last attribute.
  private static func parseFinal(_ message: [UInt8]) throws(ScramError) -> Final {
    var attributes = ScramAttributes(message[...])
    let channelBinding = try attributes.next("c")
    let nonce = try attributes.next("r")
    var last = try attributes.next()
    while last.name != UInt8(ascii: "p") {
      if last.name == UInt8(ascii: "m") { throw .extensionUnsupported }
      last = try attributes.next()
    }
    guard attributes.isAtEnd else { throw .malformed("garbage behind the proof") }
    guard let proof = Base64.decode(last.value), proof.count == Digest.sha256Bytes else {
      throw .malformed("invalid proof")
    }
    return Final(
      channelBinding: channelBinding, nonce: nonce, proof: proof,
      withoutProof: message[..<(last.start - 1)])
  }
}
