import PostgresAuth
import Testing

struct DigestTests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  ])
  func `SHA-256 gives the values of FIPS 180`(input: String, digest: String) {
    #expect(Digest.sha256(bytes(input)).map(hexadecimal) == digest)
  }

  @Test func `HMAC gives the value of RFC 4231`() {
    let digest = Digest.hmacSHA256(
      key: bytes("Jefe"), message: bytes("what do ya want for nothing?"))
    #expect(
      digest.map(hexadecimal)
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test func `HMAC takes an empty key and an empty message`() {
    #expect(
      Digest.hmacSHA256(key: [], message: []).map(hexadecimal)
        == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
  }

  @Test func `PBKDF2 gives the value of RFC 7914`() {
    let key = Digest.pbkdf2(password: bytes("passwd"), salt: bytes("salt"), iterations: 1)
    #expect(
      key.map(hexadecimal)
        == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")
  }

  @Test(arguments: [Int.min, -1, 0, Int(Int32.max) + 1])
  func `PBKDF2 refuses an iteration count out of range`(iterations: Int) {
    #expect(Digest.pbkdf2(password: [1], salt: [2], iterations: iterations) == nil)
  }

  @Test(arguments: [
    ("", "d41d8cd98f00b204e9800998ecf8427e"),
    ("abc", "900150983cd24fb0d6963f7d28e17f72"),
    ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
  ])
  func `MD5 gives the values of RFC 1321`(input: String, digest: String) {
    #expect(Digest.md5Hex(bytes(input)) == digest)
  }

  @Test func `comparison tells equal from different`() {
    #expect(Digest.constantTimeEquals([], []))
    #expect(Digest.constantTimeEquals([1, 2], [1, 2]))
    #expect(!Digest.constantTimeEquals([1, 2], [1, 3]))
    #expect(!Digest.constantTimeEquals([1], [1, 2]))
    #expect(!Digest.constantTimeEquals([], [0]))
  }

  @Test func `random bytes have their length and differ`() {
    #expect(RandomBytes.make(0).isEmpty)
    #expect(RandomBytes.make(33).count == 33)
    #expect(RandomBytes.make(16) != RandomBytes.make(16))
  }
}
