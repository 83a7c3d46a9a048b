/// What a server asks for at login: the messages of type `R`.
public enum AuthenticationRequest: Hashable, Sendable {
  case ok
  case cleartextPassword
  /// With a salt of 4 bytes.
  case md5Password(salt: [UInt8])
  case sasl(mechanisms: [String])
  case saslContinue([UInt8])
  case saslFinal([UInt8])
  /// Kerberos, GSSAPI, SSPI and what may yet come.
  case unsupported(code: UInt32)

  /// Parses a body (what follows the length).
  ///
  /// - Returns: nil where it is malformed.
  public static func parse(_ body: [UInt8]) -> AuthenticationRequest? { parse(body.span) }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> AuthenticationRequest? {
    var cursor = ByteCursor()
    guard let code = cursor.readUInt32(in: body) else { return nil }
    switch code {
    case 0: return cursor.remaining(in: body) == 0 ? .ok : nil
    case 3: return cursor.remaining(in: body) == 0 ? .cleartextPassword : nil
    case 5:
      guard cursor.remaining(in: body) == 4 else { return nil }
      return .md5Password(salt: cursor.readRest(in: body))
    case 10: return parseMechanisms(body, cursor)
    case 11: return .saslContinue(cursor.readRest(in: body))
    case 12: return .saslFinal(cursor.readRest(in: body))
    default: return .unsupported(code: code)
    }
  }

  /// Names that end at NULs; an empty one ends the list and the body.
  private static func parseMechanisms(
    _ body: Span<UInt8>, _ start: ByteCursor
  ) -> AuthenticationRequest? {
    var cursor = start
    var mechanisms: [String] = []
    while let name = cursor.readText(in: body) {
      if name.isEmpty {
        return cursor.remaining(in: body) == 0 ? .sasl(mechanisms: mechanisms) : nil
      }
      mechanisms.append(name)
    }
    return nil
  }
}
