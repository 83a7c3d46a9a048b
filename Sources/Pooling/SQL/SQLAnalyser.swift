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
  private var resetAlls = 0
  /// Of the last statement that is not empty.
  private var isLastResetAll = false
  /// Of the statement at hand: parentheses that are open, and the body behind BEGIN ATOMIC.
  private var depth = 0
  private var isInAtomicBody = false

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
    // A name in it, of a column say, may look like more.
    let isSole = analysis.effects.isSubset(of: [.settings, .temporary])
    // The server refuses it, and is to do so: the name has no end.
    if lexer.isCutOff { analysis.deallocations.removeAll { $0 != .all } }
    if analysis.statementCount != 1 || lexer.isCutOff || !isSole { analysis.soleAssignment = nil }
    let isOpen = analysis.effects.isSubset(of: [
      .settings, .temporary, .unknownSettings, .unknownLocalSettings,
    ])
    if analysis.statementCount != 1 || lexer.isCutOff || !isOpen { analysis.openAssignment = nil }
    analysis.endsWithResetAll = resetAlls == 1 && isLastResetAll && !lexer.isCutOff
    return analysis
  }

  private mutating func add(_ lexeme: SQLLexer.Lexeme) {
    statement.append(lexeme, in: bytes)
    if statement.attachesSettings { addAttached(lexeme) }
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
    guard let name = arguments.name else {
      if arguments.isLocal == true { unknownLocalSetting() } else { unknownSetting() }
      return
    }
    if name == "search_path", !arguments.isPlainValue { analysis.effects.insert(.temporary) }
    switch arguments.isLocal {
    case true?: addLocal(name)
    case false?: addSetting(name)
    case nil:
      addSetting(name)
      analysis.effects.insert(.unknownSettings)
    }
  }

  /// What a function, a role or a database is given: SET and RESET as a clause of the statement,
  /// and what the body of a function shows.
  private mutating func addAttached(_ lexeme: SQLLexer.Lexeme) {
    switch lexeme.kind {
    case .symbol(UInt8(ascii: "(")): depth += 1
    case .symbol(UInt8(ascii: ")")): depth -= 1
    case .string, .obscureString, .dollarString:
      if statement.word(0) == "create" { addBody(lexeme) }
    case .word where !isInAtomicBody:
      let word = SQLName.folded(bytes[lexeme.content])
      // A parameter may be named begin, and its type atomic.
      if word == "atomic", depth == 0, let previous, previous.kind == .word,
        SQLName.equals(bytes[previous.content], "begin")
      {
        isInAtomicBody = true
      } else if depth == 0, word == "set" || word == "reset" {
        guard let names = SetClause.names(lexeme, lexer, bytes) else {
          analysis.effects.insert(.unknownLocalSettings)
          return
        }
        for name in names { analysis.addAttached(name) }
      }
    default: break
    }
  }

  /// The body of a function, or of a DO block.
  mutating func addBody(_ lexeme: SQLLexer.Lexeme) {
    var body = SQLBody(bytes, lexeme)
    for name in body.settingNames() { analysis.addAttached(name) }
  }

  mutating func addResetAll(isWhole: Bool) {
    resetAlls += 1
    isLastResetAll = isWhole
  }

  /// Any setting: search_path is one, and a table made in pg_temp lives as long as the session.
  mutating func unknownSetting() {
    analysis.effects.formUnion([.unknownSettings, .temporary])
  }

  /// The same of a transaction, which ends; but a table in pg_temp stays.
  mutating func unknownLocalSetting() {
    analysis.effects.formUnion([.unknownLocalSettings, .temporary])
  }

  mutating func addLocal(_ name: String) {
    if Self.isTransient(name) { return }
    for name in Self.settings(of: name) { analysis.addLocal(name) }
  }

  /// What PostgreSQL sets by that name: names of old stand for others (guc.c: map_old_guc_names),
  /// and another user comes with that user's own role.
  static func settings(of name: String) -> [String] {
    switch name {
    case "session_authorization": [name, "role"]
    case "sort_mem": [name, "work_mem"]
    case "vacuum_mem": [name, "maintenance_work_mem"]
    default: [name]
    }
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
    for name in Self.settings(of: name) { analysis.addSetting(name) }
  }

  private mutating func endStatement() {
    defer {
      statement = SQLStatement()
      previous = nil
      depth = 0
      isInAtomicBody = false
    }
    guard statement.count > 0 else { return }
    analysis.statementCount += 1
    isLastResetAll = false
    addEnd(statement)
    analysis.soleAssignment =
      analysis.statementCount == 1 ? Self.soleAssignment(statement, bytes) : nil
    analysis.openAssignment =
      analysis.statementCount == 1 ? Self.openAssignment(statement, bytes) : nil
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
    case "begin", "start": analysis.beginsTransaction = true
    case "load": analysis.effects.insert(.library)
    case "drop", "close": analysis.effects.insert(.release)
    case "alter":
      switch statement.word(1) {
      case "table", "view", "materialized", "foreign", "type", "domain":
        analysis.effects.insert(.schema)
      default: break
      }
    case "create":
      // An UPDATE of a view on pg_settings sets what one of pg_settings does.
      if statement.hasSettingsView, statement.createsView {
        analysis.effects.insert(.unknownLocalSettings)
      }
      if statement.word(1) == "or" { analysis.effects.insert(.schema) }
    case "do": addDo(statement)
    default: break
    }
  }

  private mutating func addEnd(_ statement: SQLStatement) {
    switch statement.word(0) {
    case "commit", "end", "abort": analysis.endsTransaction = true
    case "rollback":
      let index = ["work", "transaction"].contains(statement.word(1)) ? 2 : 1
      if statement.word(index) != "to" { analysis.endsTransaction = true }
    case "begin", "start": break
    case "prepare" where statement.word(1) == "transaction":
      analysis.endsTransaction = true
    default:
      if analysis.endsTransaction { analysis.worksBehindEnd = true }
      if statement.word(0) == "execute" { analysis.executes = true }
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
