/// What a Bind message says behind the names of its portal and its statement (PostgreSQL
/// documentation, "Message Formats").
public struct BoundParameters: Sendable {
  private let values: [[UInt8]?]
  /// The formats of the result's columns, as the message has them: a count, and that many codes.
  public let columnFormats: [UInt8]

  /// - Parameter bytes: the message from behind the statement's name to its end.
  /// - Returns: nil if they are malformed.
  public init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    func take(_ count: Int) -> ArraySlice<UInt8>? {
      guard count >= 0, rest.count >= count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return rest.prefix(count)
    }
    func number(_ size: Int) -> Int? { take(size)?.reduce(0) { $0 << 8 | Int($1) } }
    guard let formats = number(2), take(2 * formats) != nil, let count = number(2) else {
      return nil
    }
    var values: [[UInt8]?] = []
    for _ in 0..<count {
      guard let length = number(4) else { return nil }
      if length == 0xFFFF_FFFF {
        values.append(nil)
      } else {
        guard let value = take(length) else { return nil }
        values.append(Array(value))
      }
    }
    let columns = Array(rest)
    guard let codes = number(2), rest.count == 2 * codes else { return nil }
    self.values = values
    columnFormats = columns
  }

  public var count: Int { values.count }

  /// - Parameter number: from 1 to ``count``.
  /// - Returns: nil for NULL.
  public func value(_ number: Int) -> [UInt8]? { values[number - 1] }
}
