/// The body of a function, or of a DO block, which is a string.
///
/// It is read for the names of settings that it shows in SET, RESET and set_config, in strings
/// within it too (EXECUTE 'SET ...'). That is a help for who looks at what is created, not a wall:
/// a body can put a name together from pieces.
struct SQLBody {
  /// Strings in strings are read to this depth.
  private static let maxDepth = 4

  private let content: [UInt8]
  private var names: [String] = []
  /// Bytes that may still be read ahead.
  private var aheadBytes: Int

  /// - Parameter lexeme: a string of the text `bytes`.
  init(_ bytes: [UInt8], _ lexeme: SQLLexer.Lexeme) {
    content = Self.content(bytes, lexeme)
    aheadBytes = 4 * content.count + 4096
  }

  private static func content(_ bytes: [UInt8], _ lexeme: SQLLexer.Lexeme) -> [UInt8] {
    let slice = bytes[lexeme.content]
    if lexeme.kind == .dollarString { return Array(slice) }
    return SQLStatement.undoubledBytes(slice)
  }

  /// Lower-cased. A name may be there more than once.
  mutating func settingNames() -> [String] {
    read(content, depth: 1)
    return names
  }

  private mutating func read(_ bytes: [UInt8], depth: Int) {
    var lexer = SQLLexer(bytes, in: 0..<bytes.count, isStandardConforming: true)
    // Of the statement at hand.
    var first: String?
    var isFirst = true
    while let lexeme = lexer.next() {
      switch lexeme.kind {
      case .symbol(UInt8(ascii: ";")):
        isFirst = true
        continue
      case .string, .obscureString, .dollarString:
        if depth < Self.maxDepth { read(Self.content(bytes, lexeme), depth: depth + 1) }
      case .quotedName:
        addCall(SQLName.lowerCased(SQLName.unquoted(bytes[lexeme.content])), lexer, bytes)
      case .word:
        let word = SQLName.folded(bytes[lexeme.content])
        if ["begin", "then", "else", "loop"].contains(word) {
          isFirst = true
          continue
        }
        addCall(word, lexer, bytes)
        if word == "set" || word == "reset" {
          // The `set` of an UPDATE is no SET, and a string may be plain prose.
          let isClause =
            depth > 1 ? isFirst : isFirst || !["update", "insert", "merge", "with"].contains(first)
          if isClause { names += SetClause.names(lexeme, lexer, bytes) ?? [] }
        }
        if isFirst { first = word }
        isFirst = false
        continue
      case .unicodeName, .number, .parameter, .symbol: break
      }
      if isFirst { first = nil }
      isFirst = false
    }
  }

  private mutating func addCall(_ name: String, _ lexer: SQLLexer, _ bytes: [UInt8]) {
    guard SQLName.isSetConfig(name), aheadBytes > 0 else { return }
    var call = SetConfigCall(lexer: lexer, bytes: bytes)
    if let name = call.read().name { names += SQLAnalyser.settings(of: name) }
    aheadBytes -= call.position - lexer.position
  }
}
