/// Base64 with the standard alphabet (RFC 4648 section 4), strictly.
public enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  public static func encode(_ data: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((data.count + 2) / 3 * 4)
    for start in stride(from: 0, to: data.count, by: 3) {
      let count = min(3, data.count - start)
      var group = 0
      for index in 0..<3 { group = group << 8 | (index < count ? Int(data[start + index]) : 0) }
      for index in 0..<4 {
        text.append(index <= count ? alphabet[group >> (18 - 6 * index) & 63] : padding)
      }
    }
    return text
  }

  /// - Returns: nil where a byte is not of the alphabet (white space is not), the padding is
  ///   missing or surplus, or bits that no byte holds are set: so one text stands for one value.
  public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    let text = Array(text)
    guard text.count.isMultiple(of: 4) else { return nil }
    let padded = text.suffix(2).reversed().prefix { $0 == padding }.count
    var data: [UInt8] = []
    data.reserveCapacity(text.count / 4 * 3)
    var group = 0
    for (index, byte) in text.dropLast(padded).enumerated() {
      guard let value = value(of: byte) else { return nil }
      group = (group << 6 | value) & 0xFF_FFFF
      if index % 4 > 0 { data.append(UInt8(truncatingIfNeeded: group >> (6 - index % 4 * 2))) }
    }
    let unusedBits = padded * 2
    guard group & ((1 << unusedBits) - 1) == 0 else { return nil }
    return data
  }

  private static func value(of byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte) - 97 + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 48 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
