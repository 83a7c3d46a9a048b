/// A value in one of the console's tables.
public enum ConsoleValue: Equatable, Sendable {
  case null
  case text(String)
  case integer(Int64)

  public static func integer(_ value: Int) -> ConsoleValue { .integer(Int64(value)) }
  public static func integer(_ value: UInt64) -> ConsoleValue { .integer(Int64(clamping: value)) }
  public static func integer(_ value: Int32) -> ConsoleValue { .integer(Int64(value)) }
  /// NULL where there is none.
  public static func text(orNull value: String?) -> ConsoleValue {
    value.map { .text($0) } ?? .null
  }

  /// As text, nil for NULL.
  public var string: String? {
    switch self {
    case .null: nil
    case .text(let text): text
    case .integer(let value): String(value)
    }
  }

  /// The value in a format of the protocol.
  func bytes(as type: ColumnType, isBinary: Bool) -> [UInt8]? {
    switch self {
    case .null: return nil
    case .text(let text): return Array(text.utf8)
    case .integer(let value):
      guard isBinary else { return Array(String(value).utf8) }
      switch type {
      case .int4: return Self.bigEndian(Int32(clamping: value))
      case .int8: return Self.bigEndian(value)
      case .numeric: return Self.numeric(value)
      case .text, .bytea: return Array(String(value).utf8)
      }
    }
  }

  private static func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// As PostgreSQL's numeric_send: the number of digits to the base of 10,000, the weight of the
  /// first, sign, scale, the digits.
  private static func numeric(_ value: Int64) -> [UInt8] {
    var digits: [Int16] = []
    var rest = value.magnitude
    while rest > 0 {
      digits.insert(Int16(rest % 10_000), at: 0)
      rest /= 10_000
    }
    let weight = Int16(max(0, digits.count - 1))
    while digits.last == 0 { digits.removeLast() }
    let sign: UInt16 = value < 0 ? 0x4000 : 0
    return bigEndian(Int16(digits.count)) + bigEndian(weight) + bigEndian(sign) + [0, 0]
      + digits.flatMap { bigEndian($0) }
  }
}

extension ConsoleValue: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self = .text(value) }
}

extension ConsoleValue: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Int64) { self = .integer(value) }
}
