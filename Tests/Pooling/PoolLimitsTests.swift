import Testing

@testable import Pooling

@Suite struct PoolLimitsTests {
  @Test func `the reserve opens once somebody has waited for its delay`() throws {
    let room = PoolRoom(
      .with {
        $0.size = 1
        $0.reserveSize = 1
        $0.reserveTimeout = 5 * second
      })
    _ = room.leased(1)
    #expect(room.queue(2) == nil)
    room.now += 5 * second - 1
    #expect(room.upkeep().isEmpty)
    room.now += 1
    guard case .open(let opening)? = room.upkeep().first else {
      Issue.record("nothing was opened")
      return
    }
    #expect(opening.isFromReserve)
    #expect(room.open(opening)?.release == .handedTo(client: 2, loop: 0))
    #expect(room.queue(3) == nil)
    room.now += 10 * second
    #expect(room.upkeep().isEmpty, "the reserve is used up")
  }

  @Test func `a reserve server leaves once nobody waits`() {
    let room = PoolRoom(
      .with {
        $0.size = 1
        $0.reserveSize = 1
        $0.reserveTimeout = 0
      })
    let servers = room.leased(2)
    #expect(servers.count == 2)
    #expect(room.release(servers[0]) == .idle)
    #expect(room.upkeep() == [.close(101, .poolTooLarge)])
    #expect(room.release(servers[1]) == .idle)
    #expect(room.upkeep().isEmpty)
  }

  @Test func `a shrunk pool closes what is released`() {
    let room = PoolRoom(.with { $0.size = 3 })
    let servers = room.leased(3)
    room.setLimits(.with { $0.size = 1 })
    #expect(room.release(servers[0]) == .close(.poolTooLarge))
    let opening = room.close(servers[0])
    #expect(opening == nil)
    #expect(room.release(servers[1]) == .close(.poolTooLarge))
    _ = room.close(servers[1])
    #expect(room.release(servers[2]) == .idle)
  }

  @Test(arguments: [true, false])
  func `a full database or user evicts the longest-idle server elsewhere`(
    _ isDatabase: Bool
  ) throws {
    let room = PoolRoom()
    let limit = GroupLimits(servers: 2)
    let first = room.makePool(
      "a", "x", databaseLimits: isDatabase ? limit : .init(),
      userLimits: isDatabase ? .init() : limit)
    let other = room.makePool(
      isDatabase ? "a" : "b", isDatabase ? "y" : "x",
      databaseLimits: isDatabase ? limit : .init(), userLimits: isDatabase ? .init() : limit)
    let servers = room.leased(2, first)
    #expect(room.queue(7, other) == nil, "all are in use")
    room.now += second
    room.release(servers[1])
    room.now += second
    room.release(servers[0])
    guard case .open(let opening)? = room.upkeep().first else {
      Issue.record("nothing was opened")
      return
    }
    #expect(opening.evicted == 102)
    #expect(opening.pool == other)
    #expect(room.pools.serverCount == 2)
    #expect(room.pools.census(first).servers == 1)
  }

  @Test(arguments: [true, false])
  func `beyond a lowered limit servers go as they come back, although others wait`(
    _ isDatabase: Bool
  ) throws {
    let room = PoolRoom()
    let first = room.makePool("a", "x")
    let other = room.makePool(isDatabase ? "a" : "b", isDatabase ? "y" : "x")
    let servers = room.leased(4, first)
    let limit = GroupLimits(servers: 2)
    room.makePool(
      "a", "x", databaseLimits: isDatabase ? limit : .init(),
      userLimits: isDatabase ? .init() : limit)
    #expect(room.queue(8, first) == nil)
    #expect(room.queue(9, other) == nil)
    for server in servers[0..<2] {
      try #require(room.release(server) == .close(.poolTooLarge))
      let opening = room.close(server)
      #expect(opening == nil)
    }
    #expect(room.release(servers[2]) == .handedTo(client: 8, loop: 0))
    #expect(room.release(servers[2]) == .idle)
    guard case .open(let opening)? = room.upkeep().first else {
      Issue.record("nothing was opened")
      return
    }
    #expect(opening.evicted == 103 && opening.pool == other)
    #expect(room.pools.serverCount == 2)
  }

  @Test func `idle servers beyond a lowered limit are closed, and none is evicted for another`() {
    let room = PoolRoom(loops: 2, .with { $0.minimumSize = 4 })
    let id = room.id
    #expect(room.join(id) == nil)
    _ = room.idle(4)
    room.pools.setLimits(GroupLimits(servers: 1), database: "db")
    let other = room.makePool("db", "y", databaseLimits: GroupLimits(servers: 1))
    #expect(room.queue(9, other) == nil, "one in place of another would not shrink it")
    let actions = room.upkeep()
    #expect(actions.prefix(3) == (101...103).map { .close($0, .poolTooLarge) }[...])
    guard case .open(let opening)? = actions.last else {
      Issue.record("nothing was opened")
      return
    }
    #expect(opening.evicted == 104 && opening.pool == other)
    #expect(room.pools.serverCount == 1)
  }

  @Test func `where database and user are full, upkeep makes room in both`() {
    let room = PoolRoom()
    let one = GroupLimits(servers: 1)
    let none = GroupLimits()
    let ax = room.makePool("a", "x", databaseLimits: one, userLimits: none)
    let by = room.makePool("b", "y", databaseLimits: none, userLimits: one)
    _ = room.idle(1, ax)
    _ = room.idle(1, by)
    let ay = room.makePool("a", "y", databaseLimits: one, userLimits: one)
    #expect(room.queue(9, ay) == nil)
    #expect(room.pools.serverCount == 2)
    let actions = room.upkeep()
    #expect(actions.first == .close(101, .evicted))
    guard case .open(let opening)? = actions.last else {
      Issue.record("nothing was opened")
      return
    }
    #expect(opening.evicted == 102)
    #expect(room.pools.serverCount == 1)
  }

  @Test func `clients are refused beyond the limits of database and user`() {
    let room = PoolRoom()
    let limits = GroupLimits(clients: 1)
    let first = room.makePool("a", "x", databaseLimits: limits)
    let second = room.makePool("a", "y", databaseLimits: limits, userLimits: limits)
    let third = room.makePool("b", "y", userLimits: limits)
    #expect(room.join(first) == nil)
    #expect(room.join(second) == .maxDatabaseClients)
    #expect(room.join(third) == nil)
    room.pools.leave(first)
    #expect(room.join(second) == .maxUserClients)
    room.pools.leave(third)
    #expect(room.join(second) == nil)
    #expect(room.pools.census(second).clients == 1)
  }

  @Test func `new limits of a known database hold at once`() {
    let room = PoolRoom()
    let id = room.id
    #expect(room.join(id) == nil)
    room.pools.setLimits(GroupLimits(clients: 1), database: "db")
    room.pools.setLimits(GroupLimits(clients: 1), database: "unknown")
    #expect(room.join(id) == .maxDatabaseClients)
  }

  @Test func `the minimum is opened for a pool with clients, or one that is always warm`() {
    let room = PoolRoom(
      .with {
        $0.minimumSize = 3
        $0.size = 2
      })
    #expect(room.upkeep().isEmpty)
    let id = room.id
    _ = room.join(id)
    #expect(room.upkeep().count == 2, "and no more than the size")
    #expect(room.upkeep().isEmpty)
    let warm = PoolRoom(
      .with {
        $0.minimumSize = 3
        $0.isAlwaysWarm = true
      })
    #expect(warm.upkeep().count == 3)
  }

  @Test func `the minimum is not worth another pool's server`() {
    let room = PoolRoom()
    let limits = PoolLimits.with { $0.minimumSize = 1 }
    let one = GroupLimits(servers: 1)
    for user in ["x", "y"] {
      let pool = room.makePool("a", user, limits, databaseLimits: one)
      #expect(room.join(pool) == nil)
      #expect(room.join(pool) == nil)
    }
    guard case .open(let opening)? = room.upkeep().first else {
      Issue.record("nothing was opened")
      return
    }
    #expect(room.open(opening)?.release == .idle)
    #expect(room.upkeep().isEmpty)
  }

  @Test func `the same names give the same pool`() {
    let room = PoolRoom()
    let id = room.id
    #expect(room.makePool("db", "user") == id)
    #expect(room.makePool("db", "other") != id)
    #expect(room.makePool("other", "user") != id)
  }
}
