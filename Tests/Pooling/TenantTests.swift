import Testing

@testable import Pooling

@Suite struct TenantTests {
  private static func tenant(
    _ name: String, in room: PoolRoom, _ limits: TenantQuota = TenantQuota()
  ) throws -> TenantID {
    try room.joinTenant(name, limits).get()
  }

  // MARK: names

  @Test func `names that come and go leave a bounded number behind`() throws {
    let room = PoolRoom()
    _ = room.idle(1)
    for number in 0..<100_000 {
      let id = try Self.tenant("invented \(number)", in: room)
      let handle = try #require(room.server(1, tenant: id))
      #expect(handle == 101)
      room.release(ServerID(0))
      room.pools.leaveTenant(id)
    }
    #expect(room.tenantSizes.names == room.maxUnused)
    #expect(room.tenantSizes.tenants <= room.maxUnused + 1)
    #expect(room.tenantSizes.shares <= room.maxUnused + 2)
  }

  @Test func `an ID of a tenant that has gone names nobody`() throws {
    let room = PoolRoom()
    room.pools.maxUnusedTenants = 0
    let old = try Self.tenant("old", in: room, .init(maxServers: 1))
    room.pools.leaveTenant(old)
    let new = try Self.tenant("new", in: room)
    #expect(new.index == old.index && new != old)
    #expect(room.tenantCensus(of: old) == nil)
    room.pools.leaveTenant(old)
    room.pools.setLimits(.init(maxClients: 1), tenant: old, now: room.now)
    let census = try #require(room.tenantCensus(of: new))
    #expect(census.clients == 1 && census.limits == TenantQuota())
    _ = room.idle(2)
    #expect(room.server(1, tenant: old) != nil && room.server(2, tenant: old) != nil)
  }

  @Test func `who comes back finds the counters, and the rate used up`() throws {
    let room = PoolRoom()
    let servers = room.idle(1)
    let first = try Self.tenant("a", in: room, .init(rate: 1, burst: 1))
    #expect(room.server(1, tenant: first) != nil)
    room.release(servers[0])
    room.pools.leaveTenant(first)
    let again = try Self.tenant("a", in: room, .init(rate: 1, burst: 1))
    #expect(again == first)
    #expect(room.server(1, tenant: again) == nil)
    #expect(room.tenantCensus(of: again)?.leases == 1)
  }

  @Test func `no more tenants are told apart than allowed, but unused ones make way`() throws {
    let room = PoolRoom()
    room.pools.maxTenants = 2
    let first = try Self.tenant("a", in: room)
    _ = try Self.tenant("b", in: room)
    #expect(
      room.joinTenant("c") == .failure(.tooManyTenants))
    room.pools.leaveTenant(first)
    _ = try Self.tenant("c", in: room)
    #expect(room.tenant(named: "a") == nil)
  }

  // MARK: limits

  @Test func `a tenant's clients are refused beyond its limit`() throws {
    let room = PoolRoom()
    let id = try Self.tenant("a", in: room, .init(maxClients: 1))
    let again = room.joinTenant("a", .init(maxClients: 1))
    #expect(again == .failure(.maxClients))
    #expect(room.tenantCensus(of: id)?.refusedClients == 1)
    room.pools.leaveTenant(id)
    #expect(try Self.tenant("a", in: room, .init(maxClients: 1)) == id)
  }

  @Test func `those who wait are refused beyond their tenant's limit, logins are not`() throws {
    let room = PoolRoom(.with { $0.size = 1 })
    _ = room.leased(1)
    let id = try Self.tenant("a", in: room, .init(maxWaiting: 1))
    #expect(room.queue(2, tenant: id) == nil)
    let refused = room.lease(3, tenant: id)
    #expect(refused == .queued(Queued(waiter: .none, opening: nil, refusal: .maxWaiting)))
    guard case .queued(let login) = room.lease(4, isLogin: true, tenant: id) else { return }
    #expect(login.refusal == nil && !login.waiter.isNone)
    let requeued = room.requeue(5, tenant: id)
    #expect(requeued.refusal == nil)
    #expect(room.census.waiting == 3)
    #expect(room.tenantCensus(of: id)?.refusedWaiting == 1)
  }

  @Test func `at its cap a tenant waits beside idle servers, until one of its own comes`() throws {
    let room = PoolRoom()
    _ = room.idle(3)
    let id = try Self.tenant("a", in: room, .init(maxServers: 1))
    #expect(room.server(1, tenant: id) == 103)
    #expect(room.queue(2, tenant: id) == nil, "and no connection is opened for it")
    #expect(room.upkeep().isEmpty)
    #expect(room.server(3) == 102, "others are served")
    #expect(room.release(ServerID(1)) == .idle)
    #expect(room.release(ServerID(2)) == .handedTo(client: 2, loop: 0))
  }

  @Test func `logins pass their tenant's cap`() throws {
    let room = PoolRoom(.with { $0.size = 2 })
    _ = room.idle(2)
    let id = try Self.tenant("a", in: room, .init(maxServers: 1))
    #expect(room.server(1, tenant: id) == 102)
    #expect(room.queue(2, tenant: id) == nil)
    _ = room.lease(3, isLogin: true, tenant: id)
    _ = room.lease(4, isLogin: true, tenant: id)
    #expect(room.release(ServerID(0)) == .handedTo(client: 4, loop: 0))
    #expect(room.tenantCensus(of: id)?.servers == 1)
  }

  @Test func `a place that comes free is for the waiter whose turn is in another pool`() throws {
    let room = PoolRoom()
    let other = room.makePool("other", "user")
    let here = room.idle(1)
    _ = room.idle(1, other)
    let id = try Self.tenant("a", in: room, .init(maxServers: 1))
    #expect(room.server(1, tenant: id) == 101)
    #expect(room.queue(2, other, tenant: id) == nil)
    #expect(room.queue(3, tenant: id) == nil)
    #expect(!room.hasDueTenants)
    #expect(room.release(here[0]) == .idle)
    #expect(room.hasDueTenants)
    #expect(room.nextWakeup() == room.now)
    #expect(room.wake() == [.grant(server: 102, client: 2, loop: 0, from: 0)])
    #expect(!room.hasDueTenants)
    #expect(room.release(ServerID(1)) == .idle)
    #expect(room.wake() == [.grant(server: 101, client: 3, loop: 0, from: 0)])
  }

  @Test func `a pool that can serve nobody does not keep a place for ever`() throws {
    let room = PoolRoom()
    let stuck = room.makePool("stuck", "user", .with { $0.size = 1 })
    let here = room.idle(1)
    _ = room.leased(1, stuck)
    let id = try Self.tenant("a", in: room, .init(maxServers: 1))
    #expect(room.server(1, tenant: id) == 101)
    #expect(room.queue(2, stuck, tenant: id) == nil)
    #expect(room.queue(3, tenant: id) == nil)
    #expect(room.release(here[0]) == .idle)
    #expect(room.upkeep().isEmpty)
    room.now += 100_000
    #expect(room.upkeep() == [.grant(server: 101, client: 3, loop: 0, from: 0)])
  }

  @Test func `limits change while clients wait`() throws {
    let room = PoolRoom()
    _ = room.idle(3)
    let id = try Self.tenant("a", in: room, .init(maxServers: 1))
    #expect(room.server(1, tenant: id) == 103)
    for client: Handle in 2...4 { #expect(room.queue(client, tenant: id) == nil) }
    room.pools.setLimits(.init(maxServers: 3), tenant: id, now: room.now)
    #expect(room.hasDueTenants)
    #expect(room.wake().count == 2)
    #expect(room.tenantCensus(of: id)?.servers == 3)
    room.pools.setLimits(.init(maxServers: 1), tenant: id, now: room.now)
    #expect(room.release(ServerID(0)) == .idle)
    #expect(room.release(ServerID(1)) == .idle)
    #expect(room.release(ServerID(2)) == .handedTo(client: 4, loop: 0))
  }

  @Test func `a rate makes clients wait until their time`() throws {
    let room = PoolRoom()
    let servers = room.idle(1)
    let id = try Self.tenant("a", in: room, .init(rate: 10, burst: 2))
    for _ in 1...2 {
      #expect(room.server(1, tenant: id) != nil)
      room.release(servers[0])
    }
    #expect(room.nextWakeup() == nil)
    #expect(room.queue(2, tenant: id) == nil)
    #expect(room.nextWakeup() == room.now + 100_000)
    room.now += 99_999
    #expect(room.wake().isEmpty)
    room.now += 1
    #expect(room.wake() == [.grant(server: 101, client: 2, loop: 0, from: 0)])
    #expect(room.nextWakeup() == nil)
  }

  @Test func `a lease that came to nothing is given back to the rate`() throws {
    let room = PoolRoom()
    let servers = room.idle(2)
    let id = try Self.tenant("a", in: room, .init(rate: 1, burst: 1))
    #expect(room.server(1, tenant: id) == 102)
    _ = room.close(servers[1])
    _ = room.requeue(1, tenant: id)
    #expect(room.upkeep() == [.grant(server: 101, client: 1, loop: 0, from: 0)])
  }

  @Test func `connections are opened for as many as the limits allow`() throws {
    let room = PoolRoom()
    let id = try Self.tenant("a", in: room, .init(maxServers: 2))
    let openings = (1...5).compactMap { room.queue($0, tenant: id) }
    #expect(openings.count == 2)
    #expect(room.upkeep().isEmpty)
    for opening in openings { _ = room.open(opening) }
    #expect(room.tenantCensus(of: id)?.servers == 2)
    #expect(room.upkeep().isEmpty)
  }

  // MARK: the rest

  @Test func `an idle server that a tenant has had is preferred, if that is asked for`() throws {
    for isPreferred in [false, true] {
      let room = PoolRoom(.with { $0.prefersTenant = isPreferred })
      let servers = room.idle(2)
      let (a, b) = (try Self.tenant("a", in: room), try Self.tenant("b", in: room))
      #expect(room.server(1, tenant: a) == 102)
      #expect(room.server(2, tenant: b) == 101)
      room.release(servers[1])
      room.release(servers[0])
      #expect(room.server(3, tenant: a) == (isPreferred ? 102 : 101))
    }
  }

  @Test func `those who wait too long expire in each loop, in a tenant's queue too`() throws {
    let room = PoolRoom(
      loops: 2,
      .with {
        $0.size = 1
        $0.queryWaitTimeout = 10 * second
        $0.queryWaitNotify = 5 * second
      })
    _ = room.leased(1)
    let id = try Self.tenant("a", in: room)
    _ = room.queue(2, loop: 1, tenant: id)
    _ = room.queue(3, tenant: id)
    _ = room.queue(4, isLogin: true, tenant: id)
    room.now += 5 * second
    _ = room.queue(5, tenant: id)
    #expect(room.notified() == [4, 3])
    room.now += 5 * second
    #expect(room.expired() == [4, 3])
    #expect(room.expired(loop: 1) == [2])
    #expect(room.expired().isEmpty)
    #expect(room.tenantCensus(of: id)?.waiting == 1)
  }

  @Test func `a pool is as before once its tenants have long gone`() throws {
    let room = PoolRoom()
    let servers = room.idle(2)
    let id = try Self.tenant("a", in: room)
    #expect(room.server(1, tenant: id) == 102)
    #expect(room.server(2) == 101)
    room.release(servers[1])
    room.now += 60 * second
    #expect(room.isShared)
    _ = room.upkeep()
    #expect(!room.isShared && room.shareCount == 0)
    #expect(room.release(servers[0]) == .idle)
    #expect(room.server(3) == 101)
  }

  @Test func `who waited before the first tenant came is in turn`() throws {
    let room = PoolRoom(.with { $0.size = 1 })
    let server = room.leased(1)[0]
    #expect(room.queue(2) == nil)
    let id = try Self.tenant("a", in: room)
    #expect(room.queue(3, tenant: id) == nil)
    #expect(room.queue(4) == nil)
    #expect(room.release(server) == .handedTo(client: 2, loop: 0))
    room.now += 1_000
    #expect(room.release(server) == .handedTo(client: 3, loop: 0))
    room.now += 1_000
    #expect(room.release(server) == .handedTo(client: 4, loop: 0))
  }

  @Test func `the census comes in pieces`() throws {
    let room = PoolRoom()
    for number in 0..<5 { _ = try Self.tenant("t\(number)", in: room) }
    var position: Int? = 0
    var names: [[String]] = []
    while position != nil {
      names.append(room.pools.tenantCensus(from: &position, count: 2).map { $0.name })
    }
    #expect(names == [["t0", "t1"], ["t2", "t3"], ["t4"]])
  }

  @Test func `what a share of the leases waited at most`() throws {
    let room = PoolRoom()
    _ = try Self.tenant("t", in: room)
    var position: Int? = 0
    var census = try #require(room.pools.tenantCensus(from: &position, count: 1).first)
    #expect(census.wait(ofPercent: 99) == 0)
    // 98 of them none, one some 700 microseconds, one an hour.
    census.waits[0] = 98
    census.waits[11] = 1
    census.waits[31] = 1
    #expect(census.wait(ofPercent: 50) == 0)
    #expect(census.wait(ofPercent: 98) == 0)
    #expect(census.wait(ofPercent: 99) == 1_024)
    #expect(census.wait(ofPercent: 100) == 1 << 29)
  }
}
