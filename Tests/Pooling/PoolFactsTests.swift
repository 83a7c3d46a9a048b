import Pooling
import Testing

/// Whole looks at the pools, and pauses of one pool.
@Suite struct PoolFactsTests {
  private func facts(_ room: PoolRoom, _ pool: PoolID? = nil) throws -> PoolFacts {
    try #require(room.pools.facts(now: room.now).first { $0.id == pool ?? room.id })
  }

  @Test func `servers are told of by what they do`() throws {
    var limits = PoolLimits()
    limits.serverCheckDelay = 1_000
    limits.size = 3
    let room = PoolRoom(limits)
    #expect(room.pools.join(room.id) == nil)
    let opening = room.queue(1)
    #expect(try facts(room).opening == 1 && facts(room).waiting == 1 && facts(room).clients == 1)
    let first = try #require(room.open(opening))
    #expect(try facts(room).leased == 1 && facts(room).opening == 0 && facts(room).waiting == 0)
    _ = room.pools.release(first.server, loop: 0, now: room.now)
    #expect(try facts(room).idle == 1 && facts(room).unchecked == 0)
    room.now += 1_000
    #expect(try facts(room).idle == 0 && facts(room).unchecked == 1 && facts(room).servers == 1)
    room.pools.renewServers(room.id)
    #expect(try facts(room).outdated == 1)
    var actions: [UpkeepAction] = []
    room.pools.upkeep(loop: 0, now: room.now, into: &actions)
    #expect(try facts(room).servers == 0 && facts(room).outdated == 0)
  }

  @Test func `each loop has its own servers`() throws {
    let room = PoolRoom(loops: 2)
    let opening = room.queue(1)
    let server = try #require(room.open(opening))
    _ = room.pools.release(server.server, loop: 0, now: room.now)
    func handles(_ loop: Int32) -> [Handle] {
      var handles: [Handle] = []
      room.pools.forEachServer(of: loop, now: room.now) { handles.append($0.handle) }
      return handles
    }
    #expect(handles(0) == [101] && handles(1) == [])
    #expect(room.server(2, loop: 1) == 101)
    #expect(handles(0) == [] && handles(1) == [101])
  }

  @Test func `a pool that is paused hands out nothing, while another does`() throws {
    let room = PoolRoom()
    let other = room.makePool("other", "user")
    for pool in [room.id, other] {
      let server = try #require(room.open(room.queue(1, pool)))
      _ = room.pools.release(server.server, loop: 0, now: room.now)
    }
    room.pools.pause(room.id)
    #expect(try facts(room).isPaused && !facts(room, other).isPaused)
    #expect(room.server(2) == nil)
    #expect(room.server(3, other) == 102)
    // Idle ones are closed, and nothing is opened in their place.
    var actions: [UpkeepAction] = []
    room.pools.upkeep(loop: 0, now: room.now, into: &actions)
    #expect(actions == [.close(101, .paused)])
    #expect(try facts(room).waiting == 1)
    actions = []
    room.pools.upkeep(loop: 0, now: room.now, into: &actions)
    #expect(actions.isEmpty)
    room.pools.resume(room.id)
    room.pools.upkeep(loop: 0, now: room.now, into: &actions)
    #expect(actions.count == 1)
    guard case .open(let opening)? = actions.first else { return }
    #expect(opening.pool == room.id)
  }

  @Test func `a server that comes back to a paused pool is closed`() throws {
    let room = PoolRoom()
    let server = try #require(room.open(room.queue(1)))
    room.pools.pause(room.id)
    #expect(room.pools.release(server.server, loop: 0, now: room.now) == .close(.paused))
    #expect(room.pools.serverClosed(server.server, loop: 0, now: room.now) == nil)
    #expect(try facts(room).servers == 0)
    // The end of a pause of everything is no end of this one's.
    room.pools.pause()
    room.pools.resume()
    #expect(try !facts(room).isPaused, "the caller pauses it again")
  }

  @Test func `groups are told of with their clients`() {
    let room = PoolRoom()
    #expect(room.pools.join(room.id) == nil)
    #expect(room.pools.databaseFacts == [GroupFacts(name: "db", servers: 0, clients: 1)])
    #expect(room.pools.userFacts == [GroupFacts(name: "user", servers: 0, clients: 1)])
  }
}
