import PostgresAuth
import Tenancy
import Testing

@Suite struct SignedTokens {
  /// A test case of RFC 4231, section 4.
  struct Vector: Sendable, CustomTestStringConvertible {
    var name: String
    var key: [UInt8]
    var message: [UInt8]
    /// The case of 128 bits has its first half only.
    var digest: String
    var testDescription: String { name }
  }

  private static let vectors = [
    Vector(
      name: "case 1", key: [UInt8](repeating: 0x0b, count: 20), message: Array("Hi There".utf8),
      digest: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    Vector(
      name: "case 2, a short key", key: Array("Jefe".utf8),
      message: Array("what do ya want for nothing?".utf8),
      digest: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    Vector(
      name: "case 3", key: [UInt8](repeating: 0xaa, count: 20),
      message: [UInt8](repeating: 0xdd, count: 50),
      digest: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    Vector(
      name: "case 4", key: (1...25).map { UInt8($0) },
      message: [UInt8](repeating: 0xcd, count: 50),
      digest: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    Vector(
      name: "case 5, half a digest", key: [UInt8](repeating: 0x0c, count: 20),
      message: Array("Test With Truncation".utf8), digest: "a3b6167473100ee06e0c796c2955552b"),
    Vector(
      name: "case 6, a key longer than a block", key: [UInt8](repeating: 0xaa, count: 131),
      message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      digest: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    Vector(
      name: "case 7, a long key and a long message", key: [UInt8](repeating: 0xaa, count: 131),
      message: Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
      digest: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
  ]

  private func signer(
    _ keyID: String = "k1", _ secret: String = String(repeating: "k", count: 32),
    lifetime: Int = 300
  ) throws -> TokenSigner {
    try TokenSigner(keyID: keyID, secret: Array(secret.utf8), lifetime: lifetime)
  }

  private let now = 1_700_000_000

  @Test(arguments: vectors)
  func `the digest that signs is that of RFC 4231`(vector: Vector) {
    let digest = Digest.hmacSHA256(key: vector.key, message: vector.message) ?? []
    let text = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(text.hasPrefix(vector.digest))
    #expect(digest.count == 32)
  }

  @Test func `a token is what another implementation makes`() throws {
    let token = try signer().token(tenant: "acme", database: "app", user: "app_login", now: now)
    #expect(
      token == "v1.k1.1700000325.61636d65."
        + "010f4171111b53ce251f0b0068ab835b65c0ba220b1b9de21417d326a6bf96b5")
    let other = try signer("2024-b_C", String(repeating: "ä", count: 50))
      .token(tenant: #"o'ne\ß."#, database: "däta.base", user: "us er", now: now)
    #expect(
      other == "v1.2024-b_C.1700000325.6f276e655cc39f2e."
        + "81ff8979331ad35f64e3b250049f4996c3b31ca45d12f215536c80c17abc4448")
  }

  @Test func `the signed bytes hold all that is bound`() {
    let token = SignedToken(keyID: "k", expiry: 7, tenant: "a", database: "d", user: "u")
    #expect(String(decoding: token.signedBytes, as: UTF8.self) == "v1.k.7.61.64.75")
    #expect(token.text(signature: [0, 255]) == "v1.k.7.61.00ff")
  }

  /// Names that would run together if they were just put one behind the other.
  @Test func `no two contents have the same signed bytes`() {
    let names = ["", "a", "b", "ab", "a.b", ".", "a.", ".b", "61", "6", "1", "a\0b", "ä"]
    var seen: [[UInt8]: SignedToken] = [:]
    for tenant in names {
      for database in names {
        for user in names {
          let token = SignedToken(
            keyID: "k", expiry: 1, tenant: tenant, database: database, user: user)
          #expect(seen.updateValue(token, forKey: token.signedBytes) == nil)
        }
      }
    }
    #expect(seen.count == names.count * names.count * names.count)
  }

  @Test func `whatever is bound changes the signature`() throws {
    let signer = try signer()
    let tokens = [
      try signer.token(tenant: "acme", database: "app", user: "login", now: now),
      try signer.token(tenant: "acme2", database: "app", user: "login", now: now),
      try signer.token(tenant: "acme", database: "app2", user: "login", now: now),
      try signer.token(tenant: "acme", database: "app", user: "login2", now: now),
      try signer.token(tenant: "acme", database: "app", user: "login", now: now + 75),
      try self.signer("k2").token(tenant: "acme", database: "app", user: "login", now: now),
      try self.signer("k1", String(repeating: "K", count: 32))
        .token(tenant: "acme", database: "app", user: "login", now: now),
    ]
    #expect(Set(tokens.map { $0.suffix(64) }).count == tokens.count)
  }

  @Test func `a token is printable ASCII without quotes, and short enough for the server`() throws {
    let tenant = String(repeating: "😀'", count: 51)
    #expect(tenant.utf8.count == SignedToken.maximumTenantBytes)
    let token = try signer(String(repeating: "k", count: 32)).token(
      tenant: tenant, database: "d", user: "u", now: SignedToken.latestExpiry - 600)
    let printable = token.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    #expect(printable && !token.contains("'") && !token.contains("\\"))
    #expect(token.utf8.count <= 1024)
  }

  @Test(arguments: [4, 5, 59, 60, 300, 3601, 86_400])
  func `a token stays the same until its renewal, and is good for its lifetime`(
    lifetime: Int
  ) throws {
    let signer = try signer(lifetime: lifetime)
    func token(_ now: Int) throws -> String {
      try signer.token(tenant: "acme", database: "app", user: "login", now: now)
    }
    var time = now
    for _ in 0..<20 {
      let renewal = signer.renewal(now: time)
      #expect(renewal > time && renewal - time <= max(1, lifetime / 4))
      #expect(try token(renewal - 1) == token(time))
      #expect(try token(renewal) != token(time))
      let expiry = signer.expiry(now: time)
      #expect(expiry - (renewal - 1) >= lifetime)
      #expect(expiry - time < lifetime + max(1, lifetime / 4))
      #expect(try token(time).contains(".\(expiry)."))
      time = renewal
    }
  }

  @Test func `a short secret, a strange key ID and a strange lifetime are refused`() throws {
    #expect(throws: TokenSigner.Fault.secretTooShort) {
      try signer("k1", String(repeating: "k", count: 31))
    }
    for keyID in ["", "a.b", "ä", "a b", "a'b", "a\n", String(repeating: "k", count: 33)] {
      #expect(throws: TokenSigner.Fault.keyIDInvalid) { try signer(keyID) }
    }
    for lifetime in [Int.min, -1, 0, 3, 86_401, Int.max] {
      #expect(throws: TokenSigner.Fault.lifetimeOutOfRange) { try signer(lifetime: lifetime) }
    }
  }

  @Test func `a strange tenant and a strange time get no token`() throws {
    let signer = try signer()
    for tenant in ["", "a\0b", String(repeating: "a", count: 256)] {
      #expect(throws: TokenSigner.Fault.tenantInvalid) {
        try signer.token(tenant: tenant, database: "app", user: "login", now: now)
      }
    }
    for time in [Int.min, -1, SignedToken.latestExpiry, Int.max] {
      #expect(throws: TokenSigner.Fault.timeOutOfRange) {
        try signer.token(tenant: "acme", database: "app", user: "login", now: time)
      }
      #expect(signer.expiry(now: time) >= 0 && signer.renewal(now: time) >= 0)
    }
  }

  @Test func `nothing that prints a signer shows its secret`() throws {
    let signer = try signer("k1", "a secret that nobody else may see")
    var dumped = ""
    dump(signer, to: &dumped)
    for text in ["\(signer)", String(reflecting: signer), dumped] {
      #expect(!text.contains("secret that") && !text.contains("97"), "\(text)")
    }
  }
}
