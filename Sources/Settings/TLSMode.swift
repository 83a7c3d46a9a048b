/// Whether a connection is encrypted. It has only the modes which clear text satisfies: a mode that
/// promises encryption is refused until there is TLS.
public enum TLSMode: String, Sendable, CaseIterable {
  /// Never.
  case disable
  /// If the other side insists.
  case allow
  /// If the other side can.
  case prefer
}
