import Pooling
import Testing

/// Loops read the clock once a batch of events: what one tells may lie in another's future.
@Suite struct PoolClockTests {
  private static let late: UInt64 = 2_000_000

  private static func limits() -> PoolLimits {
    var limits = PoolLimits()
    limits.size = 1
    limits.serverIdleTimeout = 600_000_000
    limits.serverLifetime = 3_600_000_000
    limits.serverCheckDelay = 30_000_000
    limits.reserveSize = 1
    return limits
  }

  private static func makePool(_ pools: inout Pools) -> PoolID {
    pools.pool(
      database: "app", user: "app", limits: limits(), databaseLimits: GroupLimits(),
      userLimits: GroupLimits())
  }

  @Test func `a server that a loop with a later clock released is neither old nor idle`() {
    var pools = Pools(loops: 2)
    let pool = Self.makePool(&pools)
    guard case .queued(let queued) = pools.lease(pool, client: 8, loop: 1, now: Self.late),
      let opening = queued.opening
    else {
      Issue.record("no connection is opened")
      return
    }
    pools.name(opening.server, handle: 16)
    #expect(
      pools.serverOpened(opening.server, loop: 1, now: Self.late) == .handedTo(client: 8, loop: 1))
    #expect(pools.release(opening.server, loop: 1, now: Self.late) == .idle)
    var actions: [UpkeepAction] = []
    pools.upkeep(loop: 0, now: Self.late - 1_000, into: &actions)
    #expect(actions.isEmpty)
    let leased = pools.leaseIdle(pool, loop: 0, now: Self.late - 1_000)
    #expect(leased == LeasedServer(handle: 16, loop: 1, needsCheck: false))
    #expect(pools.release(opening.server, loop: 0, now: Self.late - 1_000) == .idle)
  }

  @Test func `a wait that began by a later clock does not open the reserve`() {
    var pools = Pools(loops: 2)
    let pool = Self.makePool(&pools)
    _ = pools.lease(pool, client: 8, loop: 1, now: Self.late)
    _ = pools.lease(pool, client: 24, loop: 1, now: Self.late)
    var actions: [UpkeepAction] = []
    pools.upkeep(loop: 0, now: Self.late - 1_000, into: &actions)
    #expect(actions.isEmpty)
  }
}
