/// What a comment of sqlcommenter's form tells: `/*key='value',key='value'*/`.
///
/// Keys and values are percent-encoded. What is not of that form, is too long, or has control
/// characters in it, is nothing. Source: the specification of sqlcommenter.
public struct TraceComment: Equatable, Sendable {
  /// Bytes of a comment, pairs of it, and bytes of a key or value that are looked at.
  public static let longest = 1_024
  static let mostPairs = 16
  static let longestPart = 256

  public private(set) var pairs: [(key: String, value: String)] = []

  public static func == (left: TraceComment, right: TraceComment) -> Bool {
    left.pairs.elementsEqual(right.pairs) { $0 == $1 }
  }

  /// - Parameter comment: with its delimiters.
  public init?(_ comment: ArraySlice<UInt8>) {
    guard comment.count > 4, comment.count <= Self.longest, comment.starts(with: Array("/*".utf8))
    else { return nil }
    var rest = comment.dropFirst(2).dropLast(2)
    while true {
      rest = rest.drop { $0 == 0x20 }
      guard let equals = rest.firstIndex(of: UInt8(ascii: "=")),
        let key = Self.decoded(rest[..<equals]), !key.isEmpty
      else { return nil }
      rest = rest[(equals + 1)...]
      guard rest.first == UInt8(ascii: "'") else { return nil }
      rest = rest.dropFirst()
      guard let end = Self.end(of: rest), let value = Self.decoded(rest[..<end]) else { return nil }
      guard pairs.count < Self.mostPairs else { return nil }
      pairs.append((key, value))
      rest = rest[(end + 1)...].drop { $0 == 0x20 }
      if rest.isEmpty { return }
      guard rest.first == UInt8(ascii: ",") else { return nil }
      rest = rest.dropFirst()
    }
  }

  /// The quote that ends a value: one with a backslash in front does not.
  private static func end(of value: ArraySlice<UInt8>) -> Int? {
    var isEscaped = false
    for index in value.indices {
      if isEscaped {
        isEscaped = false
      } else if value[index] == UInt8(ascii: "\\") {
        isEscaped = true
      } else if value[index] == UInt8(ascii: "'") {
        return index
      }
    }
    return nil
  }

  private static func decoded(_ part: ArraySlice<UInt8>) -> String? {
    var bytes: [UInt8] = []
    var rest = part
    while let byte = rest.first {
      rest = rest.dropFirst()
      switch byte {
      case UInt8(ascii: "%"):
        guard rest.count >= 2, let high = digit(rest.removeFirst()),
          let low = digit(rest.removeFirst())
        else { return nil }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "\\"):
        guard let next = rest.popFirst() else { return nil }
        bytes.append(next)
      default: bytes.append(byte)
      }
      if bytes.count > longestPart { return nil }
    }
    guard let text = String(validating: bytes, as: UTF8.self),
      !text.unicodeScalars.contains(where: { isControl($0) })
    else { return nil }
    return text
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      || (0x2028...0x2029).contains(scalar.value)
  }

  public subscript(key: String) -> String? { pairs.first { $0.key == key }?.value }

  /// `00-<trace>-<span>-<flags>`, where it has the form of W3C's Trace Context.
  public var traceparent: String? {
    guard let value = self["traceparent"] else { return nil }
    let parts = value.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard parts.count >= 4, [2, 32, 16, 2] == parts.prefix(4).map(\.count),
      parts.prefix(4).allSatisfy({ $0.allSatisfy { Self.digit($0) != nil } })
    else { return nil }
    return value
  }

  /// What tells one request from another: the trace's number.
  public var traceID: String? {
    traceparent.map { String($0.dropFirst(3).prefix(32)) }
  }
}
