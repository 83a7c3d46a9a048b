/// How a new server connection picks from a database's list of hosts (`load_balance_hosts`).
public enum HostBalancing: String, Sendable, CaseIterable {
  /// Each new connection takes the next host.
  case roundRobin = "round-robin"
  /// The same host until a connection to it fails.
  case disable
}
