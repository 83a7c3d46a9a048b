/// EXECUTE of a prepared statement.
extension SQLText {
  /// The highest number of a parameter (`$1`) in a text, up to its end or its first zero byte; 0:
  /// it has none. At most 65,535, which is what a Bind can give.
  public static func highestParameter(_ text: RawSpan) -> Int {
    var bytes: [UInt8] = []
    for offset in 0..<text.byteCount {
      let byte = byte(text, offset)
      if byte == 0 { break }
      bytes.append(byte)
    }
    var lexer = SQLLexer(bytes, in: 0..<bytes.count, isStandardConforming: true)
    var highest = 0
    while let lexeme = lexer.next() {
      guard lexeme.kind == .parameter else { continue }
      let digits = String(decoding: bytes[lexeme.content].dropFirst(), as: UTF8.self)
      highest = max(highest, min(Int(digits) ?? 0, Int(UInt16.max)))
    }
    return highest
  }

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
      let name = lexer.next(), !lexer.isCutOff
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
