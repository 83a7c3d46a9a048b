/// Names a tenant in ``Pools``: from its first client's `joinTenant` until nothing of it is left.
///
/// It carries an index and a generation: where an index is used again, the old ID names nobody.
public struct TenantID: Hashable, Sendable {
  public var rawValue: Int32

  /// No tenant.
  @inlinable public static var none: TenantID { TenantID(rawValue: -1) }
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }
  @inlinable public var isNone: Bool { rawValue < 0 }

  /// So many tenants can be told apart at a time.
  static let indexBits: Int32 = 20
  static let lastGeneration: Int32 = 1 << 11 - 1

  init(index: Int32, generation: Int32) {
    rawValue = generation << Self.indexBits | index
  }

  /// A small number, which another tenant has once this one has gone.
  public var index: Int32 { rawValue & (1 << Self.indexBits - 1) }
  var generation: Int32 { rawValue >> Self.indexBits }
}

/// What one tenant may have. 0 turns a limit off. They hold for the process: over all its loops
/// and all its pools.
public struct TenantQuota: Equatable, Sendable {
  /// Its share of a pool's servers against those of the others, from 1 to 10,000.
  public var weight = 1
  /// Servers that its clients hold at a time. Logins do not count.
  public var maxServers = 0
  /// Clients that wait for a server at a time. Logins do not count.
  public var maxWaiting = 0
  /// Clients that are connected.
  public var maxClients = 0
  /// Leases of a server per second: transactions, but in session mode sessions.
  public var rate = 0
  /// How many of them may come at once; 0 is what comes in a second.
  public var burst = 0

  public init(
    weight: Int = 1, maxServers: Int = 0, maxWaiting: Int = 0, maxClients: Int = 0, rate: Int = 0,
    burst: Int = 0
  ) {
    self.weight = weight
    self.maxServers = maxServers
    self.maxWaiting = maxWaiting
    self.maxClients = maxClients
    self.rate = rate
    self.burst = burst
  }
}

/// Which of a tenant's limits refuses a client.
public enum TenantQuotaRefusal: Error, Equatable, Sendable {
  case maxClients
  case maxWaiting
  /// The process knows as many tenants as it may; see ``Pools/maxTenants``.
  case tooManyTenants
}

/// What a tenant has now, and has had since it was first known.
///
/// A tenant of which nothing is left stays known for a while, for its counters and its rate: the
/// last ``Pools/maxUnusedTenants`` of them do.
public struct TenantCensus: Equatable, Sendable {
  /// Bucket 0 counts the leases without a wait, bucket `n` waits of up to 2 to the `n - 1`
  /// microseconds that fit into no lower one, the last all longer ones.
  public static let waitBuckets = 32

  @inline(__always)
  static func bucket(wait: UInt64) -> Int {
    if wait == 0 { return 0 }
    return min(1 + UInt64.bitWidth - (wait - 1).leadingZeroBitCount, waitBuckets - 1)
  }

  /// The longest wait of a bucket, in microseconds; of the last its lower bound.
  public static func bound(ofBucket bucket: Int) -> UInt64 {
    bucket == 0 ? 0 : 1 << UInt64(min(bucket, waitBuckets - 2) - 1)
  }

  public var id: TenantID
  public var name: String
  public var limits: TenantQuota
  public var clients: Int
  /// Those who wait, logins not among them.
  public var waiting: Int
  /// Logins that wait.
  public var waitingLogins: Int
  /// Servers that its clients hold, but for logins.
  public var servers: Int
  /// Leases so far, but for logins.
  public var leases: UInt64
  /// All waits that ended with a lease.
  public var waitMicroseconds: UInt64
  /// Those leases by their waits.
  public var waits: [UInt64]
  /// How often a limit refused a client.
  public var refusedClients: UInt64
  public var refusedWaiting: UInt64

  /// What that many per cent of the leases waited at most, in microseconds, as far as the buckets
  /// tell: not more than twice what they really waited. The last bucket tells its lower bound.
  public func wait(ofPercent percent: UInt64) -> UInt64 {
    let wanted = (waits.reduce(0, +) * percent + 99) / 100
    var count: UInt64 = 0
    for (bucket, leases) in waits.enumerated() {
      count += leases
      if count >= wanted { return Self.bound(ofBucket: bucket) }
    }
    return 0
  }
}
