import PostgresAuth
import Testing

struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func `values of RFC 4648 go both ways`(data: String, encoded: String) {
    #expect(text(Base64.encode(bytes(data))) == encoded)
    #expect(Base64.decode(bytes(encoded)) == bytes(data))
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "=", "====", "Z===", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n",
    "Zm9_", "Zm9-", "Zg=a", " Zg==", "Zm9v=", "Zm9v====", "\u{E9}\u{E9}",
  ])
  func `anything but the one right text is refused`(encoded: String) {
    #expect(Base64.decode(bytes(encoded)) == nil)
  }

  @Test func `every byte survives`() {
    for count in 0...260 {
      #expect(Base64.decode(Base64.encode(counting(count))) == counting(count))
    }
  }
}
