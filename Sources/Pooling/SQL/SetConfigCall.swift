/// The arguments of a call of set_config(setting_name, new_value, is_local).
struct SetConfigCall {
  struct Arguments: Equatable {
    /// Lower-cased.
    var name: String
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

  /// nil where the setting's name can't be told.
  mutating func read() -> Arguments? {
    guard lexer.next()?.kind == .symbol(UInt8(ascii: "(")), let name = readName() else {
      return nil
    }
    var arguments = Arguments(name: name, isPlainValue: false, isLocal: nil)
    guard let isPlain = readValue() else { return arguments }
    arguments.isPlainValue = isPlain
    guard let flag = lexer.next(), flag.kind == .word,
      lexer.next()?.kind == .symbol(UInt8(ascii: ")"))
    else { return arguments }
    switch SQLName.folded(bytes[flag.content]) {
    case "true": arguments.isLocal = true
    case "false": arguments.isLocal = false
    default: break
    }
    return arguments
  }

  /// `'name',`, perhaps with a cast to text.
  private mutating func readName() -> String? {
    guard let literal = lexer.next(), literal.kind == .string,
      literal.content.count <= 2 * SQLName.maxBytes,
      bytes[literal.content].allSatisfy({ $0 < 0x80 && $0 != UInt8(ascii: "'") })
    else { return nil }
    var next = lexer.next()
    if next?.kind == .symbol(UInt8(ascii: ":")) {
      guard lexer.next()?.kind == .symbol(UInt8(ascii: ":")), let type = lexer.next(),
        type.kind == .word, SQLName.folded(bytes[type.content]) == "text"
      else { return nil }
      next = lexer.next()
    }
    guard next?.kind == .symbol(UInt8(ascii: ",")) else { return nil }
    return SQLName.lowerCased(String(decoding: bytes[literal.content], as: UTF8.self))
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
