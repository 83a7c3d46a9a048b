// Why servers that have become free are not used again.
extension Pools {
  /// Why a server that has become free is closed and not used again; nil: it is used.
  @usableFromInline @inline(never)
  mutating func endingOf(_ index: Int32, now: UInt64) -> ServerEnding? {
    let pool = pools[Int(servers[index].pool)]
    if pool.isRemoved { return .databaseRemoved }
    if servers[index].epoch != pool.epoch { return .databaseConfigurationChanged }
    if pool.isPaused { return .paused }
    if isOverLifetime(index, now: now) { return .lifetimeOver }
    if isOverLimit(pool) { return .poolTooLarge }
    // One of the reserve leaves once nobody waits; beyond the reserve the pool has been shrunk.
    if pool.total > pool.limits.size + pool.limits.reserveSize { return .poolTooLarge }
    if waitingDedicated > 0 && isInTheWay(pool) { return .evicted }
    return nil
  }

  private mutating func isOverLifetime(_ index: Int32, now: UInt64) -> Bool {
    let lifetime = pools[Int(servers[index].pool)].limits.serverLifetime
    guard lifetime == PoolLimits.oneUse else {
      return lifetime != 0
        && Self.hasPassed(lifetime, since: servers[index].connectedAt, now: now)
    }
    // One that rests has served nobody: it would have been closed.
    if servers[index].state == .idle { return false }
    defer { servers[index].isUnused = false }
    return !servers[index].isUnused
  }
}
