/// Every pool of the process: who holds which server, who waits for one, and what the limits allow.
///
/// Pure: it names connections by handles, it never touches them, and time is a parameter
/// (microseconds of a monotonic clock). All loops share one value under one lock, so that limits
/// hold over all of them exactly. `lease` and `release` are the hot path and take constant time.
///
/// States of a server's record, and what moves it:
///
/// | state | becomes | by |
/// |---|---|---|
/// | opening | leased or idle | `serverOpened` |
/// | opening | gone | `openFailed` |
/// | idle | leased | `lease`, `takeIdle`, or a grant of upkeep |
/// | idle | gone | upkeep, eviction |
/// | leased | idle or leased | `release` |
/// | leased | gone | `serverClosed` |
/// | idle | outdated | `renewServers`, `remove` |
/// | outdated | leased | `takeIdle` |
/// | outdated | gone | upkeep, eviction |
public struct Pools: ~Copyable, Sendable {
  /// By how many tickets a waiter of the releasing loop may overtake one of another loop.
  @inlinable public static var overtakingBound: UInt64 { 64 }

  @usableFromInline let loops: Int
  @usableFromInline var pools = Table<Pool>()
  @usableFromInline var servers = Slab<Server>()
  @usableFromInline var waiters = Slab<Waiter>()
  /// One list a pool and loop, at `pool * loops + loop`.
  @usableFromInline var idleLists = Table<LinkedList>()
  @usableFromInline var waitLists = Table<LinkedList>()
  /// Idle servers of older epochs, out of reach of `lease`, which need not ask for the epoch.
  var outdated = LinkedList()
  @usableFromInline var lastTicket: UInt64 = 0
  @usableFromInline var lastGeneration: UInt32 = 0
  var databases = PoolGroups()
  var users = PoolGroups()
  var poolNames: [PoolName: PoolID] = [:]
  var tenants = TenantTable()
  var shares = ShareTable()
  /// A tenant's waiter may be served that no release will look at.
  @usableFromInline var isDue = false
  /// How many tenants are told apart at a time. At most 2 to the 20.
  public var maxTenants = 100_000
  /// How many tenants are known of which nothing is left.
  public var maxUnusedTenants = 1_000
  /// While paused no server is handed out, and those that come back are closed.
  @usableFromInline var isPaused = false
  /// Every server that comes back is looked at closely: the pools are paused, a database or a
  /// user has more servers than its limit, which has been lowered, now allows, or somebody waits
  /// for room. Upkeep finds out when that is over.
  @usableFromInline var isStrict = false
  /// Clients of all pools that wait for room for a server of their own.
  var waitingDedicated = 0

  struct PoolName: Hashable {
    var database: Int
    var user: Int
  }

  public init(loops: Int) {
    self.loops = loops
  }

  /// Whether `limit` microseconds (63 bits) have passed. `since` may be another loop's reading of
  /// the clock, and later than `now`, which is as of the caller's last batch of events.
  @inlinable @inline(__always)
  static func hasPassed(_ limit: UInt64, since: UInt64, now: UInt64) -> Bool {
    Int64(bitPattern: now &- since) >= Int64(bitPattern: limit)
  }

  // MARK: hot path

  /// Gives `client`, which lives on `loop`, a server or a place in the queue.
  /// - Parameters:
  ///   - isLogin: the client logs in, and gives the server back at once.
  ///   - tenant: what the client has joined with `joinTenant`.
  public mutating func lease(
    _ pool: PoolID, client: Handle, loop: Int32, now: UInt64, isLogin: Bool = false,
    tenant: TenantID = .none
  ) -> Lease {
    if isShared(pool, by: tenant) {
      let leased = leaseShared(pool, loop: loop, now: now, isLogin: isLogin, tenant: tenant)
      if let leased { return .server(leased) }
      return .queued(
        queue(pool, client: client, loop: loop, now: now, isLogin: isLogin, tenant: tenant))
    }
    guard pools[pool.index].idle > 0 && !pools[pool.index].isPaused else {
      return .queued(queue(pool, client: client, loop: loop, now: now, isLogin: isLogin))
    }
    let index = takeFromIdle(pool, loop: loop)
    servers[index].isUnused = isLogin
    return .server(
      Self.lease(
        &servers[index], to: loop, checkDelay: pools[pool.index].limits.serverCheckDelay, now: now))
  }

  /// An idle server for a client that lives on `loop`; nil: there is none, so ``queue`` the client.
  @inlinable
  public mutating func leaseIdle(_ pool: PoolID, loop: Int32, now: UInt64) -> LeasedServer? {
    guard pools[pool.index].idle > 0 && pools[pool.index].leasesFreely else {
      guard pools[pool.index].isShared else { return nil }
      return leaseShared(pool, loop: loop, now: now, isLogin: false, tenant: .none)
    }
    let index = takeFromIdle(pool, loop: loop)
    return Self.lease(
      &servers[index], to: loop, checkDelay: pools[pool.index].limits.serverCheckDelay, now: now)
  }

  /// An idle server for a client of a tenant; nil: there is none that it may have, so ``queue`` it.
  public mutating func leaseIdle(
    _ pool: PoolID, loop: Int32, now: UInt64, tenant: TenantID
  ) -> LeasedServer? {
    guard isShared(pool, by: tenant) else { return leaseIdle(pool, loop: loop, now: now) }
    return leaseShared(pool, loop: loop, now: now, isLogin: false, tenant: tenant)
  }

  @inlinable @inline(__always)
  static func lease(
    _ server: inout Server, to loop: Int32, checkDelay: UInt64?, now: UInt64
  ) -> LeasedServer {
    var needsCheck = false
    if let checkDelay {
      needsCheck = hasPassed(checkDelay, since: server.idleSince, now: now)
    }
    let owner = server.loop
    server.loop = loop
    server.state = .leased
    return LeasedServer(handle: server.handle, loop: owner, needsCheck: needsCheck)
  }

  /// Takes back a clean server that is registered on `loop`: for the next waiter, or for the stack.
  @inlinable
  public mutating func release(_ server: ServerID, loop: Int32, now: UInt64) -> Release {
    let index = server.rawValue
    let pool = servers[index].pool
    if !Self.mayStay(&servers[index], &pools[Int(pool)], isStrict: isStrict, now: now) {
      if pools[Int(pool)].isShared { return releaseShared(index, loop: loop, now: now) }
      if let ending = endingOf(index, now: now) { return .close(ending) }
    }
    if pools[Int(pool)].waiting > 0 {
      let waiter = nextWaiter(pool, loop: loop)
      let client = waiters[waiter].client
      let target = waiters[waiter].loop
      servers[index].isUnused = waiters[waiter].isLogin
      removeWaiter(at: waiter)
      servers[index].loop = target
      return .handedTo(client: client, loop: target)
    }
    Self.rest(&servers[index], &pools[Int(pool)], on: loop, now: now)
    servers.prepend(index, to: &idleLists[Int(pool) &* loops &+ Int(loop)])
    return .idle
  }

  @inlinable @inline(__always)
  static func rest(_ server: inout Server, _ pool: inout Pool, on loop: Int32, now: UInt64) {
    server.state = .idle
    server.loop = loop
    server.idleSince = now
    pool.idle &+= 1
  }

  /// Whether nothing at all speaks against using a server of a plain pool once more that has become
  /// free.
  @inlinable @inline(__always)
  static func mayStay(
    _ server: inout Server, _ pool: inout Pool, isStrict: Bool, now: UInt64
  ) -> Bool {
    let lifetime = pool.limits.serverLifetime
    return server.epoch == pool.epoch && !isStrict && pool.total <= pool.plainSize
      && (lifetime == 0 || !hasPassed(lifetime, since: server.connectedAt, now: now))
  }

  /// An idle server of the pool: of this loop if there is one, else of another. It is leased now.
  @inlinable @inline(__always)
  mutating func takeFromIdle(_ pool: PoolID, loop: Int32) -> Int32 {
    let base = pool.index &* loops
    var number = base &+ Int(loop)
    var list = idleLists[number]
    if list.first < 0 {
      number = base
      while idleLists[number].first < 0 { number &+= 1 }
      list = idleLists[number]
    }
    let index = pools[pool.index].limits.isRoundRobin ? list.last : list.first
    servers.unlink(index, from: &list)
    idleLists[number] = list
    servers[index].state = .leased
    pools[pool.index].idle &-= 1
    return index
  }

  // What `release` calls is mutating although it changes nothing: a borrowed copy of all of `self`
  // would be made for it otherwise.

  /// The waiter whose turn it is: this loop's first, unless another loop's is older by far.
  @inlinable
  mutating func nextWaiter(_ pool: Int32, loop: Int32) -> Int32 {
    let base = Int(pool) &* loops
    var best = waitLists[base &+ Int(loop)].first
    var bound = UInt64.max
    if best >= 0 {
      let ticket = waiters[best].ticket
      bound = ticket < Self.overtakingBound ? 0 : ticket &- Self.overtakingBound
    }
    for other in 0..<loops where other != Int(loop) {
      let first = waitLists[base &+ other].first
      if first >= 0 && waiters[first].ticket < bound {
        bound = waiters[first].ticket
        best = first
      }
    }
    return best
  }

  @inlinable
  mutating func removeWaiter(at index: Int32) {
    let pool = Int(waiters[index].pool)
    let isLogin = waiters[index].isLogin
    waiters.unlink(index, from: &waitLists[pool &* loops &+ Int(waiters[index].loop)])
    waiters[index].generation = 0
    waiters.remove(index)
    pools[pool].waiting &-= 1
    if isLogin { pools[pool].waitingLogins &-= 1 }
  }

  /// Queues a client, and has a connection opened where the limits allow one.
  ///
  /// A client may be refused by its tenant's limit: then it does not wait.
  /// - Parameters: as in ``lease(_:client:loop:now:isLogin:tenant:)``.
  public mutating func queue(
    _ pool: PoolID, client: Handle, loop: Int32, now: UInt64, isLogin: Bool = false,
    tenant: TenantID = .none
  ) -> Queued {
    if isShared(pool, by: tenant) {
      return queueShared(
        pool, client: client, loop: loop, now: now, isLogin: isLogin, tenant: tenant)
    }
    let waiter = enqueue(pool, client: client, loop: loop, now: now, isLogin: isLogin)
    // A full pool without a reserve is the common case of a wait.
    if Self.isAtItsSize(&pools[pool.index]) { return Queued(waiter: waiter, opening: nil) }
    return Queued(waiter: waiter, opening: openForWaiters(pool, loop: loop, now: now))
  }

  @inline(__always)
  static func isAtItsSize(_ pool: inout Pool) -> Bool {
    pool.total >= pool.limits.size && pool.limits.reserveSize == 0
  }

  mutating func enqueue(
    _ pool: PoolID, client: Handle, loop: Int32, now: UInt64, isLogin: Bool
  ) -> WaiterID {
    let waiter = makeWaiter(pool, client: client, loop: loop, now: now, isLogin: isLogin)
    waiters.append(waiter.index, to: &waitLists[pool.index &* loops &+ Int(loop)])
    pools[pool.index].waiting &+= 1
    pools[pool.index].waitingLogins &+= isLogin ? 1 : 0
    return waiter
  }

  @inline(__always)
  mutating func makeWaiter(
    _ pool: PoolID, client: Handle, loop: Int32, now: UInt64, isLogin: Bool, share: Int32 = -1
  ) -> WaiterID {
    lastTicket &+= 1
    lastGeneration = lastGeneration == .max ? 1 : lastGeneration &+ 1
    let index = waiters.insert(
      Waiter(
        client: client, pool: pool.rawValue, loop: loop, generation: lastGeneration,
        ticket: lastTicket, since: now, isLogin: isLogin, share: share))
    return WaiterID(index: index, generation: lastGeneration)
  }
}
