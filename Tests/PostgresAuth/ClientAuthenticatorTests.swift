import PostgresAuth
import PostgresWire
import TestSupport
import Testing

struct ClientAuthenticatorTests {
  @Test(arguments: [
    Login(method: .plain, stored: .plain("pencil")),
    Login(method: .plain, stored: digest),
    Login(method: .plain, stored: verifier),
    Login(method: .md5, stored: .plain("pencil")),
    Login(method: .md5, stored: digest),
    Login(method: .md5, stored: verifier),
    Login(method: .scram, stored: .plain("pencil")),
    Login(method: .scram, stored: verifier),
  ])
  func `the right password logs in and a wrong one does not`(login: Login) {
    let (end, requests, client) = login.play()
    guard case .succeeded(_, let scramKeys, let plainPassword) = end else {
      Issue.record("\(end)")
      return
    }
    #expect(client == .succeeded)
    #expect(plainPassword == (login.isPlainRequest ? "pencil" : nil))
    let isScram = requests.count == 2
    #expect((scramKeys != nil) == (isScram && login.stored == verifier))

    var wrong = login
    wrong.given = "Pencil"
    let failure: AuthFailure =
      isScram ? .saslAuthenticationFailed(.proofMismatch) : .passwordAuthenticationFailed
    #expect(wrong.play().end == .failed(failure))
  }

  @Test func `each method asks in its own way`() {
    func kinds(_ login: Login) -> [String] {
      login.play().requests.map { request in
        switch request {
        case .cleartextPassword: "cleartext"
        case .md5Password(let salt): "md5 \(salt.count)"
        case .sasl(let mechanisms): mechanisms.joined()
        case .saslContinue: "continue"
        case .ok, .saslFinal, .unsupported: "unexpected"
        }
      }
    }
    #expect(kinds(Login(method: .plain, stored: digest)) == ["cleartext"])
    #expect(kinds(Login(method: .md5, stored: digest)) == ["md5 4"])
    #expect(kinds(Login(method: .md5, stored: verifier)) == ["SCRAM-SHA-256", "continue"])
    #expect(kinds(Login(method: .scram, stored: nil)) == ["SCRAM-SHA-256", "continue"])
    #expect(kinds(Login(method: .md5, stored: nil, userExists: false)) == ["md5 4"])
    #expect(kinds(Login(method: .any, stored: nil)) == [])
  }

  @Test(arguments: [
    Login(method: .plain, stored: nil, userExists: false), Login(method: .plain, stored: nil),
    Login(method: .md5, stored: nil, userExists: false), Login(method: .md5, stored: nil),
    Login(method: .md5, stored: nil, given: "mock"),
    Login(method: .scram, stored: nil, userExists: false),
    Login(method: .scram, stored: nil, given: "mock"),
    Login(method: .scram, stored: digest),
    Login(method: .plain, stored: .plain("pencil"), userExists: false),
    Login(method: .md5, stored: digest, userExists: false),
    Login(method: .scram, stored: verifier, userExists: false),
    Login(method: .plain, stored: .plain("")),
    Login(method: .scram, stored: .plain("")),
  ])
  func `who has no usable secret is asked and then fails`(login: Login) {
    let (end, requests, _) = login.play()
    #expect(requests.count == (login.method == .scram ? 2 : 1))
    let failure: AuthFailure =
      login.method == .scram
      ? .saslAuthenticationFailed(.proofMismatch) : .passwordAuthenticationFailed
    #expect(end == .failed(failure))
  }

  @Test func `without proof trust wants a user and any does not`() {
    let success = AuthStep.succeeded(send: [], scramKeys: nil, plainPassword: nil)
    #expect(Login(method: .any, stored: nil, userExists: false).play().end == success)
    #expect(Login(method: .trust, stored: nil).play().end == success)
    #expect(
      Login(method: .trust, stored: nil, userExists: false).play().end
        == .failed(.trustAuthenticationFailed))
  }

  @Test func `an unknown user's salt is as steady as a known one's`() throws {
    func serverFirst(_ secret: StoredSecret?, user: String, key: UInt8) throws -> [String] {
      var pooler = ClientAuthenticator(
        method: .scram, user: user, secret: secret, userExists: secret != nil,
        randomBytes: RandomBytes.make(32), scramIterations: 3, saltKey: [key])
      _ = pooler.start()
      var writer = MessageWriter()
      writer.saslInitialResponse(mechanism: "SCRAM-SHA-256", data: bytes("n,,n=,r=abc"))
      guard case .send(let messages) = pooler.receive(passwordMessageBody: bodies(writer.bytes)[0]),
        case .saslContinue(let data) = AuthenticationRequest.parse(bodies(messages)[0])
      else { return [] }
      return text(data).split(separator: ",").map(String.init)
    }
    let first = try serverFirst(nil, user: "ann", key: 1)
    let second = try serverFirst(nil, user: "ann", key: 1)
    #expect(first.count == 3)
    #expect(first[0] != second[0])
    #expect(first[1...] == second[1...])
    #expect(first[1...] == (try serverFirst(.plain("x"), user: "ann", key: 1))[1...])
    #expect(first[1] != (try serverFirst(nil, user: "bob", key: 1))[1])
    #expect(first[1] != (try serverFirst(nil, user: "ann", key: 2))[1])
    #expect(first[1].utf8.count == "s=".utf8.count + 24)
    #expect(first[2] == "i=3")
  }

  @Test func `password messages are taken strictly`() {
    func end(_ body: [UInt8]) -> AuthStep {
      var pooler = Login(method: .plain, stored: .plain("pw")).authenticator()
      _ = pooler.start()
      return pooler.receive(passwordMessageBody: body)
    }
    #expect(end(bytes("pw")) == .failed(.malformedMessage))
    #expect(end(bytes("pw\0\0")) == .failed(.malformedMessage))
    #expect(end(bytes("pw\0x\0")) == .failed(.malformedMessage))
    #expect(end([]) == .failed(.malformedMessage))
    #expect(end([0]) == .failed(.emptyPassword))
    #expect(end([UInt8](repeating: 65, count: 65_536)) == .failed(.passwordTooLong))
    #expect(
      end([UInt8](repeating: 65, count: 65_534) + [0]) == .failed(.passwordAuthenticationFailed))
    #expect(end(bytes("pw\0")) == .succeeded(send: [], scramKeys: nil, plainPassword: "pw"))
  }

  @Test func `a long password logs in`() {
    let long = String(repeating: "p", count: 65_530)
    let (end, _, client) = Login(method: .plain, stored: .plain(long), given: long).play()
    #expect(end == .succeeded(send: [], scramKeys: nil, plainPassword: long))
    #expect(client == .succeeded)
  }

  @Test func `SASL messages are taken strictly`() {
    func end(_ body: [UInt8]) -> AuthStep {
      var pooler = Login(method: .scram, stored: verifier).authenticator()
      _ = pooler.start()
      return pooler.receive(passwordMessageBody: body)
    }
    let data = bytes("n,,n=,r=abc")
    let name = bytes("SCRAM-SHA-256\0")
    #expect(end([]) == .failed(.malformedMessage))
    #expect(end(name) == .failed(.malformedMessage))
    #expect(end(name + [0, 0, 0, 12] + data) == .failed(.malformedMessage))
    #expect(end(name + [0, 0, 0, 10] + data) == .failed(.malformedMessage))
    #expect(end(name + [127, 255, 255, 255] + data) == .failed(.malformedMessage))
    #expect(
      end(name + [255, 255, 255, 255])
        == .failed(.saslAuthenticationFailed(.malformed("no client-first-message"))))
    #expect(
      end(bytes("SCRAM-SHA-256-PLUS\0") + [0, 0, 0, 11] + data) == .failed(.unknownMechanism))
    guard case .send = end(name + [0, 0, 0, 11] + data) else {
      Issue.record("a right message is refused")
      return
    }
  }

  @Test func `messages out of turn fail`() {
    var early = Login(method: .plain, stored: .plain("pw")).authenticator()
    #expect(early.receive(passwordMessageBody: bytes("pw\0")) == .failed(.unexpectedMessage))
    #expect(early.start() == .failed(.unexpectedMessage))
    var late = Login(method: .plain, stored: .plain("pw")).authenticator()
    _ = late.start()
    _ = late.receive(passwordMessageBody: bytes("no\0"))
    #expect(late.receive(passwordMessageBody: bytes("pw\0")) == .failed(.unexpectedMessage))
  }

  @Test func `failures have PgBouncer's texts`() {
    let sasl = AuthFailure.saslAuthenticationFailed(.nonceMismatch)
    #expect(sasl.message == "SASL authentication failed")
    #expect(sasl.logMessage == "SASL authentication failed: SCRAM nonce does not match")
    #expect(sasl.sqlstate == "28P01")
    let password = AuthFailure.passwordAuthenticationFailed
    #expect(password.message == "password authentication failed")
    #expect(password.sqlstate == "28P01")
    #expect(AuthFailure.trustAuthenticationFailed.message == "\"trust\" authentication failed")
    #expect(AuthFailure.trustAuthenticationFailed.sqlstate == "28000")
    #expect(AuthFailure.noSuchUser.message == "no such user")
    #expect(AuthFailure.wrongPasswordType.message == "wrong password type")
  }

  @Test func `no state shows a secret`() {
    let pooler = Login(method: .scram, stored: .plain("hunter2")).authenticator()
    let server = ServerAuthenticator(
      user: "p4", secret: .plain("hunter2"), scramKeys: nil, nonce: counting(18))
    let step = AuthStep.succeeded(send: [], scramKeys: nil, plainPassword: "hunter2")
    var dumped = ""
    dump((pooler, server, step, ScramClient.Credential.password("hunter2")), to: &dumped)
    #expect(!"\(pooler) \(server) \(step) \([step]) \(dumped)".contains("hunter2"))
  }

  @Test func `no body traps a login`() {
    var generator = SeededGenerator(seed: 5)
    let response = bytes("SCRAM-SHA-256\0") + [0, 0, 0, 11] + bytes("n,,n=,r=abc")
    for method in ClientAuthMethod.allCases {
      var started = Login(method: method, stored: verifier).authenticator()
      _ = started.start()
      for _ in 0..<500 {
        var pooler = started
        var step = pooler.receive(passwordMessageBody: generator.mutate(response))
        for _ in 0..<2 {
          if case .succeeded = step { Issue.record("logged in without the password") }
          step = pooler.receive(passwordMessageBody: generator.mutate(bytes("c=biws,r=a,p=")))
        }
      }
    }
  }
}
