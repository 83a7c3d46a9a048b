/// All tenants that the process knows, by name and by index.
///
/// A tenant is *used* while a client of it is joined, waits, or holds a server. One that is not
/// used stays for its counters and for what it has taken of its rate, until so many others have
/// become unused after it that their number is beyond the bound: names come from clients, without
/// end.
struct TenantTable: ~Copyable, Sendable {
  struct Tenant: Linked, Heaped {
    /// Its place among the unused.
    var links = Links()
    /// Its place among those who wait for their rate, by the time at which they may go on.
    var heap = HeapLinks()
    var key: UInt64 = 0
    var order: UInt64 { 0 }
    var isScheduled = false

    var generation: Int32 = 0
    var isLive = true
    var isUnused = false
    var limits = TenantQuota()
    var bucket = TokenBucket()
    /// Clients, waiters and leases.
    var uses = 0
    var clients = 0
    var waiting = 0
    var waitingLogins = 0
    /// Servers that count towards the limit.
    var inUse = 0
    /// Shares that may take a server next. Room is kept for one lease of each.
    var promised = 0
    /// Shares that a limit holds up, the first to be held up first. Some may have gone on by now.
    var blocked = LinkedList()
    /// The first of its shares in all pools.
    var firstShare: Int32 = -1

    var leases: UInt64 = 0
    var waitMicroseconds: UInt64 = 0
    var refusedClients: UInt64 = 0
    var refusedWaiting: UInt64 = 0
  }

  var entries = Slab<Tenant>()
  /// The first of those who wait for their rate.
  var scheduled: Int32 = -1
  private(set) var unusedCount = 0
  private var unused = LinkedList()
  /// By the names' bytes: texts are equal by characters, but tenants are not.
  private var indices: [[UInt8]: Int32] = [:]
  private var names = Table<String>()
  private var generations = Table<Int32>()
  /// `TenantCensus.waitBuckets` a tenant.
  private var waits = Table<UInt64>()

  /// How many are known.
  var count: Int { indices.count }
  /// How many indices have ever been in use.
  var places: Int { entries.elements.count }

  /// The index of an ID; -1 where it names nobody, or nobody any longer.
  @inline(__always)
  mutating func index(of id: TenantID) -> Int32 {
    let index = id.index
    guard !id.isNone, Int(index) < places, entries[index].generation == id.generation,
      entries[index].isLive
    else { return -1 }
    return index
  }

  mutating func id(_ index: Int32) -> TenantID {
    TenantID(index: index, generation: entries[index].generation)
  }

  func name(_ index: Int32) -> String { names[Int(index)] }

  func index(named name: String) -> Int32? { indices[Array(name.utf8)] }

  mutating func add(_ name: String) -> Int32 {
    let index = entries.insert(Tenant())
    if Int(index) == names.count {
      names.append(name)
      generations.append(0)
      for _ in 0..<TenantCensus.waitBuckets { waits.append(0) }
    } else {
      names[Int(index)] = name
      for bucket in 0..<TenantCensus.waitBuckets { waits[place(index, bucket)] = 0 }
    }
    entries[index].generation = generations[Int(index)]
    indices[Array(name.utf8)] = index
    return index
  }

  /// Forgets a tenant that is not used and has no shares.
  mutating func remove(_ index: Int32) {
    if entries[index].isUnused { leaveUnused(index) }
    unschedule(index)
    indices[Array(names[Int(index)].utf8)] = nil
    names[Int(index)] = ""
    entries[index].isLive = false
    let generation = entries[index].generation
    generations[Int(index)] = generation == TenantID.lastGeneration ? 0 : generation + 1
    entries.remove(index)
  }

  // MARK: uses

  @inline(__always)
  mutating func use(_ index: Int32) {
    entries[index].uses &+= 1
    if entries[index].isUnused { leaveUnused(index) }
  }

  @inline(__always)
  mutating func endUse(_ index: Int32) {
    entries[index].uses &-= 1
    if entries[index].uses == 0 { joinUnused(index) }
  }

  mutating func joinUnused(_ index: Int32) {
    entries[index].isUnused = true
    entries.append(index, to: &unused)
    unusedCount += 1
  }

  private mutating func leaveUnused(_ index: Int32) {
    entries[index].isUnused = false
    entries.unlink(index, from: &unused)
    unusedCount -= 1
  }

  /// The one that has been unused longest; -1: none is.
  var longestUnused: Int32 { unused.first }

  // MARK: rates

  /// Has a tenant looked at once its rate allows one lease more than it has promised.
  mutating func schedule(_ index: Int32, now: UInt64) {
    unschedule(index)
    entries[index].key = entries[index].bucket.time(
      ofOneBeyond: entries[index].promised, now: now)
    entries[index].isScheduled = true
    entries.add(index, toHeap: &scheduled)
  }

  mutating func unschedule(_ index: Int32) {
    guard entries[index].isScheduled else { return }
    entries.remove(index, fromHeap: &scheduled)
    entries[index].isScheduled = false
  }

  // MARK: counters

  @inline(__always)
  private func place(_ index: Int32, _ bucket: Int) -> Int {
    Int(index) &* TenantCensus.waitBuckets &+ bucket
  }

  /// Counts a lease that came after a wait.
  @inline(__always)
  mutating func countLease(_ index: Int32, wait: UInt64) {
    entries[index].leases &+= 1
    entries[index].waitMicroseconds &+= wait
    let bucket = TenantCensus.bucket(wait: wait)
    waits[place(index, bucket)] &+= 1
  }

  mutating func census(_ index: Int32) -> TenantCensus {
    let t = entries[index]
    return TenantCensus(
      id: id(index), name: name(index), limits: t.limits, clients: t.clients, waiting: t.waiting,
      waitingLogins: t.waitingLogins, servers: t.inUse, leases: t.leases,
      waitMicroseconds: t.waitMicroseconds,
      waits: (0..<TenantCensus.waitBuckets).map { waits[place(index, $0)] },
      refusedClients: t.refusedClients, refusedWaiting: t.refusedWaiting)
  }
}
