/// String literals for SQL text that Sluice writes itself.
public enum SQLLiteral {
  /// `value` as a literal that nothing in it can end, in whatever state the session is.
  ///
  /// - The result is printable ASCII only. In every encoding that PostgreSQL knows such a byte
  ///   is a part of another character only behind a byte above 0x7F, and there is none.
  /// - Printable ASCII but `'` and `\` stands for itself and `'` is doubled; where that is all,
  ///   the literal is `'...'`.
  /// - Else it is `E'...'`, where escapes do not depend on `standard_conforming_strings`: a
  ///   backslash is doubled, and all that is not printable ASCII is `\uXXXX` or `\UXXXXXXXX`.
  ///   A quote stays doubled, so `backslash_quote` does not matter.
  /// - Unicode escapes name the character and not its bytes, as `\xHH` would: in a database of
  ///   another encoding than UTF8 PostgreSQL converts them, or refuses the statement where it
  ///   cannot (before version 13 always); it never takes them for other characters.
  /// - NUL, which no text of PostgreSQL can hold, is written `\u0000`: the server refuses the
  ///   statement. Leaving it out would yield another value, perhaps another tenant's name.
  public static func quote(_ value: String) -> String {
    var body = ""
    var hasEscapes = false
    for scalar in value.unicodeScalars {
      switch scalar {
      case "'": body += "''"
      case "\\":
        body += "\\\\"
        hasEscapes = true
      case " "..."~": body.unicodeScalars.append(scalar)
      default:
        body += scalar.value > 0xFFFF ? "\\U" : "\\u"
        body += hexadecimal(scalar, digits: scalar.value > 0xFFFF ? 8 : 4)
        hasEscapes = true
      }
    }
    return hasEscapes ? "E'\(body)'" : "'\(body)'"
  }

  /// At least `digits` digits.
  static func hexadecimal(_ scalar: Unicode.Scalar, digits: Int) -> String {
    let number = String(scalar.value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, digits - number.utf8.count)) + number
  }
}
