/// One entry of `[peers]`: another process that cancel requests may be meant for.
public struct PeerSettings: Sendable, Equatable {
  /// Its `peer_id`.
  public internal(set) var id: Int
  /// Where it listens, as a database's `host`.
  public internal(set) var hosts: [String] = []
  /// The port it listens on.
  public internal(set) var port = 6432
  /// Cancel requests in flight to it; nil follows `default_pool_size`.
  public internal(set) var poolSize: Int?

  /// The largest `peer_id`: it has 14 bits in a cancel key.
  public static let maximumId = 16_383

  /// An entry that says nothing.
  public init(id: Int) { self.id = id }
}

extension PeerSettings {
  static let definitions: [EntryDefinition<PeerSettings>] = [
    .init("host", .list(\.hosts), "Host, address or unix socket directory."),
    .init("port", .number(.integer(0...65_535), \.port), "Port that the peer listens on."),
    .init("pool_size", .optionalSize(\.poolSize), "Cancel requests in flight to the peer."),
  ]
}
