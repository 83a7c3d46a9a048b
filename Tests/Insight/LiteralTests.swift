import Insight
import TestSupport
import Testing

@testable import Pooling

/// Whatever form a literal has, nothing of it is in the fingerprint; and the lexer that reads texts
/// for what they do sees the same names.
@Suite struct LiteralTests {
  private static let marks = [
    "zqxsecret", "zqx''secret", "zqx\"secret", "zqx secret", "zqx;--secret",
  ]

  /// A literal with `zqx` in it, in one of all forms.
  private static func literal(_ random: inout SeededGenerator) -> String {
    let mark = random.pick(marks)
    let bare = "zqxsecret"
    return switch random.below(13) {
    case 0: "'\(mark)'"
    case 1: "E'\(mark)\\'zqx\\\\'"
    case 2: "e'\\n\(mark)'"
    case 3: "U&'\(mark)\\0061'"
    case 4: "B'01\(bare)'"
    case 5: "x'\(bare)'"
    case 6: "N'\(mark)'"
    case 7: "$$\(mark)$$"
    case 8: "$q1_$\(mark) $$ $q$ '$q1_$"
    case 9: "'\(mark)'\n  '\(mark)'"
    case 10: "'\(mark)' -- c\n '\(mark)'"
    case 11: "'zqx\\\\ \\n \(bare)'"
    default: random.pick(["7777", "7777.7777", ".7777", "7777e-7777", "0x7777", "7_777", "-7777"])
    }
  }

  private static func statement(_ random: inout SeededGenerator) -> String {
    let space = { (random: inout SeededGenerator) in
      random.pick([" ", "\n", "\t ", " /* zqx 7777 */ ", " -- zqx 'x\n", ""])
    }
    func list(_ random: inout SeededGenerator) -> String {
      (0...random.below(4)).map { _ in literal(&random) }.joined(separator: "," + space(&random))
    }
    let gap = space(&random) + " "
    switch random.below(8) {
    case 0:
      return "select\(gap)* from t where a =\(gap)\(literal(&random)) and b < \(literal(&random))"
    case 1: return "select a from t where b in (\(list(&random)))\(gap)and c = $1"
    case 2: return "insert into t values (\(list(&random))), (\(list(&random)))"
    case 3: return "update t set a =\(gap)\(literal(&random)) where b =\(literal(&random))::text"
    case 4: return "select f(\(list(&random)), g(\(literal(&random))))[\(literal(&random))]"
    case 5: return "alter role r password \(literal(&random)); set a.b to zqx, zqx; select 1"
    case 6:
      return "select a from t where x = any(array[\(list(&random))]) limit \(literal(&random))"
    default: return "with c as (select \(literal(&random)) as a)\(gap)select * from c -- zqx"
    }
  }

  @Test(arguments: 0..<20)
  func `no literal is in a fingerprint`(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<500 {
      let text = Self.statement(&random)
      let shown = fingerprint(text)
      #expect(!shown.contains("zqx") && !shown.contains("7777"), "\(text)\n\(shown)")
      // Nor where the text is cut, as by a limit.
      let cut = fingerprint(Array(text.utf8.prefix(random.below(text.utf8.count + 1))))
      #expect(!cut.contains("zqx") && !cut.contains("7777"), "\(text)\n\(cut)")
    }
  }

  @Test(arguments: 0..<20)
  func `other literals make the same fingerprint`(seed: Int) {
    for round in 0..<200 {
      var random = SeededGenerator(seed: UInt64(seed * 1_000 + round))
      var first = Self.statement(&random)
      let expected = fingerprint(first)
      // Digits and letters of literals, and comments, all change at once.
      first = first.replacing("7777", with: "123").replacing("zqx", with: "other")
        .replacing("7_777", with: "5")
      #expect(fingerprint(first) == expected, "\(first)")
    }
  }

  @Test(arguments: 0..<20)
  func `the names are those that the analyser's lexer sees`(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<200 {
      let text = Self.statement(&random)
      // What is SET is left out on purpose.
      if text.contains("set a.b to") || fingerprint(text).hasSuffix(" ...") { continue }
      #expect(Self.words(fingerprint(text)) == Self.words(text), "\(text)")
    }
  }

  private static func words(_ text: String) -> Set<String> {
    let bytes = Array(text.utf8)
    var lexer = SQLLexer(bytes, in: 0..<bytes.count, isStandardConforming: true)
    var words: Set<String> = []
    while let lexeme = lexer.next() {
      switch lexeme.kind {
      case .word: words.insert(String(decoding: bytes[lexeme.content], as: UTF8.self).lowercased())
      case .quotedName, .unicodeName, .string, .obscureString, .dollarString, .number, .parameter,
        .symbol:
        break
      }
    }
    // Letters of numbers, and the one in front of N.....
    return words.filter { !["e", "n", "x7777", "_777"].contains($0) }
  }
}
