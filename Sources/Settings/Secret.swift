/// A password or a password's verifier. Nothing that describes, prints, dumps or interpolates it
/// shows its text; who needs the text asks for `text`, so that every use can be found by name.
public struct Secret: Sendable, Equatable {
  /// The secret itself: clear text, `md5...`, or `SCRAM-SHA-256$...`.
  public let text: String

  /// Wraps a secret's text.
  public init(_ text: String) { self.text = text }

  /// What is shown in place of a secret.
  public static let mask = "********"

  /// The longest secret taken from a file, in bytes; PgBouncer's limit.
  public static let maximumBytes = 65_530
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The mask.
  public var description: String { Self.mask }
  /// The mask.
  public var debugDescription: String { Self.mask }
  /// Without children, so that `dump` shows nothing.
  public var customMirror: Mirror { Mirror(self, children: [] as [Mirror.Child]) }
}
