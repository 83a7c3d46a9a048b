// How clients come to a shared pool's servers and its queues, and leave them.
extension Pools {
  // MARK: leases

  /// Whether a lease comes here: the pool is shared, or becomes so by it.
  @inline(__always)
  mutating func isShared(_ pool: PoolID, by tenant: TenantID) -> Bool {
    pools[pool.index].isShared || tenants.index(of: tenant) >= 0
  }

  /// An idle server, if there is one and neither the tenant's limits nor its own waiters object.
  @usableFromInline @inline(never)
  mutating func leaseShared(
    _ pool: PoolID, loop: Int32, now: UInt64, isLogin: Bool, tenant id: TenantID
  ) -> LeasedServer? {
    let share = share(of: id, in: pool, now: now)
    guard pools[pool.index].idle > 0 && !pools[pool.index].isPaused else { return nil }
    if isLogin {
      guard shares.entries[share].waitingLogins == 0 else { return nil }
    } else {
      guard shares.entries[share].waiting == 0, hasRoom(share, now: now) else { return nil }
    }
    let server = takeFromIdle(pool, loop: loop, preferring: shares.entries[share].tenant)
    // Only a login may pass those of its share who wait: they are out of the heap meanwhile.
    let isReady = shares.entries[share].standing == .ready
    if isReady { leaveHeap(share) }
    catchUp(share, now: now)
    beginLease(server, of: share, isLogin: isLogin, wait: 0, now: now)
    if isReady { admit(share, now: now) }
    servers[server].isUnused = isLogin
    return Self.lease(
      &servers[server], to: loop, checkDelay: pools[pool.index].limits.serverCheckDelay, now: now)
  }

  /// An idle server as in the other `takeFromIdle`; if it is wanted, one of the first of this
  /// loop's that has served the same tenant last.
  private mutating func takeFromIdle(
    _ pool: PoolID, loop: Int32, preferring tenant: Int32
  ) -> Int32 {
    guard pools[pool.index].limits.prefersTenant, tenant >= 0 else {
      return takeFromIdle(pool, loop: loop)
    }
    let id = tenants.id(tenant)
    let list = pool.index * loops + Int(loop)
    let isRoundRobin = pools[pool.index].limits.isRoundRobin
    var index = isRoundRobin ? idleLists[list].last : idleLists[list].first
    for _ in 0..<Self.preferenceBound where index >= 0 {
      if servers[index].lastTenant == id {
        servers.unlink(index, from: &idleLists[list])
        servers[index].state = .leased
        pools[pool.index].idle -= 1
        return index
      }
      index = isRoundRobin ? servers[index].links.previous : servers[index].links.next
    }
    return takeFromIdle(pool, loop: loop)
  }

  /// How many idle servers are looked at for one of the same tenant's.
  private static var preferenceBound: Int { 8 }

  /// Takes back a clean server of a shared pool.
  @usableFromInline @inline(never)
  mutating func releaseShared(_ server: Int32, loop: Int32, now: UInt64) -> Release {
    let pool = servers[server].pool
    if isStrict || mayHaveToGo(server, now: now), let ending = endingOf(server, now: now) {
      return .close(ending)
    }
    if servers[server].share >= 0 { endLease(server, now: now, releasing: pool) }
    if let next = nextOfShares(pool, loop: loop, now: now) {
      let client = waiters[next.waiter].client
      let target = waiters[next.waiter].loop
      serve(next.waiter, of: next.share, with: server, now: now)
      if pools[Int(pool)].ready >= 0 && pools[Int(pool)].idle > 0 { isDue = true }
      return .handedTo(client: client, loop: target)
    }
    Self.rest(&servers[server], &pools[Int(pool)], on: loop, now: now)
    servers.prepend(server, to: &idleLists[Int(pool) * loops + Int(loop)])
    return .idle
  }

  /// Whether it is worth a close look if a server must be closed.
  private mutating func mayHaveToGo(_ server: Int32, now: UInt64) -> Bool {
    let pool = Int(servers[server].pool)
    let lifetime = pools[pool].limits.serverLifetime
    return servers[server].epoch != pools[pool].epoch
      || pools[pool].total > pools[pool].limits.size
      || (lifetime != 0
        && Self.hasPassed(lifetime, since: servers[server].connectedAt, now: now))
  }

  /// Gives an idle server to the waiter whose turn it is; nil: there is no server, or nobody may
  /// have it.
  mutating func grantShared(_ id: PoolID, now: UInt64) -> UpkeepAction? {
    guard pools[id.index].idle > 0, let next = nextOfShares(id.rawValue, loop: 0, now: now) else {
      return nil
    }
    let loop = waiters[next.waiter].loop
    let client = waiters[next.waiter].client
    let server = takeFromIdle(id, loop: loop, preferring: shares.entries[next.share].tenant)
    let old = servers[server].loop
    serve(next.waiter, of: next.share, with: server, now: now)
    return .grant(server: servers[server].handle, client: client, loop: loop, from: old)
  }

  // MARK: queues

  @inline(never)
  mutating func queueShared(
    _ pool: PoolID, client: Handle, loop: Int32, now: UInt64, isLogin: Bool, tenant: TenantID,
    isFirst: Bool = false
  ) -> Queued {
    let result = enqueueShared(
      pool, client: client, loop: loop, now: now, isLogin: isLogin, tenant: tenant,
      isFirst: isFirst)
    switch result {
    case .failure(let refusal): return Queued(waiter: .none, opening: nil, refusal: refusal)
    case .success(let waiter):
      if Self.isAtItsSize(&pools[pool.index]) { return Queued(waiter: waiter, opening: nil) }
      return Queued(waiter: waiter, opening: openForWaiters(pool, loop: loop, now: now))
    }
  }

  /// Queues a client in a shared pool.
  private mutating func enqueueShared(
    _ pool: PoolID, client: Handle, loop: Int32, now: UInt64, isLogin: Bool, tenant id: TenantID,
    isFirst: Bool
  ) -> Result<WaiterID, TenantQuotaRefusal> {
    let share = share(of: id, in: pool, now: now)
    let tenant = shares.entries[share].tenant
    guard tenant >= 0 else {
      let waiter = enqueue(pool, client: client, loop: loop, now: now, isLogin: isLogin)
      if isFirst { moveToFront(waiter.index) }
      if shares.entries[share].standing == .absent { admit(share, now: now) }
      return .success(waiter)
    }
    let most = tenants.entries[tenant].limits.maxWaiting
    if most > 0, !isLogin, !isFirst, tenants.entries[tenant].waiting >= most {
      tenants.entries[tenant].refusedWaiting &+= 1
      return .failure(.maxWaiting)
    }
    if isFirst && !isLogin {
      // It has come to nothing.
      tenants.entries[tenant].bucket.giveBack()
      promise(tenant, now: now)
    }
    let waiter = makeWaiter(
      pool, client: client, loop: loop, now: now, isLogin: isLogin, share: share)
    if isFirst { waiters[waiter.index].ticket = 0 }
    add(waiter.index, isLogin: isLogin, isFirst: isFirst)
    if shares.entries[share].standing == .absent {
      admit(share, now: now)
    } else if isLogin && shares.entries[share].standing == .blocked {
      // No limit binds logins.
      shares.entries[share].standing = .absent
      admit(share, now: now)
    }
    return .success(waiter)
  }

  /// Adds a waiter to its share's list, and counts it.
  private mutating func add(_ waiter: Int32, isLogin: Bool, isFirst: Bool) {
    let share = waiters[waiter].share
    let tenant = shares.entries[share].tenant
    let pool = Int(shares.entries[share].pool)
    if shares.entries[share].waiting == 0 && shares.entries[share].waitingLogins == 0 {
      shares.entries.append(share, to: &pools[pool].waitingShares)
    }
    if isLogin {
      if isFirst {
        waiters.prepend(waiter, to: &shares.entries[share].logins)
      } else {
        waiters.append(waiter, to: &shares.entries[share].logins)
      }
    } else if isFirst {
      waiters.prepend(waiter, to: &shares.entries[share].waiters)
    } else {
      waiters.append(waiter, to: &shares.entries[share].waiters)
    }
    count(1, isLogin: isLogin, share: share)
    tenants.use(tenant)
  }

  private mutating func count(_ change: Int, isLogin: Bool, share: Int32) {
    let tenant = shares.entries[share].tenant
    let pool = Int(shares.entries[share].pool)
    pools[pool].waiting += change
    if isLogin {
      shares.entries[share].waitingLogins += change
      tenants.entries[tenant].waitingLogins += change
      pools[pool].waitingLogins += change
      pools[pool].waitingTenantLogins += change
    } else {
      shares.entries[share].waiting += change
      tenants.entries[tenant].waiting += change
      pools[pool].waitingTenants += change
    }
  }

  /// Takes a waiter out of its queue, and counts it out. Its share may be in the heap or not.
  mutating func takeOut(_ waiter: Int32) {
    guard waiters[waiter].share >= 0 else { return removeWaiter(at: waiter) }
    let share = waiters[waiter].share
    let isLogin = waiters[waiter].isLogin
    if isLogin {
      waiters.unlink(waiter, from: &shares.entries[share].logins)
    } else {
      waiters.unlink(waiter, from: &shares.entries[share].waiters)
    }
    waiters[waiter].generation = 0
    waiters.remove(waiter)
    count(-1, isLogin: isLogin, share: share)
    if shares.entries[share].waiting == 0 && shares.entries[share].waitingLogins == 0 {
      shares.entries.unlink(share, from: &pools[Int(shares.entries[share].pool)].waitingShares)
    }
  }

  /// A waiter gives up: what that means for its share, besides.
  mutating func giveUp(_ waiter: Int32, now: UInt64) {
    let pool = Int(waiters[waiter].pool)
    let share = waiters[waiter].share
    guard share >= 0 else {
      removeWaiter(at: waiter)
      let common = pools[pool].commonShare
      if common >= 0 && pools[pool].commonWaiting == 0 { standDown(common) }
      return
    }
    let tenant = shares.entries[share].tenant
    takeOut(waiter)
    if shares.entries[share].waiting == 0 {
      if shares.entries[share].waitingLogins == 0 { standDown(share) }
      if shares.entries[share].isPromised {
        takeBackPromise(share)
        promise(tenant, now: now)
      }
    }
    endUse(tenant)
  }

  private mutating func standDown(_ share: Int32) {
    if shares.entries[share].standing == .ready { leaveHeap(share) }
    shares.entries[share].standing = .absent
  }

  private mutating func leaveHeap(_ share: Int32) {
    shares.entries.remove(share, fromHeap: &pools[Int(shares.entries[share].pool)].ready)
    shares.entries[share].standing = .absent
  }
}
