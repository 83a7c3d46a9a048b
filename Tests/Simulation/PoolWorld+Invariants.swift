@testable import Pooling

extension PoolWorld {
  func isWaiting(_ client: Client, in pool: Int) -> Bool {
    guard client.pool == pool, case .waiting = client.state else { return false }
    return true
  }

  /// Whether it is this client's turn: first of its loop, and overtakes nobody by too much.
  mutating func checkTurn(_ handle: Handle, releasedOn loop: Int32) {
    guard let client = clients[handle] else { return }
    for (other, rival) in clients where other != handle && isWaiting(rival, in: client.pool) {
      guard rival.tenant == client.tenant else { continue }
      if client.tenant != nil {
        if rival.isLogin == client.isLogin && comesBefore(rival, client) {
          fail("client \(handle) was served before client \(other) of its tenant")
        }
        continue
      }
      if rival.loop == client.loop && comesBefore(rival, client) {
        fail("client \(handle) was served before client \(other) of its loop")
      }
      guard rival.loop != client.loop, comesBefore(rival, client) else { continue }
      let ahead = overtaken[other, default: 0] + 1
      overtaken[other] = ahead
      // A ticket is drawn by each that comes to any pool, so no more than that many can pass.
      if UInt64(ahead) > Pools.overtakingBound && !rival.isRequeued {
        fail("client \(other) was overtaken \(ahead) times")
      }
    }
  }

  /// Requeued clients come first, the last requeued foremost; else the order of arrival counts.
  private func comesBefore(_ one: Client, _ other: Client) -> Bool {
    if one.isRequeued != other.isRequeued { return one.isRequeued }
    return one.isRequeued ? one.arrival > other.arrival : one.arrival < other.arrival
  }

  /// A connection is about to be opened for those who wait: one each, but one for all logins.
  mutating func checkWanted(_ number: Int) {
    let waiting = clients.values.filter { isWaiting($0, in: number) }
    let wanted = waiting.count { !$0.isLogin } + (waiting.contains { $0.isLogin } ? 1 : 0)
    let opening = pools.census(ids[number]).opening
    if opening > wanted { fail("pool \(number): \(opening) connections open for \(wanted)") }
  }

  /// A lifetime of one use ends with the first use, and with nothing else.
  mutating func checkUse(_ server: Server, _ release: Release) {
    guard limits[server.pool].serverLifetime == PoolLimits.oneUse else { return }
    switch release {
    case .idle, .handedTo: if server.isUsed { fail("a server was used twice") }
    case .close(.lifetimeOver): if !server.isUsed { fail("a server is closed without a use") }
    case .close: break
    }
  }

  /// Whether the pool's database or user has more servers than it may have.
  func isOverLimit(_ number: Int) -> Bool {
    let totals = totals()
    let caps = limits.map { _ in 0 } + (databaseLimits + userLimits).map(\.servers)
    return [Self.poolCount + number / 2, Self.poolCount + 2 + number % 2].contains {
      caps[$0] > 0 && totals[$0] > caps[$0]
    }
  }

  mutating func checkNobodyWaitsBesideIdle() {
    guard !isPaused else { return }
    for number in 0..<Self.poolCount {
      let census = pools.census(ids[number])
      if census.idle > 0 && isOverLimit(number) { fail("pool \(number) has too many idle") }
      let mayBeServed = clients.values.contains { isWaiting($0, in: number) && !isHeldUp($0) }
      if census.idle > 0 && mayBeServed {
        fail("pool \(number): \(census.idle) servers are idle while \(census.waiting) wait")
      }
    }
  }

  /// What must hold after every step. Limits that were lowered bind what is opened after that, so
  /// the highest of each since it was last met counts.
  mutating func checkCounts() {
    for number in 0..<Self.poolCount {
      let mine = servers.values.filter { $0.pool == number }
      let recount = PoolCensus(
        clients: clients.values.count { $0.pool == number },
        waiting: clients.values.count { isWaiting($0, in: number) },
        servers: mine.count, idle: mine.count { $0.state == .idle },
        opening: mine.count { $0.state == .opening })
      let census = pools.census(ids[number])
      if census != recount { fail("pool \(number): \(census) is not \(recount)") }
    }
    if pools.serverCount != servers.count { fail("\(pools.serverCount) servers are counted") }
    checkHolders()
    checkTenants()
  }

  private mutating func checkHolders() {
    for (handle, client) in clients {
      guard case .holding(let server) = client.state else { continue }
      if servers[server]?.state != .leased(handle) {
        fail("client \(handle) holds a server that is not its own")
      }
    }
  }

  /// Whoever opens must have room: to be checked before and after, since limits may be lowered.
  func totals() -> [Int] {
    let perPool = (0..<Self.poolCount).map { number in
      servers.values.count { $0.pool == number }
    }
    return perPool + [0, 1].map { perPool[2 * $0] + perPool[2 * $0 + 1] }
      + [0, 1].map { perPool[$0] + perPool[$0 + 2] }
  }

  /// No total has grown beyond its limit.
  mutating func checkCaps(before: [Int]) {
    let caps =
      limits.map { $0.size + $0.reserveSize } + (databaseLimits + userLimits).map(\.servers)
    for (index, total) in totals().enumerated() where total > before[index] {
      let cap = caps[index]
      if (index < Self.poolCount || cap > 0) && total > cap {
        fail("total \(index) has grown to \(total) beyond \(cap)")
      }
    }
  }

  /// In the end everybody who waits is served: no pause, no failures, and all give back.
  mutating func drain() {
    if isPaused { togglePause() }
    for number in 0..<Self.poolCount {
      limits[number].queryWaitTimeout = 0
      _ = makePool(number)
    }
    var rounds = 0
    while fault == nil, clients.values.contains(where: { isWaiting($0, in: $0.pool) }) {
      rounds += 1
      guard rounds < 2_000 else { return fail("somebody waits for ever") }
      now += 50_000
      while let handle = anyServer({ $0.state == .opening }), let server = servers[handle] {
        servers[handle]!.state = .idle
        accept(pools.serverOpened(server.id, loop: server.loop, now: now), handle)
      }
      upkeep()
      giveBack()
      checkCounts()
    }
  }
}
