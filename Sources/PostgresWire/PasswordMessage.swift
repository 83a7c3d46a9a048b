/// PasswordMessage: a password, or the answer to an MD5 salt.
public enum PasswordMessage {
  /// Parses a body (what follows the length).
  ///
  /// - Returns: the password, or nil where its only NUL is not the last byte.
  public static func parse(_ body: [UInt8]) -> [UInt8]? { parse(body.span) }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> [UInt8]? {
    var cursor = ByteCursor()
    guard let password = cursor.readCString(in: body), cursor.remaining(in: body) == 0 else {
      return nil
    }
    return password
  }
}
