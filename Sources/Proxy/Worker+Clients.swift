import Admin
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// The way of a client's bytes to its server.
extension Worker {
  /// How many bytes a client may have left to read when its server goes to another client. Bounds
  /// what the clients that do not read can make the pooler keep.
  static var outgoingAllowance: Int { 16_384 }

  /// How many reads one connection gets before others have their turn.
  static var readsPerTurn: Int { 16 }

  func clientEvent(_ client: ClientPointer, _ event: EngineEvent) {
    guard client.pointee.phase != .unused else { return }
    if event.isHangup {
      client.pointee.stream.sawHangup = true
      client.pointee.stream.isReadable = true
    }
    if event.isReadable { client.pointee.stream.isReadable = true }
    if event.isWritable && client.pointee.stream.isBlocked { flushClient(client) }
    if client.pointee.stream.isReadable { runClient(client) }
  }

  /// Does for a client what can be done now.
  @inline(__always)
  func runClient(_ client: ClientPointer) {
    switch client.pointee.phase {
    case .idle:
      if client.pointee.stream.isReadable { beginTransaction(client) }
    case .active:
      guard let server = client.pointee.server else { return }
      pumpClient(client, server)
      if client.pointee.server == server && server.pointee.stream.isReadable {
        pumpServer(server)
      }
    case .granted:
      guard let server = client.pointee.server else { return }
      beginLease(client, server)
    case .waiting:
      // It is not read; but it may have given up.
      if client.pointee.stream.sawHangup { endClient(client, .clientUnexpectedEOF) }
    case .login: runLogin(client)
    case .console: runConsole(client)
    case .preparing:
      if let server = client.pointee.server, server.pointee.stream.isReadable { pumpServer(server) }
    case .unused: return
    case .closed: retireIfClosed(client)
    }
  }

  /// An idle client has sent something: it needs a server.
  @inline(__always)
  func beginTransaction(_ client: ClientPointer) {
    if client.pointee.stream.sawHangup && hasLeft(client) { return }
    var queued: Queued?
    guard let leased = leaseOrQueue(client, &queued) else {
      if let refusal = queued?.refusal { return endClient(client, .tenantLimit(refusal)) }
      if let queued { wait(client, queued) }
      return
    }
    let server = ServerPointer(handle: leased.handle)
    attach(server, to: client)
    server.pointee.needsCheck = leased.needsCheck
    if leased.loop != id {
      client.pointee.phase = .granted
      adopt(server, from: leased.loop)
      guard client.pointee.server == server else { return }
    }
    beginLease(client, server)
  }

  @inline(__always)
  private func leaseOrQueue(_ client: ClientPointer, _ queued: inout Queued?) -> LeasedServer? {
    let pool = client.pointee.pool
    let handle = client.asHandle
    let owner = Ownership(loop: id, isIdle: false)
    if let tenant = client.pointee.tenant {
      return leaseOrQueue(client, tenant.pointee.share, &queued)
    }
    return pooler.pools.withLock { [id, now] pools in
      if let leased = pools.leaseIdle(pool, loop: id, now: now) {
        ServerPointer(handle: leased.handle).own(owner)
        return leased
      }
      let place = pools.queue(pool, client: handle, loop: id, now: now)
      Self.disown(place.opening)
      queued = place
      return nil
    }
  }

  /// The same for a client that shares the servers with those of other tenants.
  private func leaseOrQueue(
    _ client: ClientPointer, _ tenant: TenantID, _ queued: inout Queued?
  ) -> LeasedServer? {
    let pool = client.pointee.pool
    let handle = client.asHandle
    let owner = Ownership(loop: id, isIdle: false)
    return pooler.pools.withLock { [id, now, self] pools in
      if let leased = pools.leaseIdle(pool, loop: id, now: now, tenant: tenant) {
        ServerPointer(handle: leased.handle).own(owner)
        return leased
      }
      let place = pools.queue(pool, client: handle, loop: id, now: now, tenant: tenant)
      Self.disown(place.opening)
      queued = place
      noteTenantWakeup(&pools)
      return nil
    }
  }

  /// No server is idle: the client waits, unread, and perhaps a connection is opened.
  @inline(__always)
  private func wait(_ client: ClientPointer, _ queued: Queued) {
    client.pointee.phase = .waiting
    client.pointee.waiter = queued.waiter
    client.pointee.since = now
    if let opening = queued.opening { beginOpening(opening, for: client) }
  }

  /// A waiting client has a server now; it runs when its turn comes.
  @inline(__always)
  func endWait(_ client: ClientPointer) {
    client.pointee.phase = .granted
    let waitTime = now &- client.pointee.since
    client.pointee.traffic.pointee.counters.waitTime &+= waitTime
    client.pointee.traffic.pointee.count(LoopTraffic.waits, waitTime)
  }

  func takeServer(_ client: ClientPointer) -> Lease {
    let pool = client.pointee.pool
    let handle = client.asHandle
    let owner = Ownership(loop: id, isIdle: false)
    let tenant = client.pointee.tenant?.pointee.share ?? .none
    return pooler.pools.withLock { [id, now] pools in
      let lease = pools.lease(
        pool, client: handle, loop: id, now: now, isLogin: true, tenant: tenant)
      switch lease {
      case .server(let leased): ServerPointer(handle: leased.handle).own(owner)
      case .queued(let queued): Self.disown(queued.opening)
      }
      return lease
    }
  }

  @inline(__always)
  func attach(_ server: ServerPointer, to client: ClientPointer) {
    client.pointee.server = server
    client.pointee.waiter = .none
    client.pointee.leasedAt = now
    client.pointee.traffic.pointee.counters.assignments &+= 1
    server.pointee.client = client
    server.pointee.saidFatal = false
    server.pointee.cleanup = client.pointee.mode == .session || resetsAlways ? .reset : .none
    server.pointee.unnamedIsClients = false
    server.pointee.ledger.watches = []
    // Batches are counted by each server for itself.
    if let session = client.pointee.session { session.pointee.fence = nil }
    if client.pointee.tenant != nil {
      // Nothing of this client's is covered.
      server.pointee.coveredBatch = server.pointee.ledger.openBatch &- 1
      server.pointee.prefixLength = 0
    }
  }

  /// Brings a leased server to where the client may use it, then lets the client's bytes flow.
  @inline(__always)
  func beginLease(_ client: ClientPointer, _ server: ServerPointer) {
    if server.pointee.needsCheck || server.pointee.parameterSet != client.pointee.parameterSet
      || client.pointee.login != nil
    {
      prepare(client, server)
    } else {
      client.pointee.phase = .active
      pumpClient(client, server)
    }
  }

  /// Forwards what the client has sent.
  @inline(__always)
  func pumpClient(_ client: ClientPointer, _ server: ServerPointer) {
    var turns = 0
    while client.pointee.stream.isReadable && !client.pointee.isHeld
      && !server.pointee.stream.isBlocked
    {
      guard turns < Self.readsPerTurn else { return list(client) }
      turns &+= 1
      let received = client.pointee.stream.receive(
        engine, into: scratch, capacity: Self.scratchSize)
      switch received {
      case .bytes(let count):
        guard forwardFromClient(client, server, count) else { return }
      case .nothing: break
      case .end, .failed: return endClient(client, .clientUnexpectedEOF)
      }
    }
    // It may have sent nothing that is answered: half a header, or COPY data that comes too late.
    if server.pointee.ledger.isClean { settle(client, server) }
  }

  /// Scans the bytes in scratch and sends on what is to go; false if the client has ended.
  @inline(__always)
  func forwardFromClient(_ client: ClientPointer, _ server: ServerPointer, _ count: Int) -> Bool {
    if insight != nil { return forwardObserved(client, server, count) }
    return forwardScanned(client, server, count)
  }

  @inline(__always)
  func forwardScanned(_ client: ClientPointer, _ server: ServerPointer, _ count: Int) -> Bool {
    // A batch of extended messages: the scanner would stop in front of it.
    if client.pointee.inspection != .none, count > 5, !client.pointee.scanner.isMidMessage {
      let first = scratch.load(as: UInt8.self)
      if first == ClientMessageType.bind || first == ClientMessageType.parse {
        return forwardInspected(client, server, 0, count)
      }
    }
    let owedBefore = server.pointee.ledger.owesReply
    let wasClean = server.pointee.ledger.isClean
    let scan = client.pointee.scanner.scan(
      UnsafeRawBufferPointer(start: scratch, count: count).bytes, ledger: &server.pointee.ledger,
      maxPacketSize: maxPacketSize, inspection: client.pointee.inspection)
    if client.pointee.isSendingText, !watchText(client, min(scan.forward, count)) { return false }
    if scan.forward != 0 {
      _ = server.pointee.stream.send(engine, scratch, count: scan.forward)
      client.pointee.traffic.pointee.counters.received &+= UInt64(truncatingIfNeeded: scan.forward)
      if !owedBefore { server.pointee.queryStartedAt = now }
      if wasClean { server.pointee.transactionStartedAt = now }
    }
    if scan.forward == count, case .drained = scan.stop { return true }
    return stopForwarding(client, scan, count)
  }

  @inline(never)
  private func stopForwarding(_ client: ClientPointer, _ scan: ClientScan, _ count: Int) -> Bool {
    switch scan.stop {
    case .inspect:
      guard let server = client.pointee.server else { return true }
      return forwardInspected(client, server, scan.forward, count)
    case .drained, .mustWait:
      client.pointee.isHeld = scan.stop == .mustWait
      client.pointee.stream.carry.append(
        UnsafeRawBufferPointer(start: scratch + scan.forward, count: count - scan.forward))
      return true
    case .terminate, .refusedQuery, .invalidLength, .invalidType:
      return endForwarding(client, scan.stop)
    }
  }

  /// What the client has sent ends its connection.
  /// - Returns: false.
  func endForwarding(_ client: ClientPointer, _ stop: ClientScan.Stop) -> Bool {
    switch stop {
    case .drained, .mustWait, .inspect: return true
    case .terminate: endClient(client, .clientClosed)
    case .refusedQuery: endClient(client, .simpleQueryRefused)
    case .invalidLength: endClient(client, .invalidMessageLength)
    case .invalidType(let type): endClient(client, .invalidMessageType(type))
    }
    return false
  }

  /// Takes up again what had to wait for replies.
  @inline(never)
  func resumeHeld(_ client: ClientPointer, _ server: ServerPointer) {
    client.pointee.isHeld = false
    let count = client.pointee.stream.carry.move(to: scratch, capacity: Self.scratchCapacity)
    if count > 0 {
      guard forwardFromClient(client, server, count) else { return }
    }
    if client.pointee.stream.isReadable { list(client) }
  }

  /// Gives a clean server back where the pool's mode says so.
  @inline(__always)
  func settle(_ client: ClientPointer, _ server: ServerPointer) {
    if client.pointee.mode == .session || client.pointee.scanner.isMidMessage
      || server.pointee.scanner.isMidMessage
      || client.pointee.stream.outgoing.count > Self.outgoingAllowance
      || server.pointee.stream.isBlocked
    {
      // A blocked one is settled once it has been flushed: nothing would flush it in the pool.
      return
    }
    if client.pointee.keepsServer { return settleSession(client, server) }
    part(client, server)
  }

  /// The client goes on without its server, which is clean.
  @inline(__always)
  func part(_ client: ClientPointer, _ server: ServerPointer) {
    client.pointee.phase = .idle
    client.pointee.server = nil
    client.pointee.since = now
    server.pointee.client = nil
    if client.pointee.stream.isReadable { list(client) }
    release(server)
  }

  func send(_ bytes: [UInt8], to client: ClientPointer) {
    guard !bytes.isEmpty else { return }
    client.pointee.traffic.pointee.counters.sent &+= UInt64(bytes.count)
    _ = bytes.withUnsafeBytes {
      client.pointee.stream.send(engine, $0.baseAddress!, count: $0.count)
    }
  }

  /// Sends what was kept for a client, then reads on from its server.
  @inline(never)
  func flushClient(_ client: ClientPointer) {
    guard client.pointee.stream.flush(engine) else { return }
    if client.pointee.phase == .console { return runConsole(client) }
    deliverKept(client)
    // Also while the server is being prepared: the answer to that may have come meanwhile.
    guard let server = client.pointee.server,
      client.pointee.phase == .active || client.pointee.phase == .preparing
    else { return }
    if server.pointee.stream.isReadable { pumpServer(server) }
    if client.pointee.server == server, client.pointee.phase == .active,
      server.pointee.ledger.isClean
    {
      settle(client, server)
    }
  }

  /// Whether an idle client whose socket has ended has left. What it sent before is looked at
  /// first: Terminate is a goodbye.
  @inline(never)
  private func hasLeft(_ client: ClientPointer) -> Bool {
    switch client.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
    case .bytes:
      // A query whose sender does not wait for the answer is not run.
      let isGoodbye =
        scratch.load(as: UInt8.self) == ClientMessageType.terminate
        && !client.pointee.scanner.isMidMessage
      endClient(client, isGoodbye ? .clientClosed : .clientUnexpectedEOF)
      return true
    case .nothing: return false
    case .end, .failed:
      endClient(client, .clientUnexpectedEOF)
      return true
    }
  }
}
