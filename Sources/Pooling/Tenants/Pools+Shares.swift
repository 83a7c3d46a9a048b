// The lives of shares, and of pools as shared ones.
//
// A pool is *shared* from the first lease of a tenant on until its last share has gone: only then
// do its leases and releases come here. Its clients without a tenant have one share together.
extension Pools {
  /// How long a share without waiters and servers is kept, lest who comes back be free of debt.
  static var shareIdleTime: UInt64 { 60_000_000 }
  /// How many shares one upkeep looks at.
  static var sweepCount: Int { 64 }

  /// The share of a tenant in a pool, made if it is not there. Who is unknown counts as nobody's.
  mutating func share(of id: TenantID, in pool: PoolID, now: UInt64) -> Int32 {
    let tenant = tenants.index(of: id)
    if tenant < 0 {
      if pools[pool.index].commonShare < 0 {
        pools[pool.index].commonShare = makeShare(-1, pool.rawValue, now: now)
      }
      return pools[pool.index].commonShare
    }
    let found = shares.find(tenant: tenant, pool: pool.rawValue)
    if found >= 0 { return found }
    let index = makeShare(tenant, pool.rawValue, now: now)
    shares.entries[index].nextOfTenant = tenants.entries[tenant].firstShare
    tenants.entries[tenant].firstShare = index
    return index
  }

  private mutating func makeShare(_ tenant: Int32, _ pool: Int32, now: UInt64) -> Int32 {
    let weight = tenant < 0 ? 1 : Self.weight(tenants.entries[tenant].limits)
    let index = shares.add(
      ShareTable.Share(
        tenant: tenant, pool: pool, time: pools[Int(pool)].virtualTime, accruedAt: now,
        weight: weight))
    pools[Int(pool)].shareCount += 1
    if !pools[Int(pool)].isShared { beginSharing(pool, now: now) }
    return index
  }

  static func weight(_ limits: TenantQuota) -> UInt64 {
    UInt64(max(1, min(limits.weight, 10_000)))
  }

  /// Those who wait already have a share from now on. What they hold already counts as nobody's.
  private mutating func beginSharing(_ pool: Int32, now: UInt64) {
    pools[Int(pool)].isShared = true
    guard pools[Int(pool)].commonWaiting > 0 else { return }
    admit(share(of: .none, in: PoolID(pool), now: now), now: now)
  }

  /// Forgets a share that has neither waiters nor servers.
  mutating func dropShare(_ index: Int32) {
    let tenant = shares.entries[index].tenant
    let pool = Int(shares.entries[index].pool)
    if tenant >= 0 {
      unlink(index, fromTenant: tenant)
      if shares.entries[index].isListed { unlist(index, fromTenant: tenant) }
    } else {
      if shares.entries[index].standing == .ready {
        shares.entries.remove(index, fromHeap: &pools[pool].ready)
      }
      pools[pool].commonShare = -1
    }
    shares.remove(index)
    pools[pool].shareCount -= 1
    if pools[pool].shareCount == 0 { pools[pool].isShared = false }
  }

  private mutating func unlink(_ index: Int32, fromTenant tenant: Int32) {
    let next = shares.entries[index].nextOfTenant
    var other = tenants.entries[tenant].firstShare
    if other == index {
      tenants.entries[tenant].firstShare = next
      return
    }
    while shares.entries[other].nextOfTenant != index { other = shares.entries[other].nextOfTenant }
    shares.entries[other].nextOfTenant = next
  }

  private mutating func unlist(_ index: Int32, fromTenant tenant: Int32) {
    var kept = LinkedList()
    while tenants.entries[tenant].blocked.first >= 0 {
      let first = takeBlocked(tenant)
      if first != index { list(first, in: &kept) }
    }
    tenants.entries[tenant].blocked = kept
  }

  /// Takes the first share out of a tenant's list of blocked ones.
  mutating func takeBlocked(_ tenant: Int32) -> Int32 {
    let first = tenants.entries[tenant].blocked.first
    let next = shares.entries[first].nextBlocked
    tenants.entries[tenant].blocked.first = next
    if next < 0 { tenants.entries[tenant].blocked.last = -1 }
    shares.entries[first].isListed = false
    return first
  }

  mutating func list(_ index: Int32, ofTenant tenant: Int32) {
    var blocked = tenants.entries[tenant].blocked
    list(index, in: &blocked)
    tenants.entries[tenant].blocked = blocked
  }

  private mutating func list(_ index: Int32, in blocked: inout LinkedList) {
    shares.entries[index].isListed = true
    shares.entries[index].nextBlocked = -1
    if blocked.last >= 0 {
      shares.entries[blocked.last].nextBlocked = index
    } else {
      blocked.first = index
    }
    blocked.last = index
  }

  private mutating func isIdle(_ share: Int32) -> Bool {
    let s = shares.entries[share]
    return s.waiting == 0 && s.waitingLogins == 0 && s.inUse == 0
  }

  /// Keeps the tag of a share near those of the others while it holds servers and nobody waits.
  private mutating func refresh(_ share: Int32, now: UInt64) {
    if shares.entries[share].inUse > 0 { catchUp(share, now: now) }
  }

  /// Forgets shares that have long been idle, a few at a time.
  mutating func sweepShares(now: UInt64) {
    for _ in 0..<min(Self.sweepCount, shares.places) {
      let index = shares.nextToSweep()
      guard index >= 0, shares.entries[index].isLive else { continue }
      let pool = PoolID(shares.entries[index].pool)
      if shares.entries[index].tenant >= 0, isIdle(index),
        Self.hasPassed(Self.shareIdleTime, since: shares.entries[index].accruedAt, now: now)
      {
        dropShare(index)
      } else if shares.entries[index].standing == .absent {
        // Tags are compared as if on a circle: none may stay behind for days.
        refresh(index, now: now)
      }
      if pools[pool.index].isShared { endSharingIfAlone(pool) }
    }
  }

  /// A pool whose only share is that of those without a tenant is an ordinary one again.
  private mutating func endSharingIfAlone(_ pool: PoolID) {
    let common = pools[pool.index].commonShare
    guard pools[pool.index].shareCount == 1, common >= 0 else { return }
    if shares.entries[common].inUse > 0 {
      for index in servers.elements.indices where servers[Int32(index)].share == common {
        servers[Int32(index)].share = -1
      }
    }
    dropShare(common)
  }

  /// Forgets all shares of a pool that goes, in which nobody waits and nothing is held.
  mutating func dropShares(of pool: PoolID) {
    guard pools[pool.index].isShared else { return }
    for index in 0..<Int32(shares.places)
    where shares.entries[index].isLive && shares.entries[index].pool == pool.rawValue {
      dropShare(index)
    }
  }
}
