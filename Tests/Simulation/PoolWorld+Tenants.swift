import TestSupport

@testable import Pooling

extension PoolWorld {
  struct Tenant {
    var name: String
    var limits: TenantQuota
    /// As of the last that joined.
    var id = TenantID.none
  }

  mutating func makeTenants() {
    for number in 0..<1 + generator.below(5) {
      tenants.append(Tenant(name: "t\(number)", limits: randomTenantLimits()))
    }
    // Few enough that some are forgotten meanwhile.
    pools.maxUnusedTenants = generator.below(3)
  }

  private mutating func randomTenantLimits() -> TenantQuota {
    TenantQuota(
      weight: 1 + generator.below(5),
      maxServers: generator.chance(50) ? 0 : 1 + generator.below(4),
      maxWaiting: generator.chance(70) ? 0 : 1 + generator.below(5),
      maxClients: generator.chance(70) ? 0 : 1 + generator.below(10),
      rate: generator.chance(70) ? 0 : 5 + generator.below(50), burst: generator.below(5))
  }

  func tenantID(_ client: Client) -> TenantID { client.tenant.map { tenants[$0].id } ?? .none }

  mutating func tenantStep() {
    switch generator.below(4) {
    case 0:
      let number = generator.below(tenants.count)
      note("new limits for tenant \(number)")
      tenants[number].limits = randomTenantLimits()
      pools.setLimits(tenants[number].limits, tenant: tenants[number].id, now: now)
    case 1:
      guard let handle = anyClient({ if case .waiting = $0.state { false } else { true } }),
        let old = clients[handle]?.tenant
      else { return }
      note("client \(handle) changes its tenant")
      let id = tenants[old].id
      join(generator.below(tenants.count), handle)
      pools.leaveTenant(id)
    default:
      note("tenants are woken")
      var actions: [UpkeepAction] = []
      pools.wakeTenants(loop: Int32(generator.below(loops)), now: now, into: &actions)
      perform(actions)
      if pools.hasDueTenants && !isPaused { fail("a tenant's work is left undone") }
    }
  }

  /// A client joins a tenant, or is refused, and has none.
  mutating func join(_ number: Int, _ handle: Handle) {
    note("client \(handle) joins tenant \(number)")
    let old = clients[handle]!.tenant
    let limits = tenants[number].limits
    // Who changes its tenant still counts for the old one.
    let count = clients.values.count { $0.tenant == number }
    clients[handle]!.tenant = nil
    switch pools.joinTenant(tenants[number].name, limits: limits, now: now) {
    case .success(let id):
      if limits.maxClients > 0 && count >= limits.maxClients { fail("too many clients") }
      tenants[number].id = id
      clients[handle]!.tenant = number
    case .failure(let refusal):
      refused += 1
      if refusal != .maxClients || limits.maxClients == 0 || count < limits.maxClients {
        fail("a client was refused below the limit: \(refusal), \(String(describing: old))")
      }
    }
  }

  mutating func checkRefusal(_ handle: Handle, _ queued: Queued) {
    note("client \(handle) may not wait")
    refused += 1
    guard let number = clients[handle]?.tenant, queued.waiter.isNone, queued.opening == nil else {
      return fail("a client was refused without a reason")
    }
    let most = tenants[number].limits.maxWaiting
    if most == 0 || waiting(number) < most { fail("refused below the limit") }
  }

  private func waiting(_ number: Int) -> Int {
    clients.values.count { $0.tenant == number && !$0.isLogin && isWaiting($0, in: $0.pool) }
  }

  private func held(_ number: Int) -> Int {
    servers.values.count { $0.tenant == number && Self.isLeased($0) }
  }

  /// A server was given to a tenant's client.
  mutating func checkTenantCap(_ number: Int?) {
    guard let number else { return }
    let most = tenants[number].limits.maxServers
    if most > 0 && held(number) > most { fail("tenant \(number) holds \(held(number))") }
  }

  /// Whether a limit of its tenant may keep a client from being served: each of the tenant's other
  /// pools in which somebody waits may keep one place.
  func isHeldUp(_ client: Client) -> Bool {
    guard let number = client.tenant, !client.isLogin else { return false }
    let limits = tenants[number].limits
    if limits.rate > 0 { return true }
    let others = (0..<Self.poolCount).count { pool in
      pool != client.pool
        && clients.values.contains {
          $0.tenant == number && !$0.isLogin && isWaiting($0, in: pool)
        }
    }
    return limits.maxServers > 0 && held(number) + others >= limits.maxServers
  }

  mutating func checkTenants() {
    for (number, tenant) in tenants.enumerated() {
      guard let census = pools.census(of: tenant.id) else {
        if clients.values.contains(where: { $0.tenant == number }) { fail("a tenant is gone") }
        continue
      }
      let recount = (clients.values.count { $0.tenant == number }, waiting(number), held(number))
      if (census.clients, census.waiting, census.servers) != recount {
        fail("tenant \(number): \(census) is not \(recount)")
      }
    }
    if pools.tenantCount > tenants.count { fail("more tenants than there are names") }
    checkShares()
  }

  /// What must hold within: no share is lost, and none is held up that could go on.
  private mutating func checkShares() {
    var promised: [Int32: Int] = [:]
    var ready: [Int32: Int] = [:]
    for index in 0..<Int32(pools.shares.places) where pools.shares.entries[index].isLive {
      let share = pools.shares.entries[index]
      if share.isPromised { promised[share.tenant, default: 0] += 1 }
      if share.standing == .ready { ready[share.pool, default: 0] += 1 }
      let waits =
        share.tenant < 0
        ? pools.pools[Int(share.pool)].commonWaiting > 0
        : share.waiting + share.waitingLogins > 0
      if waits == (share.standing == .absent) { fail("share \(index) is \(share.standing)") }
      let held = pools.servers.elements.indices.count {
        pools.servers[Int32($0)].share == index && pools.servers[Int32($0)].state == .leased
      }
      if held != share.inUse { fail("share \(index) holds \(held), not \(share.inUse)") }
      guard share.standing == .blocked else { continue }
      let tenant = pools.tenants.entries[share.tenant]
      let isFull =
        tenant.limits.maxServers > 0 && tenant.inUse + tenant.promised >= tenant.limits.maxServers
      if !share.isListed { fail("a blocked share is in no list") }
      if !isFull && !tenant.isScheduled { fail("nobody will look at share \(index)") }
    }
    for index in 0..<Int32(pools.tenants.places) where pools.tenants.entries[index].isLive {
      let count = pools.tenants.entries[index].promised
      if count != promised[index, default: 0] { fail("tenant \(index) promised \(count)") }
    }
    for number in pools.pools.indices {
      let count = heapCount(pools.pools[number].ready)
      if count != ready[Int32(number), default: 0] { fail("\(count) shares are in a heap") }
    }
  }

  private func heapCount(_ first: Int32) -> Int {
    var count = 0
    var rest = first < 0 ? [] : [first]
    while let index = rest.popLast() {
      count += 1
      let links = pools.shares.entries[index].heap
      if links.next >= 0 { rest.append(links.next) }
      if links.child >= 0 { rest.append(links.child) }
    }
    return count
  }
}
