/// The `application_name` of a client of a tenant: its own, and what the server has in its place,
/// so that pg_stat_activity tells whose queries these are.
///
/// What the server has is printable ASCII. PostgreSQL replaces all else in ways that differ by its
/// version, and what it reports must be known again.
public struct ShownName: Sendable, Equatable {
  /// As the client knows it.
  public private(set) var own: String
  /// With the tenant in brackets.
  public private(set) var shown: String
  private var ending: String
  /// That of the tenant before: the server may have it still.
  private var oldEnding = ""

  /// What the server keeps of a name for pg_stat_activity, in bytes.
  static let maximumBytes = 63
  /// What stands for a client without a name.
  static let standard = "app"

  /// - Parameter tenant: nil: the client acts for nobody, and its name is shown as it is.
  public init(own: String, tenant: TenantName?) {
    self.own = own
    ending = Self.ending(tenant)
    shown = Self.shown(own, ending)
  }

  /// The client acts for another tenant.
  public mutating func act(for tenant: TenantName?) {
    let new = Self.ending(tenant)
    guard new != ending else { return }
    oldEnding = ending
    ending = new
    shown = Self.shown(own, ending)
  }

  /// Takes note of what a server reports for the client's own doing: a name that it has set, or, if
  /// that has been rolled back, one that was shown before.
  /// - Returns: what the client is told.
  public mutating func reported(_ value: String) -> String {
    if value == shown { return own }
    var name = value
    for ending in [ending, oldEnding] where !ending.isEmpty && value.hasSuffix(ending) {
      name = String(value.dropLast(ending.count))
      // It was cut short to make room.
      if Self.shown(own, ending) == value { name = own }
      break
    }
    own = name
    shown = Self.shown(own, ending)
    return own
  }

  private static func ending(_ tenant: TenantName?) -> String {
    tenant.map { " [\(printable($0.text))]" } ?? ""
  }

  /// The end must not be lost where the server cuts a name short.
  private static func shown(_ own: String, _ ending: String) -> String {
    guard !ending.isEmpty else { return own }
    let name = printable(own.isEmpty ? standard : own)
    return name.prefix(max(0, maximumBytes - ending.utf8.count)) + ending
  }

  private static func printable(_ text: String) -> String {
    String(
      decoding: text.utf8.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") },
      as: UTF8.self)
  }
}
