/// The name in `SET name = value` or `RESET name` as a clause of another statement, and in the body
/// of a function.
enum SetClause {
  /// The settings that it names, lower-cased; nil where they can't be told.
  /// - Parameter keyword: SET or RESET.
  /// - Parameter lexer: behind the keyword.
  static func names(
    _ keyword: SQLLexer.Lexeme, _ lexer: SQLLexer, _ bytes: [UInt8]
  ) -> [String]? {
    let clause = clause(keyword, lexer, bytes)
    if clause.word(0) == "reset" {
      if clause.word(1) == "all" { return [] }
      guard let target = SQLAnalyser.target(ofReset: clause) else { return nil }
      return target.name.map { SQLAnalyser.settings(of: $0) } ?? []
    }
    if !SQLAnalyser.endsName(clause, at: 2) {
      // ALTER DATABASE name SET TABLESPACE name, ALTER FUNCTION name SET SCHEMA name.
      if clause.word(1) == "tablespace" { return [] }
      if clause.word(1) == "schema", clause.identifier(2) != nil { return [] }
    }
    return SQLAnalyser.target(of: clause).names?.flatMap { SQLAnalyser.settings(of: $0) }
  }

  /// The clause up to its name's end, or to its first string.
  private static func clause(
    _ keyword: SQLLexer.Lexeme, _ lexer: SQLLexer, _ bytes: [UInt8]
  ) -> SQLStatement {
    var lexer = lexer
    var clause = SQLStatement()
    clause.append(keyword, in: bytes)
    while clause.count < SQLStatement.maxParts, let lexeme = lexer.next(),
      lexeme.kind != .symbol(UInt8(ascii: ";"))
    {
      clause.append(lexeme, in: bytes)
      switch lexeme.kind {
      case .symbol(UInt8(ascii: "=")), .string, .obscureString, .dollarString: return clause
      default: break
      }
      let word = clause.word(clause.count - 1)
      if word == "to" || word == "from" { return clause }
    }
    return clause
  }
}
