@testable import Pooling

extension PoolRoom {
  func joinTenant(
    _ name: String, _ limits: TenantQuota = TenantQuota()
  ) -> Result<TenantID, TenantQuotaRefusal> {
    pools.joinTenant(name, limits: limits, now: now)
  }

  func tenant(named name: String) -> TenantID? { pools.tenant(named: name) }

  func tenantCensus(of id: TenantID) -> TenantCensus? { pools.census(of: id) }

  func wake(loop: Int32 = 0) -> [UpkeepAction] {
    var actions: [UpkeepAction] = []
    pools.wakeTenants(loop: loop, now: now, into: &actions)
    return actions
  }

  var hasDueTenants: Bool { pools.hasDueTenants }

  func nextWakeup() -> UInt64? { pools.nextTenantWakeup(now: now) }

  /// Whether the first pool goes by its tenants.
  var isShared: Bool { pools.pools[0].isShared }

  var shareCount: Int { pools.shares.count }

  var maxUnused: Int { pools.maxUnusedTenants }

  /// How much is kept of tenants; of tenants and shares, places.
  var tenantSizes: (names: Int, tenants: Int, shares: Int) {
    (pools.tenantCount, pools.tenants.places, pools.shares.places)
  }
}
