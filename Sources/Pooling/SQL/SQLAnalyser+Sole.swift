/// Statements that assign one setting and do nothing else.
///
/// Who acts upon what is read here may answer the client in PostgreSQL's place: what can't be told
/// to the letter is nil, and so is what PostgreSQL would not take.
extension SQLAnalyser {
  static func soleAssignment(
    _ statement: SQLStatement, _ bytes: [UInt8]
  ) -> SQLAnalysis.SoleAssignment? {
    guard statement.count <= SQLStatement.maxParts else { return nil }
    let sole: SQLAnalysis.SoleAssignment?
    switch statement.word(0) {
    case "set": sole = soleSet(statement, bytes)
    case "reset": sole = soleReset(statement)
    case "select": sole = soleCall(statement, bytes)
    default: return nil
    }
    guard let sole, !isTransient(sole.name), settings(of: sole.name).count == 1 else { return nil }
    return sole
  }

  private static func soleSet(
    _ statement: SQLStatement, _ bytes: [UInt8]
  ) -> SQLAnalysis.SoleAssignment? {
    let target = target(of: statement)
    guard let names = target.names, names.count == 1, let name = names.first else { return nil }
    let index: Int
    if let end = target.end {
      guard statement.isSymbol("=", at: end) || statement.word(end) == "to" else { return nil }
      index = end + 1
    } else if name == "role" || name == "search_path" {
      index = statement.count - 1
      // [SET] [LOCAL | SESSION] ROLE name, SCHEMA 'name'.
      guard ["role", "schema"].contains(statement.word(index - 1)),
        index <= (target.isLocal || statement.word(1) == "session" ? 3 : 2),
        name == "role" ? !isTruthWord(statement, at: index) : statement.isString(index)
      else { return nil }
    } else {
      return nil
    }
    guard let value = setValue(statement, at: index, bytes) else { return nil }
    if value == .default, target.end == nil { return nil }
    if case .text(let text) = value, isListOfNames(name), !isLowerCaseName(text) { return nil }
    return SQLAnalysis.SoleAssignment(
      name: name, isLocal: target.isLocal, value: value, form: .set, columnName: nil)
  }

  private static func soleReset(_ statement: SQLStatement) -> SQLAnalysis.SoleAssignment? {
    guard statement.word(1) != "all", let (name, end) = target(ofReset: statement), let name,
      statement.count == end
    else { return nil }
    return SQLAnalysis.SoleAssignment(
      name: name, isLocal: false, value: .default, form: .reset, columnName: nil)
  }

  /// Words that are a value of SET though they are reserved.
  private static func isTruthWord(_ statement: SQLStatement, at index: Int) -> Bool {
    ["true", "false", "on"].contains(statement.word(index))
  }

  /// The statement's last part, or its last with a sign, as SET takes it (gram.y: var_value).
  private static func setValue(
    _ statement: SQLStatement, at index: Int, _ bytes: [UInt8]
  ) -> SQLAnalysis.SoleAssignment.Value? {
    guard index < statement.count else { return nil }
    let part = statement.parts[index]
    switch part.kind {
    case .number, .symbol:
      return plainValue(statement, at: index).map { .text($0) }
    case .string, .dollarString, .obscureString:
      guard statement.count == index + 1 else { return nil }
      return literal(part, bytes).map { .text($0) }
    case .word, .quotedName:
      guard statement.count == index + 1, SQLName.isASCII(part.text), !part.text.isEmpty else {
        return nil
      }
      if part.kind == .quotedName { return .text(part.text) }
      if part.text == "default" { return .default }
      if SQLKeywords.isReserved(part.text), !isTruthWord(statement, at: index) { return nil }
      return .text(part.text)
    case .unicodeName, .parameter: return nil
    }
  }

  /// What a string holds, if that takes no more than reading.
  private static func literal(_ part: SQLStatement.Part, _ bytes: [UInt8]) -> String? {
    let slice = bytes[part.content]
    guard slice.count <= 2 * SQLStatement.maxValueBytes, slice.allSatisfy({ $0 < 0x80 }) else {
      return nil
    }
    var content = Array(slice)
    switch part.kind {
    case .dollarString: break
    case .string: content = SQLStatement.undoubledBytes(slice)
    case .obscureString:
      // E'...' in one piece and with no backslash.
      let quote = part.content.lowerBound - 1
      guard quote > 0, SQLName.lowerCased(bytes[quote - 1]) == UInt8(ascii: "e"),
        hasPairedQuotes(slice), !slice.contains(UInt8(ascii: "\\"))
      else { return nil }
      content = SQLStatement.undoubledBytes(slice)
    default: return nil
    }
    guard content.count <= SQLStatement.maxValueBytes else { return nil }
    return String(decoding: content, as: UTF8.self)
  }

  private static func hasPairedQuotes(_ slice: ArraySlice<UInt8>) -> Bool {
    var index = slice.startIndex
    while index < slice.endIndex {
      if slice[index] == UInt8(ascii: "'") {
        guard index + 1 < slice.endIndex, slice[index + 1] == UInt8(ascii: "'") else {
          return false
        }
        index += 1
      }
      index += 1
    }
    return true
  }
}

/// SELECT set_config('name', value, is_local)
extension SQLAnalyser {
  private static func soleCall(
    _ statement: SQLStatement, _ bytes: [UInt8]
  ) -> SQLAnalysis.SoleAssignment? {
    var index = 1
    skipCatalog(statement, &index)
    guard statement.identifier(index) == "set_config", statement.isSymbol("(", at: index + 1),
      index + 2 < statement.count
    else { return nil }
    let part = statement.parts[index + 2]
    let literal = SQLLexer.Lexeme(kind: part.kind, content: part.content)
    guard let name = SetConfigCall.name(literal, bytes), !name.isEmpty else { return nil }
    index += 3
    if statement.isSymbol(":", at: index) {
      guard skipCast(statement, &index) else { return nil }
    }
    guard statement.isSymbol(",", at: index) else { return nil }
    index += 1
    guard let value = callValue(statement, &index, bytes), statement.isSymbol(",", at: index),
      let flag = statement.word(index + 1), flag == "true" || flag == "false",
      statement.isSymbol(")", at: index + 2),
      let column = columnName(statement, at: index + 3)
    else { return nil }
    return SQLAnalysis.SoleAssignment(
      name: name, isLocal: flag == "true", value: value, form: .select,
      columnName: column)
  }

  static func skipCatalog(_ statement: SQLStatement, _ index: inout Int) {
    if statement.identifier(index) == "pg_catalog", statement.isSymbol(".", at: index + 1) {
      index += 2
    }
  }

  /// `[pg_catalog.]text`
  private static func skipType(_ statement: SQLStatement, _ index: inout Int) -> Bool {
    skipCatalog(statement, &index)
    guard SetConfigCall.isText(statement.word(index)) else { return false }
    index += 1
    return true
  }

  /// `::text`
  private static func skipCast(_ statement: SQLStatement, _ index: inout Int) -> Bool {
    guard index + 1 < statement.count, statement.isSymbol(":", at: index),
      statement.isSymbol(":", at: index + 1),
      statement.parts[index].content.upperBound == statement.parts[index + 1].content.lowerBound
    else { return false }
    index += 2
    return skipType(statement, &index)
  }

  private static func skipCasts(_ statement: SQLStatement, _ index: inout Int) -> Bool {
    while statement.isSymbol(":", at: index) {
      guard skipCast(statement, &index) else { return false }
    }
    return true
  }

  /// A string or a parameter, perhaps with casts, or CAST(... AS text).
  static func callValue(
    _ statement: SQLStatement, _ index: inout Int, _ bytes: [UInt8]
  ) -> SQLAnalysis.SoleAssignment.Value? {
    let isCast = statement.word(index) == "cast" && statement.isSymbol("(", at: index + 1)
    if isCast { index += 2 }
    guard index < statement.count else { return nil }
    let part = statement.parts[index]
    let value: SQLAnalysis.SoleAssignment.Value
    switch part.kind {
    case .parameter:
      guard let number = parameter(bytes[part.content.dropFirst()]) else { return nil }
      value = .parameter(number)
    case .string, .dollarString, .obscureString:
      guard let text = literal(part, bytes) else { return nil }
      value = .text(text)
    default: return nil
    }
    index += 1
    guard skipCasts(statement, &index) else { return nil }
    if isCast {
      guard statement.word(index) == "as" else { return nil }
      index += 1
      guard skipType(statement, &index), statement.isSymbol(")", at: index) else { return nil }
      index += 1
      guard skipCasts(statement, &index) else { return nil }
    }
    return value
  }

  static func parameter(_ digits: ArraySlice<UInt8>) -> Int? {
    guard digits.count <= 5 else { return nil }
    let number = digits.reduce(0) { 10 * $0 + Int($1 - UInt8(ascii: "0")) }
    return (1...65535).contains(number) ? number : nil
  }

  /// `[[AS] alias]` and the end.
  static func columnName(_ statement: SQLStatement, at start: Int) -> String? {
    if statement.count == start { return "set_config" }
    let hasAs = statement.word(start) == "as"
    let index = hasAs ? start + 1 : start
    guard statement.count == index + 1, let name = statement.identifier(index), !name.isEmpty,
      SQLName.isASCII(name)
    else { return nil }
    if let word = statement.word(index), !hasAs, SQLKeywords.needsAs(word) { return nil }
    return name
  }
}
