import Testing

@testable import Pooling

/// Clients that need a server only to log in.
@Suite struct PoolLoginTests {
  @Test func `a burst of logins opens one connection, which serves all of them`() throws {
    let room = PoolRoom()
    let opening = try #require(room.queue(1, isLogin: true))
    for client: Handle in 2...50 { #expect(room.queue(client, isLogin: true) == nil) }
    #expect(room.upkeep().isEmpty)
    let server = try #require(room.open(opening)).server
    for client: Handle in 2...50 {
      #expect(room.release(server) == .handedTo(client: client, loop: 0))
    }
    #expect(room.release(server) == .idle)
    #expect(room.census.servers == 1)
  }

  @Test func `queries open one connection each, beside that of the logins`() {
    let room = PoolRoom()
    for client: Handle in 1...3 {
      #expect((room.queue(client, isLogin: true) != nil) == (client == 1))
    }
    for client: Handle in 4...6 { #expect(room.queue(client) != nil) }
    #expect(room.census.opening == 4)
  }

  @Test func `a login that finds all servers in use has one opened`() {
    let room = PoolRoom()
    _ = room.leased(1)
    #expect(room.queue(2, isLogin: true) != nil)
  }

  @Test func `logins that have left ask for nothing`() throws {
    let room = PoolRoom(.with { $0.size = 2 })
    let servers = room.leased(2)
    guard case .queued(let first) = room.lease(5, isLogin: true) else { return }
    let second = room.requeue(6, isLogin: true)
    #expect(room.leaveQueue(first.waiter))
    #expect(room.leaveQueue(second.waiter))
    let opening = room.close(servers[0])
    #expect(opening == nil)
    #expect(room.queue(7) != nil)
  }
}
