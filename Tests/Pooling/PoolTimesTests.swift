import Testing

@testable import Pooling

@Suite struct PoolTimesTests {
  @Test func `an old server is closed when it is released, or found idle`() {
    let room = PoolRoom(.with { $0.serverLifetime = 10 * second })
    let servers = room.leased(2)
    room.release(servers[0])
    room.now += 10 * second - 1
    #expect(room.upkeep().isEmpty)
    room.now += 1
    #expect(room.release(servers[1]) == .close(.lifetimeOver))
    #expect(room.upkeep() == [.close(101, .lifetimeOver)])
  }

  @Test func `a server with a lifetime of one use is closed after its first client`() {
    let room = PoolRoom(.with { $0.serverLifetime = PoolLimits.oneUse })
    let servers = room.leased(2)
    #expect(room.release(servers[0]) == .close(.lifetimeOver), "although no time has passed")
    room.now += second
    _ = room.queue(9)
    #expect(room.release(servers[1]) == .close(.lifetimeOver), "although somebody waits")
  }

  @Test func `a server with a lifetime of one use rests until somebody uses it`() {
    let room = PoolRoom(
      .with {
        $0.serverLifetime = PoolLimits.oneUse
        $0.minimumSize = 1
        $0.isAlwaysWarm = true
      })
    guard case .open(let opening)? = room.upkeep().first, let opened = room.open(opening) else {
      Issue.record("nothing was opened")
      return
    }
    #expect(opened.release == .idle)
    room.now += 3_600 * second
    #expect(room.upkeep().isEmpty)
    #expect(room.takeIdle(opened.server, handle: 101, loop: 0))
    #expect(room.release(opened.server) == .idle, "it has only spoken")
    #expect(room.server(5) == 101)
    #expect(room.release(opened.server) == .close(.lifetimeOver))
  }

  @Test func `a transient pool keeps no server for its minimum without clients`() throws {
    let room = PoolRoom(
      .with {
        $0.serverIdleTimeout = second
        $0.poolIdleTimeout = second
        $0.minimumSize = 1
        $0.isTransient = true
      })
    #expect(room.pools.join(room.id) == nil)
    #expect(room.release(room.leased(1)[0]) == .idle)
    room.now += 2 * second
    #expect(room.upkeep().isEmpty, "there is a client")
    room.pools.leave(room.id)
    guard case .close(_, .idleTimeout)? = room.upkeep().first else {
      Issue.record("the server stays")
      return
    }
    _ = room.upkeep()
    room.now += second
    #expect(room.upkeep() == [.retired(room.id)])
  }

  @Test func `a transient pool that no server comes to goes with the next attempt`() {
    let room = PoolRoom(
      .with {
        $0.poolIdleTimeout = 3_600 * second
        $0.loginRetry = 2 * second
        $0.isTransient = true
      })
    guard case .queued(let queued) = room.lease(1), let opening = queued.opening else {
      Issue.record("nothing is opened")
      return
    }
    room.pools.openFailed(opening.server, now: room.now)
    let hasLeft = room.pools.leaveQueue(queued.waiter)
    #expect(hasLeft)
    _ = room.upkeep()
    room.now += second
    #expect(room.upkeep().isEmpty)
    room.now += second
    #expect(room.upkeep() == [.retired(room.id)])
  }

  @Test func `a login does not use up a server`() throws {
    let room = PoolRoom(.with { $0.serverLifetime = PoolLimits.oneUse })
    let opening = room.queue(1, isLogin: true)
    _ = room.queue(2, isLogin: true)
    let server = try #require(room.open(opening)).server
    #expect(room.release(server) == .handedTo(client: 2, loop: 0))
    #expect(room.release(server) == .idle)
    guard case .server = room.lease(3, isLogin: true) else {
      Issue.record("no server was idle")
      return
    }
    #expect(room.release(server) == .idle)
    #expect(room.server(4) == 101)
    #expect(room.release(server) == .close(.lifetimeOver))
  }

  @Test func `a server that nobody uses goes, down to the minimum`() {
    let room = PoolRoom(
      .with {
        $0.serverIdleTimeout = 10 * second
        $0.minimumSize = 1
      })
    _ = room.idle(3)
    room.now += 10 * second - 1
    #expect(room.upkeep().isEmpty)
    room.now += 1
    #expect(room.upkeep() == [.close(101, .idleTimeout), .close(102, .idleTimeout)])
    #expect(room.census.servers == 1)
  }

  @Test func `a server that rested for the check delay must prove itself`() {
    let room = PoolRoom(.with { $0.serverCheckDelay = 10 * second })
    let server = room.idle(1)[0]
    room.now += 10 * second - 1
    #expect(room.lease(1) == .server(LeasedServer(handle: 101, loop: 0, needsCheck: false)))
    room.release(server)
    room.now += 10 * second
    #expect(room.lease(1) == .server(LeasedServer(handle: 101, loop: 0, needsCheck: true)))
  }

  @Test func `after a failed login one connection tries for all, once the time has come`() throws {
    let room = PoolRoom(.with { $0.loginRetry = 5 * second })
    let opening = try #require(room.queue(1))
    room.pools.openFailed(opening.server, now: room.now)
    #expect(room.census.servers == 0 && room.census.waiting == 1)
    #expect(room.isFailing())
    #expect(room.queue(2) == nil)
    room.now += 5 * second - 1
    #expect(room.upkeep().isEmpty)
    room.now += 1
    #expect(!room.isFailing())
    let actions = room.upkeep()
    #expect(actions.count == 1)
    guard case .open(let retry)? = actions.first else { return }
    #expect(room.open(retry)?.release == .handedTo(client: 1, loop: 0))
    #expect(room.upkeep().count == 1, "then one for each that waits")
  }

  @Test func `query_wait_timeout ends those who have waited so long, of one loop`() {
    let room = PoolRoom(
      loops: 2,
      .with {
        $0.size = 1
        $0.queryWaitTimeout = 10 * second
      })
    let server = room.leased(1)[0]
    _ = room.queue(2)
    _ = room.queue(3, loop: 1)
    room.now += 5 * second
    _ = room.queue(4)
    room.now += 5 * second
    #expect(room.expired() == [2])
    #expect(room.expired().isEmpty)
    #expect(room.expired(loop: 1) == [3])
    #expect(room.release(server) == .handedTo(client: 4, loop: 0))
  }

  @Test func `a client that was put in front hides nobody's timeout`() {
    let room = PoolRoom(
      .with {
        $0.size = 1
        $0.queryWaitTimeout = 10 * second
        $0.queryWaitNotify = 4 * second
        $0.reserveSize = 1
        $0.reserveTimeout = 6 * second
      })
    _ = room.leased(1)
    _ = room.queue(2)
    room.now += 5 * second
    let queued = room.requeue(3)
    #expect(queued.opening == nil)
    #expect(room.notified() == [2])
    room.now += second
    #expect(room.upkeep().count == 1, "the reserve opens")
    room.now += 4 * second
    #expect(room.expired() == [2])
    room.now += 5 * second
    #expect(room.expired() == [3])
  }

  @Test func `a client is told once that it waits`() {
    let room = PoolRoom(
      .with {
        $0.size = 1
        $0.queryWaitNotify = 3 * second
      })
    _ = room.leased(1)
    _ = room.queue(2)
    room.now += 2 * second
    _ = room.queue(3)
    #expect(room.notified().isEmpty)
    room.now += second
    #expect(room.notified() == [2])
    #expect(room.notified().isEmpty)
    room.now += 2 * second
    #expect(room.notified() == [3])
  }

  @Test func `a paused pool hands out nothing and closes what comes back`() {
    let room = PoolRoom(.with { $0.size = 2 })
    let servers = room.leased(2)
    room.release(servers[0])
    room.pools.pause()
    #expect(room.server(5) == nil)
    #expect(room.census.waiting == 1)
    #expect(room.release(servers[1]) == .close(.paused))
    _ = room.close(servers[1])
    #expect(room.upkeep() == [.close(101, .paused)])
    #expect(room.pools.serverCount == 0)
    room.pools.resume()
    #expect(room.upkeep().count == 1, "a connection is opened for who waited")
  }

  @Test func `after a short pause those who waited get the idle servers`() {
    let room = PoolRoom(loops: 2, .with { $0.size = 1 })
    _ = room.idle(1)
    room.pools.pause()
    _ = room.queue(5, loop: 1)
    room.pools.resume()
    #expect(room.upkeep() == [.grant(server: 101, client: 5, loop: 1, from: 0)])
  }

  @Test func `servers of before a renewal are closed once they are free`() {
    let room = PoolRoom()
    let servers = room.leased(2)
    room.release(servers[0])
    let id = room.id
    room.pools.renewServers(id)
    #expect(room.release(servers[1]) == .close(.databaseConfigurationChanged))
    #expect(room.upkeep() == [.close(101, .databaseConfigurationChanged)])
    _ = room.close(servers[1])
    let new = room.leased(1)[0]
    #expect(room.release(new) == .idle)
  }

  @Test func `an idle server of before a renewal is given to nobody, whatever becomes of it`() {
    let room = PoolRoom(loops: 2, .with { $0.size = 3 })
    let servers = room.idle(3)
    let id = room.id
    room.pools.renewServers(id)
    #expect(room.server(7) == nil)
    #expect(room.census.idle == 0)
    #expect(!room.takeIdle(servers[0], handle: 101, loop: 1))
    #expect(room.takeIdle(servers[0], handle: 101, loop: 0))
    #expect(!room.takeIdle(servers[0], handle: 101, loop: 0))
    #expect(room.release(servers[0]) == .close(.databaseConfigurationChanged))
    #expect(room.close(servers[0]) != nil, "client 7 gets a new one")
    #expect(
      room.upkeep()
        == [
          .close(102, .databaseConfigurationChanged), .close(103, .databaseConfigurationChanged),
        ].reversed())
    #expect(room.pools.serverCount == 1)
  }

  @Test func `a server of before a renewal is the first to make room, and goes with a drain`() {
    let room = PoolRoom()
    let limit = GroupLimits(servers: 2)
    let one = room.makePool("a", "x", databaseLimits: limit)
    let other = room.makePool("a", "y", databaseLimits: limit)
    _ = room.idle(1, other)
    room.now += second
    _ = room.idle(1, one)
    room.pools.renewServers(one)
    let third = room.makePool("a", "z", databaseLimits: limit)
    #expect(room.queue(9, third)?.evicted == 102)
    room.pools.renewServers(other)
    var actions: [UpkeepAction] = []
    room.pools.drain(into: &actions)
    #expect(actions == [.close(101, .databaseConfigurationChanged)])
  }

  @Test func `a removed pool closes its servers and takes no clients until it is restored`() {
    let room = PoolRoom()
    let id = room.id
    let servers = room.leased(2)
    room.release(servers[0])
    room.pools.remove(id)
    #expect(room.join(id) == .databaseRemoved)
    #expect(room.release(servers[1]) == .close(.databaseRemoved))
    #expect(room.upkeep() == [.close(101, .databaseRemoved)])
    #expect(room.queue(9) == nil)
    room.pools.restore(id)
    #expect(room.join(id) == nil)
    #expect(room.queue(9) != nil)
  }

  @Test func `a pool without clients and servers is forgotten after its idle timeout`() {
    let room = PoolRoom(.with { $0.poolIdleTimeout = 10 * second })
    #expect(room.upkeep().isEmpty)
    room.now += 10 * second - 1
    _ = room.upkeep()
    let id = room.id
    #expect(room.makePool("db", "user", .with { $0.poolIdleTimeout = 10 * second }) == id)
    room.now += 1
    _ = room.upkeep()
    room.pools.free(id)
    #expect(room.makePool("new", "user") == id, "its place is used again")
    #expect(room.makePool("db", "user") != id)
  }
}
