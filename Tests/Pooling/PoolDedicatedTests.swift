import Testing

@testable import Pooling

@Suite struct PoolDedicatedTests {
  @Test func `a dedicated server counts and is nobody else's`() throws {
    let room = PoolRoom(.with { $0.size = 2 })
    let first = try #require(room.dedicated())
    #expect(room.census == PoolCensus(clients: 0, waiting: 0, servers: 1, idle: 0, opening: 0))
    let second = room.leased(1)
    #expect(second.count == 1)
    #expect(room.queue(2) == nil, "the pool is full")
    #expect(room.close(first.server) != nil, "its place is used by who waits")
  }

  @Test func `who waits for a pool's server is not kept by a dedicated one that is opened`() {
    let room = PoolRoom(.with { $0.size = 3 })
    _ = room.dedicated()
    #expect(room.queue(1) != nil)
  }

  @Test func `idle servers of a full pool make way, one after the other`() {
    let room = PoolRoom(.with { $0.size = 2 })
    _ = room.idle(2)
    room.setLimits(.with { $0.size = 1 })
    #expect(room.askDedicated() == .evict(101))
    #expect(room.askDedicated() == .evict(102))
    #expect(room.dedicated() != nil)
    #expect(room.askDedicated() == .wait)
  }

  @Test(arguments: [true, false])
  func `in a full database or user an idle server of another pool makes way`(
    isDatabase: Bool
  ) {
    let room = PoolRoom()
    let limits = GroupLimits(servers: 1)
    let other =
      isDatabase
      ? room.makePool("db", "other", databaseLimits: limits)
      : room.makePool("other", "user", userLimits: limits)
    _ = room.idle(1, other)
    room.makePool(
      "db", "user", databaseLimits: isDatabase ? limits : GroupLimits(),
      userLimits: isDatabase ? GroupLimits() : limits)
    #expect(room.askDedicated() == .evict(101))
    #expect(room.dedicated() != nil)
    #expect(room.queue(9, other) == nil)
  }

  @Test func `room is kept for who waits`() throws {
    let room = PoolRoom(.with { $0.size = 1 })
    let server = room.leased(1)[0]
    #expect(room.askDedicated() == .wait)
    room.pools.beginWaitingDedicated(room.id)
    #expect(room.queue(2) == nil)
    #expect(room.release(server) == .close(.evicted), "another client waits for it, too")
    #expect(room.close(server) == nil, "nothing is opened in its place")
    #expect(room.askDedicated() == .wait, "who comes later is behind")
    let dedicated = try #require(room.dedicated(isWaiting: true))
    room.pools.endWaitingDedicated(room.id)
    #expect(room.upkeep().isEmpty)
    #expect(room.close(dedicated.server) != nil)
  }

  @Test func `who gives up leaves the pool as it was`() {
    let room = PoolRoom(.with { $0.size = 1 })
    let server = room.leased(1)[0]
    room.pools.beginWaitingDedicated(room.id)
    room.pools.endWaitingDedicated(room.id)
    #expect(room.release(server) == .idle)
    _ = room.upkeep()
    let isStrict = room.pools.isStrict
    #expect(!isStrict)
  }

  @Test func `no more servers are closed than are waited for`() {
    let room = PoolRoom(.with { $0.size = 3 })
    let servers = room.leased(3)
    room.pools.beginWaitingDedicated(room.id)
    #expect(room.release(servers[0]) == .close(.evicted))
    _ = room.close(servers[0])
    #expect(room.release(servers[1]) == .idle)
    #expect(room.release(servers[2]) == .idle)
  }

  @Test func `a paused or removed pool opens none`() {
    let room = PoolRoom()
    room.pools.pause()
    #expect(room.askDedicated() == .wait)
    room.pools.resume()
    room.pools.remove(room.id)
    #expect(room.askDedicated() == .wait)
  }
}

extension PoolRoom {
  fileprivate func askDedicated(isWaiting: Bool = false) -> DedicatedOpening {
    pools.openDedicated(id, loop: 0, now: now, isWaiting: isWaiting)
  }

  fileprivate func dedicated(isWaiting: Bool = false) -> Opening? {
    guard case .open(let opening) = askDedicated(isWaiting: isWaiting) else { return nil }
    return opening
  }
}
