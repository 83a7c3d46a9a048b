/// Code that is not read as statements.
extension SQLAnalyser {
  /// DO [LANGUAGE name] 'body': PL/pgSQL has PostgreSQL's own lexemes, other languages have not.
  mutating func addDo(_ statement: SQLStatement) {
    var body: Range<Int>?
    var isReadable = statement.count <= 4
    var index = 1
    while index < statement.parts.count {
      let part = statement.parts[index]
      if statement.word(index) == "language" {
        index += 1
        let language = index < statement.parts.count ? statement.parts[index] : nil
        let isQuoted = language?.kind == .string || language?.kind == .quotedName
        isReadable =
          isReadable && language?.text == "plpgsql" && (isQuoted || language?.kind == .word)
      } else if part.kind == .dollarString, body == nil {
        body = part.content
      } else {
        isReadable = false
      }
      switch part.kind {
      case .string, .obscureString, .dollarString:
        addBody(SQLLexer.Lexeme(kind: part.kind, content: part.content))
      default: break
      }
      index += 1
    }
    if let body, isReadable, isHarmlessBody(body) { return }
    analysis.effects.formUnion([.procedural, .unknownSettings])
  }

  /// Whether nothing in it could reach the session. The `set` of an UPDATE is no SET.
  private func isHarmlessBody(_ range: Range<Int>) -> Bool {
    var lexer = SQLLexer(bytes, in: range, isStandardConforming: isStandardConforming)
    // Of the statement at hand. Only words that start one in PL/pgSQL may stand before its first.
    var first: String?
    var isFirst = true
    while let lexeme = lexer.next() {
      guard lexeme.kind != .unicodeName else { return false }
      if lexeme.kind == .symbol(UInt8(ascii: ";")) {
        isFirst = true
        continue
      }
      guard lexeme.kind == .word || lexeme.kind == .quotedName else {
        if isFirst { first = nil }
        isFirst = false
        continue
      }
      let slice = bytes[lexeme.content]
      let word = SQLName.lowerCased(
        lexeme.kind == .word ? SQLName.folded(slice) : SQLName.unquoted(slice))
      if lexeme.kind == .word, ["begin", "then", "else", "loop"].contains(word) {
        isFirst = true
        continue
      }
      if isFirst { first = lexeme.kind == .word ? word : nil }
      isFirst = false
      let isUpdate = word == "set" && ["update", "insert"].contains(first)
      if SQLName.isSuspicious(word), !isUpdate { return false }
    }
    return true
  }

  /// Whether any word of the text, in quotes and comments too, is one to be wary of. For a text of
  /// which one can't tell where its quotes end.
  static func hasSuspiciousWord(_ bytes: [UInt8]) -> Bool {
    hasWord(bytes) { SQLName.isSuspicious($0) || $0 == "declare" || $0 == "do" }
  }

  /// The same of words with which a statement begins that ends its transaction.
  static func hasEndingWord(_ bytes: [UInt8]) -> Bool {
    hasWord(bytes) { ["commit", "rollback", "abort", "end", "execute"].contains($0) }
  }

  /// - Returns: also true where a name stands that could be any word.
  private static func hasWord(_ bytes: [UInt8], _ isSought: (String) -> Bool) -> Bool {
    var start = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count, isWordByte(bytes[end]) { end += 1 }
      let word = SQLName.folded(bytes[start..<end])
      if isSought(word) { return true }
      if word == "u", end < bytes.count, bytes[end] == UInt8(ascii: "&") { return true }
      start = end + 1
    }
    return false
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    SQLLexer.isWordStart(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "$")
  }
}
