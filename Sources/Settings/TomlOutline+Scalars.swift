// Numbers and escapes, checked as strictly as TOML 1.0 has them: the parser in TOMLKit aborts the
// process on some malformed ones.
extension TomlOutline {
  /// Whether a word is a number, true or false.
  static func isScalar(_ word: ArraySlice<UInt8>) -> Bool {
    if word.elementsEqual("true".utf8) || word.elementsEqual("false".utf8) { return true }
    var rest = word
    let isSigned = rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-")
    if isSigned { rest.removeFirst() }
    if rest.elementsEqual("inf".utf8) || rest.elementsEqual("nan".utf8) { return true }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where rest.starts(with: prefix.utf8) {
      rest.removeFirst(2)
      return !isSigned && takeDigits(&rest, radix: radix) > 0 && rest.isEmpty
    }
    let leadsWithZero = rest.first == UInt8(ascii: "0")
    let whole = takeDigits(&rest, radix: 10)
    guard whole > 0, whole == 1 || !leadsWithZero else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      guard takeDigits(&rest, radix: 10) > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
      guard takeDigits(&rest, radix: 10) > 0 else { return false }
    }
    return rest.isEmpty
  }

  /// Takes digits, with single underscores between them, off the front; returns how many.
  private static func takeDigits(_ rest: inout ArraySlice<UInt8>, radix: Int) -> Int {
    var count = 0
    while let byte = rest.first {
      let next = rest.dropFirst().first
      if isDigit(byte, radix) {
        count += 1
      } else if byte != UInt8(ascii: "_") || count == 0
        || !(next.map { isDigit($0, radix) } ?? false)
      {
        break
      }
      rest.removeFirst()
    }
    return count
  }

  private static func isDigit(_ byte: UInt8, _ radix: Int) -> Bool {
    Character(Unicode.Scalar(byte)).hexDigitValue.map { $0 < radix } ?? false
  }

  /// How many bytes an escape takes at the front of `text`, the backslash included; nil if TOML
  /// does not have it. In a long text a backslash may also end a line.
  static func escapeLength(_ text: ArraySlice<UInt8>, isLong: Bool) -> Int? {
    let rest = text.dropFirst()
    guard let first = rest.first else { return nil }
    switch first {
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let count = first == UInt8(ascii: "u") ? 4 : 8
      let digits = rest.dropFirst().prefix(count)
      guard digits.count == count, digits.allSatisfy({ isDigit($0, 16) }),
        let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
        // A NUL would cut the text short: TOMLKit hands it over as a C string.
        Unicode.Scalar(value) != nil, value != 0
      else { return nil }
      return count + 2
    case _ where "btnfr\"\\".utf8.contains(first): return 2
    case _ where isLong:
      let blanks = rest.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      let end = rest.dropFirst(blanks.count).first
      let isLineEnd = end == UInt8(ascii: "\n") || end == UInt8(ascii: "\r")
      return isLineEnd ? 1 + blanks.count : nil
    default: return nil
    }
  }
}
