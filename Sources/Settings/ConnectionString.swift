/// The values of [databases], [users] and [peers] in an ini file: `key=value` pairs with blanks
/// between them. A value with blanks stands in single quotes, where a quote is doubled.
enum ConnectionString {
  /// Why it cannot be read. It never holds any of its text, which may be part of a password.
  struct Problem: Error, Equatable {
    var message: String
  }

  static func parse(_ text: String) throws(Problem) -> [(key: String, value: String)] {
    let bytes = Array(text.utf8)
    var position = 0
    var pairs: [(key: String, value: String)] = []
    while true {
      position = skipBlanks(bytes, position)
      if position == bytes.count { return pairs }
      let keyStart = position
      while position < bytes.count, bytes[position] != UInt8(ascii: "="), !isBlank(bytes[position])
      {
        position += 1
      }
      let key = String(decoding: bytes[keyStart..<position], as: UTF8.self)
      position = skipBlanks(bytes, position)
      guard position < bytes.count, bytes[position] == UInt8(ascii: "="), !key.isEmpty else {
        throw Problem(message: "takes key=value pairs; values with blanks stand in single quotes")
      }
      position = skipBlanks(bytes, position + 1)
      let value = try value(bytes, &position)
      pairs.append((key, String(decoding: value, as: UTF8.self)))
    }
  }

  private static func value(_ bytes: [UInt8], _ position: inout Int) throws(Problem) -> [UInt8] {
    var value: [UInt8] = []
    let quote = UInt8(ascii: "'")
    guard position < bytes.count, bytes[position] == quote else {
      while position < bytes.count, !isBlank(bytes[position]) {
        value.append(bytes[position])
        position += 1
      }
      return value
    }
    position += 1
    while position < bytes.count {
      if bytes[position] == quote {
        guard position + 1 < bytes.count, bytes[position + 1] == quote else {
          position += 1
          return value
        }
        position += 1
      }
      value.append(bytes[position])
      position += 1
    }
    throw Problem(message: "has a value whose closing single quote is missing")
  }

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }

  private static func skipBlanks(_ bytes: [UInt8], _ start: Int) -> Int {
    var position = start
    while position < bytes.count, isBlank(bytes[position]) { position += 1 }
    return position
  }
}
