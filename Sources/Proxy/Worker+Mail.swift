import CLinux
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// What other threads tell this loop.
extension Worker {
  @inline(never)
  func readMail() {
    mustTimeTurn()
    mailbox.take(into: &mail)
    for message in mail { read(message) }
    mail.removeAll(keepingCapacity: true)
  }

  private func read(_ message: Mail) {
    switch message {
    case .granted(let server, let client):
      granted(ServerPointer(handle: server), ClientPointer(handle: client))
    case .accepted(let fd, let address): welcome(fd, address)
    case .cancel(let client, let key, let requester):
      cancel(ClientPointer(handle: client), key: key, requester: requester)
    case .resolved(let server, let serial, let answer):
      resolved(ServerPointer(handle: server), serial: serial, answer: answer)
    case .poolFailed(let pool, let sqlstate, let message):
      let failed = loginWaiters.filter { $0.pointee.pool == pool }
      for client in failed {
        endClient(client, .serverLoginFailed(sqlstate: sqlstate, message: message))
      }
    case .poolRemoved(let pool): endClients(of: pool)
    case .poolRetired(let pool):
      forgetRoute(pool)
      retireTraffic(of: pool)
    case .asked(let question, let asker, let serial): asked(question, by: asker, serial: serial)
    case .answered(let serial, let report): answered(serial, report)
    case .surveysGoOn: goOnWithSurveys()
    case .listening(let mail): readHubMail(mail)
    case .tenants(let mail): readTenantMail(mail)
    case .reload: reload()
    case .goOnReading: resumeReading()
    case .stopListening: stopListening()
    case .stop: isStopping = true
    }
  }

  private func endClients(of pool: PoolID) {
    var doomed: [ClientPointer] = []
    clients.forEachPlace { client in
      if client.pointee.phase != .unused && client.pointee.phase != .closed
        && client.pointee.pool == pool
      {
        doomed.append(client)
      }
    }
    for client in doomed { endClient(client, .databaseRemoved) }
  }

  private func reload() {
    // In this order: answers of a configuration that this loop does not have yet are none.
    tableEpoch = pooler.tenantRows.withLock { $0.epoch }
    settings = pooler.settings
    let old = routes
    routes.removeAll()
    applySettings()
    for listener in listeners where !listener.isUnix {
      Listener.deferAccept(listener.fd, settings.tcpDeferAccept)
    }
    reviewed.removeAll()
    reloadHubs()
    reloadReader()
    endMisplacedClients()
    reviewTenantLimits()
    clients.forEachPlace { client in
      guard client.pointee.phase != .unused, client.pointee.pool.rawValue >= 0,
        let route = route(client.pointee.pool)
      else { return }
      if !client.pointee.isReplication { client.pointee.mode = route.mode }
      let hasUnnamed = client.pointee.session.map { $0.pointee.unnamed != .none } ?? false
      client.pointee.inspection =
        client.pointee.server?.pointee.ledger.isAnsweringOwn == true
        ? .all : inspection(client, hasUnnamed: hasUnnamed)
      setIdleTimeout(client)
      guard let server = client.pointee.server else { return }
      // What it has now it may go on to use as a session.
      if route.mode == .session { server.pointee.cleanup = .reset }
      if route.pool.index < old.count, let before = old[route.pool.index],
        !route.leadsWhere(before)
      {
        server.pointee.isOutdated = true
      }
    }
  }

  // MARK: the end

  /// Whether what a shutdown waits for has come about; then every loop is told to stop.
  func checkShutdown() {
    if pooler.shutdown.load(ordering: .relaxed) == Pooler.Shutdown.waitForServers.rawValue {
      endWaiting()
    }
    guard id == 0 else { return }
    switch Pooler.Shutdown(rawValue: pooler.shutdown.load(ordering: .relaxed)) ?? .none {
    case .none: return
    case .waitForClients:
      // Not those of the console, one of whom may have asked for this.
      if pooler.clientCount > pooler.consoleClients.count { return }
    case .waitForServers: if pooler.pools.withLock({ $0.serverCount }) > 0 { return }
    case .now: break
    }
    pooler.broadcast(.stop)
  }

  /// Ends those who wait for a server: nobody gets one any more.
  private func endWaiting() {
    var doomed: [ClientPointer] = []
    clients.forEachPlace { client in
      if client.pointee.phase == .waiting { doomed.append(client) }
    }
    for client in doomed { endClient(client, .shuttingDown) }
  }

  /// Ends all that is left on this loop.
  func endAll() {
    stopListening(alsoUnix: true)
    var rest: [ClientPointer] = []
    clients.forEachPlace { client in
      if client.pointee.phase != .unused && client.pointee.phase != .closed {
        rest.append(client)
      }
    }
    for client in rest { endClient(client, .shuttingDown) }
    if id == 0 { reportSuppressedLines(isLast: true) }
  }
}
