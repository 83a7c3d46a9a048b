import PostgresWire
import Testing

@Suite struct CommandTagTests {
  @Test(
    arguments: [
      ("SELECT 5\0", 5), ("INSERT 0 12\0", 12), ("COPY 1234567890123\0", 1_234_567_890_123),
      ("COMMIT\0", 0), ("", 0), ("\0", 0), ("FETCH 0\0", 0), ("7", 7),
    ] as [(String, UInt64)])
  func `the rows of a tag are its last number`(tag: String, rows: UInt64) {
    #expect(CommandTag.rows(Array(tag.utf8).span.bytes) == rows)
  }

  @Test func `a number too long is taken as far as it goes`() {
    let tag = Array("SELECT \(String(repeating: "9", count: 100))\0".utf8)
    #expect(CommandTag.rows(tag.span.bytes) == 9_999_999_999_999_999_999)
  }
}
