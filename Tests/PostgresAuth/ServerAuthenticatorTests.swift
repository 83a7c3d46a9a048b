import PostgresAuth
import PostgresWire
import Testing

struct ServerAuthenticatorTests {
  private func authenticator(
    _ secret: StoredSecret?, keys: ScramKeys? = nil
  ) -> ServerAuthenticator {
    ServerAuthenticator(user: "p4", secret: secret, scramKeys: keys, nonce: counting(18))
  }

  private let sasl = AuthenticationRequest.sasl(mechanisms: ["SCRAM-SHA-256"])

  @Test func `a server that asks for nothing is taken`() {
    var login = authenticator(nil)
    #expect(login.receive(.ok) == .succeeded)
  }

  @Test func `a plain password and a digest answer MD5 alike`() {
    var plain = authenticator(.plain("pencil"))
    var hashed = authenticator(digest)
    let request = AuthenticationRequest.md5Password(salt: [1, 2, 3, 4])
    let answer = plain.receive(request)
    #expect(answer == hashed.receive(request))
    guard case .send(let message) = answer else {
      Issue.record("\(answer)")
      return
    }
    #expect(message.count == 1 + 4 + 35 + 1)
    #expect(plain.receive(.ok) == .succeeded)
  }

  @Test func `a client's keys log in to a server with the same verifier`() {
    guard case .succeeded(_, let keys?, _) = Login(method: .scram, stored: verifier).play().end
    else {
      Issue.record("the client's login failed")
      return
    }
    var server = Login(method: .scram, stored: verifier).authenticator()
    var pooler = authenticator(verifier, keys: keys)
    guard case .send = server.start(), case .send(let first) = pooler.receive(sasl),
      case .send(let challenge) = server.receive(passwordMessageBody: bodies(first)[0]),
      let request = AuthenticationRequest.parse(bodies(challenge)[0]),
      case .send(let final) = pooler.receive(request),
      case .succeeded(let end, let again, _) = server.receive(
        passwordMessageBody: bodies(final)[0]),
      let last = AuthenticationRequest.parse(bodies(end)[0])
    else {
      Issue.record("the exchange broke off")
      return
    }
    #expect(again == keys)
    #expect(pooler.receive(last) == .wait)
    #expect(pooler.receive(.ok) == .succeeded)
  }

  @Test(
    arguments: [
      (nil, "no password is known"), (verifier, "only a SCRAM verifier is known"),
      (digest, "only an MD5 secret is known"), (.plain(""), "no password is known"),
    ] as [(StoredSecret?, String)])
  func `without what SCRAM needs the reason and the way out are told`(
    secret: StoredSecret?, known: String
  ) {
    var login = authenticator(secret)
    guard case .failed(let reason) = login.receive(sasl) else {
      Issue.record("not refused")
      return
    }
    #expect(reason.contains(known))
    #expect(reason.contains("configure the password in plain"))
    #expect(reason.contains("\"p4\""))
  }

  @Test func `requests that a secret does not serve are refused`() {
    let salted = AuthenticationRequest.md5Password(salt: [1, 2, 3, 4])
    let keys = ScramKeys(clientKey: counting(32), serverKey: counting(32))
    for (secret, request) in [
      (verifier, salted), (nil, salted), (verifier, .cleartextPassword),
      (digest, .cleartextPassword), (nil, .cleartextPassword),
      (.plain("x"), .unsupported(code: 7)), (.plain("x"), .sasl(mechanisms: [])),
      (.plain("x"), .sasl(mechanisms: ["SCRAM-SHA-256-PLUS"])), (.plain("x"), .saslContinue([])),
      (.plain("x"), .saslFinal([])),
    ] as [(StoredSecret?, AuthenticationRequest)] {
      var login = authenticator(secret, keys: keys)
      guard case .failed(let reason) = login.receive(request) else {
        Issue.record("\(request) is answered")
        continue
      }
      #expect(!reason.isEmpty)
      // Refused once, refused for good.
      guard case .failed = login.receive(.ok) else {
        Issue.record("succeeded after a refusal")
        continue
      }
    }
  }

  @Test func `a server that skips its signature is refused`() {
    let challenge = AuthenticationRequest.saslContinue(
      bytes("r=\(text(Base64.encode(counting(18))))x,s=AAAA,i=1"))
    for skipped in [[], [challenge]] {
      var login = authenticator(.plain("pencil"))
      _ = login.receive(sasl)
      for request in skipped {
        guard case .send = login.receive(request) else {
          Issue.record("the exchange broke off")
          continue
        }
      }
      guard case .failed(let reason) = login.receive(.ok) else {
        Issue.record("a server without a signature is taken")
        continue
      }
      #expect(reason.contains("has not proven"))
    }
    // Nor may it fall back to another method, or give a wrong signature.
    for request in [
      AuthenticationRequest.cleartextPassword, sasl, .md5Password(salt: [1, 2, 3, 4]),
      .saslFinal(bytes("v=" + text(Base64.encode(counting(32))))),
    ] {
      var login = authenticator(.plain("pencil"))
      _ = login.receive(sasl)
      _ = login.receive(challenge)
      guard case .failed = login.receive(request) else {
        Issue.record("\(request) is taken")
        continue
      }
      #expect(login.receive(.ok) != .succeeded)
    }
  }
}
