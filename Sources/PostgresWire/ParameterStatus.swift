/// ParameterStatus: a setting that the server reports.
public enum ParameterStatus {
  /// Parses a body (what follows the length). Bytes that are not UTF-8 become U+FFFD.
  ///
  /// - Returns: nil where the body is not a name and a value.
  public static func parse(_ body: [UInt8]) -> (name: String, value: String)? {
    parse(body.span)
  }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> (name: String, value: String)? {
    var cursor = ByteCursor()
    guard let name = cursor.readText(in: body), !name.isEmpty,
      let value = cursor.readText(in: body), cursor.remaining(in: body) == 0
    else { return nil }
    return (name, value)
  }
}
