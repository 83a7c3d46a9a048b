import PostgresAuth
import Testing

/// Made by PostgreSQL 15.
enum MadeByPostgreSQL {
  static let pencil =
    "SCRAM-SHA-256$4096:N7GUv58rsRg9Ksg3h5CfEA==$EhWSV/48uPPfuPQVX9Ironb+ZKtabM7G+6nZD9Kuho8="
    + ":nv0UvGOV7suAj45wNl5Zv3/KtxOHTHSMcKZsiY3LGGc="
  /// Of a password with U+00A0 and U+00AD in it.
  static let prepared =
    "SCRAM-SHA-256$4096:v4XWkLaZlp4hAAVVKWW2sw==$EtNYHg+QLfcLPM5yob5nLuxcjbpIMT+I8ajUnoQZnho="
    + ":OZ44M9OOKAQN2UEdLfa6pZnBSBGdFar91HCIZCHrW64="
  static let cyrillic =
    "SCRAM-SHA-256$4096:qcWFZ7oScCw582Xf6EteHg==$go5A2AyUvQSfNTVO//JvKx2OIg7TncrVRr3y5tmUcz4="
    + ":zOzqXESRuKluoHN+DVAlV2nU82FGyo4E0T8lN/pn+4E="
  /// Of the user p4 and the password pencil.
  static let md5 = "md592786cd030be5ec2e02c10f02987413a"
}

struct StoredSecretTests {
  @Test func `each kind is recognised`() throws {
    #expect(StoredSecret("secret") == .plain("secret"))
    #expect(StoredSecret("") == .plain(""))
    #expect(StoredSecret(MadeByPostgreSQL.md5) == .md5("92786cd030be5ec2e02c10f02987413a"))
    let verifier = try #require(ScramVerifier(MadeByPostgreSQL.pencil))
    #expect(StoredSecret(MadeByPostgreSQL.pencil) == .scram(verifier))
  }

  @Test(arguments: [
    "md5", "md592786cd030be5ec2e02c10f02987413", "md592786cd030be5ec2e02c10f02987413ab",
    "md592786CD030BE5EC2E02C10F02987413A", "MD592786cd030be5ec2e02c10f02987413a",
    "md592786cd030be5ec2e02c10f0298741\u{E9}",
  ])
  func `what is no MD5 digest is a plain password`(secret: String) {
    #expect(StoredSecret(secret) == .plain(secret))
  }

  @Test func `a verifier's text goes both ways`() throws {
    let verifier = try #require(ScramVerifier(MadeByPostgreSQL.pencil))
    #expect(verifier.iterations == 4096)
    #expect(verifier.salt.count == 16)
    #expect(verifier.text == MadeByPostgreSQL.pencil)
  }

  @Test(arguments: [
    (MadeByPostgreSQL.pencil, "pencil"),
    (MadeByPostgreSQL.prepared, "pass\u{A0}w\u{AD}ord"),
    (MadeByPostgreSQL.prepared, "pass word"),
    (MadeByPostgreSQL.cyrillic, "\u{438}\u{43C}\u{44F}"),
  ])
  func `PostgreSQL's verifiers match their passwords`(stored: String, password: String) throws {
    let verifier = try #require(ScramVerifier(stored))
    #expect(verifier.matches(password: bytes(password)))
    #expect(!verifier.matches(password: bytes(password + "x")))
    let made = ScramVerifier.make(
      password: password, iterations: verifier.iterations, salt: verifier.salt)
    #expect(made?.text == stored)
  }

  @Test(arguments: [
    ("SCRAM-SHA-256", "SCRAM-SHA-1"), ("4096", "0"), ("4096", "-1"), ("4096", ""),
    ("4096", "2147483648"), ("4096", "99999999999999999999"), ("4096", "4096x"),
    ("N7GUv58rsRg9Ksg3h5CfEA==", ""), ("N7GUv58rsRg9Ksg3h5CfEA==", "N7GUv58rsRg9Ksg3h5CfEA"),
    ("EhWSV/48", "EhWS"), ("nv0UvGOV", "nv0UvGOVAAAA"), ("GGc=", "GGc=:"), (":nv", "nv"),
    ("==$", "==$$"), ("GGc=", "GGc= "), ("nv0UvGOV", "nv0U\u{0}GOV"),
  ])
  func `a text that is nearly a verifier is none`(part: String, other: String) throws {
    let range = try #require(MadeByPostgreSQL.pencil.firstRange(of: part))
    var malformed = MadeByPostgreSQL.pencil
    malformed.replaceSubrange(range, with: other)
    #expect(ScramVerifier(malformed) == nil)
    #expect(StoredSecret(malformed) == .plain(malformed))
  }

  @Test(arguments: ["hunter2", MadeByPostgreSQL.md5, MadeByPostgreSQL.pencil])
  func `secrets do not show`(secret: String) {
    let stored = StoredSecret(secret)
    var dumped = ""
    dump((stored, Optional(stored)), to: &dumped)
    let shown = "\(stored) \(String(reflecting: [stored])) \(dumped)"
    for part in ["hunter2", "92786cd0", "nv0UvGOV", "254", "158"] {
      #expect(!shown.contains(part), "\(part)")
    }
  }

  @Test func `MD5 answers are PostgreSQL's`() {
    let salt: [UInt8] = [1, 2, 3, 4]
    let fromDigest = MD5Auth.response(
      user: "p4", secret: StoredSecret(MadeByPostgreSQL.md5), salt: salt)
    #expect(fromDigest == MD5Auth.response(user: "p4", secret: .plain("pencil"), salt: salt))
    #expect(fromDigest != MD5Auth.response(user: "p5", secret: .plain("pencil"), salt: salt))
    // md5("92786cd030be5ec2e02c10f02987413a" and the bytes 1 to 4)
    #expect(fromDigest == "md5892cbfc17d8a41b7b0c0db434474c0d9")
    let verifier = StoredSecret(MadeByPostgreSQL.pencil)
    #expect(MD5Auth.response(user: "p4", secret: verifier, salt: salt) == nil)
  }
}
