/// The answer to a client that needs a server of its own.
public enum DedicatedOpening: Equatable, Sendable {
  /// It is counted, and the client's for as long as it exists.
  case open(Opening)
  /// The caller closes this idle server, whose record is gone, and asks again.
  case evict(Handle)
  /// The limits allow none now.
  case wait
}

// Dedicated servers: each is opened for one client, as replication needs it, and closed after it.
// They count towards every limit and are never idle. Their records are leased from the first.
//
// Who waits for one is in no queue, but counted: nothing is opened in its place, and servers that
// come back are closed until there is room.
extension Pools {
  /// Counts a connection for one client, if the limits allow it; idle servers make way.
  /// - Parameter isWaiting: the client is counted as waiting; if not, it is behind those who are.
  public mutating func openDedicated(
    _ id: PoolID, loop: Int32, now: UInt64, isWaiting: Bool
  ) -> DedicatedOpening {
    let pool = pools[id.index]
    guard !pool.isPaused, !pool.isRemoved, isWaiting || pool.waitingDedicated == 0 else {
      return .wait
    }
    var victim: Int32?
    if pool.total >= pool.limits.size {
      victim = idleVictim { number, _ in number == id.index }
    } else if databases[pool.database].hasNoRoom {
      victim = idleVictim { $1.database == pool.database }
    } else if users[pool.user].hasNoRoom {
      victim = idleVictim { $1.user == pool.user }
    } else {
      return .open(addDedicated(id, loop: loop, now: now))
    }
    return victim.map { .evict(forgetIdle($0)) } ?? .wait
  }

  private mutating func addDedicated(_ id: PoolID, loop: Int32, now: UInt64) -> Opening {
    let opening = addServer(id, loop: loop, now: now, isFromReserve: false, evicted: nil)
    // Those who wait for the pool's servers have nothing to hope from it.
    pools[id.index].opening -= 1
    servers[opening.server.rawValue].state = .leased
    return opening
  }

  /// Counts a client in that waits for room for a dedicated server.
  public mutating func beginWaitingDedicated(_ id: PoolID) {
    countWaitingDedicated(id, 1)
    isStrict = true
  }

  /// Counts it out.
  public mutating func endWaitingDedicated(_ id: PoolID) { countWaitingDedicated(id, -1) }

  private mutating func countWaitingDedicated(_ id: PoolID, _ change: Int) {
    pools[id.index].waitingDedicated += change
    databases[pools[id.index].database].waitingDedicated += change
    users[pools[id.index].user].waitingDedicated += change
    waitingDedicated += change
  }

  /// Whether a server of the pool must go for one that somebody waits for.
  func isInTheWay(_ pool: Pool) -> Bool {
    (pool.waitingDedicated > 0 && pool.total + pool.waitingDedicated > pool.limits.size)
      || databases[pool.database].isShortOfRoom || users[pool.user].isShortOfRoom
  }
}
