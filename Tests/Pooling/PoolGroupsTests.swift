import Testing

@testable import Pooling

/// What is kept by the name of a database or a user. PoolRoom's own pool knows one of each.
@Suite struct PoolGroupsTests {
  private static func retire(_ pool: PoolID, in room: PoolRoom) {
    _ = room.upkeep()
    room.now += 2
    #expect(room.upkeep().contains(.retired(pool)))
    room.pools.free(pool)
  }

  private static func names(_ room: PoolRoom) -> Int {
    room.pools.databases.count + room.pools.users.count
  }

  @Test func `invented databases leave nothing behind`() {
    let room = PoolRoom()
    for number in 0..<50 {
      let pool = room.makePool("invented\(number)", "user", .with { $0.poolIdleTimeout = 1 })
      #expect(room.join(pool) == nil)
      room.pools.leave(pool)
      Self.retire(pool, in: room)
    }
    #expect(Self.names(room) == 2)
  }

  @Test func `a name stays while a client or another pool uses it`() {
    let room = PoolRoom()
    let limits = GroupLimits(clients: 1)
    let id = room.id
    #expect(room.pools.join(id, user: "guest", maxClients: 1) == nil)
    let pool = room.makePool(
      "db", "guest", .with { $0.poolIdleTimeout = 1 }, databaseLimits: GroupLimits(clients: 9),
      userLimits: limits)
    Self.retire(pool, in: room)
    #expect(Self.names(room) == 3)
    #expect(room.pools.join(id, user: "guest") == .maxUserClients)
    room.pools.setLimits(GroupLimits(clients: 1), database: "db")
    #expect(room.join(id) == .maxDatabaseClients)
    room.pools.leave(id, user: "guest")
    #expect(Self.names(room) == 2)
  }

  @Test func `a refused client's name is not kept`() {
    let room = PoolRoom()
    let id = room.id
    room.pools.remove(id)
    #expect(room.pools.join(id, user: "stranger", maxClients: 5) == .databaseRemoved)
    #expect(Self.names(room) == 2)
  }

  @Test func `who takes a freed place has limits and counts of its own`() {
    let room = PoolRoom()
    let old = room.makePool(
      "old", "x", .with { $0.poolIdleTimeout = 1 }, databaseLimits: GroupLimits(servers: 1),
      userLimits: GroupLimits(servers: 1, clients: 1))
    Self.retire(old, in: room)
    let id = room.id
    #expect(room.pools.join(id, user: "guest") == nil)
    #expect(room.pools.join(id, user: "guest") == nil)
    let new = room.makePool("new", "y")
    #expect(room.leased(2, new).count == 2)
  }
}
