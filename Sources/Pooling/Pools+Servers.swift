extension Pools {
  // MARK: opening

  /// Counts a new connection of the pool, if the limits allow one now.
  /// - Parameter mayEvict: whether it is worth another pool's idle server: it is for a client that
  ///   waits, not for the minimum size, or pools would take turns at evicting each other.
  @usableFromInline
  mutating func open(
    _ id: PoolID, loop: Int32, now: UInt64, mayEvict: Bool = true
  ) -> Opening? {
    let pool = pools[id.index]
    guard let isFromReserve = allowsOpening(id, now: now) else { return nil }
    let databaseIsFull = databases[pool.database].isFull
    let userIsFull = users[pool.user].isFull
    var evicted: Handle?
    if databaseIsFull || userIsFull {
      guard mayEvict else { return nil }
      let victim = idleVictim {
        $0 != id.index && (!databaseIsFull || $1.database == pool.database)
          && (!userIsFull || $1.user == pool.user)
      }
      guard let victim else { return nil }
      evicted = forgetIdle(victim)
    }
    return addServer(id, loop: loop, now: now, isFromReserve: isFromReserve, evicted: evicted)
  }

  /// Whether the pool's own limits allow one more connection now, and whether it is one of the
  /// reserve; nil: they do not.
  private func allowsOpening(_ id: PoolID, now: UInt64) -> Bool? {
    let pool = pools[id.index]
    guard !pool.isPaused, !pool.isRemoved, now >= pool.retryAt else { return nil }
    // One evicted would not make room.
    if isOverLimit(pool) { return nil }
    // After a failure one connection tries for all.
    if pool.isFailing && pool.opening > 0 { return nil }
    let total = pool.total + pool.waitingDedicated
    if total < pool.limits.size { return false }
    guard total < pool.limits.size + pool.limits.reserveSize,
      let oldest = oldestWait(id, now: now), oldest >= pool.limits.reserveTimeout
    else { return nil }
    return true
  }

  /// Where a database and a user are both full and no idle server counts for both, two must go to
  /// make room: this gives the first of them, and `open` the second.
  mutating func evictFirstOfTwo(_ id: PoolID, now: UInt64) -> Handle? {
    let pool = pools[id.index]
    guard wantsMore(id, now: now), allowsOpening(id, now: now) != nil,
      databases[pool.database].isFull, users[pool.user].isFull,
      idleVictim(where: {
        $0 != id.index && $1.database == pool.database && $1.user == pool.user
      }) == nil,
      idleVictim(where: { $0 != id.index && $1.user == pool.user }) != nil,
      let first = idleVictim(where: { $0 != id.index && $1.database == pool.database })
    else { return nil }
    return forgetIdle(first)
  }

  mutating func addServer(
    _ id: PoolID, loop: Int32, now: UInt64, isFromReserve: Bool, evicted: Handle?
  ) -> Opening {
    let index = servers.insert(
      Server(
        handle: 0, pool: id.rawValue, loop: loop, epoch: pools[id.index].epoch, now: now))
    pools[id.index].total += 1
    pools[id.index].opening += 1
    databases[pools[id.index].database].servers += 1
    users[pools[id.index].user].servers += 1
    return Opening(
      server: ServerID(index), pool: id, isFromReserve: isFromReserve, evicted: evicted)
  }

  /// Whether servers of the pool must go: its database or its user has too many.
  func isOverLimit(_ pool: Pool) -> Bool {
    databases[pool.database].isOverLimit || users[pool.user].isOverLimit
  }

  /// How long the pool's oldest waiter has waited; nil where nobody waits. Those of tenants whose
  /// limits let them have nothing do not count.
  func oldestWait(_ id: PoolID, now: UInt64) -> UInt64? {
    var since = UInt64.max
    for loop in 0..<loops {
      since = min(since, oldest(waitLists[id.index * loops + loop]))
    }
    var share = pools[id.index].waitingShares.first
    while share >= 0 {
      if shares.entries[share].standing == .ready {
        since = min(since, oldest(shares.entries[share].logins))
        since = min(since, oldest(shares.entries[share].waiters))
      }
      share = shares.entries[share].links.next
    }
    return since == .max ? nil : now - min(now, since)
  }

  /// Since when the first of a list has waited, who may be behind those that were put in front.
  private func oldest(_ list: LinkedList) -> UInt64 {
    var since = UInt64.max
    var index = list.first
    while index >= 0 {
      since = min(since, waiters[index].since)
      if !waiters[index].wasRequeued { break }
      index = waiters[index].links.next
    }
    return since
  }

  /// An outdated server, or else the longest-idle one, of the pools that match, by number and all.
  func idleVictim(where matches: (Int, Pool) -> Bool) -> Int32? {
    var old = outdated.first
    while old >= 0 {
      let number = Int(servers[old].pool)
      if matches(number, pools[number]) { return old }
      old = servers[old].links.next
    }
    var victim: Int32?
    for number in pools.indices where pools[number].idle > 0 && matches(number, pools[number]) {
      for loop in 0..<loops {
        let last = idleLists[number * loops + loop].last
        guard last >= 0 else { continue }
        if let best = victim, servers[best].idleSince <= servers[last].idleSince { continue }
        victim = last
      }
    }
    return victim
  }

  /// Removes an idle server's record; its handle is the caller's to close.
  mutating func forgetIdle(_ index: Int32) -> Handle {
    leaveIdle(index)
    let handle = servers[index].handle
    forget(index)
    return handle
  }

  /// Takes an idle or outdated server out of its list.
  private mutating func leaveIdle(_ index: Int32) {
    if servers[index].state == .outdated {
      servers.unlink(index, from: &outdated)
    } else {
      let pool = Int(servers[index].pool)
      servers.unlink(index, from: &idleLists[pool * loops + Int(servers[index].loop)])
      pools[pool].idle -= 1
    }
    servers[index].state = .leased
  }

  private mutating func forget(_ index: Int32) {
    let pool = Int(servers[index].pool)
    if servers[index].state == .opening { pools[pool].opening -= 1 }
    pools[pool].total -= 1
    databases[pools[pool].database].servers -= 1
    users[pools[pool].user].servers -= 1
    servers[index].pool = -1
    servers.remove(index)
  }

  // MARK: events of servers

  /// Tells by which handle the caller knows a connection that is being opened.
  public mutating func name(_ server: ServerID, handle: Handle) {
    servers[server.rawValue].handle = handle
  }

  /// A connection has been opened and logged in: it goes where a released one would go.
  public mutating func serverOpened(_ server: ServerID, loop: Int32, now: UInt64) -> Release {
    let index = server.rawValue
    let pool = Int(servers[index].pool)
    pools[pool].opening -= 1
    pools[pool].isFailing = false
    pools[pool].retryAt = 0
    servers[index].state = .leased
    servers[index].isUnused = true
    servers[index].connectedAt = now
    return release(server, loop: loop, now: now)
  }

  /// A connection could not be opened. The pool waits for server_login_retry before it tries again.
  public mutating func openFailed(_ server: ServerID, now: UInt64) {
    let pool = Int(servers[server.rawValue].pool)
    forget(server.rawValue)
    pools[pool].isFailing = true
    pools[pool].retryAt = now &+ pools[pool].limits.loginRetry
  }

  /// A connection was counted and is not wanted after all.
  public mutating func openingAbandoned(_ server: ServerID) { forget(server.rawValue) }

  /// A leased server is gone. Whoever waits may get a new connection in its place.
  public mutating func serverClosed(_ server: ServerID, loop: Int32, now: UInt64) -> Opening? {
    let pool = PoolID(servers[server.rawValue].pool)
    if servers[server.rawValue].share >= 0 { endLease(server.rawValue, now: now) }
    forget(server.rawValue)
    return openForWaiters(pool, loop: loop, now: now)
  }

  /// Opens a connection where those who wait could use more than are being opened.
  mutating func openForWaiters(_ id: PoolID, loop: Int32, now: UInt64) -> Opening? {
    guard wantsMore(id, now: now) else { return nil }
    return open(id, loop: loop, now: now)
  }

  /// Takes an idle server out of the pool to look at what it has sent; false if it is not idle on
  /// that loop any longer. It comes back through `release`, or goes through `serverClosed`.
  public mutating func takeIdle(_ server: ServerID, handle: Handle, loop: Int32) -> Bool {
    let index = server.rawValue
    guard servers[index].handle == handle,
      servers[index].state == .idle || servers[index].state == .outdated,
      servers[index].loop == loop
    else { return false }
    leaveIdle(index)
    servers[index].isUnused = true
    return true
  }

  // MARK: events of waiters

  /// A waiting client leaves the queue; false if a server is on its way to it already.
  /// - Parameter now: 0 will do; who waits for the tenant's rate then goes on a little later.
  public mutating func leaveQueue(_ waiter: WaiterID, now: UInt64 = 0) -> Bool {
    guard waiter.index >= 0, waiters[waiter.index].generation == waiter.generation else {
      return false
    }
    giveUp(waiter.index, now: now)
    return true
  }

  /// Puts a client back at the front of its loop's queue, or of its tenant's: the server it had
  /// been given was dead. Its tenant's limits do not refuse it.
  /// - Parameters: as in ``lease(_:client:loop:now:isLogin:tenant:)``.
  public mutating func requeueFirst(
    _ pool: PoolID, client: Handle, loop: Int32, now: UInt64, isLogin: Bool = false,
    tenant: TenantID = .none
  ) -> Queued {
    if isShared(pool, by: tenant) {
      return queueShared(
        pool, client: client, loop: loop, now: now, isLogin: isLogin, tenant: tenant,
        isFirst: true)
    }
    let waiter = enqueue(pool, client: client, loop: loop, now: now, isLogin: isLogin)
    moveToFront(waiter.index)
    return Queued(waiter: waiter, opening: openForWaiters(pool, loop: loop, now: now))
  }

  /// Moves a waiter to the front of its loop's list.
  mutating func moveToFront(_ waiter: Int32) {
    let list = Int(waiters[waiter].pool) * loops + Int(waiters[waiter].loop)
    waiters[waiter].ticket = 0
    waiters.unlink(waiter, from: &waitLists[list])
    waiters.prepend(waiter, to: &waitLists[list])
  }
}
