/// What each tenant has and wants in each pool: the unit of fair queueing.
///
/// A share is made when its tenant first asks the pool for a server, and goes some time after the
/// last that it had there. It is found through a hash table of chains; those of one tenant are
/// chained too.
struct ShareTable: ~Copyable, Sendable {
  enum Standing: UInt8, Sendable {
    /// Nobody waits.
    case absent
    /// In the pool's heap: it gets a server when its turn comes.
    case ready
    /// A limit of the tenant holds it up; in the tenant's list.
    case blocked
  }

  struct Share: Linked, Heaped {
    /// Its place among the pool's shares with waiters.
    var links = Links()
    /// Its place in the pool's heap, by virtual time.
    var heap = HeapLinks()
    var key: UInt64 = 0
    /// The ticket of its first waiter, when it came into the heap.
    var order: UInt64 = 0

    /// -1: all the pool's clients without a tenant. Those wait in the pool's own lists.
    var tenant: Int32
    var pool: Int32
    var waiters = LinkedList()
    var logins = LinkedList()
    var waiting = 0
    var waitingLogins = 0
    /// Servers that it holds, logins among them.
    var inUse = 0

    /// What its servers have cost, in server time by weight, up to `accruedAt`.
    var time: UInt64
    var accruedAt: UInt64
    /// How long it will keep a server, as experience has it; in microseconds.
    var hold: UInt64 = Self.firstHold
    var weight: UInt64

    var standing = Standing.absent
    var isPromised = false
    var promisedAt: UInt64 = 0
    /// It is in its tenant's list of blocked ones, although it may not be blocked any longer.
    var isListed = false
    var isLive = true
    var nextBlocked: Int32 = -1
    var nextInChain: Int32 = -1
    var nextOfTenant: Int32 = -1

    static var firstHold: UInt64 { 1_000 }
  }

  var entries = Slab<Share>()
  private var chains = Table<Int32>()
  private var sweepPosition = 0

  init() {
    for _ in 0..<16 { chains.append(-1) }
  }

  var count: Int { entries.count }
  var places: Int { entries.elements.count }

  @inline(__always)
  private func chain(tenant: Int32, pool: Int32) -> Int {
    let mixed =
      UInt64(UInt32(bitPattern: tenant)) &* 0x9E37_79B9_7F4A_7C15
      ^ UInt64(UInt32(bitPattern: pool)) &* 0xC2B2_AE3D_27D4_EB4F
    return Int(truncatingIfNeeded: mixed >> 32) & (chains.count &- 1)
  }

  /// The share of a tenant in a pool; -1: it has none.
  @inline(__always)
  mutating func find(tenant: Int32, pool: Int32) -> Int32 {
    var index = chains[chain(tenant: tenant, pool: pool)]
    while index >= 0 && (entries[index].tenant != tenant || entries[index].pool != pool) {
      index = entries[index].nextInChain
    }
    return index
  }

  mutating func add(_ share: Share) -> Int32 {
    if count >= chains.count { rehash() }
    let index = entries.insert(share)
    link(index)
    return index
  }

  private mutating func link(_ index: Int32) {
    let number = chain(tenant: entries[index].tenant, pool: entries[index].pool)
    entries[index].nextInChain = chains[number]
    chains[number] = index
  }

  private mutating func rehash() {
    for number in chains.indices { chains[number] = -1 }
    for _ in 0..<chains.count { chains.append(-1) }
    for index in 0..<Int32(places) where entries[index].isLive { link(index) }
  }

  mutating func remove(_ index: Int32) {
    let number = chain(tenant: entries[index].tenant, pool: entries[index].pool)
    let next = entries[index].nextInChain
    if chains[number] == index {
      chains[number] = next
    } else {
      var other = chains[number]
      while entries[other].nextInChain != index { other = entries[other].nextInChain }
      entries[other].nextInChain = next
    }
    entries[index].isLive = false
    entries.remove(index)
  }

  /// The next place to be looked at by those who look for shares that can go; -1: there is none.
  mutating func nextToSweep() -> Int32 {
    guard places > 0 else { return -1 }
    sweepPosition = (sweepPosition + 1) % places
    return Int32(sweepPosition)
  }
}
