/// The StartupMessage of protocol 3: which protocol the client speaks, and its parameters.
public struct StartupMessage: Sendable, Equatable {
  public var majorVersion: Int
  /// May be above what is supported: answer such a client with NegotiateProtocolVersion.
  public var minorVersion: Int
  /// In the order sent, repeated names included.
  public var parameters: [StartupParameter]

  public init(majorVersion: Int, minorVersion: Int, parameters: [StartupParameter]) {
    self.majorVersion = majorVersion
    self.minorVersion = minorVersion
    self.parameters = parameters
  }

  /// The value of the parameter `name`; of repeated ones the last wins, as in PostgreSQL.
  public subscript(name: String) -> String? {
    parameters.last { $0.name == name }?.value
  }

  /// The user name; a parsed message always has one.
  public var user: String { self["user"] ?? "" }

  /// The database, or nil where it is absent or empty: PostgreSQL then takes the user's name.
  public var database: String? {
    guard let database = self["database"], !database.isEmpty else { return nil }
    return database
  }

  /// Names of the protocol options (`_pq_.` and more). None is known so far, so that
  /// NegotiateProtocolVersion lists them all. They are no settings.
  public var protocolOptions: [String] {
    parameters.map(\.name).filter { $0.hasPrefix("_pq_.") }
  }

  /// The minor version that is spoken from now on: what was asked for, or the newest there is.
  public var spokenMinorVersion: Int { min(minorVersion, StartupPacket.newestMinorVersion) }

  /// Whether the client must be told, with NegotiateProtocolVersion, that it does not get all
  /// that it has asked for.
  public var needsNegotiation: Bool {
    minorVersion > spokenMinorVersion || !protocolOptions.isEmpty
  }
}
