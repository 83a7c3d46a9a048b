// How the pieces are put together: space between them, and lists of literals.
extension Normaliser {
  static let trackedDepth = 24

  /// What stands between a pair of parentheses or brackets; the first is the whole text.
  struct Group: Sendable {
    enum Kind {
      case plain
      /// Of literals that are told once: `IN (...)`, `ARRAY[...]`.
      case list
      /// One of several alike: those of VALUES.
      case row
    }
    enum Element {
      case none, literal, parameter, other
      /// As one in front of it, and not put out.
      case dropped
    }
    enum Rows {
      case none
      /// Behind VALUES.
      case expected
      /// Behind a row of literals alone, and behind the comma there.
      case closed
      case separated
    }
    var kind = Kind.plain
    /// A row has literals and parameters alone.
    var isPure = true
    var element = Element.none
    /// A `::` behind the element, and the type.
    var isCast = false
    var previous = Element.none
    /// Where the comma behind the previous element was put out.
    var comma = 0
    var hasDots = false
    var rows = Rows.none
    /// Where the last row ends.
    var rowsEnd = 0
  }

  /// What is put out next.
  enum Piece {
    case word, keyword, operand, open, close, comma, dot, colon, `operator`
  }

  /// A byte of the fingerprint.
  mutating func put(_ byte: UInt8) {
    if count >= output.count {
      isOver = true
      return
    }
    output[count] = byte
    count &+= 1
  }

  /// Space in front of a piece, where there is to be some.
  mutating func space(before piece: Piece) {
    if count >= Self.longestOutput { isOver = true }
    if owesSemicolon {
      owesSemicolon = false
      put(UInt8(ascii: ";"))
      put(UInt8(ascii: " "))
      return
    }
    if needsSpace(before: piece) { put(UInt8(ascii: " ")) }
  }

  private func needsSpace(before piece: Piece) -> Bool {
    switch last {
    case .nothing, .open, .dot, .colon: return false
    case .word, .keyword, .operand, .close, .comma, .operator: break
    }
    switch piece {
    case .comma, .close, .dot, .colon: return false
    case .open:
      switch last {
      case .word, .operand, .close: return hasGap
      default: return true
      }
    case .operator: return last == .operator ? hasGap : true
    case .word, .keyword, .operand: return true
    }
  }

  /// A literal has been read.
  mutating func literal() {
    element(.literal)
  }

  /// - Parameter text: where a parameter stands in `bytes`.
  mutating func parameter(_ bytes: Span<UInt8>, _ text: Range<Int>) {
    element(.parameter, bytes, text)
  }

  private mutating func element(
    _ kind: Group.Element, _ bytes: Span<UInt8>? = nil, _ text: Range<Int> = 0..<0
  ) {
    begin()
    if words.isSkipping { return }
    noteOther()
    let isFirst = groups[depth].element == .none
    if groups[depth].kind == .list, isFirst, groups[depth].previous == kind, last == .comma {
      count = groups[depth].comma
      if kind == .parameter, !groups[depth].hasDots {
        for byte in ", ...".utf8 { put(byte) }
        groups[depth].hasDots = true
      }
      groups[depth].element = .dropped
      groups[depth].previous = kind
      last = .operand
      return
    }
    space(before: .operand)
    if let bytes {
      for index in text { put(bytes[index]) }
    } else {
      put(UInt8(ascii: "?"))
    }
    groups[depth].element = isFirst ? kind : .other
    groups[depth].isCast = false
    if !isFirst { groups[depth].isPure = false }
    last = .operand
    hasGap = false
  }

  /// Something that is no literal has been read, at this depth.
  /// - Returns: false: it is not put out.
  mutating func other(_ piece: Piece) -> Bool {
    begin()
    if words.isSkipping { return false }
    noteOther()
    // A cast belongs to the literal in front of it.
    if piece == .colon || (piece == .word && groups[depth].isCast) {
      switch groups[depth].element {
      case .literal, .parameter, .dropped:
        groups[depth].isCast = true
        return groups[depth].element != .dropped
      case .none, .other: break
      }
    }
    groups[depth].element = .other
    groups[depth].isPure = false
    return true
  }

  /// Whatever is no row ends the rows.
  private mutating func noteOther() { groups[depth].rows = .none }

  mutating func begin() {
    if words.statements == 0 || (owesSemicolon && !words.isSkipping) { words.statements += 1 }
  }

  mutating func comma() {
    begin()
    if words.isSkipping { return }
    groups[depth].rows = groups[depth].rows == .closed ? .separated : .none
    // The elements alike that are not put out count as the one that is.
    if groups[depth].element != .dropped {
      groups[depth].previous = groups[depth].element
    }
    groups[depth].element = .none
    groups[depth].isCast = false
    groups[depth].comma = count
    space(before: .comma)
    put(UInt8(ascii: ","))
    last = .comma
    hasGap = false
  }

  /// - Parameter word: which keyword stands in front, if one that matters does.
  mutating func open(_ byte: UInt8, after word: Keyword) {
    begin()
    if words.isSkipping { return }
    let outer = groups[depth]
    var group = Group()
    let isBracket = byte == UInt8(ascii: "[")
    if !isBracket, outer.rows == .expected || outer.rows == .separated {
      group.kind = .row
    } else if (word == .in && !isBracket) || (word == .array && isBracket) {
      group.kind = .list
    } else if outer.kind == .list, outer.element == .none {
      group.kind = .row
    }
    if group.kind != .row {
      groups[depth].rows = .none
      groups[depth].element = .other
      groups[depth].isPure = false
    }
    space(before: isBracket && last != .operator && last != .comma ? .dot : .open)
    put(byte)
    last = .open
    hasGap = false
    // Deeper ones are not told apart: all that is in them is one group.
    if depth == Self.trackedDepth {
      deeper += 1
    } else {
      depth += 1
      groups[depth] = group
    }
  }

  mutating func close(_ byte: UInt8) {
    begin()
    if words.isSkipping { return }
    guard depth > 0 else {
      if other(.close) { putClose(byte) }
      return
    }
    if deeper > 0 {
      deeper -= 1
      return putClose(byte)
    }
    let group = groups[depth]
    depth -= 1
    let isRow = group.kind == .row && group.isPure
    if isRow, groups[depth].rows == .separated {
      count = groups[depth].rowsEnd
      if !groups[depth].hasDots {
        for byte in ", ...".utf8 { put(byte) }
        groups[depth].hasDots = true
        groups[depth].rowsEnd = count
      }
      last = .close
      hasGap = false
    } else {
      putClose(byte)
      groups[depth].rowsEnd = count
      groups[depth].hasDots = false
    }
    groups[depth].rows = isRow ? .closed : .none
    groups[depth].element = .other
  }

  private mutating func putClose(_ byte: UInt8) {
    space(before: .close)
    put(byte)
    last = .close
    hasGap = false
  }

  mutating func semicolon() {
    if depth > 0 {
      if other(.operator) { putSymbol(UInt8(ascii: ";"), .operator) }
      return
    }
    words.end()
    groups[0] = Group()
    if last != .nothing { owesSemicolon = true }
  }

  mutating func putSymbol(_ byte: UInt8, _ piece: Piece) {
    space(before: piece)
    put(byte)
    switch piece {
    case .dot: last = .dot
    case .colon: last = .colon
    default: last = .operator
    }
    hasGap = false
  }

  /// What follows can't be told from a literal.
  mutating func cut() {
    for byte in " ...".utf8 { put(byte) }
    isOver = true
  }
}
