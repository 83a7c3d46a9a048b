/// EXECUTE of a prepared statement.
extension SQLText {
  /// The name that a text `EXECUTE name ...` or `EXPLAIN ... EXECUTE name ...` begins with, folded,
  /// and where it stands, quotes included; nil for any other text, or where it takes more than
  /// reading.
  public static func executed(_ text: RawSpan) -> (name: String, place: Range<Int>)? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.byteCount)
    for offset in 0..<text.byteCount { bytes.append(byte(text, offset)) }
    var lexer = SQLLexer(bytes, in: 0..<bytes.count, isStandardConforming: true)
    guard var lexeme = lexer.next(), lexeme.kind == .word else { return nil }
    if SQLName.folded(bytes[lexeme.content]) == "explain" {
      // EXPLAIN (ANALYZE, BUFFERS) EXECUTE, EXPLAIN ANALYZE VERBOSE EXECUTE.
      for _ in 0..<64 {
        guard let next = lexer.next() else { return nil }
        lexeme = next
        if lexeme.kind == .word, SQLName.folded(bytes[lexeme.content]) == "execute" { break }
      }
    }
    guard lexeme.kind == .word, SQLName.folded(bytes[lexeme.content]) == "execute",
      let name = lexer.next()
    else { return nil }
    switch name.kind {
    case .word: return (SQLName.folded(bytes[name.content]), name.content)
    case .quotedName:
      let place = name.content.lowerBound - 1..<name.content.upperBound + 1
      return (SQLName.unquoted(bytes[name.content]), place)
    default: return nil
    }
  }
}
