import PostgresWire

/// Logs in to a server: answers its authentication requests.
///
/// A plain password serves every request, an MD5 secret that for MD5, keys that for SCRAM. A SCRAM
/// verifier alone serves none: it proves nothing about a user.
///
/// | state | request | next |
/// |---|---|---|
/// | awaitingRequest | ok | finished, succeeded |
/// | awaitingRequest | cleartextPassword, md5Password | passwordSent |
/// | passwordSent | ok | finished, succeeded |
/// | awaitingRequest | sasl | clientFirstSent |
/// | clientFirstSent | saslContinue | clientFinalSent |
/// | clientFinalSent | saslFinal with the right signature | signatureVerified |
/// | signatureVerified | ok | finished, succeeded |
/// | any | anything else | finished, failed |
public struct ServerAuthenticator: Sendable, Redacted {
  private static let mechanism = "SCRAM-SHA-256"

  private enum State {
    case awaitingRequest
    case passwordSent
    case clientFirstSent(ScramClient)
    case clientFinalSent(ScramClient)
    case signatureVerified
    case finished
  }

  private let user: String
  private let secret: StoredSecret?
  private let scramKeys: ScramKeys?
  private let nonce: [UInt8]
  private var state = State.awaitingRequest

  /// - Parameters:
  ///   - secret: an empty plain password counts as none.
  ///   - scramKeys: of the user's own login, for a server with the same verifier; a plain password
  ///     goes before them.
  ///   - nonce: 18 or more random bytes, fresh for each login.
  public init(user: String, secret: StoredSecret?, scramKeys: ScramKeys?, nonce: [UInt8]) {
    self.user = user
    self.secret = secret == .plain("") ? nil : secret
    self.scramKeys = scramKeys
    self.nonce = nonce
  }

  public mutating func receive(_ request: AuthenticationRequest) -> ServerAuthStep {
    let current = state
    state = .finished
    switch (current, request) {
    case (.awaitingRequest, .ok), (.passwordSent, .ok), (.signatureVerified, .ok):
      return .succeeded
    case (.clientFirstSent, .ok), (.clientFinalSent, .ok):
      return .failed(
        "server skipped the end of SCRAM authentication: it has not proven that it knows the "
          + "password")
    case (.awaitingRequest, .cleartextPassword): return answerCleartext()
    case (.awaitingRequest, .md5Password(let salt)): return answerMD5(salt: salt)
    case (.awaitingRequest, .sasl(let mechanisms)): return answerSASL(mechanisms)
    case (.clientFirstSent(let client), .saslContinue(let data)):
      return answer(serverFirst: data, client)
    case (.clientFinalSent(let client), .saslFinal(let data)):
      return check(serverFinal: data, client)
    case (_, .unsupported(let code)):
      return .failed(
        "server asks for authentication method \(code), which is not supported: have its "
          + "pg_hba.conf ask for scram-sha-256")
    case (_, .ok), (_, .cleartextPassword), (_, .md5Password), (_, .sasl), (_, .saslContinue),
      (_, .saslFinal):
      return .failed("server sent an authentication request out of turn")
    }
  }

  private mutating func answerCleartext() -> ServerAuthStep {
    guard case .plain(let password) = secret else {
      return .failed(lacking("a password in clear"))
    }
    return send(password: Array(password.utf8))
  }

  private mutating func answerMD5(salt: [UInt8]) -> ServerAuthStep {
    let canAnswer =
      switch secret {
      case .plain, .md5: true
      case .scram, nil: false
      }
    guard let secret, canAnswer else { return .failed(lacking("MD5 authentication")) }
    guard let response = MD5Auth.response(user: user, secret: secret, salt: salt) else {
      return .failed("server asks for MD5 authentication, but OpenSSL is without MD5")
    }
    return send(password: Array(response.utf8))
  }

  private mutating func send(password: [UInt8]) -> ServerAuthStep {
    var writer = MessageWriter()
    writer.password(password)
    state = .passwordSent
    return .send(writer.bytes)
  }

  private mutating func answerSASL(_ mechanisms: [String]) -> ServerAuthStep {
    guard mechanisms.contains(Self.mechanism) else {
      return .failed("server offers no SASL mechanism that is supported: SCRAM-SHA-256 is")
    }
    let credential: ScramClient.Credential
    if case .plain(let password) = secret {
      credential = .password(password)
    } else if let scramKeys {
      credential = .keys(clientKey: scramKeys.clientKey, serverKey: scramKeys.serverKey)
    } else {
      return .failed(lacking("SCRAM authentication"))
    }
    var client = ScramClient(credential: credential, nonce: nonce)
    var writer = MessageWriter()
    writer.saslInitialResponse(mechanism: Self.mechanism, data: client.firstMessage())
    state = .clientFirstSent(client)
    return .send(writer.bytes)
  }

  private mutating func answer(serverFirst data: [UInt8], _ start: ScramClient) -> ServerAuthStep {
    var client = start
    do throws(ScramError) {
      var writer = MessageWriter()
      writer.saslResponse(try client.receive(serverFirst: data))
      state = .clientFinalSent(client)
      return .send(writer.bytes)
    } catch {
      return .failed(error.description)
    }
  }

  private mutating func check(serverFinal data: [UInt8], _ start: ScramClient) -> ServerAuthStep {
    var client = start
    do throws(ScramError) {
      try client.receive(serverFinal: data)
      state = .signatureVerified
      return .wait
    } catch {
      return .failed(error.description)
    }
  }

  /// What is known of the user instead of what `request` takes, and the way out.
  private func lacking(_ request: String) -> String {
    let known =
      switch secret {
      case .scram: "only a SCRAM verifier is known"
      case .md5: "only an MD5 secret is known"
      case .plain: "what is known does not serve"
      case nil: scramKeys == nil ? "no password is known" : "only SCRAM keys are known"
      }
    return "wrong password type: server asks for \(request), but for user \"\(user)\" \(known): "
      + "configure the password in plain, or let clients log in with SCRAM against the "
      + "verifier that the server has"
  }
}
