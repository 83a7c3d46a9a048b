/// BackendKeyData: what a cancel request to this server must carry.
public enum BackendKeyData {
  /// Parses a body (what follows the length).
  ///
  /// - Returns: nil where the secret has not 4 to 256 bytes.
  public static func parse(_ body: [UInt8]) -> CancelKey? { parse(body.span) }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> CancelKey? {
    var cursor = ByteCursor()
    guard let processID = cursor.readUInt32(in: body),
      CancelKey.secretBytes.contains(cursor.remaining(in: body))
    else { return nil }
    return CancelKey(processID: processID, secret: cursor.readRest(in: body))
  }
}
