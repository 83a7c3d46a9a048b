// Tenants as the caller knows them. All limits on a tenant hold over all pools and loops of the
// process.
//
// A client joins its tenant besides its pool, and names it when it asks for a server. Who changes
// its tenant joins the new one, then leaves the old one; leases and waits of the old one go on
// counting as its.
extension Pools {
  // MARK: clients

  /// Counts a client into a tenant, which is made if it is not known.
  /// - Parameter limits: are taken over, also if the client is refused.
  public mutating func joinTenant(
    _ name: String, limits: TenantQuota, now: UInt64
  ) -> Result<TenantID, TenantQuotaRefusal> {
    let index: Int32
    if let known = tenants.index(named: name) {
      index = known
      if tenants.entries[index].limits != limits { change(index, to: limits, now: now) }
    } else {
      if tenants.count >= maxTenants {
        guard tenants.longestUnused >= 0 else { return .failure(.tooManyTenants) }
        forgetTenant(tenants.longestUnused)
      }
      index = tenants.add(name)
      change(index, to: limits, now: now)
    }
    tenants.use(index)
    guard limits.maxClients == 0 || tenants.entries[index].clients < limits.maxClients else {
      tenants.entries[index].refusedClients &+= 1
      endUse(index)
      return .failure(.maxClients)
    }
    tenants.entries[index].clients += 1
    return .success(tenants.id(index))
  }

  /// Counts a client out of its tenant.
  public mutating func leaveTenant(_ id: TenantID) {
    let index = tenants.index(of: id)
    guard index >= 0, tenants.entries[index].clients > 0 else { return }
    tenants.entries[index].clients -= 1
    endUse(index)
  }

  mutating func endUse(_ tenant: Int32) {
    tenants.endUse(tenant)
    if tenants.unusedCount > maxUnusedTenants { forgetTenant(tenants.longestUnused) }
  }

  private mutating func forgetTenant(_ index: Int32) {
    while tenants.entries[index].firstShare >= 0 { dropShare(tenants.entries[index].firstShare) }
    tenants.remove(index)
  }

  // MARK: limits

  /// Changes a tenant's limits at once. What it holds beyond them it keeps until it gives it back.
  public mutating func setLimits(_ limits: TenantQuota, tenant id: TenantID, now: UInt64) {
    let index = tenants.index(of: id)
    guard index >= 0, tenants.entries[index].limits != limits else { return }
    change(index, to: limits, now: now)
  }

  /// Brings the limits of tenants that are known to what a new configuration says: those at `count`
  /// places from `position` on, which moves on. The end is reached once `position` is nil. In
  /// pieces, since the pools' lock is held over each.
  public mutating func reviewLimits(
    from position: inout Int?, count: Int, now: UInt64, _ limits: (String) -> TenantQuota
  ) {
    guard let start = position else { return }
    let end = min(tenants.places, start + max(count, 1))
    position = end == tenants.places ? nil : end
    for index in Int32(start)..<Int32(max(start, end)) where tenants.entries[index].isLive {
      let new = limits(tenants.name(index))
      if tenants.entries[index].limits != new { change(index, to: new, now: now) }
    }
  }

  /// The limits of a tenant that is known.
  public mutating func limits(ofTenant name: String) -> TenantQuota? {
    tenants.index(named: name).map { tenants.entries[$0].limits }
  }

  /// The ID of a tenant that is known.
  public mutating func tenant(named name: String) -> TenantID? {
    tenants.index(named: name).map { tenants.id($0) }
  }

  private mutating func change(_ index: Int32, to limits: TenantQuota, now: UInt64) {
    let old = tenants.entries[index].limits
    tenants.entries[index].limits = limits
    if limits.rate != old.rate || limits.burst != old.burst {
      tenants.entries[index].bucket.set(rate: limits.rate, burst: limits.burst, now: now)
    }
    var share = tenants.entries[index].firstShare
    while share >= 0 {
      accrue(share, now: now)
      shares.entries[share].weight = Self.weight(limits)
      share = shares.entries[share].nextOfTenant
    }
    promise(index, now: now)
  }

  // MARK: work that time, or another pool, brings

  /// Whether somebody could be served at once by ``wakeTenants(loop:now:into:)``: the place that
  /// came free under a tenant's limit is for a waiter of another pool. Cheap, to be asked after
  /// `release`, `serverClosed`, `leaveQueue` and changes of limits; upkeep will do it else.
  @inlinable public var hasDueTenants: Bool { isDue }

  /// When ``wakeTenants(loop:now:into:)`` has something to do: `now` or before, if it has already;
  /// nil: there is nothing that time would bring.
  public mutating func nextTenantWakeup(now: UInt64) -> UInt64? {
    if isDue { return now }
    return tenants.scheduled < 0 ? nil : tenants.entries[tenants.scheduled].key
  }

  /// Serves those who wait for their tenant's rate, or whose turn came outside their pool, and
  /// opens connections for them. Part of upkeep; to be called besides when
  /// ``nextTenantWakeup(now:)`` says so.
  /// - Parameter loop: the loop that will open.
  public mutating func wakeTenants(loop: Int32, now: UInt64, into actions: inout [UpkeepAction]) {
    while tenants.scheduled >= 0, tenants.entries[tenants.scheduled].key <= now {
      let tenant = tenants.scheduled
      tenants.unschedule(tenant)
      promise(tenant, now: now)
    }
    guard isDue else { return }
    isDue = false
    for number in pools.indices
    where pools[number].isInUse && pools[number].isShared && pools[number].waiting > 0 {
      let id = PoolID(Int32(number))
      grantIdle(id, now: now, into: &actions)
      while let opening = openForWaiters(id, loop: loop, now: now) {
        actions.append(.open(opening))
      }
    }
  }

  /// How long a promise is kept while other pools wait for the same place: a pool may be unable to
  /// serve anybody.
  private static var promiseTime: UInt64 { 100_000 }

  /// Takes back promises that their pools could not keep. Their shares stay in turn without.
  mutating func reviewPromises(now: UInt64) {
    for number in pools.indices where pools[number].isShared {
      reviewPromises(of: number, now: now)
    }
  }

  private mutating func reviewPromises(of number: Int, now: UInt64) {
    var share = pools[number].waitingShares.first
    while share >= 0 {
      let next = shares.entries[share].links.next
      let tenant = shares.entries[share].tenant
      if shares.entries[share].isPromised, tenants.entries[tenant].blocked.first >= 0,
        Self.hasPassed(Self.promiseTime, since: shares.entries[share].promisedAt, now: now)
      {
        takeBackPromise(share)
        promise(tenant, now: now)
      }
      share = next
    }
  }

  // MARK: demand

  /// Whether those who wait could use more connections than are being opened: one each, but logins
  /// one together, and those of a tenant no more than its limits allow.
  mutating func wantsMore(_ id: PoolID, now: UInt64) -> Bool {
    let pool = pools[id.index]
    if pool.waitingTenants == 0 { return pool.wanted > pool.opening }
    var wanted = pool.wanted - pool.waitingTenants - (pool.isPaused ? 0 : pool.idle)
    var share = pool.waitingShares.first
    while share >= 0 && wanted <= pool.opening {
      let s = shares.entries[share]
      wanted += min(s.waiting, room(s.tenant, now: now))
      share = s.links.next
    }
    return wanted > pool.opening
  }

  // MARK: facts

  /// How many tenants are known, those that are kept for their counters among them.
  public var tenantCount: Int { tenants.count }

  /// What a tenant has and has had; nil where it is not known any longer.
  public mutating func census(of id: TenantID) -> TenantCensus? {
    let index = tenants.index(of: id)
    return index < 0 ? nil : tenants.census(index)
  }

  /// What tenants have and have had: those at `count` places from `position` on, which moves on.
  /// The end is reached once `position` is nil. In pieces, since the pools' lock is held over each.
  public mutating func tenantCensus(from position: inout Int?, count: Int) -> [TenantCensus] {
    guard let start = position else { return [] }
    let end = min(tenants.places, start + max(count, 1))
    position = end == tenants.places ? nil : end
    return (start..<max(start, end)).compactMap {
      tenants.entries[Int32($0)].isLive ? tenants.census(Int32($0)) : nil
    }
  }
}
