import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// What time brings about.
extension Worker {
  /// Does what is due. Timeouts are as exact as the tick's period.
  func tick() {
    expireWaiters()
    notifyWaiters()
    serveRoomWaiters()
    expireLogins()
    expireServerLogins()
    expireCancels()
    expireTasks()
    expireQueries()
    if !consoles.isEmpty { lookAfterConsoles() }
    if readsTable { reviewListeners() }
    noteTick()
    if id == 0 {
      tickLog()
      endStatsPeriod()
      retryListening()
      tickHubs()
      tickReader()
      upkeep()
    }
    checkShutdown()
  }

  private func expireWaiters() {
    expired.removeAll(keepingCapacity: true)
    pooler.pools.withLock { [id, now] pools in
      pools.expireWaiters(loop: id, now: now, into: &expired)
    }
    for handle in expired {
      let client = ClientPointer(handle: handle)
      client.pointee.waiter = .none
      let cause = pooler.directory.withLock { $0.lastFailures[client.pointee.pool] }
      endClient(client, .queryWaitTimeout(cause: cause))
    }
  }

  /// query_wait_notify: tells who waits that it waits.
  private func notifyWaiters() {
    expired.removeAll(keepingCapacity: true)
    pooler.pools.withLock { [id, now] pools in
      pools.notifyWaiters(loop: id, now: now, into: &expired)
    }
    for handle in expired {
      let client = ClientPointer(handle: handle)
      guard client.pointee.phase == .waiting else { continue }
      var writer = MessageWriter()
      writer.noticeResponse(
        severity: "NOTICE", sqlstate: SQLState.successfulCompletion,
        message: "No server connection available in postgres backend, client being queued")
      send(writer.bytes, to: client)
    }
  }

  private func expireServerLogins() {
    for server in serverLogins {
      guard let login = server.pointee.login, now >= login.deadline else { continue }
      serverLoginFailed(
        server, SQLState.connectionFailure, "connect timeout", as: .timeout)
    }
  }

  /// client_login_timeout.
  private func expireLogins() {
    guard settings.clientLoginTimeout != .zero else { return }
    let time = now
    var late: [ClientPointer] = []
    clients.forEachPlace { client in
      if client.pointee.phase == .login, let login = client.pointee.login,
        time >= login.deadline
      {
        late.append(client)
      }
    }
    for client in late { endClient(client, .clientLoginTimeout) }
  }

  /// A server that does not answer the pooler's own query in server_connect_timeout is given up;
  /// who waits for it gets another.
  private func expireTasks() {
    let timeout = settings.serverConnectTimeout.microseconds
    guard timeout != 0 else { return }
    let late = tasks.filter {
      $0.pointee.login == nil && now &- $0.pointee.queryStartedAt >= timeout
    }
    for server in late { serverLost(server, "no answer to the pooler's own query") }
  }

  /// client_idle_timeout is that of who has logged in, whoever the pool's user is.
  func setIdleTimeout(_ client: ClientPointer) {
    guard let identity = client.pointee.identity else { return }
    identity.idleTimeout = settings.clientIdleTimeout(user: identity.login).microseconds
  }

  /// The timeouts of queries, transactions and idle clients.
  private func expireQueries() {
    let time = now
    var late: [(ClientPointer, Ending)] = []
    clients.forEachPlace { client in
      guard client.pointee.phase == .active || client.pointee.phase == .idle,
        let route = self.route(client.pointee.pool),
        let ending = self.fastClose(client) ?? Self.timeout(client, route, time)
      else { return }
      late.append((client, ending))
    }
    for (client, ending) in late { endClient(client, ending) }
  }

  /// server_fast_close: a session does not keep a server whose database has moved. Replication
  /// never does, as it has no end to wait for.
  private func fastClose(_ client: ClientPointer) -> Ending? {
    guard let server = client.pointee.server, server.pointee.isOutdated,
      server.pointee.isDedicated || settings.serverFastClose && server.pointee.ledger.isClean
    else { return nil }
    return .databaseConfigurationChanged
  }

  private static func timeout(
    _ client: ClientPointer, _ route: Route, _ now: UInt64
  ) -> Ending? {
    func isOver(_ since: UInt64, _ limit: UInt64) -> Bool { limit != 0 && now &- since >= limit }
    let idleTimeout = client.pointee.identity?.idleTimeout ?? 0
    guard let server = client.pointee.server, client.pointee.phase == .active else {
      return isOver(client.pointee.since, idleTimeout) ? .clientIdleTimeout : nil
    }
    // What a replication connection runs has no end.
    let isEndless = client.pointee.isReplication && server.pointee.ledger.owesReply
    if isEndless { return nil }
    if server.pointee.ledger.owesReply {
      if isOver(server.pointee.queryStartedAt, route.queryTimeout) { return .queryTimeout }
    } else if server.pointee.ledger.isIdleInTransaction || client.pointee.scanner.isMidMessage {
      if isOver(client.pointee.since, route.idleTransactionTimeout) {
        return .idleTransactionTimeout
      }
    } else if isOver(client.pointee.since, idleTimeout) {
      return .clientIdleTimeout
    }
    let isInTransaction = !server.pointee.ledger.isClean
    if isInTransaction && isOver(server.pointee.transactionStartedAt, route.transactionTimeout) {
      return .transactionTimeout
    }
    return nil
  }

  // MARK: pools

  private func upkeep() {
    actions.removeAll(keepingCapacity: true)
    pooler.pools.withLock { [id, now, self] pools in
      pools.upkeep(loop: id, now: now, into: &actions)
      Self.own(actions)
      noteTenantWakeup(&pools)
    }
    perform(actions)
  }

  /// Marks whose the servers of upkeep's actions are. Under the pools' lock.
  static func own(_ actions: [UpkeepAction]) {
    for action in actions {
      switch action {
      case .close(let handle, _): ServerPointer(handle: handle).own(.nobody)
      case .open(let opening): disown(opening)
      case .grant(let server, _, _, _): ServerPointer(handle: server).own(.nobody)
      case .retired: break
      }
    }
  }

  func perform(_ actions: [UpkeepAction]) {
    for action in actions {
      switch action {
      case .close(let handle, let ending):
        bury(ServerPointer(handle: handle), ending.logText, ServerDeparture(ending))
      case .open(let opening): beginOpening(opening)
      case .grant(let handle, let client, let loop, let old):
        let server = ServerPointer(handle: handle)
        pooler.engines[Int(old)].remove(fd: server.pointee.stream.fd)
        pooler.mailboxes[Int(loop)].post(.granted(server: handle, client: client))
      case .retired(let pool):
        log(.info, .idlePool, .pool(pool), "cleaning up idle pool \(name(pool))")
        forgetRoute(pool)
        pooler.forget(pool)
      }
    }
  }
}
