/// SASLInitialResponse: the mechanism that a client chose, and its first message.
public enum SASLInitialResponse {
  /// Parses a body (what follows the length).
  ///
  /// - Returns: the mechanism and the data, nil where the client sent none; nil where the body is
  ///   malformed.
  public static func parse(_ body: [UInt8]) -> (mechanism: String, data: [UInt8]?)? {
    parse(body.span)
  }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> (mechanism: String, data: [UInt8]?)? {
    var cursor = ByteCursor()
    guard let mechanism = cursor.readText(in: body), let length = cursor.readUInt32(in: body)
    else { return nil }
    if length == UInt32.max {
      return cursor.remaining(in: body) == 0 ? (mechanism, nil) : nil
    }
    guard Int(length) == cursor.remaining(in: body) else { return nil }
    return (mechanism, cursor.readRest(in: body))
  }
}
