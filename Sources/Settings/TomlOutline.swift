/// Walks a TOML document before TOMLKit parses it, for two reasons. TOMLKit does not tell on which
/// line a value stands; the outline does. And the parser in TOMLKit 0.6 asserts, which aborts the
/// process, on several kinds of malformed text (`[=`, `[ }`, `1:x`), which a reload must survive:
/// what gets past the outline is TOML, but for names that stand twice, which the parser reports as
/// it should.
///
/// It refuses what no setting needs: lists of tables (`[[x]]`), dates and times of day.
struct TomlOutline {
  /// What is wrong, without any of the text, which may be a secret.
  struct Problem: Error, Equatable {
    var line: Int
    var message: String
  }

  /// How deep lists and inline tables may nest.
  static let maximumDepth = 8

  private var lines: [[String]: Int] = [:]
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var table: [String] = []

  init(_ bytes: [UInt8]) throws(Problem) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    try checkCharacters()
    while position < bytes.count { try readItem() }
  }

  /// The line of a key, or of the nearest table around it that has one.
  func line(of path: [String]) -> Int? {
    var path = path
    while !path.isEmpty {
      if let line = lines[path] { return line }
      path.removeLast()
    }
    return nil
  }

  private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func at(_ character: Unicode.Scalar) -> Bool { byte == UInt8(ascii: character) }

  private func problem(_ message: String, line: Int? = nil) -> Problem {
    Problem(line: line ?? self.line, message: "not TOML: \(message)")
  }

  /// TOML has no control characters but tabs and line ends.
  private func checkCharacters() throws(Problem) {
    var line = 1
    for (index, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "\n"): line += 1
      case UInt8(ascii: "\t"): break
      case UInt8(ascii: "\r") where index + 1 < bytes.count && bytes[index + 1] == 0x0A: break
      case 0..<0x20, 0x7F: throw problem("there is a control character", line: line)
      default: break
      }
    }
  }

  private mutating func advance() {
    if at("\n") { line += 1 }
    position += 1
  }

  private mutating func skipBlanks() {
    while at(" ") || at("\t") { position += 1 }
  }

  private mutating func skipComment() {
    if at("#") {
      while let byte, byte != UInt8(ascii: "\n") { position += 1 }
    }
  }

  private mutating func skipBlanksAndLines() {
    while let byte, " \t\r\n#".utf8.contains(byte) {
      if byte == UInt8(ascii: "#") { skipComment() } else { advance() }
    }
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Problem) {
    guard at(character) else { throw problem("`\(character)` is missing") }
    position += 1
  }

  private mutating func expectLineEnd() throws(Problem) {
    skipBlanks()
    skipComment()
    if at("\r") { position += 1 }
    guard byte == nil || at("\n") else {
      throw problem("something follows where the line should end")
    }
    if byte != nil { advance() }
  }

  /// A header, a `key = value`, a comment or an empty line.
  private mutating func readItem() throws(Problem) {
    skipBlanks()
    guard let first = byte else { return }
    if "\r\n#".utf8.contains(first) { return try expectLineEnd() }
    if first == UInt8(ascii: "[") {
      position += 1
      if at("[") { throw problem("a section is written [name], with single brackets") }
      table = try readPath()
      record(table, from: 0)
      try expect("]")
    } else {
      try readPair(depth: 0, records: true)
    }
    try expectLineEnd()
  }

  private mutating func readPair(depth: Int, records: Bool) throws(Problem) {
    let path = try readPath()
    if records { record(table + path, from: table.count) }
    try expect("=")
    skipBlanks()
    try readValue(depth: depth)
  }

  private mutating func record(_ path: [String], from depth: Int) {
    for length in path.indices where length >= depth {
      let prefix = Array(path[...length])
      if lines[prefix] == nil || length == path.count - 1 { lines[prefix] = line }
    }
  }

  /// Keys with dots between them.
  private mutating func readPath() throws(Problem) -> [String] {
    var path: [String] = []
    while path.count < 16 {
      skipBlanks()
      if at("\"") || at("'") {
        path.append(try readQuotedKey())
      } else {
        let start = position
        while let byte, Toml.isBare(byte) { position += 1 }
        guard position > start else {
          throw problem("a name is missing; other than letters, digits, _ and - it needs quotes")
        }
        path.append(String(decoding: bytes[start..<position], as: UTF8.self))
      }
      skipBlanks()
      guard at(".") else { return path }
      position += 1
    }
    throw problem("a name has too many parts")
  }

  private mutating func readQuotedKey() throws(Problem) -> String {
    let isLiteral = at("'")
    position += 1
    var key: [UInt8] = []
    while let byte, byte != UInt8(ascii: "\n") {
      position += 1
      if byte == UInt8(ascii: isLiteral ? "'" : "\"") {
        guard !key.isEmpty else { throw problem("a name is empty") }
        return String(decoding: key, as: UTF8.self)
      }
      if byte == UInt8(ascii: "\\"), !isLiteral {
        // Of the escapes, names need only a quote and a backslash.
        guard let escaped = self.byte, "\"\\".utf8.contains(escaped) else {
          throw problem("a name can have no escape but of a quote or a backslash")
        }
        key.append(escaped)
        position += 1
      } else {
        key.append(byte)
      }
    }
    throw problem("a name's closing quote is missing")
  }

  private mutating func readValue(depth: Int) throws(Problem) {
    guard depth <= Self.maximumDepth else { throw problem("values nest too deep") }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "'"): try readText()
    case UInt8(ascii: "["): try readList(depth: depth)
    case UInt8(ascii: "{"): try readInlineTable(depth: depth)
    default:
      let start = position
      while let byte, Toml.isBare(byte) || "+.:".utf8.contains(byte) { position += 1 }
      let word = bytes[start..<position]
      if Self.isScalar(word) { return }
      if word.isEmpty { throw problem("a value is missing") }
      if word.first.map(Self.startsNumber) ?? false {
        throw problem("this is no number, and no setting takes a date or a time of day")
      }
      throw problem("a value that is text needs double quotes")
    }
  }

  private static func startsNumber(_ byte: UInt8) -> Bool { "+-.0123456789".utf8.contains(byte) }

  private mutating func readList(depth: Int) throws(Problem) {
    position += 1
    while true {
      skipBlanksAndLines()
      if at("]") { break }
      try readValue(depth: depth + 1)
      skipBlanksAndLines()
      if !at(",") { break }
      position += 1
    }
    try expect("]")
  }

  private mutating func readInlineTable(depth: Int) throws(Problem) {
    position += 1
    skipBlanks()
    if !at("}") {
      while true {
        try readPair(depth: depth + 1, records: false)
        skipBlanks()
        if !at(",") { break }
        position += 1
      }
    }
    try expect("}")
  }

  private mutating func readText() throws(Problem) {
    let start = line
    let quote = bytes[position]
    let isLong =
      position + 2 < bytes.count && bytes[position + 1] == quote && bytes[position + 2] == quote
    position += isLong ? 3 : 1
    while let byte {
      if byte == quote {
        var run = 0
        while self.byte == quote, run < (isLong ? 5 : 1) {
          run += 1
          position += 1
        }
        if !isLong || run >= 3 { return }
      } else if byte == UInt8(ascii: "\n"), !isLong {
        break
      } else {
        guard byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") else {
          advance()
          continue
        }
        guard let length = Self.escapeLength(bytes[position...], isLong: isLong) else {
          throw problem("text cannot have this escape; a backslash itself is written \\\\")
        }
        position += length
      }
    }
    throw problem("a text's closing quote is missing", line: start)
  }
}
