/// RowDescription: the columns of a result.
public enum RowDescription {
  /// The names of the columns.
  ///
  /// - Returns: nil where the body is malformed. Bytes that are not UTF-8 become U+FFFD.
  public static func names(_ body: [UInt8]) -> [String]? { names(body.span) }

  /// As ``names(_:)-([UInt8])``, without a copy of the body.
  public static func names(_ body: Span<UInt8>) -> [String]? {
    var cursor = ByteCursor()
    guard let count = cursor.readUInt16(in: body) else { return nil }
    var names: [String] = []
    for _ in 0..<count {
      // Behind the name: table (4), column (2), type (4), length (2), modifier (4), format (2).
      guard let name = cursor.readText(in: body), cursor.readBytes(18, in: body) != nil else {
        return nil
      }
      names.append(name)
    }
    return cursor.remaining(in: body) == 0 ? names : nil
  }
}
