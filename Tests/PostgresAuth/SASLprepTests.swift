import PostgresAuth
import Testing

struct SASLprepTests {
  @Test(arguments: [
    ("", ""),
    ("plain ASCII\t\u{1}", "plain ASCII\t\u{1}"),
    ("I\u{AD}X", "IX"),
    ("a\u{A0}b\u{3000}c\u{200B}d", "a b c d"),
    ("caf\u{E9}", "caf\u{E9}"),
    ("\u{1F600}\u{FE0F}", "\u{1F600}"),
    // Prohibited: taken raw, so that nothing is mapped.
    ("a\u{A0}\u{1}", "a\u{A0}\u{1}"),
    ("a\u{AD}\u{E000}", "a\u{AD}\u{E000}"),
    ("a\u{AD}\u{2FFFF}", "a\u{AD}\u{2FFFF}"),
    // Nothing left.
    ("\u{AD}", "\u{AD}"),
  ])
  func `passwords are prepared`(password: String, prepared: String) {
    #expect(SASLprep.prepare(password) == bytes(prepared))
  }

  @Test func `what is not UTF-8 is taken raw`() {
    #expect(SASLprep.prepare([0x61, 0xE9, 0xC2, 0xA0]) == [0x61, 0xE9, 0xC2, 0xA0])
  }
}
