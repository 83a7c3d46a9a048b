/// SET and RESET (gram.y: VariableSetStmt, VariableResetStmt).
extension SQLAnalyser {
  /// What a SET sets.
  struct SetTarget {
    /// Lower-cased; nil where they can't be told.
    var names: [String]?
    var isLocal: Bool
    /// Behind the name of SET name = value, SET name FROM CURRENT; nil for all other forms.
    var end: Int?
  }

  mutating func addSet(_ statement: SQLStatement) {
    let target = Self.target(of: statement)
    guard let names = target.names else {
      if target.isLocal { unknownLocalSetting() } else { unknownSetting() }
      return
    }
    if names == ["search_path"] { addSearchPath(statement) }
    if target.isLocal {
      for name in names { addLocal(name) }
      return
    }
    for name in names { addSetting(name) }
    if let end = target.end, let name = names.first { addPlainSet(statement, name, at: end) }
  }

  /// - Parameter statement: one that begins with SET.
  static func target(of statement: SQLStatement) -> SetTarget {
    var index = 1
    var isLocal = false
    // A setting's first name may be local or session: SET local.x = 1.
    if let scope = statement.word(1), !endsName(statement, at: 2) {
      if scope == "local" {
        isLocal = true
        index = 2
      } else if scope == "session", !isSessionClause(statement, at: 1) {
        index = 2
      }
    }
    guard endsName(statement, at: index + 1) else {
      return SetTarget(names: specialNames(statement, at: index), isLocal: isLocal)
    }
    guard let (name, end) = name(statement, at: index) else {
      return SetTarget(names: nil, isLocal: isLocal)
    }
    return SetTarget(names: [name], isLocal: isLocal, end: end)
  }

  /// SESSION AUTHORIZATION or SESSION CHARACTERISTICS AS.
  private static func isSessionClause(_ statement: SQLStatement, at index: Int) -> Bool {
    guard statement.word(index) == "session" else { return false }
    if statement.word(index + 1) == "authorization" { return true }
    return statement.word(index + 1) == "characteristics" && statement.word(index + 2) == "as"
  }

  /// What stands behind a setting's name, or within it.
  static func endsName(_ statement: SQLStatement, at index: Int) -> Bool {
    statement.isSymbol(".", at: index) || statement.isSymbol("=", at: index)
      || statement.word(index) == "to" || statement.word(index) == "from"
  }

  /// SET [SESSION] name = value.
  private mutating func addPlainSet(_ statement: SQLStatement, _ name: String, at end: Int) {
    guard !Self.isTransient(name), name != "session_authorization",
      statement.isSymbol("=", at: end) || statement.word(end) == "to"
    else { return }
    if statement.word(end + 1) == "default", statement.count == end + 2 {
      analysis.plainReset = name
    } else if let value = Self.plainValue(statement, at: end + 1),
      !Self.isListOfNames(name) || Self.isLowerCaseName(value)
    {
      analysis.plainAssignment = SQLAnalysis.Assignment(name: name, value: value)
    }
  }

  /// The settings of a SET that has words of its own; nil where it is none.
  private static func specialNames(_ statement: SQLStatement, at index: Int) -> [String]? {
    switch statement.word(index) {
    case "transaction", "constraints": []
    case "session" where statement.word(index + 1) == "authorization":
      ["session_authorization"]
    case "session" where isSessionClause(statement, at: index):
      [
        "default_transaction_isolation", "default_transaction_read_only",
        "default_transaction_deferrable",
      ]
    case "time": ["timezone"]
    case "names": ["client_encoding"]
    case "role": ["role"]
    case "xml": ["xmloption"]
    case "schema": ["search_path"]
    default: nil
    }
  }

  /// With pg_temp first in search_path, of the transaction only even, CREATE TABLE makes a table
  /// that stays with the session. An identifier pg_temp is seen wherever it stands.
  private mutating func addSearchPath(_ statement: SQLStatement) {
    if statement.hasObscureStrings || statement.quotesTemporarySchema {
      analysis.effects.insert(.temporary)
    }
  }

  mutating func addReset(_ statement: SQLStatement) {
    if statement.word(1) == "all" {
      analysis.effects.insert(.resetAll)
      addResetAll(isWhole: statement.count == 2)
      return
    }
    guard let target = Self.target(ofReset: statement) else {
      unknownSetting()
      return
    }
    guard let name = target.name else { return }
    addSetting(name)
    if statement.count == target.end, !Self.isTransient(name), name != "session_authorization" {
      analysis.plainReset = name
    }
  }

  /// What a RESET resets, and the index behind it; no name for what ends with its transaction, nil
  /// where it can't be told.
  /// - Parameter statement: one that begins with RESET, and is not RESET ALL.
  static func target(ofReset statement: SQLStatement) -> (name: String?, end: Int)? {
    switch (statement.word(1), statement.word(2)) {
    case ("session", "authorization"): ("session_authorization", 3)
    case ("transaction", "isolation"): (nil, 3)
    case ("time", "zone"): ("timezone", 3)
    default: name(statement, at: 1).map { ($0.name, $0.end) }
    }
  }

  /// The name of a setting, lower-cased, and the index behind it.
  static func name(
    _ statement: SQLStatement, at start: Int
  ) -> (name: String, end: Int)? {
    guard var name = statement.identifier(start) else { return nil }
    var index = start + 1
    while statement.isSymbol(".", at: index) {
      guard let next = statement.identifier(index + 1) else { return nil }
      name += "." + next
      index += 2
    }
    // Where the parts that are kept end, the name might go on.
    guard SQLName.isASCII(name), index < SQLStatement.maxParts else { return nil }
    return (SQLName.lowerCased(name), index)
  }

  /// PostgreSQL quotes the one value of such a list (GUC_LIST_QUOTE): 'a, b' is one schema.
  static func isListOfNames(_ setting: String) -> Bool {
    switch setting {
    case "search_path", "temp_tablespaces", "local_preload_libraries",
      "session_preload_libraries", "shared_preload_libraries", "unix_socket_directories":
      true
    default: false
    }
  }

  static func isLowerCaseName(_ value: String) -> Bool {
    guard let first = value.utf8.first, first == UInt8(ascii: "_") || first >= 0x61 else {
      return false
    }
    return value.utf8.count <= SQLName.maxBytes
      && value.utf8.allSatisfy {
        (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_")
      }
  }

  /// The statement's last part as a value: one plain string, one word, one number.
  static func plainValue(_ statement: SQLStatement, at index: Int) -> String? {
    guard statement.count <= SQLStatement.maxParts, index < statement.count else { return nil }
    let part = statement.parts[index]
    let isLast = statement.count == index + 1
    switch part.kind {
    case .string where isLast:
      let isKept = part.text.utf8.count <= SQLStatement.maxValueBytes
      return isKept && SQLName.isASCII(part.text) ? part.text : nil
    case .word where isLast && part.text != "default":
      return SQLName.isASCII(part.text) && part.content.count <= SQLName.maxBytes
        ? part.text : nil
    case .number: return number(statement, at: index)
    case .symbol(UInt8(ascii: "-")):
      guard let digits = number(statement, at: index + 1) else { return nil }
      return digits == "0" ? digits : "-" + digits
    case .symbol(UInt8(ascii: "+")): return number(statement, at: index + 1)
    default: return nil
    }
  }

  /// Digits, perhaps with a fraction, at the statement's end. PostgreSQL drops zeros in front: such
  /// a number is not plain.
  static func number(_ statement: SQLStatement, at index: Int) -> String? {
    let parts = statement.parts
    guard index < parts.count, parts[index].kind == .number else { return nil }
    let whole = parts[index].text
    guard whole.utf8.count == 1 || whole.utf8.first != UInt8(ascii: "0") else { return nil }
    guard whole.utf8.count < SQLStatement.maxValueBytes else { return nil }
    if parts.count == index + 1 { return whole }
    guard parts.count == index + 3, statement.isSymbol(".", at: index + 1),
      parts[index + 2].kind == .number, parts[index + 2].text.utf8.count < 32,
      parts[index].content.upperBound == parts[index + 1].content.lowerBound,
      parts[index + 1].content.upperBound == parts[index + 2].content.lowerBound
    else { return nil }
    return whole + "." + parts[index + 2].text
  }
}
