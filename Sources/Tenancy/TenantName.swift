/// The name of a tenant that is well-formed; whether a login may act for it is another question.
///
/// Names are compared byte by byte, as PostgreSQL compares them. `String` finds the two Unicode
/// spellings of `é` equal: names in it would let one tenant have the settings of another.
public struct TenantName: Sendable, CustomStringConvertible {
  /// The longest name in bytes: what PostgreSQL keeps of a name of a schema or a role.
  public static let maximumBytes = 63

  /// The name itself.
  public let text: String

  /// Nil where no pattern could make it a name: it is empty, too long, or has characters that do
  /// not print. The configured pattern narrows this down, see `TenantPattern.name(_:)`.
  public init?(wellFormed text: String) {
    guard (1...Self.maximumBytes).contains(text.utf8.count),
      text.unicodeScalars.allSatisfy(Self.prints)
    else { return nil }
    self.text = text
  }

  /// The name itself.
  public var description: String { text }

  /// Control characters end lines of logs, format characters turn them round.
  private static func prints(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: false
    default: true
    }
  }
}

extension TenantName: Hashable {
  public static func == (left: TenantName, right: TenantName) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(0 as UInt8)
  }
}

extension TenantName: Comparable {
  public static func < (left: TenantName, right: TenantName) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}
