// Weighted fair queueing: which tenant gets the next server of a shared pool.
//
// It is start-time fair queueing (Goyal, Vin, Cheng 1996) with many servers. What is shared out is
// the time for which servers are held, not their number of leases: a tenant with long transactions
// pays for their length. That time is known only afterwards, so a share's tag has two parts:
//
// - `time`, what its servers have cost so far: it grows by the number of servers that it holds,
//   by the clock, divided by its weight. It is exact, and so are the shares in the long run.
// - what those that it holds are expected to cost yet: `hold`, learnt from its own transactions,
//   for each. Without it one tenant could take all servers that come back at one moment.
//
// The least tag comes first. The pool's virtual time follows the tags of those that are served; who
// begins to wait starts there, so that nobody saves up. The lists of a share are first come, first
// served; logins come before the rest, as they are short and no limit binds them.
//
// A tag in the heap is a lower bound, since time goes on: the first is brought up to date before it
// is believed.
extension Pools {
  /// How many tags are brought up to date for one choice.
  private static var refreshBound: Int { 16 }
  /// Virtual time per microsecond of one server at weight 1: weights leave fractions.
  private static var unit: UInt64 { 65_536 }
  private static var longestHold: UInt64 { 10_000_000 }

  // MARK: virtual time

  /// Charges a share for what it holds, up to now.
  @inline(__always)
  mutating func accrue(_ share: Int32, now: UInt64) {
    // Another loop's clock may have been read later.
    let since = shares.entries[share].accruedAt
    guard Self.hasPassed(1, since: since, now: now) else { return }
    shares.entries[share].accruedAt = now
    let held = UInt64(shares.entries[share].inUse)
    guard held > 0 else { return }
    shares.entries[share].time &+=
      (now &- since) &* held &* Self.unit / shares.entries[share].weight
  }

  /// What the servers of a share are expected to cost from now on.
  @inline(__always)
  private mutating func outstanding(_ share: Int32) -> UInt64 {
    let held = UInt64(shares.entries[share].inUse)
    if held == 0 { return 0 }
    return held &* shares.entries[share].hold &* Self.unit / shares.entries[share].weight
  }

  @inline(__always)
  private mutating func tag(_ share: Int32) -> UInt64 {
    shares.entries[share].time &+ outstanding(share)
  }

  private static func isBefore(_ one: UInt64, _ other: UInt64) -> Bool {
    Int64(bitPattern: one &- other) < 0
  }

  /// Brings a share that begins to compete to the pool's time: it has saved up nothing. One that
  /// has competed all the while may be behind, if it was charged too much, and is owed that.
  mutating func catchUp(_ share: Int32, now: UInt64) {
    accrue(share, now: now)
    let least = pools[Int(shares.entries[share].pool)].virtualTime &- outstanding(share)
    if Self.isBefore(shares.entries[share].time, least) { shares.entries[share].time = least }
  }

  // MARK: standing

  /// Has a share compete whose waiters do not yet, if the tenant's limits let it.
  mutating func admit(_ share: Int32, now: UInt64) {
    if mayStart(share, now: now) { enter(share, now: now) } else { block(share, now: now) }
  }

  private mutating func enter(_ share: Int32, now: UInt64) {
    catchUp(share, now: now)
    putInHeap(share)
  }

  private mutating func putInHeap(_ share: Int32) {
    let pool = Int(shares.entries[share].pool)
    let waiter = firstWaiter(share)
    shares.entries[share].standing = .ready
    shares.entries[share].key = tag(share)
    shares.entries[share].order = waiter < 0 ? 0 : waiters[waiter].ticket
    shares.entries.add(share, toHeap: &pools[pool].ready)
  }

  /// The first of a tenant's share; -1 for the common share, whose waiters are in lists by loop.
  @inline(__always)
  private mutating func firstWaiter(_ share: Int32) -> Int32 {
    let login = shares.entries[share].logins.first
    return login >= 0 ? login : shares.entries[share].waiters.first
  }

  /// Whether the first of a share may have a server now, as far as the tenant's limits go.
  private mutating func mayStart(_ share: Int32, now: UInt64) -> Bool {
    shares.entries[share].waitingLogins > 0 || hasRoom(share, now: now)
  }

  /// Whether the tenant's limits allow the share one lease more, which may be promised to it.
  mutating func hasRoom(_ share: Int32, now: UInt64) -> Bool {
    let tenant = shares.entries[share].tenant
    if tenant < 0 { return true }
    let own = shares.entries[share].isPromised ? 1 : 0
    return hasRoom(tenant, beyond: tenants.entries[tenant].promised &- own, now: now)
  }

  /// Whether the tenant's limits allow one lease more than those `kept` for others.
  @inline(__always)
  private mutating func hasRoom(_ tenant: Int32, beyond kept: Int, now: UInt64) -> Bool {
    let most = tenants.entries[tenant].limits.maxServers
    if most > 0 && tenants.entries[tenant].inUse &+ kept >= most { return false }
    return tenants.entries[tenant].bucket.has(beyond: kept, now: now)
  }

  private mutating func block(_ share: Int32, now: UInt64) {
    let tenant = shares.entries[share].tenant
    if shares.entries[share].isPromised { takeBackPromise(share) }
    shares.entries[share].standing = .blocked
    if !shares.entries[share].isListed { list(share, ofTenant: tenant) }
    promise(tenant, now: now)
  }

  /// Lets blocked shares of a tenant compete, as far as its limits have room: one lease of each,
  /// and that room is kept for it. To be called whenever there is more room.
  ///
  /// The promise is what keeps a tenant's waiter in one pool from starving while its others take
  /// every place that comes free in another.
  /// - Parameter releasing: the pool that is about to choose whom to serve.
  mutating func promise(_ tenant: Int32, now: UInt64, releasing: Int32 = -1) {
    while tenants.entries[tenant].blocked.first >= 0 {
      let share = tenants.entries[tenant].blocked.first
      if shares.entries[share].standing == .blocked {
        guard hasRoom(tenant, beyond: tenants.entries[tenant].promised, now: now) else { break }
      }
      _ = takeBlocked(tenant)
      guard shares.entries[share].standing == .blocked else { continue }
      shares.entries[share].isPromised = true
      shares.entries[share].promisedAt = now
      tenants.entries[tenant].promised += 1
      enter(share, now: now)
      let pool = shares.entries[share].pool
      if pool != releasing && isOpen(pool) { isDue = true }
    }
    guard tenants.entries[tenant].blocked.first >= 0,
      !tenants.entries[tenant].bucket.has(beyond: tenants.entries[tenant].promised, now: now)
    else { return tenants.unschedule(tenant) }
    tenants.schedule(tenant, now: now)
  }

  /// Whether the pool could serve somebody without waiting for a server to come back.
  private mutating func isOpen(_ pool: Int32) -> Bool {
    pools[Int(pool)].idle > 0 || pools[Int(pool)].total < pools[Int(pool)].limits.size
  }

  mutating func takeBackPromise(_ share: Int32) {
    shares.entries[share].isPromised = false
    tenants.entries[shares.entries[share].tenant].promised -= 1
  }

  /// How many servers more the tenant may have.
  mutating func room(_ tenant: Int32, now: UInt64) -> Int {
    let most = tenants.entries[tenant].limits.maxServers
    let places = most > 0 ? max(0, most - tenants.entries[tenant].inUse) : .max
    return min(places, tenants.entries[tenant].bucket.count(now: now))
  }

  // MARK: choice

  /// The waiter whose turn it is in a shared pool, with its share, which is taken out of the heap;
  /// nil: nobody may have a server.
  mutating func nextOfShares(
    _ pool: Int32, loop: Int32, now: UInt64
  ) -> (waiter: Int32, share: Int32)? {
    var refreshes = 0
    while pools[Int(pool)].ready >= 0 {
      let share = pools[Int(pool)].ready
      accrue(share, now: now)
      let isStale = Self.isBefore(shares.entries[share].key, tag(share))
      shares.entries.remove(share, fromHeap: &pools[Int(pool)].ready)
      if isStale && refreshes < Self.refreshBound {
        refreshes += 1
        putInHeap(share)
        continue
      }
      shares.entries[share].standing = .absent
      guard mayStart(share, now: now) else {
        block(share, now: now)
        continue
      }
      let waiter =
        shares.entries[share].tenant < 0 ? nextWaiter(pool, loop: loop) : firstWaiter(share)
      return (waiter, share)
    }
    return nil
  }

  /// Gives a server to the waiter that was chosen, and has the rest of its share compete on.
  mutating func serve(_ waiter: Int32, of share: Int32, with server: Int32, now: UInt64) {
    let isLogin = waiters[waiter].isLogin
    let since = waiters[waiter].since
    if !isLogin && shares.entries[share].isPromised { takeBackPromise(share) }
    beginLease(server, of: share, isLogin: isLogin, wait: now > since ? now - since : 0, now: now)
    servers[server].isUnused = isLogin
    servers[server].loop = waiters[waiter].loop
    takeOut(waiter)
    if shares.entries[share].tenant >= 0 { endUse(shares.entries[share].tenant) }
    guard isWaiting(share) else { return }
    if mayStart(share, now: now) { putInHeap(share) } else { block(share, now: now) }
  }

  private mutating func isWaiting(_ share: Int32) -> Bool {
    if shares.entries[share].tenant < 0 {
      return pools[Int(shares.entries[share].pool)].commonWaiting > 0
    }
    return shares.entries[share].waiting > 0 || shares.entries[share].waitingLogins > 0
  }

  // MARK: leases

  /// Counts a server to a share, which is up to date, and in no heap.
  mutating func beginLease(
    _ server: Int32, of share: Int32, isLogin: Bool, wait: UInt64, now: UInt64
  ) {
    let pool = Int(shares.entries[share].pool)
    let start = tag(share)
    if Self.isBefore(pools[pool].virtualTime, start) { pools[pool].virtualTime = start }
    shares.entries[share].inUse += 1
    let tenant = shares.entries[share].tenant
    servers[server].share = share
    servers[server].leasedAt = now
    servers[server].isCharged = !isLogin && tenant >= 0
    guard tenant >= 0 else {
      servers[server].lastTenant = .none
      return
    }
    servers[server].lastTenant = tenants.id(tenant)
    tenants.use(tenant)
    guard !isLogin else { return }
    tenants.entries[tenant].inUse += 1
    tenants.entries[tenant].bucket.take(now: now)
    tenants.countLease(tenant, wait: wait)
  }

  /// Counts a server out of its share, which it comes back from or has died in.
  /// - Parameter releasing: its pool, if it is about to choose whom to serve with it.
  mutating func endLease(_ server: Int32, now: UInt64, releasing: Int32 = -1) {
    let share = servers[server].share
    servers[server].share = -1
    accrue(share, now: now)
    shares.entries[share].inUse -= 1
    learn(share, held: now &- servers[server].leasedAt)
    if shares.entries[share].standing == .ready {
      shares.entries.remove(
        share, fromHeap: &pools[Int(shares.entries[share].pool)].ready)
      putInHeap(share)
    }
    let tenant = shares.entries[share].tenant
    guard tenant >= 0 else { return }
    if servers[server].isCharged { tenants.entries[tenant].inUse -= 1 }
    promise(tenant, now: now, releasing: releasing)
    endUse(tenant)
  }

  /// One outlier does not say much.
  private mutating func learn(_ share: Int32, held: UInt64) {
    let known = shares.entries[share].hold
    let time = Int64(bitPattern: held) < 0 ? 0 : min(held, 4 &* known &+ 1_000)
    let new = known &- known / 8 &+ time / 8
    shares.entries[share].hold = max(16, min(new, Self.longestHold))
  }
}
