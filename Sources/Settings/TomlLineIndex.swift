/// Finds the line on which a key of a TOML document stands, which TOMLKit does not tell. It walks
/// text that TOMLKit has accepted, so it judges nothing; on other text it gives some index.
struct TomlLineIndex {
  private var lines: [[String]: Int] = [:]
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var table: [String] = []

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    while position < bytes.count { readItem() }
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

  private mutating func advance() {
    if byte == UInt8(ascii: "\n") { line += 1 }
    position += 1
  }

  private mutating func skipToLineEnd() {
    while let byte, byte != UInt8(ascii: "\n") { position += 1 }
  }

  private mutating func skipBlanks() {
    while let byte, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { position += 1 }
  }

  /// A header, a `key = value`, a comment or an empty line.
  private mutating func readItem() {
    skipBlanks()
    guard let first = byte else { return }
    switch first {
    case UInt8(ascii: "\n"), UInt8(ascii: "\r"): advance()
    case UInt8(ascii: "#"): skipToLineEnd()
    case UInt8(ascii: "["):
      while byte == UInt8(ascii: "[") { position += 1 }
      table = readPath()
      record(table, from: 0)
      skipToLineEnd()
    default:
      let start = position
      let path = readPath()
      record(table + path, from: table.count)
      if byte == UInt8(ascii: "=") { position += 1 }
      skipValue()
      if position == start { advance() }
    }
  }

  private mutating func record(_ path: [String], from depth: Int) {
    for length in path.indices where length >= depth {
      let prefix = Array(path[...length])
      if lines[prefix] == nil || length == path.count - 1 { lines[prefix] = line }
    }
  }

  /// Keys with dots between them.
  private mutating func readPath() -> [String] {
    var path: [String] = []
    while path.count < 64 {
      skipBlanks()
      guard let first = byte else { break }
      if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
        path.append(readQuotedKey(first))
      } else {
        let start = position
        while let byte, !" \t\r\n.=]#".utf8.contains(byte) { position += 1 }
        path.append(String(decoding: bytes[start..<position], as: UTF8.self))
      }
      skipBlanks()
      guard byte == UInt8(ascii: ".") else { break }
      position += 1
    }
    return path
  }

  private mutating func readQuotedKey(_ quote: UInt8) -> String {
    position += 1
    var key: [UInt8] = []
    while let byte, byte != quote, byte != UInt8(ascii: "\n") {
      position += 1
      // Only the escapes that names have: a quote and a backslash.
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\""), let escaped = self.byte {
        key.append(escaped)
        position += 1
      } else {
        key.append(byte)
      }
    }
    if byte == quote { position += 1 }
    return String(decoding: key, as: UTF8.self)
  }

  /// Everything up to the end of a value's last line.
  private mutating func skipValue() {
    var depth = 0
    while let byte {
      switch byte {
      case UInt8(ascii: "\n"):
        advance()
        if depth <= 0 { return }
      case UInt8(ascii: "#"): skipToLineEnd()
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        position += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        position += 1
      case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString(byte)
      default: position += 1
      }
    }
  }

  private mutating func skipString(_ quote: UInt8) {
    let isMultiline =
      position + 2 < bytes.count && bytes[position + 1] == quote && bytes[position + 2] == quote
    position += isMultiline ? 3 : 1
    while let byte {
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        advance()
        if self.byte != nil { advance() }
      } else if byte == quote {
        var run = 0
        while self.byte == quote, run < (isMultiline ? 5 : 1) {
          run += 1
          position += 1
        }
        if !isMultiline || run >= 3 { return }
      } else if byte == UInt8(ascii: "\n"), !isMultiline {
        return
      } else {
        advance()
      }
    }
  }
}
