import TestSupport

@testable import Pooling

/// The pools with all that surrounds them in a process: loops, clients that come and go, servers
/// that open, fail and die, letters between loops that take their time. Everything happens by
/// chance and repeats with its seed. A shadow of what each answer of ``Pools`` meant is kept beside
/// it.
struct PoolWorld: ~Copyable {
  enum ClientState: Equatable {
    case idle
    case waiting(WaiterID)
    /// A server is on its way to its loop, or it holds one.
    case holding(Handle)
  }

  struct Client {
    var pool: Int
    var loop: Int32
    var state = ClientState.idle
    /// The time at which it began to wait, and a number that grows with each wait.
    var waitsSince: UInt64 = 0
    var arrival = 0
    /// It was put at the front, or its pool's waiters were served out of turn since it came.
    var isRequeued = false
    /// What it asks a server for, or has one for, is its login.
    var isLogin = false
    /// A number of `tenants`.
    var tenant: Int?
  }

  enum ServerState: Equatable {
    case opening
    case idle
    case outdated
    case leased(Handle)
  }

  struct Server {
    var pool: Int
    var loop: Int32
    var id: ServerID
    var state: ServerState
    /// A client has had it for more than a login since it was last free.
    var isUsed = false
    /// Whose limits it counts towards.
    var tenant: Int?
  }

  var pools: Pools
  var generator: SeededGenerator
  let loops: Int
  var now: UInt64 = 1_000_000
  var ids: [PoolID] = []
  var limits: [PoolLimits] = []
  var databaseLimits: [GroupLimits] = []
  var userLimits: [GroupLimits] = []
  var clients: [Handle: Client] = [:]
  var servers: [Handle: Server] = [:]
  var isPaused = false
  var nextHandle: Handle = 1
  var arrivals = 0
  /// What went wrong first, if anything.
  var fault: String?
  var trace: [String] = []
  let isTracing: Bool
  var served = 0
  var expired = 0
  /// How many waiters were overtaken by how many later ones, for the bound over loops.
  var overtaken: [Handle: Int] = [:]

  var tenants: [Tenant] = []
  var refused = 0

  /// Two databases and two users: pool `n` is database `n / 2` for user `n % 2`.
  static let poolCount = 4

  init(seed: UInt64, isTracing: Bool) {
    var generator = SeededGenerator(seed: seed)
    loops = 1 + generator.below(4)
    self.isTracing = isTracing
    pools = Pools(loops: loops)
    self.generator = generator
    for _ in 0..<2 {
      databaseLimits.append(randomGroup())
      userLimits.append(randomGroup())
    }
    for number in 0..<Self.poolCount {
      limits.append(randomLimits())
      if self.generator.chance(25) { limits[number].serverLifetime = PoolLimits.oneUse }
      ids.append(makePool(number))
    }
    if self.generator.chance(60) { makeTenants() }
  }

  mutating func randomGroup() -> GroupLimits {
    GroupLimits(servers: generator.chance(50) ? 0 : 1 + generator.below(6), clients: 0)
  }

  mutating func randomLimits() -> PoolLimits {
    var limits = PoolLimits()
    limits.size = 1 + generator.below(5)
    limits.reserveSize = generator.below(3)
    limits.reserveTimeout = UInt64(generator.below(3)) * 100_000
    limits.minimumSize = generator.below(3)
    limits.serverLifetime = generator.chance(50) ? 0 : 2_000_000
    limits.serverIdleTimeout = generator.chance(50) ? 0 : 1_000_000
    limits.serverCheckDelay = generator.chance(50) ? nil : 300_000
    limits.loginRetry = UInt64(generator.below(4)) * 200_000
    limits.queryWaitTimeout = generator.chance(50) ? 0 : 3_000_000
    limits.isRoundRobin = generator.chance(30)
    limits.isAlwaysWarm = generator.chance(20)
    limits.isTransient = !limits.isAlwaysWarm && generator.chance(20)
    limits.prefersTenant = generator.chance(50)
    return limits
  }

  mutating func makePool(_ number: Int) -> PoolID {
    pools.pool(
      database: "d\(number / 2)", user: "u\(number % 2)", limits: limits[number],
      databaseLimits: databaseLimits[number / 2], userLimits: userLimits[number % 2])
  }

  // MARK: what happens

  mutating func step() {
    now += UInt64(generator.below(40_000))
    if !tenants.isEmpty && generator.chance(8) { return tenantStep() }
    switch generator.below(100) {
    case 0..<8: arrive()
    case 8..<12: leave()
    case 12..<45: ask()
    case 45..<70: giveBack()
    case 70..<84: finishOpening()
    case 84..<87: serverDies()
    case 87..<89: idleServerSpeaks()
    case 89..<96: upkeep()
    case 96: togglePause()
    case 97: changeLimits()
    case 98: expire()
    default: renew()
    }
  }

  mutating func renew() {
    let number = generator.below(Self.poolCount)
    note("renew \(number)")
    pools.renewServers(ids[number])
    for (handle, server) in servers where server.pool == number && server.state == .idle {
      servers[handle]!.state = .outdated
    }
  }

  mutating func arrive() {
    guard clients.count < 40 else { return }
    let number = generator.below(Self.poolCount)
    guard pools.join(ids[number]) == nil else { return fail("a client was refused") }
    let handle = newHandle()
    clients[handle] = Client(pool: number, loop: Int32(generator.below(loops)))
    note("client \(handle) comes to pool \(number)")
    if !tenants.isEmpty && generator.chance(75) { join(generator.below(tenants.count), handle) }
  }

  mutating func leave() {
    guard let handle = anyClient({ _ in true }), let client = clients[handle] else { return }
    note("client \(handle) leaves")
    switch client.state {
    case .idle: break
    case .waiting(let waiter):
      if !pools.leaveQueue(waiter) { fail("a waiter was not in the queue") }
      if pools.leaveQueue(waiter) { fail("a waiter left twice") }
    case .holding(let server):
      // It left amid something: its server is closed, or goes back if it happens to be clean.
      if generator.chance(50) { return closeAndLeave(handle, server) }
      forget(client: handle)
      return release(server)
    }
    forget(client: handle)
  }

  mutating func forget(client handle: Handle) {
    guard let client = clients.removeValue(forKey: handle) else { return fail("left twice") }
    overtaken[handle] = nil
    pools.leave(ids[client.pool])
    pools.leaveTenant(tenantID(client))
  }

  private mutating func closeAndLeave(_ handle: Handle, _ server: Handle) {
    forget(client: handle)
    close(server)
  }

  mutating func ask() {
    guard let handle = anyClient({ $0.state == .idle }), let client = clients[handle] else {
      return
    }
    let isLogin = generator.chance(20)
    note("client \(handle) asks\(isLogin ? " to log in" : "")")
    clients[handle]!.isLogin = isLogin
    let lease = pools.lease(
      ids[client.pool], client: handle, loop: client.loop, now: now, isLogin: isLogin,
      tenant: tenantID(client))
    switch lease {
    case .server(let leased):
      if isPaused { fail("a server was leased in a pause") }
      if servers[leased.handle]?.loop != leased.loop { fail("the server is on another loop") }
      give(leased.handle, to: handle)
    case .queued(let queued):
      if queued.refusal != nil { return checkRefusal(handle, queued) }
      wait(handle, queued, isRequeued: false)
    }
  }

  mutating func wait(_ handle: Handle, _ queued: Queued, isRequeued: Bool) {
    arrivals += 1
    clients[handle]!.state = .waiting(queued.waiter)
    clients[handle]!.waitsSince = now
    clients[handle]!.arrival = arrivals
    clients[handle]!.isRequeued = isRequeued
    overtaken[handle] = 0
    let pool = clients[handle]!.pool
    if queued.opening != nil { checkWanted(pool) }
    begin(queued.opening)
  }

  mutating func begin(_ opening: Opening?) {
    guard let opening else { return }
    if let evicted = opening.evicted { forget(evicted) }
    let handle = newHandle()
    pools.name(opening.server, handle: handle)
    guard let number = ids.firstIndex(of: opening.pool) else { return fail("an unknown pool") }
    servers[handle] = Server(
      pool: number, loop: Int32(generator.below(loops)), id: opening.server, state: .opening)
    note("server \(handle) opens for pool \(number)")
    if isPaused { fail("a server was opened in a pause") }
  }

  /// An idle server's record is gone; the caller closes it.
  mutating func forget(_ handle: Handle) {
    note("server \(handle) is closed idle")
    guard servers[handle]?.state == .idle || servers[handle]?.state == .outdated else {
      return fail("a server was closed in use")
    }
    servers[handle] = nil
  }

  mutating func give(_ server: Handle, to client: Handle) {
    note("client \(client) gets server \(server)")
    guard servers[server]?.state == .idle else { return fail("a server was given twice") }
    guard servers[server]?.pool == clients[client]?.pool else { return fail("a wrong pool") }
    servers[server]!.state = .leased(client)
    servers[server]!.loop = clients[client]!.loop
    servers[server]!.isUsed = !clients[client]!.isLogin
    servers[server]!.tenant = clients[client]!.isLogin ? nil : clients[client]!.tenant
    checkTenantCap(servers[server]!.tenant)
    clients[client]!.state = .holding(server)
    overtaken[client] = nil
    served += 1
  }

  mutating func newHandle() -> Handle {
    nextHandle += 1
    return nextHandle
  }

  mutating func fail(_ text: String) {
    if fault == nil { fault = text }
    note("FAULT: \(text)")
  }

  mutating func note(_ text: @autoclosure () -> String) {
    if isTracing { trace.append("\(now): \(text())") }
  }

  mutating func anyClient(_ matches: (Client) -> Bool) -> Handle? {
    let handles = clients.filter { matches($0.value) }.keys.sorted()
    return handles.isEmpty ? nil : handles[generator.below(handles.count)]
  }

  mutating func anyServer(_ matches: (Server) -> Bool) -> Handle? {
    let handles = servers.filter { matches($0.value) }.keys.sorted()
    return handles.isEmpty ? nil : handles[generator.below(handles.count)]
  }
}
