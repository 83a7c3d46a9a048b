/// Quoted identifiers for SQL text that Sluice writes itself.
public enum SQLIdentifier {
  /// `name` as an identifier that nothing in it can end, in whatever state the session is.
  ///
  /// Printable ASCII stands in `"..."`, with `"` doubled. A name with anything else is
  /// `U&"..."` with `\XXXX` and `\+XXXXXX` for those characters and `\` doubled, so that the
  /// result is ASCII and no `client_encoding` can swallow the closing quote; unlike for string
  /// literals, `U&` does not depend on `standard_conforming_strings` here. PostgreSQL refuses
  /// the statement where the database's encoding lacks a character, for NUL, and for an empty
  /// name; a name above 63 bytes it truncates.
  public static func quote(_ name: String) -> String {
    let isPlain = name.unicodeScalars.allSatisfy { (" "..."~").contains($0) }
    var body = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "\"": body += "\"\""
      case "\\" where !isPlain: body += "\\\\"
      case " "..."~": body.unicodeScalars.append(scalar)
      default:
        body += scalar.value > 0xFFFF ? "\\+" : "\\"
        body += SQLLiteral.hexadecimal(scalar, digits: scalar.value > 0xFFFF ? 6 : 4)
      }
    }
    return isPlain ? "\"\(body)\"" : "U&\"\(body)\""
  }
}
