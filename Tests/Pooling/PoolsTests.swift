import Testing

@testable import Pooling

@Suite struct PoolsTests {
  @Test func `the first client waits while a connection is opened for it`() throws {
    let room = PoolRoom()
    let opening = try #require(room.queue(1))
    #expect(!opening.isFromReserve && opening.evicted == nil)
    #expect(room.census.opening == 1 && room.census.waiting == 1)
    let opened = try #require(room.open(opening))
    #expect(opened.release == .handedTo(client: 1, loop: 0))
    #expect(
      room.census == PoolCensus(clients: 0, waiting: 0, servers: 1, idle: 0, opening: 0))
  }

  @Test func `a released server goes to the next client`() throws {
    let room = PoolRoom()
    let server = room.leased(1)[0]
    #expect(room.release(server) == .idle)
    #expect(room.census.idle == 1)
    #expect(room.server(2) == 101)
    #expect(room.census.idle == 0)
  }

  @Test func `a pool opens no more than its size`() {
    let room = PoolRoom(.with { $0.size = 2 })
    #expect(room.queue(1) != nil)
    #expect(room.queue(2) != nil)
    #expect(room.queue(3) == nil)
    #expect(room.upkeep().isEmpty)
    #expect(room.pools.serverCount == 2)
  }

  @Test func `those who wait are served in order`() {
    let room = PoolRoom(.with { $0.size = 1 })
    let server = room.leased(1)[0]
    for client: Handle in 11...13 { #expect(room.queue(client) == nil) }
    for client: Handle in 11...13 {
      #expect(room.release(server) == .handedTo(client: client, loop: 0))
    }
    #expect(room.release(server) == .idle)
  }

  @Test func `a waiter of another loop is overtaken by 64 tickets and no more`() {
    let room = PoolRoom(loops: 2, .with { $0.size = 1 })
    let server = room.leased(1)[0]
    #expect(room.queue(500, loop: 1) == nil)
    for client: Handle in 1...100 { #expect(room.queue(client) == nil) }
    for client: Handle in 1...64 {
      #expect(room.release(server) == .handedTo(client: client, loop: 0))
    }
    #expect(room.release(server) == .handedTo(client: 500, loop: 1))
    #expect(room.release(server, loop: 1) == .handedTo(client: 65, loop: 0))
  }

  @Test func `with no waiter of its own a loop serves the oldest of the others`() {
    let room = PoolRoom(loops: 3, .with { $0.size = 1 })
    let server = room.leased(1)[0]
    #expect(room.queue(1, loop: 2) == nil)
    #expect(room.queue(2, loop: 1) == nil)
    #expect(room.release(server, loop: 0) == .handedTo(client: 1, loop: 2))
  }

  @Test func `a loop takes its own idle server first, else another loop's`() {
    let room = PoolRoom(loops: 2)
    let servers = room.leased(2)
    #expect(room.release(servers[0], loop: 0) == .idle)
    #expect(room.release(servers[1], loop: 1) == .idle)
    #expect(
      room.lease(9, loop: 1) == .server(LeasedServer(handle: 102, loop: 1, needsCheck: false)))
    #expect(
      room.lease(9, loop: 1) == .server(LeasedServer(handle: 101, loop: 0, needsCheck: false)))
  }

  @Test func `the last used server comes first, with round robin the longest idle`() {
    let stack = PoolRoom()
    _ = stack.idle(3)
    #expect(stack.server(9) == 103)
    let round = PoolRoom(.with { $0.isRoundRobin = true })
    let servers = round.idle(3)
    #expect(round.server(9) == 101)
    round.release(servers[0])
    #expect(round.server(9) == 102)
  }

  @Test func `a client that leaves the queue gets nothing`() throws {
    let room = PoolRoom(.with { $0.size = 1 })
    let server = room.leased(1)[0]
    guard case .queued(let queued) = room.lease(5) else {
      Issue.record("a server was there")
      return
    }
    #expect(room.queue(6) == nil)
    #expect(room.leaveQueue(queued.waiter))
    #expect(!room.leaveQueue(queued.waiter), "it has left already")
    #expect(!room.leaveQueue(.none))
    #expect(room.release(server) == .handedTo(client: 6, loop: 0))
  }

  @Test func `a place that was left is told from the one that took its index`() {
    let room = PoolRoom(.with { $0.size = 1 })
    _ = room.leased(1)
    guard case .queued(let first) = room.lease(5) else { return }
    #expect(room.leaveQueue(first.waiter))
    guard case .queued(let second) = room.lease(6) else { return }
    #expect(first.waiter.index == second.waiter.index)
    #expect(!room.leaveQueue(first.waiter))
    #expect(room.census.waiting == 1)
  }

  @Test func `a client whose server was dead comes first again`() {
    let room = PoolRoom(.with { $0.size = 1 })
    let server = room.leased(1)[0]
    #expect(room.queue(2) == nil)
    let opening = room.close(server)
    #expect(opening != nil)
    let queued = room.requeue(1)
    #expect(queued.opening == nil)
    #expect(room.open(opening)?.release == .handedTo(client: 1, loop: 0))
  }

  @Test func `a dead server is replaced while somebody waits`() {
    let room = PoolRoom(.with { $0.size = 1 })
    let server = room.leased(1)[0]
    let none = room.close(server)
    #expect(none == nil)
    let again = room.leased(1)[0]
    #expect(room.queue(2) == nil)
    let opening = room.close(again)
    #expect(opening != nil)
  }

  @Test func `an idle server is taken by the loop that it rests on, once`() {
    let room = PoolRoom(loops: 2)
    let server = room.idle(1)[0]
    #expect(!room.takeIdle(server, handle: 101, loop: 1))
    #expect(!room.takeIdle(server, handle: 999, loop: 0))
    #expect(room.takeIdle(server, handle: 101, loop: 0))
    #expect(!room.takeIdle(server, handle: 101, loop: 0))
    #expect(room.census.idle == 0)
    #expect(room.release(server) == .idle)
  }

  @Test func `a drained pool has no idle server left`() {
    let room = PoolRoom(loops: 2)
    _ = room.idle(2)
    var actions: [UpkeepAction] = []
    room.pools.drain(into: &actions)
    #expect(actions == [.close(102, .paused), .close(101, .paused)])
    #expect(room.pools.serverCount == 0)
  }
}
