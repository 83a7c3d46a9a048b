extension Pools {
  /// Looks after every pool: closes what is too old, idle or too many, opens up to the minimum and
  /// for those who wait, and matches waiters with idle servers. To be called a few times a second.
  /// - Parameter loop: the loop that will open and close.
  public mutating func upkeep(loop: Int32, now: UInt64, into actions: inout [UpkeepAction]) {
    closeOutdated(into: &actions)
    reviewPromises(now: now)
    wakeTenants(loop: loop, now: now, into: &actions)
    sweepShares(now: now)
    isStrict =
      isAnyPaused || waitingDedicated > 0 || databases.isAnyOverLimit || users.isAnyOverLimit
    for number in pools.indices where pools[number].isInUse {
      let id = PoolID(Int32(number))
      closeIdle(id, now: now, into: &actions)
      grantIdle(id, now: now, into: &actions)
      openMissing(id, loop: loop, now: now, into: &actions)
      retire(id, now: now, into: &actions)
    }
  }

  private var isAnyPaused: Bool {
    isPaused || pools.indices.contains { pools[$0].isInUse && pools[$0].isPaused }
  }

  private mutating func closeOutdated(into actions: inout [UpkeepAction]) {
    while outdated.first >= 0 {
      let pool = pools[Int(servers[outdated.first].pool)]
      actions.append(
        .close(
          forgetIdle(outdated.first),
          pool.isRemoved ? .databaseRemoved : .databaseConfigurationChanged))
    }
  }

  /// Closes idle servers that are over their time, oldest use first.
  private mutating func closeIdle(_ id: PoolID, now: UInt64, into actions: inout [UpkeepAction]) {
    for list in id.index * loops..<(id.index + 1) * loops {
      var index = idleLists[list].last
      while index >= 0 {
        let previous = servers[index].links.previous
        if let ending = idleEndingOf(index, now: now) {
          actions.append(.close(forgetIdle(index), ending))
        }
        index = previous
      }
    }
  }

  private mutating func idleEndingOf(_ index: Int32, now: UInt64) -> ServerEnding? {
    if let ending = endingOf(index, now: now) { return ending }
    let pool = pools[Int(servers[index].pool)]
    if pool.total > pool.limits.size && pool.commonWaiting == 0 && pool.ready < 0 {
      return .poolTooLarge
    }
    let timeout = pool.limits.serverIdleTimeout
    let minimum = pool.limits.isTransient && pool.clients == 0 ? 0 : pool.limits.minimumSize
    if timeout != 0 && Self.hasPassed(timeout, since: servers[index].idleSince, now: now)
      && pool.total > minimum
    {
      return .idleTimeout
    }
    return nil
  }

  /// Gives idle servers to those who wait, as after a pause.
  mutating func grantIdle(_ id: PoolID, now: UInt64, into actions: inout [UpkeepAction]) {
    guard !pools[id.index].isPaused else { return }
    if pools[id.index].isShared {
      while let grant = grantShared(id, now: now) { actions.append(grant) }
      return
    }
    while pools[id.index].idle > 0 && pools[id.index].waiting > 0 {
      let waiter = nextWaiter(id.rawValue, loop: 0)
      let loop = waiters[waiter].loop
      let server = takeFromIdle(id, loop: loop)
      let client = waiters[waiter].client
      servers[server].isUnused = waiters[waiter].isLogin
      removeWaiter(at: waiter)
      let old = servers[server].loop
      servers[server].loop = loop
      actions.append(
        .grant(server: servers[server].handle, client: client, loop: loop, from: old))
    }
  }

  private mutating func openMissing(
    _ id: PoolID, loop: Int32, now: UInt64, into actions: inout [UpkeepAction]
  ) {
    if let evicted = evictFirstOfTwo(id, now: now) { actions.append(.close(evicted, .evicted)) }
    while let opening = openForWaiters(id, loop: loop, now: now) { actions.append(.open(opening)) }
    let limits = pools[id.index].limits
    guard pools[id.index].clients > 0 || limits.isAlwaysWarm else { return }
    while pools[id.index].total < min(limits.minimumSize, limits.size),
      let opening = open(id, loop: loop, now: now, mayEvict: false)
    {
      actions.append(.open(opening))
    }
  }

  /// Forgets a pool that has had neither clients nor servers for its idle timeout.
  private mutating func retire(_ id: PoolID, now: UInt64, into actions: inout [UpkeepAction]) {
    let pool = pools[id.index]
    guard pool.clients == 0, pool.total == 0, pool.waiting == 0 else {
      pools[id.index].unusedSince = 0
      return
    }
    guard pool.unusedSince != 0 else {
      pools[id.index].unusedSince = now
      return
    }
    var timeout = pool.limits.poolIdleTimeout
    if pool.limits.isTransient && pool.isFailing {
      // Whoever makes up names would leave a pool behind with each.
      timeout = min(timeout, max(1, pool.limits.loginRetry))
    }
    guard timeout != 0, now &- pool.unusedSince >= timeout else { return }
    pools[id.index].isInUse = false
    dropShares(of: id)
    poolNames[PoolName(database: pool.database, user: pool.user)] = nil
    actions.append(.retired(id))
  }

  /// Every idle server, taken out of its pool: for the end of the process.
  public mutating func drain(into actions: inout [UpkeepAction]) {
    closeOutdated(into: &actions)
    for list in idleLists.indices {
      while idleLists[list].first >= 0 {
        actions.append(.close(forgetIdle(idleLists[list].first), .paused))
      }
    }
  }
}
