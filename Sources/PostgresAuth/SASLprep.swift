/// How SCRAM prepares a password (RFC 4013), as far as PostgreSQL and this module go.
///
/// - ASCII passes through as it is.
/// - Else spaces that are not ASCII become U+0020 and what is commonly mapped to nothing goes.
/// - A password with prohibited characters, or with nothing left, or that is not UTF-8 is taken
///   raw, as PostgreSQL takes it.
/// - Left out is normalisation to NFKC, which Swift's standard library does not offer, and with
///   it the rules on unassigned and bidirectional characters. A password whose NFKC form
///   differs (such as one typed with combining accents or full-width letters) does not match a
///   verifier that PostgreSQL made of it; composed letters such as `é` do.
public enum SASLprep {
  /// The bytes to derive SCRAM's keys from.
  public static func prepare(_ password: String) -> [UInt8] {
    prepare(Array(password.utf8))
  }

  /// The bytes to derive SCRAM's keys from.
  public static func prepare(_ password: [UInt8]) -> [UInt8] {
    guard !password.allSatisfy({ $0 < 0x80 }),
      let text = String(validating: password, as: UTF8.self)
    else { return password }
    var prepared = ""
    for scalar in text.unicodeScalars {
      if isSpace(scalar.value) {
        prepared.append(" ")
      } else if !isMappedToNothing(scalar.value) {
        guard !isProhibited(scalar.value) else { return password }
        prepared.unicodeScalars.append(scalar)
      }
    }
    return prepared.isEmpty ? password : Array(prepared.utf8)
  }

  /// RFC 3454, table C.1.2.
  private static func isSpace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x00A0, 0x1680, 0x2000...0x200B, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  /// RFC 3454, table B.1.
  private static func isMappedToNothing(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x00AD, 0x034F, 0x1806, 0x180B...0x180D, 0x200B...0x200D, 0x2060, 0xFE00...0xFE0F,
      0xFEFF:
      true
    default: false
    }
  }

  /// RFC 3454, tables C.2.1 to C.9 (C.5, surrogates, cannot be in a Swift string).
  private static func isProhibited(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x0000...0x001F, 0x007F,
      0x0080...0x009F, 0x06DD, 0x070F, 0x180E, 0x2028...0x2029, 0x2061...0x2063,
      0x206A...0x206F, 0xFFF9...0xFFFC, 0x1D173...0x1D17A,
      0xE000...0xF8FF, 0xF0000...0xFFFFD, 0x100000...0x10FFFD,
      0xFDD0...0xFDEF, 0xFFFD,
      0x2FF0...0x2FFB, 0x0340...0x0341, 0x200E...0x200F, 0x202A...0x202E,
      0xE0001, 0xE0020...0xE007F:
      true
    default: scalar & 0xFFFE == 0xFFFE  // C.4: the last two of each plane
    }
  }
}
