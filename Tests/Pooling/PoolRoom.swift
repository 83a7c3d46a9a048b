import Pooling

/// Pools with a clock and one pool to begin with; what is asked of them reads as a line of a test.
final class PoolRoom {
  var pools: Pools
  var now: UInt64 = 1_000_000
  private(set) var id = PoolID(0)
  private var lastHandle: Handle = 100

  init(loops: Int = 1, _ limits: PoolLimits = PoolLimits()) {
    pools = Pools(loops: loops)
    id = makePool("db", "user", limits)
  }

  @discardableResult
  func makePool(
    _ database: String, _ user: String, _ limits: PoolLimits = PoolLimits(),
    databaseLimits: GroupLimits = GroupLimits(), userLimits: GroupLimits = GroupLimits()
  ) -> PoolID {
    pools.pool(
      database: database, user: user, limits: limits, databaseLimits: databaseLimits,
      userLimits: userLimits)
  }

  /// Changes the limits of the first pool.
  func setLimits(_ limits: PoolLimits) { makePool("db", "user", limits) }

  func lease(
    _ client: Handle, _ pool: PoolID? = nil, loop: Int32 = 0, isLogin: Bool = false,
    tenant: TenantID = .none
  ) -> Lease {
    pools.lease(
      pool ?? id, client: client, loop: loop, now: now, isLogin: isLogin, tenant: tenant)
  }

  /// The server of a client that gets one at once.
  func server(
    _ client: Handle, _ pool: PoolID? = nil, loop: Int32 = 0, tenant: TenantID = .none
  ) -> Handle? {
    let lease = lease(client, pool, loop: loop, tenant: tenant)
    if case .server(let leased) = lease { return leased.handle }
    return nil
  }

  /// Queues a client; whether a connection is opened for it is the answer.
  func queue(
    _ client: Handle, _ pool: PoolID? = nil, loop: Int32 = 0, isLogin: Bool = false,
    tenant: TenantID = .none
  ) -> Opening? {
    let lease = lease(client, pool, loop: loop, isLogin: isLogin, tenant: tenant)
    if case .queued(let queued) = lease { return queued.opening }
    return nil
  }

  /// Finishes an opening. The handles are 101, 102 and so on.
  func open(_ opening: Opening?, loop: Int32 = 0) -> (server: ServerID, release: Release)? {
    guard let opening else { return nil }
    lastHandle += 1
    pools.name(opening.server, handle: lastHandle)
    return (opening.server, pools.serverOpened(opening.server, loop: loop, now: now))
  }

  /// `count` servers, each leased to a client of its own, which are numbered from 1.
  func leased(_ count: Int, _ pool: PoolID? = nil, loop: Int32 = 0) -> [ServerID] {
    (0..<count).compactMap { number in
      let opening = queue(Handle(number + 1), pool, loop: loop)
      return open(opening, loop: loop)?.server
    }
  }

  /// `count` idle servers.
  func idle(_ count: Int, _ pool: PoolID? = nil, loop: Int32 = 0) -> [ServerID] {
    let servers = leased(count, pool, loop: loop)
    for server in servers { release(server, loop: loop) }
    return servers
  }

  @discardableResult
  func release(_ server: ServerID, loop: Int32 = 0) -> Release {
    pools.release(server, loop: loop, now: now)
  }

  func upkeep(loop: Int32 = 0) -> [UpkeepAction] {
    var actions: [UpkeepAction] = []
    pools.upkeep(loop: loop, now: now, into: &actions)
    return actions
  }

  func expired(loop: Int32 = 0) -> [Handle] {
    var clients: [Handle] = []
    pools.expireWaiters(loop: loop, now: now, into: &clients)
    return clients
  }

  func notified(loop: Int32 = 0) -> [Handle] {
    var clients: [Handle] = []
    pools.notifyWaiters(loop: loop, now: now, into: &clients)
    return clients
  }

  func takeIdle(_ server: ServerID, handle: Handle, loop: Int32) -> Bool {
    pools.takeIdle(server, handle: handle, loop: loop)
  }

  func leaveQueue(_ waiter: WaiterID) -> Bool { pools.leaveQueue(waiter) }

  func join(_ pool: PoolID) -> JoinRefusal? { pools.join(pool) }

  func isFailing() -> Bool { pools.isFailing(id, now: now) }

  func requeue(_ client: Handle, isLogin: Bool = false, tenant: TenantID = .none) -> Queued {
    pools.requeueFirst(
      id, client: client, loop: 0, now: now, isLogin: isLogin, tenant: tenant)
  }

  func close(_ server: ServerID) -> Opening? {
    pools.serverClosed(server, loop: 0, now: now)
  }

  var census: PoolCensus { pools.census(id) }
}

extension PoolLimits {
  /// Limits that differ from the defaults in what `change` sets.
  static func with(_ change: (inout PoolLimits) -> Void) -> PoolLimits {
    var limits = PoolLimits()
    change(&limits)
    return limits
  }
}

let second: UInt64 = 1_000_000
