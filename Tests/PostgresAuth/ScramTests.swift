import TestSupport
import Testing

@testable import PostgresAuth

/// The exchange of RFC 7677 section 3.
private enum RFC7677 {
  static let clientNonce = "rOprNGfwEbeRWgbNEkqO"
  static let serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
  static let salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
  static let clientFirst = "n,,n=user,r=\(clientNonce)"
  static let serverFirst = "r=\(clientNonce)\(serverNonce),s=\(salt),i=4096"
  static let clientFinal =
    "c=biws,r=\(clientNonce)\(serverNonce),p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
  static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

  static func verifier() throws -> ScramVerifier {
    let salt = try #require(Base64.decode(bytes(salt)))
    return try #require(ScramVerifier.make(password: "pencil", iterations: 4096, salt: salt))
  }

  static func server() throws -> ScramServer {
    ScramServer(verifier: try verifier(), printableNonce: bytes(serverNonce))
  }

  static func client(_ credential: ScramClient.Credential = .password("pencil")) -> ScramClient {
    ScramClient(credential: credential, user: "user", printableNonce: bytes(clientNonce))
  }
}

struct ScramTests {
  @Test func `the client says what RFC 7677 says`() throws {
    var client = RFC7677.client()
    #expect(text(client.firstMessage()) == RFC7677.clientFirst)
    let final = try client.receive(serverFirst: bytes(RFC7677.serverFirst))
    #expect(text(final) == RFC7677.clientFinal)
    #expect(!client.isVerified)
    try client.receive(serverFinal: bytes(RFC7677.serverFinal))
    #expect(client.isVerified)
  }

  @Test func `the server says what RFC 7677 says and recovers the keys`() throws {
    var server = try RFC7677.server()
    #expect(
      text(try server.receive(clientFirst: bytes(RFC7677.clientFirst))) == RFC7677.serverFirst)
    #expect(server.keys == nil)
    #expect(
      text(try server.receive(clientFinal: bytes(RFC7677.clientFinal))) == RFC7677.serverFinal)
    let keys = try #require(server.keys)
    #expect(Digest.sha256(keys.clientKey) == (try RFC7677.verifier().storedKey))

    var client = RFC7677.client(.keys(clientKey: keys.clientKey, serverKey: keys.serverKey))
    _ = client.firstMessage()
    let final = try client.receive(serverFirst: bytes(RFC7677.serverFirst))
    #expect(text(final) == RFC7677.clientFinal)
    try client.receive(serverFinal: bytes(RFC7677.serverFinal))
    #expect(client.isVerified)
  }

  @Test func `a client that supports channel binding is taken`() throws {
    var server = try RFC7677.server()
    _ = try server.receive(clientFirst: bytes("y,,n=,r=abc"))
    let nonce = "abc" + RFC7677.serverNonce
    let proof = text(Base64.encode(counting(32)))
    #expect(throws: ScramError.proofMismatch) {
      try server.receive(clientFinal: bytes("c=eSws,r=\(nonce),p=\(proof)"))
    }
  }

  @Test(
    arguments: [
      ("", .malformed("unexpected channel-binding flag")),
      ("n", .malformed("comma expected")),
      ("n,", .malformed("comma expected")),
      ("nn,,n=,r=a", .malformed("comma expected")),
      ("x,,n=,r=a", .malformed("unexpected channel-binding flag")),
      ("p=tls-server-end-point,,n=,r=a", .channelBindingUnsupported),
      ("n,a=bob,n=,r=a", .authorizationIdentityUnsupported),
      ("n,b,n=,r=a", .malformed("comma expected")),
      ("n,,m=x,n=,r=a", .extensionUnsupported),
      ("n,,n=,r=a,m=x", .extensionUnsupported),
      ("n,,", .malformed("attribute expected")),
      ("n,,r=a", .malformed("attribute \"n\" expected")),
      ("n,,n=", .malformed("attribute missing")),
      ("n,,n=,", .malformed("attribute expected")),
      ("n,,n=,r=", .malformed("invalid nonce")),
      ("n,,n=,r=a b", .malformed("invalid nonce")),
      ("n,,n=,r=\u{E9}", .malformed("invalid nonce")),
      ("n,,n=,r=a,", .malformed("attribute expected")),
      ("n,,n=,r=a,1=x", .malformed("attribute expected")),
      ("n,,n=,r=a\0", .malformed("NUL byte")),
      ("n,,n=,r=" + String(repeating: "a", count: 4096), .messageTooLong),
    ] as [(String, ScramError)])
  func `a wrong client-first-message is refused`(message: String, error: ScramError) throws {
    var server = try RFC7677.server()
    #expect(throws: error) { try server.receive(clientFirst: bytes(message)) }
    #expect(throws: ScramError.unexpectedMessage) {
      try server.receive(clientFirst: bytes(RFC7677.clientFirst))
    }
  }

  @Test(
    arguments: [
      ("c=biws", "c=eSws", .malformed("unexpected channel-binding data")),
      ("c=biws", "c=biws=", .malformed("unexpected channel-binding data")),
      ("c=biws,", "", .malformed("attribute \"c\" expected")),
      ("c=biws", "m=x,c=biws", .extensionUnsupported),
      (",p=", ",m=x,p=", .extensionUnsupported),
      (",p=", ",x=y,p=", .proofMismatch),
      ("$k0,", "$k1,", .nonceMismatch),
      ("$k0,", "$k,", .nonceMismatch),
      ("$k0,", "$k0x,", .nonceMismatch),
      ("r=rOpr", "r=rOpq", .nonceMismatch),
      ("p=dHzb", "p=dHzc", .proofMismatch),
      ("p=dHzb", "p=", .malformed("invalid proof")),
      ("dVQ=", "dVQ", .malformed("invalid proof")),
      ("dVQ=", "dVQ=,x=y", .malformed("garbage behind the proof")),
      (",p=", ",q=", .malformed("attribute missing")),
    ] as [(String, String, ScramError)])
  func `a wrong client-final-message is refused`(
    part: String, other: String, error: ScramError
  ) throws {
    var message = RFC7677.clientFinal
    message.replaceSubrange(try #require(message.firstRange(of: part)), with: other)
    var server = try RFC7677.server()
    _ = try server.receive(clientFirst: bytes(RFC7677.clientFirst))
    #expect(throws: error) { try server.receive(clientFinal: bytes(message)) }
    #expect(server.keys == nil)
    #expect(throws: ScramError.unexpectedMessage) {
      try server.receive(clientFinal: bytes(RFC7677.clientFinal))
    }
  }

  @Test(
    arguments: [
      ("r=rOpr", "r=rOpq", .nonceMismatch),
      (RFC7677.serverNonce, "", .nonceMismatch),
      ("i=4096", "i=0", .malformed("invalid iteration count")),
      ("i=4096", "i=4096x", .malformed("invalid iteration count")),
      ("i=4096", "i=", .malformed("invalid iteration count")),
      ("i=4096", "i=1000001", .tooManyIterations(1_000_001)),
      ("i=4096", "i=4096,m=x", .extensionUnsupported),
      ("r=rOpr", "m=x,r=rOpr", .extensionUnsupported),
      ("s=\(RFC7677.salt)", "s=", .malformed("invalid salt")),
      ("s=\(RFC7677.salt)", "s=W22", .malformed("invalid salt")),
      (",i=4096", "", .malformed("attribute missing")),
      (",i=4096", ",i=4096,", .malformed("attribute expected")),
    ] as [(String, String, ScramError)])
  func `a wrong server-first-message is refused`(
    part: String, other: String, error: ScramError
  ) throws {
    var message = RFC7677.serverFirst
    message.replaceSubrange(try #require(message.firstRange(of: part)), with: other)
    var client = RFC7677.client()
    _ = client.firstMessage()
    #expect(throws: error) { try client.receive(serverFirst: bytes(message)) }
    #expect(throws: ScramError.unexpectedMessage) {
      try client.receive(serverFinal: bytes(RFC7677.serverFinal))
    }
  }

  @Test(
    arguments: [
      ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", .malformed("invalid signature")),
      ("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", .serverSignatureMismatch),
      ("v=", .serverSignatureMismatch),
      ("v=AAAA", .serverSignatureMismatch),
      ("", .malformed("attribute expected")),
      ("x=y", .malformed("attribute \"v\" expected")),
      ("e=invalid-proof", .refusedByServer("invalid-proof")),
      ("e=a\n\u{1B}b", .refusedByServer("a??b")),
      ("m=x,\(RFC7677.serverFinal)", .extensionUnsupported),
      ("\(RFC7677.serverFinal),", .malformed("attribute expected")),
    ] as [(String, ScramError)])
  func `a server that does not prove itself is refused`(
    message: String, error: ScramError
  ) throws {
    var client = RFC7677.client()
    _ = client.firstMessage()
    _ = try client.receive(serverFirst: bytes(RFC7677.serverFirst))
    #expect(throws: error) { try client.receive(serverFinal: bytes(message)) }
    #expect(!client.isVerified)
    #expect(throws: ScramError.unexpectedMessage) {
      try client.receive(serverFinal: bytes(RFC7677.serverFinal))
    }
  }

  @Test func `keys of a wrong length are refused`() {
    var client = RFC7677.client(.keys(clientKey: counting(31), serverKey: counting(32)))
    _ = client.firstMessage()
    #expect(throws: ScramError.invalidKeys) {
      try client.receive(serverFirst: bytes(RFC7677.serverFirst))
    }
  }

  @Test func `nobody logs in as a user that does not exist`() throws {
    // Even who knows that the stored key is made of nothing fails, as the kind decides.
    var mock = ScramServer.mock(
      iterations: 1, salt: counting(16), derivesKeys: true, nonce: counting(18))
    let first = text(try mock.receive(clientFirst: bytes("n,,n=,r=abc")))
    let nonce = "abc" + text(Base64.encode(counting(18)))
    #expect(first == "r=\(nonce),s=\(text(Base64.encode(counting(16)))),i=1")
    let proof = text(Base64.encode(counting(32)))
    #expect(throws: ScramError.proofMismatch) {
      try mock.receive(clientFinal: bytes("c=biws,r=\(nonce),p=\(proof)"))
    }
    #expect(mock.keys == nil)
  }

  @Test func `no message traps either side`() throws {
    var generator = SeededGenerator(seed: 3)
    let freshServer = try RFC7677.server()
    var startedServer = freshServer
    _ = try startedServer.receive(clientFirst: bytes(RFC7677.clientFirst))
    var startedClient = RFC7677.client(.keys(clientKey: counting(32), serverKey: counting(32)))
    _ = startedClient.firstMessage()
    var provenClient = startedClient
    _ = try provenClient.receive(serverFirst: bytes(RFC7677.serverFirst))
    for _ in 0..<5_000 {
      var server = freshServer
      _ = try? server.receive(clientFirst: generator.mutate(bytes(RFC7677.clientFirst)))
      server = startedServer
      let final = generator.mutate(bytes(RFC7677.clientFinal))
      if (try? server.receive(clientFinal: final)) != nil {
        #expect(text(final) == RFC7677.clientFinal)
      }
      var client = startedClient
      _ = try? client.receive(serverFirst: generator.mutate(bytes(RFC7677.serverFirst)))
      client = provenClient
      try? client.receive(serverFinal: generator.mutate(bytes(RFC7677.serverFinal)))
      #expect(!client.isVerified)
      _ = StoredSecret(text(generator.mutate(bytes(MadeByPostgreSQL.pencil))))
      _ = Base64.decode(generator.mutate(bytes(RFC7677.salt)))
      _ = SASLprep.prepare(generator.mutate(bytes("pass\u{A0}\u{AD}\u{E9}")))
    }
  }
}
