import TestSupport

@testable import Pooling

extension PoolWorld {
  static func isLeased(_ server: Server) -> Bool {
    if case .leased = server.state { return true }
    return false
  }

  /// A client's transaction ends.
  mutating func giveBack() {
    guard let handle = anyServer(Self.isLeased), case .leased(let client)? = servers[handle]?.state
    else { return }
    clients[client]?.state = .idle
    release(handle)
  }

  /// A clean server comes back; its client is gone or content.
  mutating func release(_ handle: Handle) {
    note("server \(handle) is released")
    guard let server = servers[handle] else { return fail("an unknown server was released") }
    servers[handle]!.state = .idle
    accept(pools.release(server.id, loop: server.loop, now: now), handle)
  }

  mutating func accept(_ release: Release, _ handle: Handle) {
    guard let server = servers[handle] else { return }
    checkUse(server, release)
    servers[handle]!.isUsed = false
    if isOverLimit(server.pool) {
      if case .close = release {} else { fail("a server stays beyond a lowered limit") }
    }
    switch release {
    case .idle:
      if isPaused { fail("a server rests in a pause") }
      if clients.values.contains(where: { isWaiting($0, in: server.pool) && !isHeldUp($0) }) {
        fail("a server rests while somebody waits")
      }
    case .handedTo(let client, let loop):
      if isPaused { fail("a server was handed over in a pause") }
      guard let target = clients[client], case .waiting = target.state else {
        return fail("a server was handed to a client that does not wait")
      }
      if target.loop != loop { fail("a server was handed to a wrong loop") }
      checkTurn(client, releasedOn: server.loop)
      give(handle, to: client)
    case .close: close(handle)
    }
  }

  mutating func close(_ handle: Handle) {
    note("server \(handle) is closed")
    guard let server = servers.removeValue(forKey: handle) else { return fail("closed twice") }
    begin(pools.serverClosed(server.id, loop: server.loop, now: now))
  }

  mutating func finishOpening() {
    guard let handle = anyServer({ $0.state == .opening }), let server = servers[handle] else {
      return
    }
    if generator.chance(20) {
      note("server \(handle) fails to open")
      servers[handle] = nil
      return pools.openFailed(server.id, now: now)
    }
    note("server \(handle) is open")
    servers[handle]!.state = .idle
    accept(pools.serverOpened(server.id, loop: server.loop, now: now), handle)
  }

  /// A server dies in a client's hands: the client goes on, or waits anew at the front.
  mutating func serverDies() {
    guard let handle = anyServer(Self.isLeased), case .leased(let client)? = servers[handle]?.state
    else { return }
    note("server \(handle) dies")
    clients[client]?.state = .idle
    close(handle)
    guard generator.chance(50), let holder = clients[client] else { return }
    note("client \(client) waits again")
    let queued = pools.requeueFirst(
      ids[holder.pool], client: client, loop: holder.loop, now: now, isLogin: holder.isLogin,
      tenant: tenantID(holder))
    wait(client, queued, isRequeued: true)
  }

  /// An idle server has sent something: it is taken, and comes back or is closed.
  mutating func idleServerSpeaks() {
    guard let handle = anyServer({ $0.state == .idle || $0.state == .outdated }),
      let server = servers[handle]
    else { return }
    note("server \(handle) speaks")
    for loop in 0..<Int32(loops) where loop != server.loop {
      if pools.takeIdle(server.id, handle: handle, loop: loop) { fail("taken by another loop") }
    }
    guard pools.takeIdle(server.id, handle: handle, loop: server.loop) else {
      return fail("an idle server could not be taken")
    }
    if pools.takeIdle(server.id, handle: handle, loop: server.loop) { fail("taken twice") }
    if generator.chance(50) { release(handle) } else { close(handle) }
    if server.state == .outdated && servers[handle] != nil { fail("an outdated server stays") }
  }

  mutating func upkeep() {
    note("upkeep")
    var actions: [UpkeepAction] = []
    let loop = Int32(generator.below(loops))
    pools.upkeep(loop: loop, now: now, into: &actions)
    perform(actions)
    checkNobodyWaitsBesideIdle()
  }

  mutating func perform(_ actions: [UpkeepAction]) {
    for action in actions {
      switch action {
      case .close(let server, _): forget(server)
      case .open(let opening): begin(opening)
      case .grant(let server, let client, let loop, let from):
        if clients[client]?.loop != loop { fail("a grant to a wrong loop") }
        if servers[server]?.loop != from { fail("a grant from a wrong loop") }
        guard let target = clients[client], case .waiting = target.state else {
          fail("a grant to a client that does not wait")
          continue
        }
        checkTurn(client, releasedOn: 0)
        give(server, to: client)
      case .retired: fail("a pool without an idle timeout was retired")
      }
    }
  }

  mutating func togglePause() {
    if isPaused || generator.chance(30) {
      isPaused.toggle()
      if isPaused {
        note("pause")
        pools.pause()
      } else {
        note("resume")
        pools.resume()
      }
    }
  }

  mutating func changeLimits() {
    let number = generator.below(Self.poolCount)
    note("new limits for \(number)")
    let lifetime = limits[number].serverLifetime
    limits[number] = randomLimits()
    // Who has been used already when its lifetime becomes one use may serve once more.
    if lifetime == PoolLimits.oneUse { limits[number].serverLifetime = lifetime }
    if generator.chance(50) { databaseLimits[number / 2] = randomGroup() }
    if generator.chance(50) { userLimits[number % 2] = randomGroup() }
    if makePool(number) != ids[number] { fail("the pool has another number") }
  }

  mutating func expire() {
    let loop = Int32(generator.below(loops))
    var handles: [Handle] = []
    pools.expireWaiters(loop: loop, now: now, into: &handles)
    for handle in handles {
      note("client \(handle) has waited too long")
      guard let client = clients[handle], client.loop == loop, case .waiting = client.state else {
        fail("a client expired that does not wait on the loop")
        continue
      }
      if now - client.waitsSince < limits[client.pool].queryWaitTimeout { fail("expired early") }
      forget(client: handle)
      expired += 1
    }
    for client in clients.values where isWaiting(client, in: client.pool) && client.loop == loop {
      let timeout = limits[client.pool].queryWaitTimeout
      if timeout != 0 && !client.isRequeued && now - client.waitsSince >= timeout {
        fail("a client waits beyond query_wait_timeout")
      }
    }
  }
}
