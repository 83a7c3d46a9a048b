/// DataRow: the values of one row.
public enum DataRow {
  /// Parses a body (what follows the length).
  ///
  /// - Returns: the values, nil for NULL; nil where the body is malformed.
  public static func parse(_ body: [UInt8]) -> [[UInt8]?]? { parse(body.span) }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> [[UInt8]?]? {
    var cursor = ByteCursor()
    guard let count = cursor.readUInt16(in: body) else { return nil }
    var values: [[UInt8]?] = []
    for _ in 0..<count {
      guard let length = cursor.readUInt32(in: body) else { return nil }
      if length == UInt32.max {
        values.append(nil)
      } else {
        guard let value = cursor.readBytes(Int(length), in: body) else { return nil }
        values.append(value)
      }
    }
    return cursor.remaining(in: body) == 0 ? values : nil
  }
}
