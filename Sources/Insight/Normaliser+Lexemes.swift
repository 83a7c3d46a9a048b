// Splits a text as PostgreSQL's scanner does (scan.l); see `SQLLexer`, which reads texts for what
// they do and has to see what is in strings. This one has to skip it.
extension Normaliser {
  /// Words that tell what stands behind them, in ASCII, the last byte the lowest.
  enum Keyword: UInt64 {
    case none = 0
    case `in` = 0x696e
    case to = 0x746f
    case set = 0x73_6574
    case null = 0x6e75_6c6c
    case `true` = 0x7472_7565
    case with = 0x7769_7468
    case array = 0x61_7272_6179
    case `false` = 0x66_616c_7365
    case alter = 0x61_6c74_6572
    case create = 0x6372_6561_7465
    case merge = 0x6d_6572_6765
    case values = 0x7661_6c75_6573
    case select = 0x7365_6c65_6374
    case insert = 0x696e_7365_7274
    case update = 0x7570_6461_7465
    case delete = 0x6465_6c65_7465
    case password = 0x7061_7373_776f_7264
  }

  /// Reads all of the text, or what counts of it.
  mutating func lex(_ text: Span<UInt8>) {
    let end = min(text.count, Self.longestText)
    var position = 0
    var keyword = Keyword.none
    while position < end, !isOver {
      let byte = text[position]
      if Self.isWordStart(byte) {
        (position, keyword) = word(text, position, end, after: keyword)
        continue
      }
      if Self.isSpace(byte) {
        hasGap = true
        position &+= 1
        continue
      }
      let next = position &+ 1 < end ? text[position &+ 1] : 0
      if byte == UInt8(ascii: "-") && next == byte || byte == UInt8(ascii: "/") && next == 0x2a {
        position = comment(text, position, end)
        continue
      }
      trailing = nil
      position = lexeme(byte, next, text, position, end, after: keyword)
      keyword = .none
    }
  }

  /// - Returns: where the text goes on.
  private mutating func lexeme(
    _ byte: UInt8, _ next: UInt8, _ text: Span<UInt8>, _ start: Int, _ end: Int,
    after keyword: Keyword
  ) -> Int {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return number(text, start, end)
    case UInt8(ascii: "'"): return string(text, start, end, escapes: false)
    case UInt8(ascii: "\""): return quotedName(text, start, quote: start, end)
    case UInt8(ascii: "$"): return dollar(text, start, end)
    case UInt8(ascii: ","): comma()
    case UInt8(ascii: "("), UInt8(ascii: "["): open(byte, after: keyword)
    case UInt8(ascii: ")"), UInt8(ascii: "]"): close(byte)
    case UInt8(ascii: ";"): semicolon()
    case UInt8(ascii: "."):
      if Self.isDigit(next) { return number(text, start, end) }
      if other(.dot) { putSymbol(byte, .dot) }
    case UInt8(ascii: ":"):
      if other(.colon) { putSymbol(byte, .colon) }
    case UInt8(ascii: "-"), UInt8(ascii: "+"):
      // The sign of a number belongs to it, where nothing can be added to or taken from.
      switch last {
      case .nothing, .open, .comma, .operator:
        let isNumber =
          next == UInt8(ascii: ".") && start &+ 2 < end
          ? Self.isDigit(text[start &+ 2]) : Self.isDigit(next)
        if isNumber { return number(text, start &+ 1, end) }
      case .word, .keyword, .operand, .close, .dot, .colon: break
      }
      if other(.operator) { putSymbol(byte, .operator) }
    case UInt8(ascii: "=") where depth == 0 && words.setsValue:
      if other(.operator) { skipValue() }
    default:
      if other(.operator) { putSymbol(byte, .operator) }
    }
    return start &+ 1
  }

  /// The value of a SET may be a word, and is a literal all the same.
  private mutating func skipValue() {
    putSymbol(UInt8(ascii: "="), .operator)
    space(before: .operand)
    put(UInt8(ascii: "?"))
    last = .operand
    // Behind it more of a function may follow, and where, a list of values does not tell.
    if words.first == .create { cut() }
    words.isSkipping = true
  }

  // MARK: words

  private mutating func word(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, after previous: Keyword
  ) -> (next: Int, keyword: Keyword) {
    trailing = nil
    if let next = prefixed(text, start, end) { return (next, .none) }
    var position = start
    var letters: UInt64 = 0
    while position < end {
      let byte = text[position]
      guard Self.isWordPart(byte) else { break }
      letters = letters << 8 | UInt64(Self.lower(byte))
      position &+= 1
    }
    // In an encoding with characters of two bytes, half a character may look like a symbol.
    if position < end, text[position &- 1] >= 0x80, (0x40...0x7e).contains(text[position]) {
      cut()
      return (end, .none)
    }
    let keyword = position &- start <= 8 ? Keyword(rawValue: letters) ?? .none : .none
    switch keyword {
    case .null, .true, .false:
      switch last {
      case .open, .comma, .operator:
        literal()
        return (position, .none)
      case .nothing, .word, .keyword, .operand, .close, .dot, .colon: break
      }
    case .to where depth == 0 && words.setsValue:
      if other(.word) { skipValue() }
      return (position, .none)
    default: break
    }
    // Its quotes have been forgotten.
    if previous == .password, depth == 0, words.first == .alter || words.first == .create {
      literal()
      return (position, .none)
    }
    guard other(.word) else { return (position, .none) }
    note(keyword)
    space(before: .word)
    let room = min(position, start &+ max(0, Self.longestOutput &- count))
    var source = start
    while source < room {
      output[count] = Self.lower(text[source])
      count &+= 1
      source &+= 1
    }
    last = keyword == .in || keyword == .values ? .keyword : .word
    hasGap = false
    if keyword == .values { groups[depth].rows = .expected }
    return (position, keyword)
  }

  private mutating func note(_ keyword: Keyword) {
    if words.first == .none {
      switch keyword {
      case .select, .values: words.first = .select
      case .with: words.first = .with
      case .set: words.first = .set
      case .alter: words.first = .alter
      case .create: words.first = .create
      default: words.first = .other
      }
      return
    }
    switch keyword {
    case .insert, .update, .delete, .merge: words.writes = true
    case .set: if words.first == .alter || words.first == .create { words.hasSet = true }
    default: break
    }
  }

  /// A string or a name that begins with a letter.
  private mutating func prefixed(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    guard start &+ 1 < end else { return nil }
    let next = text[start &+ 1]
    guard next == UInt8(ascii: "'") || next == UInt8(ascii: "&") else { return nil }
    switch (Self.lower(text[start]), next) {
    case (UInt8(ascii: "e"), UInt8(ascii: "'")):
      return string(text, start &+ 1, end, escapes: true)
    case (UInt8(ascii: "b"), UInt8(ascii: "'")), (UInt8(ascii: "x"), UInt8(ascii: "'")),
      (UInt8(ascii: "n"), UInt8(ascii: "'")):
      return string(text, start &+ 1, end, escapes: false)
    case (UInt8(ascii: "u"), UInt8(ascii: "&")) where start &+ 2 < end:
      if text[start &+ 2] == UInt8(ascii: "'") {
        return string(text, start &+ 2, end, escapes: false)
      }
      if text[start &+ 2] == UInt8(ascii: "\"") {
        return quotedName(text, start, quote: start &+ 2, end)
      }
      return nil
    default: return nil
    }
  }

  private mutating func quotedName(
    _ text: Span<UInt8>, _ start: Int, quote: Int, _ end: Int
  ) -> Int {
    var position = quote &+ 1
    while position < end {
      if text[position] == UInt8(ascii: "\"") {
        guard position &+ 1 < end, text[position &+ 1] == UInt8(ascii: "\"") else { break }
        position &+= 1
      }
      position &+= 1
    }
    // What stands in one without an end is whatever follows, strings too.
    guard position < end else {
      cut()
      return end
    }
    position &+= 1
    guard other(.word) else { return position }
    if words.first == .none { words.first = .other }
    space(before: .word)
    for index in start..<min(position, start &+ max(0, Self.longestOutput &- count)) {
      put(text[index])
    }
    last = .word
    hasGap = false
    return position
  }

  // MARK: literals

  private mutating func number(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
    var position = start
    var previous: UInt8 = 0
    var hasLetter = false
    while position < end {
      let byte = text[position]
      hasLetter = hasLetter || Self.isWordStart(byte)
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") {
        // The sign of an exponent; in 0x1e-5 it is none.
        guard previous == UInt8(ascii: "e"), position &+ 1 < end, Self.isDigit(text[position &+ 1]),
          !isHexadecimal(text, start, end)
        else { break }
      } else {
        guard byte == UInt8(ascii: ".") || byte != 0x24 && Self.isWordPart(byte) else { break }
      }
      previous = Self.lower(byte)
      position &+= 1
    }
    literal()
    guard position < end else { return position }
    // The letter in front of a quote may be a number's or a string's, and that in front of a `$`
    // a name's, up to version 14.
    let isLetter = Self.isWordStart(previous)
    if isLetter, text[position] == UInt8(ascii: "'") || previous >= 0x80 { cut() }
    if hasLetter, text[position] == UInt8(ascii: "$") { cut() }
    return position
  }

  private func isHexadecimal(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
    start &+ 1 < end && text[start] == UInt8(ascii: "0")
      && Self.lower(text[start &+ 1]) == UInt8(ascii: "x")
  }

  /// A string with its continuations: behind space with a line's end in it, a further '...' belongs
  /// to the string, and escapes as it did.
  private mutating func string(
    _ text: Span<UInt8>, _ quote: Int, _ end: Int, escapes: Bool
  ) -> Int {
    literal()
    var position = quote
    while true {
      position &+= 1
      var previous: UInt8 = 0
      while position < end {
        let byte = text[position]
        if byte == UInt8(ascii: "\\") {
          let next = position &+ 1 < end ? text[position &+ 1] : 0
          // It may be half a character; and where it escapes in a plain string, that goes on.
          if previous >= 0x80 || (!escapes && next == UInt8(ascii: "'")) {
            cut()
            return end
          }
          previous = next
          position &+= 2
          continue
        }
        if byte == UInt8(ascii: "'") {
          guard position &+ 1 < end, text[position &+ 1] == byte else { break }
          position &+= 1
        } else if byte == 0x5f, previous == 0x81 {
          // In SHIFT_JIS_2004 a backslash.
          cut()
          return end
        }
        previous = byte
        position &+= 1
      }
      position = min(position &+ 1, end)
      guard let next = continuation(text, position, end) else { return position }
      position = next
    }
  }

  /// The quote that continues a string which has ended at `position`.
  private func continuation(_ text: Span<UInt8>, _ position: Int, _ end: Int) -> Int? {
    var ahead = position
    var hasNewline = false
    while ahead < end {
      let byte = text[ahead]
      if byte == UInt8(ascii: "'") { return hasNewline ? ahead : nil }
      if byte == UInt8(ascii: "-"), ahead &+ 1 < end, text[ahead &+ 1] == byte {
        while ahead < end, !Self.isNewline(text[ahead]) { ahead &+= 1 }
        continue
      }
      guard Self.isSpace(byte) else { return nil }
      hasNewline = hasNewline || Self.isNewline(byte)
      ahead &+= 1
    }
    return nil
  }

  /// A parameter, a string in dollar quotes or a lone `$`.
  private mutating func dollar(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
    var position = start &+ 1
    if position < end, Self.isDigit(text[position]) {
      while position < end, Self.isDigit(text[position]) { position &+= 1 }
      // There are 65,535; what has more digits is none, but perhaps a price.
      if position &- start > 6 { literal() } else { parameter(text, start..<position) }
      return position
    }
    while position < end, text[position] != 0x24, Self.isWordPart(text[position]) {
      position &+= 1
    }
    guard position < end, text[position] == 0x24 else {
      if other(.operator) { putSymbol(0x24, .operator) }
      return start &+ 1
    }
    literal()
    let length = position &+ 1 &- start
    position &+= 1
    // A tag holds no `$`: what is compared in vain is not compared again.
    while position < end {
      if text[position] == 0x24, end &- position >= length {
        var same = 1
        while same < length, text[position &+ same] == text[start &+ same] { same &+= 1 }
        if same == length { return position &+ length }
      }
      position &+= 1
    }
    return end
  }

  // MARK: comments

  private mutating func comment(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
    hasGap = true
    var position = start
    if text[start] == UInt8(ascii: "-") {
      while position < end, !Self.isNewline(text[position]) { position &+= 1 }
      return position
    }
    position &+= 2
    var depth = 1
    while position < end, depth > 0 {
      let next = position &+ 1 < end ? text[position &+ 1] : 0
      switch (text[position], next) {
      case (UInt8(ascii: "/"), UInt8(ascii: "*")):
        depth += 1
        position &+= 2
      case (UInt8(ascii: "*"), UInt8(ascii: "/")):
        depth -= 1
        position &+= 2
      default: position &+= 1
      }
    }
    position = min(position, end)
    if depth == 0 {
      if last == .nothing, leading == nil { leading = start..<position }
      if last != .nothing { trailing = start..<position }
    }
    return position
  }

  // MARK: bytes

  static func lower(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  static func isNewline(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }

  /// The vertical tab is space since version 16; before, it is an error.
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }

  static func isWordStart(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  static func isWordPart(_ byte: UInt8) -> Bool {
    isWordStart(byte) || isDigit(byte) || byte == UInt8(ascii: "$")
  }
}
