import CLinux
import Pooling
import PostgresWire
import Reactor
import Synchronization

// How clients leave.
extension Worker {
  /// Ends a client's connection: tells it why, gives up its server and its place. The one way out.
  /// - Parameter isTold: it knows the reason already.
  @inline(never)
  func endClient(_ client: ClientPointer, _ ending: Ending, isTold: Bool = false) {
    guard client.pointee.phase != .unused, client.pointee.phase != .closed else { return }
    logClientEnd(client, ending, isTold: isTold)
    countEnd(client, ending)
    // Amid a message the notice would be taken for a part of it.
    let isMidMessage =
      client.pointee.phase == .active
      && client.pointee.server?.pointee.scanner.isMidMessage == true
    if !isTold, !isMidMessage, let notice = ending.notice { tell(client, notice) }
    let wasWaiting = client.pointee.phase == .waiting
    // Not its phase alone: a server may have been granted to it already.
    let wasInLogin = client.pointee.login != nil
    client.pointee.phase = .closed
    if !client.pointee.waiter.isNone {
      let waiter = client.pointee.waiter
      let hasLeft = pooler.pools.withLock { $0.leaveQueue(waiter) }
      client.pointee.isAwaited = !hasLeft && (wasWaiting || wasInLogin)
      client.pointee.waiter = .none
    }
    if wasInLogin { loginWaiters.removeAll { $0 == client } }
    if !tenantWaiters.isEmpty { tenantWaiters.removeAll { $0.client == client } }
    if client.pointee.login?.waitsForRoom == true { stopWaitingForRoom(client) }
    if let server = client.pointee.server { leave(server, client, ending) }
    if let session = client.pointee.session {
      unpin(client, session)
      if session.pointee.suspicions.contains(.schema) { noteSchemaChange() }
      releaseStatements(session)
      dropChannels(client, session)
      session.pointee.release()
      session.deinitialize(count: 1)
      session.deallocate()
      client.pointee.session = nil
    }
    releaseTenant(client)
    endObserving(client)
    if client.pointee.pool.rawValue >= 0 {
      let user = client.pointee.identity?.login ?? ""
      pooler.pools.withLock { $0.leave(client.pointee.pool, user: user) }
    }
    if client.pointee.cancelKey != 0 {
      pooler.cancelKeys.withLock { $0.remove(processID: client.pointee.cancelKey) }
    }
    if client.pointee.parameterSet >= 0 {
      pooler.parameterSets.withLock {
        $0.release(client.pointee.parameterSet)
        $0.release(client.pointee.startupSet)
      }
    }
    if client.pointee.isCounted { pooler.loggedInClients.add(-1) }
    pooler.clientCounts[Int(id)].add(-1)
    client.pointee.stream.close()
    client.pointee.login = nil
    if consoles.removeValue(forKey: client) != nil { pooler.consoleClients.add(-1) }
    endCounting(client)
    retireIfClosed(client)
  }

  /// Gives a closed client's place back once nothing refers to it any longer.
  func retireIfClosed(_ client: ClientPointer) {
    guard client.pointee.phase == .closed, !client.pointee.isListed, !client.pointee.isAwaited
    else { return }
    clients.retire(client)
  }

  /// Parts a server from a client that has ended: back to the pool if it is clean, else closed.
  private func leave(_ server: ServerPointer, _ client: ClientPointer, _ ending: Ending) {
    client.pointee.server = nil
    server.pointee.client = nil
    if server.pointee.isDedicated { return closeDedicated(server, ending) }
    if !outbox.isEmpty {
      // What the ledger takes for sent has not been.
      outbox.clear()
      return closeServer(
        server, "client disconnect amid its messages: \(ending.logText)", .clientLeft)
    }
    if let session = client.pointee.session {
      // What it has left there nobody else is to see.
      server.pointee.ledger.watches = []
      let left = session.pointee.pin.union(session.pointee.suspicions).subtracting(.schema)
      if left.contains(.library) || left.contains(.oversized) {
        server.pointee.cleanup = .close
      } else if !left.isEmpty {
        server.pointee.cleanup = .discard
      }
    }
    if server.pointee.task != .none && server.pointee.ledger.owesOnlyOwn
      && !server.pointee.ledger.hasOpenBatch
    {
      // `taskDone` goes on with it. The SETs under way will have been made, or it is closed.
      if server.pointee.task == .parameters { noteUnreported(server, client) }
      return
    }
    if server.pointee.ledger.isClean && !client.pointee.scanner.isMidMessage
      && !server.pointee.scanner.isMidMessage && !server.pointee.stream.isBlocked
    {
      release(server)
    } else {
      // A query that has taken too long is not left running, though its client is gone.
      if ending.stopsQuery, server.pointee.ledger.owesReply { stopQuery(of: server) }
      closeServer(
        server, "client disconnect while server was not ready: \(ending.logText)", .clientLeft)
    }
  }

  /// Sends a FATAL error to a client that is about to be closed.
  private func tell(_ client: ClientPointer, _ notice: (sqlstate: String, message: String)) {
    var writer = MessageWriter()
    writer.errorResponse(
      severity: "FATAL", sqlstate: notice.sqlstate, message: notice.message)
    send(writer.bytes, to: client)
    // Closing a socket with unread bytes in it resets the connection, and the error could be lost.
    for _ in 0..<8 {
      let count = engine.receive(
        client.pointee.stream.fd, into: scratch, count: Self.scratchSize)
      if count <= 0 { break }
    }
  }

  // MARK: notes from servers

  /// Keeps track of a parameter that a server has reported.
  /// - Returns: another value that the client is to be told.
  @discardableResult
  func noteParameter(
    _ server: ServerPointer, _ bytes: UnsafeRawBufferPointer, _ body: ServerScan.Body,
    isForClient: Bool
  ) -> String? {
    guard let (name, value) = ParameterStatus.parse(Array(bytes[body.range])) else { return nil }
    let isIdle = server.pointee.client == nil && server.pointee.task == .none
    if isIdle || Welcome.isServersOwn(name) {
      pooler.directory.withLock { directory in
        guard let welcome = directory.welcomes[server.pointee.pool] else { return }
        directory.welcomes[server.pointee.pool] = welcome.with(name, value)
      }
    }
    let number = pooler.parameterSets.withLock { sets -> ParameterSets.Number? in
      guard let index = sets.index(of: name) else { return nil }
      var values = sets.values(server.pointee.parameterSet)
      guard !ParameterSets.isSame(values[index], value) else { return nil }
      values[index] = value
      let number = sets.intern(values)
      sets.release(server.pointee.parameterSet)
      return number
    }
    guard let number else { return nil }
    server.pointee.parameterSet = number
    // What a client sets follows it to whatever server it gets.
    guard isForClient, let client = server.pointee.client else { return nil }
    adoptParameters(client, of: server)
    let told = adoptShownName(client)
    return Self.isShownName(name) ? told : nil
  }

  /// Looks at an error that a server has sent: to the pooler itself, or as its last word.
  /// - Returns: its SQLSTATE; nil: it can't be read.
  @discardableResult
  func noteError(
    _ server: ServerPointer, _ bytes: UnsafeRawBufferPointer, _ body: ServerScan.Body,
    isOwn: Bool
  ) -> String? {
    guard let fields = ErrorFields.parse(Array(bytes[body.range])) else {
      // An error that can't be read is one all the same.
      if isOwn {
        server.pointee.taskError = ErrorFields(
          severity: "ERROR", sqlstate: SQLState.protocolViolation,
          message: "the server sent an error that can not be read")
      }
      return nil
    }
    let isFatal = fields.severity == "FATAL" || fields.severity == "PANIC"
    if isOwn || isFatal { server.pointee.taskError = fields }
    if !isOwn { countError(server, fields) }
    if isFatal && !isOwn && server.pointee.client != nil { server.pointee.saidFatal = true }
    return fields.sqlstate
  }

  /// An error that a client has been told.
  func countError(_ server: ServerPointer, _ fields: ErrorFields) {
    guard server.pointee.pool.rawValue >= 0 else { return }
    let kind = ErrorClass(sqlstate: fields.sqlstate)
    traffic(of: server.pointee.pool).errors[kind, default: 0] += 1
  }
}

extension ServerScan.Body {
  var range: Range<Int> { start..<start + count }
}
