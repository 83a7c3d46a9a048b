/// Splits SQL into lexemes as PostgreSQL's scanner does (scan.l).
///
/// Where that one stops with an error, this one goes on: nothing of such a text is executed.
struct SQLLexer {
  struct Lexeme: Equatable {
    enum Kind: Equatable {
      /// A keyword, or an identifier without quotes.
      case word
      /// "..."
      case quotedName
      /// U&"...": its characters may be written as numbers.
      case unicodeName
      /// '...' in one piece and with no backslash.
      case string
      /// Any other string in single quotes: what it holds takes more than reading.
      case obscureString
      /// $tag$...$tag$
      case dollarString
      case number
      /// $1
      case parameter
      /// One byte of an operator, or punctuation.
      case symbol(UInt8)
    }
    var kind: Kind
    /// What stands between the quotes, or the whole lexeme.
    var content: Range<Int>
  }

  let bytes: [UInt8]
  private(set) var position: Int
  private let end: Int
  /// What was read last, or a comment, has no end. PostgreSQL takes no such text.
  private(set) var isCutOff = false
  /// As the setting standard_conforming_strings says: off, a backslash escapes in every '...'.
  private let isStandardConforming: Bool

  init(_ bytes: [UInt8], in range: Range<Int>, isStandardConforming: Bool) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
    self.isStandardConforming = isStandardConforming
  }

  private func byte(_ index: Int) -> UInt8? { index < end ? bytes[index] : nil }

  /// The next lexeme, nil at the end.
  mutating func next() -> Lexeme? {
    skipSpace()
    guard let first = byte(position) else { return nil }
    let second = byte(position + 1)
    let start = position
    switch first {
    case UInt8(ascii: "'"): return string(quoteAt: start, escapes: !isStandardConforming)
    case UInt8(ascii: "\""): return name(.quotedName, quoteAt: start)
    case UInt8(ascii: "$"): return dollar()
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      // Letters behind digits are a word of their own up to version 14, later an error.
      skip { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      return Lexeme(kind: .number, content: start..<position)
    case UInt8(ascii: "e") where second == UInt8(ascii: "'"),
      UInt8(ascii: "E") where second == UInt8(ascii: "'"):
      return obscure(string(quoteAt: start + 1, escapes: true))
    case UInt8(ascii: "b") where second == UInt8(ascii: "'"),
      UInt8(ascii: "B") where second == UInt8(ascii: "'"),
      UInt8(ascii: "x") where second == UInt8(ascii: "'"),
      UInt8(ascii: "X") where second == UInt8(ascii: "'"):
      return obscure(string(quoteAt: start + 1, escapes: false))
    case UInt8(ascii: "u") where second == UInt8(ascii: "&"),
      UInt8(ascii: "U") where second == UInt8(ascii: "&"):
      switch byte(start + 2) {
      case UInt8(ascii: "\""): return name(.unicodeName, quoteAt: start + 2)
      case UInt8(ascii: "'"): return obscure(string(quoteAt: start + 2, escapes: false))
      default: return word()
      }
    default:
      if Self.isWordStart(first) { return word() }
      position += 1
      return Lexeme(kind: .symbol(first), content: start..<position)
    }
  }

  private func obscure(_ lexeme: Lexeme) -> Lexeme {
    Lexeme(kind: .obscureString, content: lexeme.content)
  }

  private mutating func word() -> Lexeme {
    let start = position
    skip { Self.isWordStart($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "$") }
    return Lexeme(kind: .word, content: start..<position)
  }

  private mutating func name(_ kind: Lexeme.Kind, quoteAt quote: Int) -> Lexeme {
    position = quote + 1
    while let next = byte(position) {
      if next == UInt8(ascii: "\"") {
        guard byte(position + 1) == UInt8(ascii: "\"") else { break }
        position += 1
      }
      position += 1
    }
    if position >= end { isCutOff = true }
    let content = quote + 1..<max(quote + 1, min(position, end))
    position = min(position + 1, end)
    return Lexeme(kind: kind, content: content)
  }

  /// A string and its continuations: behind space with a line's end in it, a further '...' belongs
  /// to the string, and escapes as it did.
  private mutating func string(quoteAt quote: Int, escapes: Bool) -> Lexeme {
    position = quote
    var kind = Lexeme.Kind.string
    var content = quote + 1..<quote + 1
    var isContinued = false
    repeat {
      position += 1
      while let next = byte(position) {
        if next == UInt8(ascii: "\\") {
          kind = .obscureString
          if escapes { position += 1 }
        } else if next == UInt8(ascii: "'") {
          guard byte(position + 1) == UInt8(ascii: "'") else { break }
          position += 1
        }
        position += 1
      }
      if position >= end { isCutOff = true }
      position = min(position, end)
      content = content.lowerBound..<max(content.lowerBound, position)
      position = min(position + 1, end)
      isContinued = skipToContinuation()
      if isContinued { kind = .obscureString }
    } while isContinued
    return Lexeme(kind: kind, content: content)
  }

  /// Goes to the quote that continues a string, if there is one.
  private mutating func skipToContinuation() -> Bool {
    var ahead = position
    var hasNewline = false
    while ahead < end {
      let next = bytes[ahead]
      if next == UInt8(ascii: "'") && hasNewline {
        position = ahead
        return true
      }
      if next == UInt8(ascii: "-"), byte(ahead + 1) == next {
        while let skipped = byte(ahead), !Self.isNewline(skipped) { ahead += 1 }
        continue
      }
      guard Self.isSpace(next) else { return false }
      hasNewline = hasNewline || Self.isNewline(next)
      ahead += 1
    }
    return false
  }

  /// A parameter, a string in dollar quotes or a lone `$`.
  private mutating func dollar() -> Lexeme {
    let start = position
    position += 1
    if let digit = byte(position), (0x30...0x39).contains(digit) {
      skip { (0x30...0x39).contains($0) }
      return Lexeme(kind: .parameter, content: start..<position)
    }
    if let letter = byte(position), Self.isWordStart(letter) {
      skip { Self.isWordStart($0) || (0x30...0x39).contains($0) }
    }
    guard byte(position) == UInt8(ascii: "$") else {
      position = start + 1
      return Lexeme(kind: .symbol(UInt8(ascii: "$")), content: start..<position)
    }
    position += 1
    let length = position - start
    let body = position
    // A tag holds no `$`: what is compared in vain is not compared again.
    while position < end {
      if bytes[position] == UInt8(ascii: "$"), end - position >= length,
        bytes[position..<position + length] == bytes[start..<start + length]
      {
        position += length
        return Lexeme(kind: .dollarString, content: body..<position - length)
      }
      position += 1
    }
    isCutOff = true
    return Lexeme(kind: .dollarString, content: body..<end)
  }

  private mutating func skip(while matches: (UInt8) -> Bool) {
    while position < end, matches(bytes[position]) { position += 1 }
  }

  /// Skips space and comments. Comments nest.
  private mutating func skipSpace() {
    while let next = byte(position) {
      if Self.isSpace(next) {
        position += 1
      } else if next == UInt8(ascii: "-"), byte(position + 1) == next {
        skip { !Self.isNewline($0) }
      } else if next == UInt8(ascii: "/"), byte(position + 1) == UInt8(ascii: "*") {
        skipComment()
      } else {
        return
      }
    }
  }

  private mutating func skipComment() {
    position += 2
    var depth = 1
    while position < end {
      switch (bytes[position], byte(position + 1)) {
      case (UInt8(ascii: "/"), UInt8(ascii: "*")):
        depth += 1
        position += 2
      case (UInt8(ascii: "*"), UInt8(ascii: "/")):
        depth -= 1
        position += 2
        if depth == 0 { return }
      default:
        position += 1
      }
    }
    isCutOff = true
  }

  /// A carriage return ends a line, and a `--` comment, too.
  static func isNewline(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }

  /// The vertical tab is space since version 16; before, it is an error.
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

  static func isWordStart(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
  }
}
