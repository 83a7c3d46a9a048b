/// The arguments of a call of set_config(setting_name, new_value, is_local).
struct SetConfigCall {
  struct Arguments: Equatable {
    /// Lower-cased; nil where it can't be told.
    var name: String?
    /// The value is one plain string that does not name pg_temp.
    var isPlainValue: Bool
    /// nil where it is not written as true or false.
    var isLocal: Bool?
  }

  private var lexer: SQLLexer
  private let bytes: [UInt8]

  /// - Parameter lexer: behind the function's name.
  init(lexer: SQLLexer, bytes: [UInt8]) {
    self.lexer = lexer
    self.bytes = bytes
  }

  /// How far it has read.
  var position: Int { lexer.position }

  mutating func read() -> Arguments {
    var arguments = Arguments(name: nil, isPlainValue: false, isLocal: nil)
    guard lexer.next()?.kind == .symbol(UInt8(ascii: "(")) else { return arguments }
    let name = lexer
    arguments.name = readName()
    if arguments.name == nil {
      lexer = name
      guard readValue() != nil else { return arguments }
    }
    guard let isPlain = readValue() else { return arguments }
    arguments.isPlainValue = isPlain
    guard let flag = lexer.next(), flag.kind == .word,
      lexer.next()?.kind == .symbol(UInt8(ascii: ")"))
    else { return arguments }
    // A third argument without a name is is_local whatever the two in front of it are.
    switch SQLName.folded(bytes[flag.content]) {
    case "true": arguments.isLocal = true
    case "false": arguments.isLocal = false
    default: break
    }
    return arguments
  }

  /// `'name',`, perhaps with a cast to text.
  private mutating func readName() -> String? {
    guard let literal = lexer.next(), let name = Self.name(literal, bytes) else { return nil }
    var next = lexer.next()
    if next?.kind == .symbol(UInt8(ascii: ":")) {
      guard lexer.next()?.kind == .symbol(UInt8(ascii: ":")), let type = lexer.next(),
        type.kind == .word, Self.isText(SQLName.folded(bytes[type.content]))
      else { return nil }
      next = lexer.next()
    }
    guard next?.kind == .symbol(UInt8(ascii: ",")) else { return nil }
    return name
  }

  /// The name of a setting that a plain string is, lower-cased.
  static func name(_ literal: SQLLexer.Lexeme, _ bytes: [UInt8]) -> String? {
    guard literal.kind == .string, literal.content.count <= 2 * SQLName.maxBytes,
      bytes[literal.content].allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "'") })
    else { return nil }
    return SQLName.lowerCased(String(decoding: bytes[literal.content], as: UTF8.self))
  }

  /// The types that a string is cast to unchanged.
  static func isText(_ type: String?) -> Bool {
    type == "text" || type == "varchar" || type == "unknown"
  }

  /// Goes behind the comma that ends the value, and tells whether it is plain; nil without comma.
  private mutating func readValue() -> Bool? {
    var count = 0
    var isPlain = true
    var depth = 0
    while let lexeme = lexer.next() {
      switch lexeme.kind {
      case .symbol(UInt8(ascii: "(")), .symbol(UInt8(ascii: "[")): depth += 1
      case .symbol(UInt8(ascii: ")")), .symbol(UInt8(ascii: "]")): depth -= 1
      case .symbol(UInt8(ascii: ",")) where depth == 0: return isPlain && count == 1
      case .symbol(UInt8(ascii: ";")): return nil
      case .string:
        isPlain = isPlain && !SQLStatement.namesTemporarySchema(bytes[lexeme.content])
      default: isPlain = false
      }
      if depth < 0 { return nil }
      if case .symbol = lexeme.kind { isPlain = false }
      count += 1
    }
    return nil
  }
}
