/// The beginning of a statement, as far as its kind shows there.
struct SQLStatement {
  struct Part: Equatable {
    var kind: SQLLexer.Lexeme.Kind
    /// A folded word, a name without its quotes, a string with quotes undoubled.
    var text: String
    var content: Range<Int>
  }

  /// No more parts are kept. SET SESSION with a name of two parts and a signed value has eight.
  static let maxParts = 24
  /// A longer string is no value to keep.
  static let maxValueBytes = 1024

  private(set) var parts: [Part] = []
  /// How many parts it has, those that are not kept too.
  private(set) var count = 0
  /// It has strings whose value one can't read off.
  private(set) var hasObscureStrings = false
  /// A string names pg_temp.
  private(set) var quotesTemporarySchema = false
  private(set) var hasUpdate = false
  private(set) var hasSettingsView = false
  private var hasView = false
  private(set) var holds = false

  mutating func append(_ lexeme: SQLLexer.Lexeme, in bytes: [UInt8]) {
    let slice = bytes[lexeme.content]
    count += 1
    switch lexeme.kind {
    case .string, .dollarString:
      quotesTemporarySchema = quotesTemporarySchema || Self.namesTemporarySchema(slice)
    case .obscureString, .unicodeName: hasObscureStrings = true
    case .word, .quotedName:
      if SQLName.equals(slice, "update") { hasUpdate = true }
      if SQLName.equals(slice, "view") { hasView = true }
      if SQLName.mayMatter(slice), SQLName.isSettingsView(SQLName.folded(slice)) {
        hasSettingsView = true
      }
      if SQLName.equals(slice, "hold"), parts.last?.text == "with" || count > Self.maxParts {
        holds = true
      }
    case .number, .parameter, .symbol: break
    }
    guard parts.count < Self.maxParts else { return }
    let text: String
    switch lexeme.kind {
    case .word: text = SQLName.folded(slice)
    case .quotedName: text = SQLName.unquoted(slice)
    case .string: text = Self.undoubled(slice.prefix(Self.maxValueBytes + 1))
    case .number: text = String(decoding: slice.prefix(Self.maxValueBytes), as: UTF8.self)
    case .dollarString, .obscureString, .unicodeName, .parameter: text = ""
    case .symbol(let symbol): text = String(UnicodeScalar(symbol))
    }
    if parts.isEmpty { parts.reserveCapacity(8) }
    parts.append(Part(kind: lexeme.kind, text: text, content: lexeme.content))
  }

  /// The word at `index`; nil for quoted names and all else.
  func word(_ index: Int) -> String? {
    index < parts.count && parts[index].kind == .word ? parts[index].text : nil
  }

  func isSymbol(_ symbol: Character, at index: Int) -> Bool {
    guard index < parts.count, let ascii = symbol.asciiValue else { return false }
    return parts[index].kind == .symbol(ascii)
  }

  /// Whether it can give settings to a function, a role, a database or the whole server.
  var attachesSettings: Bool {
    guard let first = word(0), first == "create" || first == "alter" else { return false }
    let isReplacement = first == "create" && word(1) == "or" && word(2) == "replace"
    switch word(isReplacement ? 3 : 1) {
    case "function", "procedure": return true
    case "routine", "role", "user", "database", "system": return first == "alter"
    default: return false
    }
  }

  /// CREATE VIEW, also as a part of CREATE SCHEMA.
  var createsView: Bool { word(0) == "create" && word(1) != "materialized" && hasView }

  /// Whether a string of any kind is at `index`.
  func isString(_ index: Int) -> Bool {
    guard index < parts.count else { return false }
    switch parts[index].kind {
    case .string, .obscureString, .dollarString: return true
    default: return false
    }
  }

  /// The identifier at `index`; nil where it can't be told.
  func identifier(_ index: Int) -> String? {
    guard index < parts.count else { return nil }
    return parts[index].kind == .word || parts[index].kind == .quotedName
      ? parts[index].text : nil
  }

  private static func undoubled(_ slice: ArraySlice<UInt8>) -> String {
    String(decoding: undoubledBytes(slice), as: UTF8.self)
  }

  static func undoubledBytes(_ slice: ArraySlice<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    var index = slice.startIndex
    while index < slice.endIndex {
      text.append(slice[index])
      index += slice[index] == UInt8(ascii: "'") ? 2 : 1
    }
    return text
  }

  static func namesTemporarySchema(_ slice: ArraySlice<UInt8>) -> Bool {
    let wanted = Array("pg_temp".utf8)
    var matched = 0
    // `p` begins the name and is not repeated before its last letter: no match is overlooked.
    for byte in slice {
      let lower = SQLName.lowerCased(byte)
      matched = lower == wanted[matched] ? matched + 1 : lower == wanted[0] ? 1 : 0
      if matched == wanted.count { return true }
    }
    return false
  }
}
