/// One reading of a text: lexemes in, an analysis out.
///
/// - Names of functions, views and schemas count wherever they stand.
/// - All else is told by how a statement begins. A `;` ends a statement wherever it stands, in the
///   body of a function too: what follows is read as a statement, which can only add flags.
struct SQLAnalyser {
  let bytes: [UInt8]
  let isStandardConforming: Bool
  var analysis = SQLAnalysis()
  private var lexer: SQLLexer
  private var statement = SQLStatement()
  private var previous: SQLLexer.Lexeme?
  /// Bytes that may still be read ahead: calls of set_config in each other would cost their square.
  private var aheadBytes: Int

  init(_ bytes: [UInt8], isStandardConforming: Bool) {
    self.bytes = bytes
    self.isStandardConforming = isStandardConforming
    aheadBytes = 4 * bytes.count + 4096
    lexer = SQLLexer(
      bytes, in: 0..<bytes.count, isStandardConforming: isStandardConforming)
  }

  mutating func run() -> SQLAnalysis {
    while let lexeme = lexer.next() {
      if lexeme.kind == .symbol(UInt8(ascii: ";")) {
        endStatement()
      } else {
        add(lexeme)
      }
    }
    endStatement()
    if analysis.statementCount != 1 {
      analysis.plainAssignment = nil
      analysis.plainReset = nil
    }
    return analysis
  }

  private mutating func add(_ lexeme: SQLLexer.Lexeme) {
    statement.append(lexeme, in: bytes)
    let slice = bytes[lexeme.content]
    switch lexeme.kind {
    case .word:
      if SQLName.mayMatter(slice) { addName(SQLName.folded(slice)) }
      if SQLName.equals(slice, "temp") || SQLName.equals(slice, "temporary") {
        addTemporary(after: previous)
      }
    case .quotedName:
      if SQLName.mayMatter(slice) { addName(SQLName.lowerCased(SQLName.unquoted(slice))) }
    case .unicodeName:
      // It may be any name, and a UESCAPE behind it may make any character its escape.
      analysis.effects.formUnion([.unknownSettings, .temporary, .advisoryLock])
    case .string, .obscureString, .dollarString, .number, .parameter, .symbol: break
    }
    previous = lexeme
  }

  private mutating func addTemporary(after previous: SQLLexer.Lexeme?) {
    guard let previous, previous.kind == .word else { return }
    switch SQLName.folded(bytes[previous.content]) {
    case "create", "replace", "global", "local", "into": analysis.effects.insert(.temporary)
    default: break
    }
  }

  private mutating func addName(_ name: String) {
    analysis.effects.formUnion(SQLName.advisoryEffect(name))
    if SQLName.isTemporarySchema(name) { analysis.effects.insert(.temporary) }
    if SQLName.executesText(name) {
      analysis.effects.formUnion([.unknownSettings, .procedural])
    }
    if SQLName.isSetConfig(name) { addSetConfig() }
  }

  private mutating func addSetConfig() {
    guard aheadBytes > 0 else {
      unknownSetting()
      return
    }
    var call = SetConfigCall(lexer: lexer, bytes: bytes)
    let arguments = call.read()
    aheadBytes -= call.position - lexer.position
    guard let arguments else {
      unknownSetting()
      return
    }
    if arguments.name == "search_path", !arguments.isPlainValue {
      analysis.effects.insert(.temporary)
    }
    switch arguments.isLocal {
    case true?: break
    case false?: addSetting(arguments.name)
    case nil:
      addSetting(arguments.name)
      analysis.effects.insert(.unknownSettings)
    }
  }

  /// Any setting: search_path is one, and a table made in pg_temp lives as long as the session.
  mutating func unknownSetting() {
    analysis.effects.formUnion([.unknownSettings, .temporary])
  }

  /// Those that end with the transaction, or that nobody takes for state.
  static func isTransient(_ name: String) -> Bool {
    switch name {
    case "seed", "transaction_isolation", "transaction_read_only", "transaction_deferrable": true
    default: false
    }
  }

  mutating func addSetting(_ name: String) {
    if Self.isTransient(name) { return }
    analysis.effects.insert(.settings)
    analysis.addSetting(name)
    if name == "session_authorization" { analysis.addSetting("role") }
  }

  private mutating func endStatement() {
    defer {
      statement = SQLStatement()
      previous = nil
    }
    guard statement.count > 0 else { return }
    analysis.statementCount += 1
    if statement.hasUpdate, statement.hasSettingsView { unknownSetting() }
    switch statement.word(0) {
    case "set": addSet(statement)
    case "reset": addReset(statement)
    case "commit", "end", "rollback", "abort":
      if analysis.statementCount == 1 { analysis.effects.insert(.exitsTransaction) }
    case "prepare": addPrepare()
    case "deallocate": addDeallocate()
    case "discard":
      analysis.effects.insert(.release)
      if statement.word(1) == "all" { analysis.effects.insert(.discardAll) }
    case "listen":
      analysis.effects.insert(.listen)
      if let name = statement.identifier(1) { analysis.addListen(name) }
    case "unlisten":
      analysis.effects.formUnion([.unlisten, .release])
      if let name = statement.identifier(1) { analysis.addUnlisten(name) }
      if statement.isSymbol("*", at: 1) { analysis.unlistensAll = true }
    case "declare":
      if statement.holds { analysis.effects.insert(.holdCursor) }
    case "load": analysis.effects.insert(.library)
    case "drop", "close": analysis.effects.insert(.release)
    case "alter":
      switch statement.word(1) {
      case "table", "view", "materialized", "foreign", "type", "domain":
        analysis.effects.insert(.schema)
      default: break
      }
    case "create":
      if statement.word(1) == "or" { analysis.effects.insert(.schema) }
    case "do": addDo(statement)
    default: break
    }
  }

  private mutating func addPrepare() {
    // A statement may be named transaction: the name of a transaction is a string.
    if statement.word(1) == "transaction", statement.parts.count > 2 {
      switch statement.parts[2].kind {
      case .string, .obscureString, .dollarString:
        if analysis.statementCount == 1 { analysis.effects.insert(.exitsTransaction) }
        return
      default: break
      }
    }
    analysis.effects.insert(.preparedSQL)
  }

  private mutating func addDeallocate() {
    analysis.effects.formUnion([.deallocate, .release])
    // A statement may be named prepare.
    let index = statement.word(1) == "prepare" && statement.count > 2 ? 2 : 1
    if statement.word(index) == "all" {
      analysis.add(.all)
    } else if let name = statement.identifier(index) {
      analysis.add(.name(name))
    }
  }
}
