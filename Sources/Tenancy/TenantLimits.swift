/// What a tenant may take of what all share. Zeros are no limit.
public struct TenantLimits: Hashable, Sendable {
  /// The highest `weight`.
  public static let maximumWeight = 1000

  /// Its share beside the others': 1 to 1000.
  public var weight = 1
  /// Server connections in use at once.
  public var maxServerConnections = 0
  /// Clients that wait for a server at once.
  public var maxWaitingClients = 0
  /// Client connections.
  public var maxClientConnections = 0
  /// Transactions begun in a second, on average.
  public var maxTransactionsPerSecond = 0
  /// Transactions begun at once after a rest; where there is a rate it is never 0.
  public var transactionsBurst = 0

  public init() {}

  /// What one place says about the limits; nil leaves it to the next.
  public struct Overrides: Hashable, Sendable {
    public var weight: Int?
    public var maxServerConnections: Int?
    public var maxWaitingClients: Int?
    public var maxClientConnections: Int?
    public var maxTransactionsPerSecond: Int?
    public var transactionsBurst: Int?

    public init() {}
  }

  /// The first of `overrides` that says something counts, limit by limit.
  public init(_ overrides: [Overrides]) {
    func first(_ path: KeyPath<Overrides, Int?>, _ fallback: Int) -> Int {
      for override in overrides {
        if let value = override[keyPath: path] { return max(0, value) }
      }
      return fallback
    }
    weight = min(max(1, first(\.weight, 1)), Self.maximumWeight)
    maxServerConnections = first(\.maxServerConnections, 0)
    maxWaitingClients = first(\.maxWaitingClients, 0)
    maxClientConnections = first(\.maxClientConnections, 0)
    maxTransactionsPerSecond = first(\.maxTransactionsPerSecond, 0)
    let burst = first(\.transactionsBurst, 0)
    transactionsBurst = burst == 0 ? maxTransactionsPerSecond : burst
  }
}
