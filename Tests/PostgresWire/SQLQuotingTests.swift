import PostgresWire
import TestSupport
import Testing

struct SQLQuotingTests {
  @Test(arguments: [
    ("", "''"),
    ("acme", "'acme'"),
    ("it's \"5\" $$ ;--", #"'it''s "5" $$ ;--'"#),
    (#"a\'b"#, #"E'a\\''b'"#),
    (#"\"#, #"E'\\'"#),
    ("caf\u{E9}'", #"E'caf\u00E9'''"#),
    ("e\u{301}'\u{301}", #"E'e\u0301''\u0301'"#),
    ("\u{1F600}", #"E'\U0001F600'"#),
    ("a\nb\u{7F}", #"E'a\u000Ab\u007F'"#),
    ("a\0b", #"E'a\u0000b'"#),
  ])
  func `a literal holds its value in ASCII`(value: String, literal: String) {
    #expect(SQLLiteral.quote(value) == literal)
  }

  @Test(arguments: [
    ("", #""""#),
    ("Tenant A", #""Tenant A""#),
    (#"a"b\c"#, #""a""b\c""#),
    (#"\"é"#, #"U&"\\""\00E9""#),
    ("\u{1F600}1", #"U&"\+01F6001""#),
    ("a\0b", #"U&"a\0000b""#),
  ])
  func `an identifier holds its name in ASCII`(name: String, identifier: String) {
    #expect(SQLIdentifier.quote(name) == identifier)
  }

  @Test func `no value leaves its literal`() {
    var generator = SeededGenerator(seed: 11)
    let alphabet: [Unicode.Scalar] = [
      "'", "\\", "\"", "a", "\0", "\n", "\u{E9}", "\u{301}", "\u{8140}", "\u{1F600}", ";", "-",
    ]
    for _ in 0..<2_000 {
      var value = ""
      for _ in 0..<Int.random(in: 0...12, using: &generator) {
        value.unicodeScalars.append(alphabet.randomElement(using: &generator) ?? "a")
      }
      let literal = SQLLiteral.quote(value)
      #expect(literal.utf8.allSatisfy { (0x20...0x7E).contains($0) })
      #expect(endOfLiteral(Array(literal.utf8)) == literal.utf8.count)
    }
  }

  /// Where PostgreSQL's lexer ends the literal, with backslashes as escapes only within `E''`;
  /// nil where it does not end or where that would depend on `standard_conforming_strings`.
  private func endOfLiteral(_ text: [UInt8]) -> Int? {
    let escapes = text.first == UInt8(ascii: "E")
    var index = escapes ? 2 : 1
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "\\"):
        guard escapes else { return nil }
        index += 2
      case UInt8(ascii: "'"):
        guard index + 1 < text.count, text[index + 1] == UInt8(ascii: "'") else {
          return index + 1
        }
        index += 2
      default: index += 1
      }
    }
    return nil
  }
}
