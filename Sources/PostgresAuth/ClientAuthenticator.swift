import PostgresWire

/// A client's login: which messages to send, and whether it succeeds.
///
/// The method and the stored secret meet as in PgBouncer:
///
/// | method | plain | md5 | SCRAM verifier | no such user, or no secret |
/// |---|---|---|---|---|
/// | any | yes | yes | yes | yes |
/// | trust | yes | yes | yes | fails at once without a user |
/// | plain | compared | compared | compared | asked, then fails |
/// | md5 | MD5 | MD5 | SCRAM | asked for MD5, then fails |
/// | scram | SCRAM | asked, then fails | SCRAM | asked, then fails |
///
/// An empty stored password counts as no secret. Whoever is asked and then fails sees the
/// messages that a user with a plain password sees.
public struct ClientAuthenticator: Sendable, Redacted {
  /// Most bytes of a message's body (PostgreSQL's PG_MAX_AUTH_TOKEN_LENGTH).
  public static var maximumBodyBytes: Int { 65_535 }
  /// Fewest random bytes that a login needs.
  public static var randomBytesNeeded: Int { 32 }

  private static let mechanism = "SCRAM-SHA-256"
  /// Makes the salts of users that have none; the same for all logins of this process.
  private static let processSaltKey = RandomBytes.make(32)

  private enum State {
    case ready
    case awaitingPassword
    case awaitingMD5(salt: [UInt8])
    case awaitingClientFirst(ScramServer)
    case awaitingClientFinal(ScramServer)
    case finished
  }

  private let method: ClientAuthMethod
  private let user: String
  private let secret: StoredSecret?
  private let userExists: Bool
  private let randomBytes: [UInt8]
  private let scramIterations: Int
  private let mockDerivesKeys: Bool
  private let saltKey: [UInt8]
  private var state = State.ready

  /// - Parameters:
  ///   - secret: nil where the user has none; passed over where the user does not exist.
  ///   - randomBytes: ``randomBytesNeeded`` or more, fresh for each login.
  ///   - scramIterations: for plain secrets, and shown to unknown users; at least 1.
  ///   - mockDerivesKeys: whether an unknown user costs the time of `scramIterations` too: right
  ///     where secrets are plain, wrong where they are verifiers, which cost none.
  ///   - saltKey: makes the salts of users without a verifier; nil for the process's own.
  public init(
    method: ClientAuthMethod, user: String, secret: StoredSecret?, userExists: Bool,
    randomBytes: [UInt8], scramIterations: Int, mockDerivesKeys: Bool = false,
    saltKey: [UInt8]? = nil
  ) {
    precondition(randomBytes.count >= Self.randomBytesNeeded, "too few random bytes")
    let usable = userExists && secret != .plain("") ? secret : nil
    if method == .md5, case .scram = usable {
      self.method = .scram
    } else {
      self.method = method
    }
    self.user = user
    self.secret = usable
    self.userExists = userExists
    self.randomBytes = randomBytes
    self.scramIterations = max(1, scramIterations)
    self.mockDerivesKeys = mockDerivesKeys
    self.saltKey = saltKey ?? Self.processSaltKey
  }

  /// The first step, once.
  public mutating func start() -> AuthStep {
    guard case .ready = state else { return fail(.unexpectedMessage) }
    var writer = MessageWriter()
    switch method {
    case .any: return succeed()
    case .trust: return userExists ? succeed() : fail(.trustAuthenticationFailed)
    case .plain:
      writer.authenticationCleartextPassword()
      state = .awaitingPassword
    case .md5:
      guard Digest.md5Hex([]) != nil else { return fail(.md5Unavailable) }
      let salt = Array(randomBytes[18..<22])
      writer.authenticationMD5Password(salt: salt)
      state = .awaitingMD5(salt: salt)
    case .scram:
      guard let server = makeScramServer() else {
        return fail(.saslAuthenticationFailed(.digestUnavailable))
      }
      writer.authenticationSASL(mechanisms: [Self.mechanism])
      state = .awaitingClientFirst(server)
    }
    return .send(writer.bytes)
  }

  /// - Parameter body: of a message of type `p`, without type and length.
  public mutating func receive(passwordMessageBody body: [UInt8]) -> AuthStep {
    guard body.count <= Self.maximumBodyBytes else { return fail(.passwordTooLong) }
    switch state {
    case .awaitingPassword: return receive(password: body, isCorrect: checkPlain)
    case .awaitingMD5(let salt):
      return receive(password: body) { [self] in checkMD5($0, salt: salt) }
    case .awaitingClientFirst(let server): return receive(clientFirst: body, server)
    case .awaitingClientFinal(let server): return receive(clientFinal: body, server)
    case .ready, .finished: return fail(.unexpectedMessage)
    }
  }

  private mutating func succeed(
    send: [UInt8] = [], scramKeys: ScramKeys? = nil, plainPassword: String? = nil
  ) -> AuthStep {
    state = .finished
    return .succeeded(send: send, scramKeys: scramKeys, plainPassword: plainPassword)
  }

  private mutating func fail(_ failure: AuthFailure) -> AuthStep {
    state = .finished
    return .failed(failure)
  }
}

// Passwords, in clear and as MD5 digests.
extension ClientAuthenticator {
  private mutating func receive(
    password body: [UInt8], isCorrect: ([UInt8]) -> Bool
  ) -> AuthStep {
    guard let password = PasswordMessage.parse(body) else { return fail(.malformedMessage) }
    guard !password.isEmpty else { return fail(.emptyPassword) }
    guard isCorrect(password) else { return fail(.passwordAuthenticationFailed) }
    let isClear = method == .plain
    return succeed(plainPassword: isClear ? String(validating: password, as: UTF8.self) : nil)
  }

  private func checkPlain(_ password: [UInt8]) -> Bool {
    switch secret {
    case .plain(let stored):
      return Digest.constantTimeEquals(password, Array(stored.utf8))
    case .md5(let stored):
      guard let hash = MD5Auth.hash(user: user, password: password) else { return false }
      return Digest.constantTimeEquals(Array(hash.utf8), Array(stored.utf8))
    case .scram(let verifier): return verifier.matches(password: password)
    case nil:
      if mockDerivesKeys {
        _ = ScramKeys.derive(password: password, salt: randomBytes, iterations: scramIterations)
      }
      return false
    }
  }

  private func checkMD5(_ answer: [UInt8], salt: [UInt8]) -> Bool {
    let mock = StoredSecret.plain("mock")
    guard let expected = MD5Auth.response(user: user, secret: secret ?? mock, salt: salt) else {
      return false
    }
    let isCorrect = Digest.constantTimeEquals(answer, Array(expected.utf8))
    return isCorrect && secret != nil
  }
}

// SCRAM.
extension ClientAuthenticator {
  private func makeScramServer() -> ScramServer? {
    let nonce = Array(randomBytes[..<18])
    if case .scram(let verifier) = secret {
      return ScramServer(verifier: verifier, nonce: nonce)
    }
    guard let salt = ScramServer.mockSalt(user: user, key: saltKey) else { return nil }
    if case .plain(let password) = secret {
      return ScramServer(
        password: password, iterations: scramIterations, salt: salt, nonce: nonce)
    }
    return ScramServer.mock(
      iterations: scramIterations, salt: salt, derivesKeys: mockDerivesKeys, nonce: nonce)
  }

  private mutating func receive(clientFirst body: [UInt8], _ start: ScramServer) -> AuthStep {
    guard let response = SASLInitialResponse.parse(body) else { return fail(.malformedMessage) }
    guard response.mechanism == Self.mechanism else { return fail(.unknownMechanism) }
    guard let data = response.data else {
      return fail(.saslAuthenticationFailed(.malformed("no client-first-message")))
    }
    var server = start
    do throws(ScramError) {
      var writer = MessageWriter()
      writer.authenticationSASLContinue(try server.receive(clientFirst: data))
      state = .awaitingClientFinal(server)
      return .send(writer.bytes)
    } catch {
      return fail(.saslAuthenticationFailed(error))
    }
  }

  private mutating func receive(clientFinal body: [UInt8], _ start: ScramServer) -> AuthStep {
    var server = start
    do throws(ScramError) {
      var writer = MessageWriter()
      writer.authenticationSASLFinal(try server.receive(clientFinal: body))
      let isPassedThrough = if case .scram = secret { true } else { false }
      return succeed(send: writer.bytes, scramKeys: isPassedThrough ? server.keys : nil)
    } catch {
      return fail(.saslAuthenticationFailed(error))
    }
  }
}
