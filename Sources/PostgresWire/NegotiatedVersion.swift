/// NegotiateProtocolVersion: the server speaks an older minor version than it was asked for.
public enum NegotiatedVersion {
  /// Parses a body (what follows the length).
  ///
  /// PostgreSQL's documentation has the minor version alone in it, PostgreSQL writes the whole
  /// one: both are taken.
  ///
  /// - Returns: the minor version of protocol 3; nil where the body is malformed, or the server
  ///   speaks another major version.
  public static func parse(_ body: [UInt8]) -> Int? { parse(body.span) }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> Int? {
    var cursor = ByteCursor()
    guard let major = cursor.readUInt16(in: body), major == 3 || major == 0,
      let minor = cursor.readUInt16(in: body), cursor.readUInt32(in: body) != nil
    else { return nil }
    return Int(minor)
  }
}
