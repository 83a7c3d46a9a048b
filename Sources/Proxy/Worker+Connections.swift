import Insight
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// What the console tells of single connections.
extension Worker {
  /// What there is to tell of a client.
  func facts(_ client: ClientPointer) -> ConnectionFacts {
    var facts = ConnectionFacts(
      kind: .client, number: client.pointee.identity?.number ?? 0, fd: client.pointee.stream.fd,
      place: client.asHandle, pool: client.pointee.pool)
    if let identity = client.pointee.identity {
      facts.user = identity.resolution == nil ? identity.user : identity.login
      facts.database = identity.resolution == nil ? identity.database : identity.databaseName
      facts.tenant = identity.tenant?.text
      facts.host = identity.address.host
      facts.port = identity.address.isUnix ? settings.listenPort : identity.address.port
      facts.remotePID = Int(identity.peerProcess)
    }
    let local = Socket.localAddress(client.pointee.stream.fd)
    facts.localHost = local.host
    facts.localPort = local.isUnix ? settings.listenPort : local.port
    facts.connectedAt = client.pointee.connectedAt
    facts.requestedAt = max(client.pointee.leasedAt, client.pointee.connectedAt)
    facts.replication = client.pointee.identity?.replication ?? "none"
    facts.carried = client.pointee.stream.carry.count
    facts.unsent = client.pointee.stream.outgoing.count
    facts.preparedStatements = client.pointee.session?.pointee.statements.count ?? 0
    facts.application = application(client.pointee.parameterSet)
    describe(client, &facts)
    return facts
  }

  private func describe(_ client: ClientPointer, _ facts: inout ConnectionFacts) {
    switch client.pointee.phase {
    case .login:
      facts.state = client.pointee.pool.rawValue < 0 ? "login" : "waiting"
      if client.pointee.pool.rawValue >= 0 { facts.wait = now &- client.pointee.since }
    case .waiting:
      facts.state = "waiting"
      facts.wait = now &- client.pointee.since
      facts.requestedAt = client.pointee.since
    case .idle: facts.state = "idle"
    case .granted, .preparing, .active, .console, .unused, .closed: facts.state = "active"
    }
    guard let server = client.pointee.server else { return }
    facts.link = server.asHandle
    facts.requestedAt = max(facts.requestedAt, server.pointee.queryStartedAt)
    // One that was given its server by another loop has a clock of its own.
    facts.held = now &- min(now, client.pointee.leasedAt)
    facts.hold = hold(client, server)
    facts.query = query(client)
  }

  /// What a client does with its server.
  private func hold(_ client: ClientPointer, _ server: ServerPointer) -> String {
    if client.pointee.phase == .login { return "login" }
    let ledger = server.pointee.ledger
    if client.pointee.phase == .granted || ledger.isAnsweringOwn { return "preparing" }
    if ledger.owesReply { return "active" }
    if ledger.isCopying { return "copying" }
    if ledger.isIdleInTransaction { return "idle in transaction" }
    if client.pointee.isReplication { return "replication" }
    if let session = client.pointee.session, !session.pointee.pin.isEmpty {
      return "pinned: " + session.pointee.pin.names.joined(separator: ", ")
    }
    if client.pointee.mode == .session { return "idle in session" }
    return "idle"
  }

  /// The fingerprint of what the client runs, or has run last.
  private func query(_ client: ClientPointer) -> String? {
    guard let insight, insight.pointee.isShown, let observed = client.pointee.observed else {
      return nil
    }
    // A Sync, the answer to which is on its way, is no statement.
    let running = observed.pointee.underWay.oldest.map(\.place) ?? .none
    let place = running == .none ? observed.pointee.last : running
    return insight.pointee.table.statement(place)?.text
  }

  /// What a client calls itself, cut where it is long.
  func application(_ set: ParameterSets.Number) -> String? {
    guard set >= 0 else { return nil }
    let name = pooler.parameterSets.withLock { sets in
      sets.index(of: "application_name").flatMap { sets.values(set)[$0] }
    }
    return name.map(LogText.shortened)
  }

  // MARK: servers

  /// What there is to tell of the servers that are this loop's.
  func serverFacts() -> [ConnectionFacts] {
    var all: [(facts: ConnectionFacts, details: ServerDetails?, set: ParameterSets.Number)] = []
    // Under the lock no other loop can take an idle one over. Whether one is this loop's, in
    // whichever state, its ownership tells.
    pooler.pools.withLock { [id, now] pools in
      pools.forEachServer(of: id, now: now) { record in
        guard record.handle != 0 else { return }
        let server = ServerPointer(handle: record.handle)
        let owner = server.ownership
        guard
          owner == Ownership(loop: id, isIdle: true) || owner == Ownership(loop: id, isIdle: false)
        else { return }
        let details = server.pointee.details
        let facts = Self.facts(server, record, place: record.handle)
        all.append((facts, details, server.pointee.parameterSet))
      }
    }
    for hub in hubs.values {
      guard let server = hub.server else { continue }
      var facts = ConnectionFacts(
        kind: .server, number: server.pointee.number, fd: server.pointee.stream.fd,
        place: server.asHandle, pool: PoolID(-1))
      facts.state = server.pointee.phase == .login ? "login" : "active"
      facts.database = hub.route.title
      facts.user = hub.route.user
      all.append((facts, server.pointee.details, server.pointee.parameterSet))
    }
    return all.map { complete($0.facts, $0.details, $0.set) }
  }

  private static func facts(
    _ server: ServerPointer, _ record: ServerRecord, place: Handle
  ) -> ConnectionFacts {
    var facts = ConnectionFacts(
      kind: .server, number: server.pointee.number, fd: server.pointee.stream.fd, place: place,
      pool: record.pool)
    switch record.state {
    case .opening: facts.state = "login"
    case .idle: facts.state = "idle"
    case .unchecked: facts.state = "used"
    case .leased:
      switch server.pointee.task {
      case .check, .reset: facts.state = "tested"
      case .connectQuery: facts.state = "login"
      case .none, .parameters, .probe, .statement, .shapes, .recount: facts.state = "active"
      }
    }
    facts.isToBeClosed = record.isOutdated || server.pointee.isOutdated
    facts.link = server.pointee.client?.asHandle ?? 0
    facts.requestedAt = server.pointee.queryStartedAt
    facts.replication = server.pointee.client?.pointee.identity?.replication ?? "none"
    facts.carried = server.pointee.stream.carry.count
    facts.unsent = server.pointee.stream.outgoing.count
    facts.preparedStatements = server.pointee.statements.count
    return facts
  }

  private func complete(
    _ raw: ConnectionFacts, _ details: ServerDetails?, _ set: ParameterSets.Number
  ) -> ConnectionFacts {
    var facts = raw
    if let route = pooler.route(facts.pool) {
      facts.database = route.title
      facts.user = route.user
      facts.tenant = route.tenant?.text
    }
    facts.connectedAt = details?.connectedAt ?? now
    facts.requestedAt = max(facts.requestedAt, facts.connectedAt)
    facts.remotePID = Int(details?.key?.processID ?? 0)
    if let details {
      facts.host = details.address.host
      let unixPort = pooler.route(facts.pool)?.database.port ?? 0
      facts.port = details.address.isUnix ? unixPort : details.address.port
      facts.localHost = details.local.host
      facts.localPort = details.local.port
    }
    facts.application = application(set)
    return facts
  }
}
