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
  @usableFromInline
  enum State: UInt8, Sendable {
    case opening
    case idle
    case leased
    /// As idle, but of an older epoch: nobody may have it any longer. Upkeep closes it.
    case outdated
  }

  @usableFromInline
  struct Server: Linked {
    @usableFromInline var links = Links()
    @usableFromInline var handle: Handle
    @usableFromInline var pool: Int32
    @usableFromInline var loop: Int32
    @usableFromInline var state = State.opening
    /// When it is released next, it has not been used: it is new, was only looked at, or is leased
    /// for a login. `leaseIdle` need not touch this: where the lifetime is ``PoolLimits/oneUse``,
    /// none rests that has it set.
    @usableFromInline var isUnused = false
    @usableFromInline var epoch: UInt32
    @usableFromInline var connectedAt: UInt64
    @usableFromInline var idleSince: UInt64 = 0
    /// The share that it is leased to, in a shared pool.
    var share: Int32 = -1
    var leasedAt: UInt64 = 0
    /// It counts towards a limit of the tenant.
    var isCharged = false
    /// Whose it was last, as far as is known. Who that is may be gone.
    var lastTenant = TenantID.none

    @usableFromInline
    init(handle: Handle, pool: Int32, loop: Int32, epoch: UInt32, now: UInt64) {
      self.handle = handle
      self.pool = pool
      self.loop = loop
      self.epoch = epoch
      connectedAt = now
    }
  }

  @usableFromInline
  struct Waiter: Linked {
    @usableFromInline var links = Links()
    @usableFromInline var client: Handle
    @usableFromInline var pool: Int32
    @usableFromInline var loop: Int32
    @usableFromInline var generation: UInt32
    @usableFromInline var ticket: UInt64
    @usableFromInline var since: UInt64
    @usableFromInline var wasNotified = false
    /// It needs a server for a moment only, to log in: see ``Pool/wanted``.
    @usableFromInline let isLogin: Bool
    /// In whose list it is; -1: in the pool's list of its loop.
    @usableFromInline let share: Int32

    /// It stands at the front although it began to wait later than those behind it.
    @usableFromInline var wasRequeued: Bool { ticket == 0 }

    @usableFromInline
    init(
      client: Handle, pool: Int32, loop: Int32, generation: UInt32, ticket: UInt64, since: UInt64,
      isLogin: Bool, share: Int32
    ) {
      self.client = client
      self.pool = pool
      self.loop = loop
      self.generation = generation
      self.ticket = ticket
      self.since = since
      self.isLogin = isLogin
      self.share = share
    }
  }

  @usableFromInline
  struct Pool: Sendable {
    @usableFromInline var limits: PoolLimits
    @usableFromInline var database: Int
    @usableFromInline var user: Int
    @usableFromInline var idle = 0
    @usableFromInline var total = 0
    @usableFromInline var opening = 0
    @usableFromInline var waiting = 0
    /// How many of those who wait do so to log in.
    @usableFromInline var waitingLogins = 0
    @usableFromInline var clients = 0
    /// Clients that wait for room for a server of their own.
    @usableFromInline var waitingDedicated = 0
    /// Servers of an older epoch are closed once they are free.
    @usableFromInline var epoch: UInt32 = 0
    /// No connection is opened before this time: the last attempt failed (server_login_retry).
    @usableFromInline var retryAt: UInt64 = 0
    @usableFromInline var isFailing = false
    @usableFromInline var isRemoved = false
    @usableFromInline var isInUse = true
    /// Retired, and forgotten by all who knew it by its number.
    @usableFromInline var isFree = false
    @usableFromInline var unusedSince: UInt64 = 0

    /// Tenants have shares in it: leases and releases go by them.
    @usableFromInline var isShared = false
    var shareCount = 0
    /// The share of those without a tenant; -1: there is none.
    var commonShare: Int32 = -1
    /// The heap of shares whose waiters may have a server.
    var ready: Int32 = -1
    /// Shares of tenants with waiters.
    var waitingShares = LinkedList()
    /// How many of those who wait do so in a tenant's share.
    var waitingTenants = 0
    var waitingTenantLogins = 0
    var virtualTime: UInt64 = 0

    @usableFromInline
    init(limits: PoolLimits, database: Int, user: Int) {
      self.limits = limits
      self.database = database
      self.user = user
    }

    /// How many connections those who wait could use: one each, but logins one together. They only
    /// need to hear what a server is like, and the first burst of clients is nothing but logins.
    var wanted: Int { waiting - waitingLogins + min(1, waitingLogins) }

    /// How many of those who wait do so without a tenant.
    var commonWaiting: Int { waiting - waitingTenants - waitingTenantLogins }
  }

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
    guard pools[pool.index].idle > 0 && !isPaused else {
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
  public mutating func leaseIdle(
    _ pool: PoolID, loop: Int32, now: UInt64, tenant: TenantID = .none
  ) -> LeasedServer? {
    if pools[pool.index].isShared || !tenant.isNone {
      return leaseShared(pool, loop: loop, now: now, isLogin: false, tenant: tenant)
    }
    guard pools[pool.index].idle > 0 && !isPaused else { return nil }
    let index = takeFromIdle(pool, loop: loop)
    return Self.lease(
      &servers[index], to: loop, checkDelay: pools[pool.index].limits.serverCheckDelay, now: now)
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
    if !Self.mayStay(&servers[index], &pools[Int(pool)], isStrict: isStrict, now: now),
      let ending = endingOf(index, now: now)
    {
      return .close(ending)
    }
    if pools[Int(pool)].isShared { return releaseShared(index, loop: loop, now: now) }
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

  /// Whether nothing at all speaks against using a server that has become free once more.
  @inlinable @inline(__always)
  static func mayStay(
    _ server: inout Server, _ pool: inout Pool, isStrict: Bool, now: UInt64
  ) -> Bool {
    let lifetime = pool.limits.serverLifetime
    return server.epoch == pool.epoch && !isStrict && pool.total <= pool.limits.size
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
