import Admin
import CLinux
import Pooling
import PostgresWire
import Reactor
import Settings

// The way of a server's bytes to its client.
extension Worker {
  func serverEvent(_ server: ServerPointer, _ event: EngineEvent) {
    let owner = server.ownership
    if owner == Ownership(loop: id, isIdle: false) {
      if event.isHangup {
        server.pointee.stream.sawHangup = true
        server.pointee.stream.isReadable = true
      }
      if event.isReadable { server.pointee.stream.isReadable = true }
      if server.pointee.phase != .ready { return unreadyServerEvent(server) }
      if event.isWritable && server.pointee.stream.isBlocked { flushServer(server) }
      if server.pointee.stream.isReadable { pumpServer(server) }
    } else if owner == Ownership(loop: id, isIdle: true) {
      idleServerEvent(server, event)
    }
    // Else it has moved to another loop, and the event is stale.
  }

  @inline(never)
  private func unreadyServerEvent(_ server: ServerPointer) {
    switch server.pointee.phase {
    case .login: runServerLogin(server)
    case .listening: hubEvent(server)
    case .asking: readerEvent(server)
    case .ready, .unused: return
    }
  }

  /// Forwards what the server has sent.
  @inline(__always)
  func pumpServer(_ server: ServerPointer) {
    var turns = 0
    while server.pointee.stream.isReadable {
      if let client = server.pointee.client {
        if client.pointee.stream.isBlocked { return }
        guard turns < Self.readsPerTurn else { return list(client) }
      }
      turns &+= 1
      let received = server.pointee.stream.receive(
        engine, into: scratch, capacity: Self.scratchSize)
      switch received {
      case .bytes(let count):
        guard forwardFromServer(server, count) else { return }
      case .nothing: return
      case .end: return serverEnded(server, 0)
      case .failed(let code): return serverEnded(server, code)
      }
    }
  }

  /// A server connection ended, or broke with an errno. Apart from its callers, since making the
  /// cause's text costs instructions where it stands.
  @inline(never)
  func serverEnded(_ server: ServerPointer, _ code: Int32) {
    serverLost(
      server, code == 0 ? "the server closed the connection" : SystemError.reason(code))
  }

  /// Scans the bytes in scratch and sends the client's part on; false if the server is no longer
  /// its client's, or is gone.
  @inline(__always)
  func forwardFromServer(_ server: ServerPointer, _ count: Int) -> Bool {
    let bytes = UnsafeRawBufferPointer(start: scratch, count: count).bytes
    let isOwn = server.pointee.ledger.isAnsweringOwn
    var start = 0
    if server.pointee.ledger.owesPreamble && !isOwn {
      let scan = server.pointee.scanner.nextOfPreamble(
        bytes, from: 0, ledger: &server.pointee.ledger, replies: &server.pointee.replies)
      start = scan.position
      guard case .preambleDone = scan.event, start < count else {
        return forwardEvents(server, count, scan, 0, isOwn: true)
      }
    }
    let scan = server.pointee.scanner.next(
      bytes, from: start, ledger: &server.pointee.ledger, replies: &server.pointee.replies)
    // One whole answer and nothing behind it: the common case.
    if case .readyForQuery = scan.event, scan.position == count,
      !server.pointee.replies.hasFailed, let client = server.pointee.client,
      isAllowed(client, server)
    {
      _ = client.pointee.stream.send(engine, scratch + start, count: count &- start)
      client.pointee.traffic.pointee.counters.sent &+= UInt64(truncatingIfNeeded: count &- start)
      countAnswer(client, server)
      return answered(client, server)
    }
    if case .drained = scan.event, scan.position == count, !isOwn,
      server.pointee.ledger.owesReply,
      let client = server.pointee.client, !client.pointee.isHeld
    {
      _ = client.pointee.stream.send(engine, scratch + start, count: count &- start)
      client.pointee.traffic.pointee.counters.sent &+= UInt64(truncatingIfNeeded: count &- start)
      if server.pointee.scanner.endType != 0 { observeEnd(server) }
      return true
    }
    return forwardEvents(server, count, scan, start, isOwn: isOwn)
  }

  /// In statement mode a transaction block is not; the client gets an error in place of the
  /// ReadyForQuery that would tell of it.
  @inline(__always)
  private func isAllowed(_ client: ClientPointer, _ server: ServerPointer) -> Bool {
    client.pointee.mode != .statement
      || server.pointee.ledger.status == TransactionStatus.idle
  }

  /// Counts a query that is answered, and the transaction if it has ended with it.
  @inline(__always)
  private func countAnswer(_ client: ClientPointer, _ server: ServerPointer) {
    if insight != nil { observeReady(client, server) }
    let traffic = client.pointee.traffic
    let queryTime = now &- server.pointee.queryStartedAt
    traffic.pointee.counters.queries &+= 1
    traffic.pointee.counters.queryTime &+= queryTime
    // Of the next one, if it has been sent already.
    server.pointee.queryStartedAt = now
    traffic.pointee.count(LoopTraffic.queries, queryTime)
    guard server.pointee.ledger.status == TransactionStatus.idle else { return }
    let transactionTime = now &- server.pointee.transactionStartedAt
    traffic.pointee.counters.transactions &+= 1
    traffic.pointee.counters.transactionTime &+= transactionTime
    traffic.pointee.count(LoopTraffic.transactions, transactionTime)
    server.pointee.transactionStartedAt = now
  }

  /// A client's query is answered.
  @inline(__always)
  private func answered(_ client: ClientPointer, _ server: ServerPointer) -> Bool {
    client.pointee.since = now
    if server.pointee.ledger.isClean && !client.pointee.isHeld {
      settle(client, server)
      return client.pointee.server == server
    }
    return answeredNotClean(client, server)
  }

  @inline(never)
  private func answeredNotClean(_ client: ClientPointer, _ server: ServerPointer) -> Bool {
    if server.pointee.ledger.canRecount, recount(client, server) { return true }
    if client.pointee.isHeld { resumeHeld(client, server) }
    guard client.pointee.server == server else { return false }
    if server.pointee.ledger.isClean { settle(client, server) }
    return client.pointee.server == server
  }

  /// The general case of `forwardFromServer`: several events in what was read, or some for the
  /// pooler.
  /// - Parameters:
  ///   - first: the first event; the rest is found here.
  ///   - from: where the answer begins that the client has still to be sent.
  ///   - isOwn: what leads to the first event is for the pooler alone.
  @inline(never)
  private func forwardEvents(
    _ server: ServerPointer, _ count: Int, _ first: ServerScan, _ from: Int, isOwn firstIsOwn: Bool
  ) -> Bool {
    let bytes = UnsafeRawBufferPointer(start: scratch, count: count)
    var scan = first
    var isOwn = firstIsOwn
    var start = from
    var isAnswered = false
    var isTaskDone = false
    var isRetry = false
    var position = 0
    scanning: while true {
      if isOwn { start = scan.position }
      position = scan.position
      switch scan.event {
      case .drained, .passing: break scanning
      case .preambleDone: break
      case .preambleFailed(let body):
        guard goesOnBehindFailure(server, Array(bytes[body.range])) else { return false }
      case .readyForQuery:
        if let client = server.pointee.client, !isAllowed(client, server) {
          endClient(client, .transactionInStatementMode)
          return false
        }
        if server.pointee.replies.hasFailed, isRetrying(server) {
          isRetry = true
          start = scan.position
          break
        }
        // What was skipped at a batch's end goes before the answers to the next one.
        if server.pointee.replies.hasFailed { failed(server, []) }
        if let client = server.pointee.client { countAnswer(client, server) }
        isAnswered = true
      case .ownReadyForQuery:
        isTaskDone = true
        if !goesOnBehindTask(server) { return taskDone(server) }
      case .errorResponse(let body):
        let sqlstate = noteError(server, bytes, body, isOwn: isOwn)
        if endsUnused(server) {
          return endUnused(server, start..<max(start, body.start - 5))
        }
        if !isOwn, let changed = errorForClient(server, bytes, body) {
          start = replace(start..<body.start - 5, by: changed, server, behind: scan.position)
        }
        if insight != nil, !isOwn, !isRetrying(server) { observeError(server, sqlstate) }
      case .parameterStatus, .completed, .ownRow, .commandComplete, .notification, .described,
        .ownAnswer, .notice, .statementEnd, .lateReadyForQuery:
        start = note(scan, bytes, server, start, isOwn: isOwn)
      case .violation:
        serverLost(server, "the server sent what the protocol does not allow")
        return false
      }
      isOwn = server.pointee.ledger.isAnsweringOwn || server.pointee.ledger.owesPreamble
      scan = server.pointee.scanner.next(
        bytes.bytes, from: position, ledger: &server.pointee.ledger,
        replies: &server.pointee.replies)
    }
    if let client = server.pointee.client, position > start, client.pointee.phase == .active {
      _ = client.pointee.stream.send(engine, scratch + start, count: position - start)
      client.pointee.traffic.pointee.counters.sent &+= UInt64(position - start)
    }
    if position < count {
      server.pointee.stream.carry.append(UnsafeRawBufferPointer(rebasing: bytes[position...]))
    }
    return forwardedEvents(
      server, isRetry: isRetry, isTaskDone: isTaskDone, isAnswered: isAnswered)
  }

  /// The pooler's own query is answered, and more may follow.
  /// - Returns: false if what follows would be the answers to statements that have not run.
  private func goesOnBehindTask(_ server: ServerPointer) -> Bool {
    switch server.pointee.task {
    case .statement: noteBrought(server)
    case .shapes: noteShapes(server)
    case .parameters:
      guard let client = server.pointee.client else { break }
      // The client's own, under these parameters, or not run at all.
      if server.pointee.taskError != nil { return false }
      parametersArrived(client, server)
    case .none, .connectQuery, .check, .probe, .recount, .reset: break
    }
    return true
  }

  /// All events in what was read have been seen.
  /// - Returns: false if the server is no longer its client's, or is gone.
  private func forwardedEvents(
    _ server: ServerPointer, isRetry: Bool, isTaskDone: Bool, isAnswered: Bool
  ) -> Bool {
    if isRetry, let client = server.pointee.client, let session = client.pointee.session {
      retry(client, server, session)
      return client.pointee.server == server
    }
    if server.pointee.replies.hasFailed, !isRetrying(server) { failed(server, []) }
    if server.pointee.scanner.endType != 0 { observeEnd(server) }
    if server.pointee.ledger.watches.contains(.tags) { stopWatching(server) }
    if !isTaskDone, let client = server.pointee.client, client.pointee.isHeld,
      client.pointee.phase == .active, server.pointee.ledger.hasRoom
    {
      resumeHeld(client, server)
      guard client.pointee.server == server else { return false }
    }
    if isTaskDone, !taskDone(server) { return false }
    // One to whom the server has only just been given has asked nothing yet.
    if isAnswered || server.pointee.ledger.isClean, let client = server.pointee.client,
      client.pointee.phase == .active
    {
      return answered(client, server)
    }
    return true
  }

  /// An event that leaves the server its client's.
  /// - Parameter start: where the answer begins that the client has still to be sent.
  /// - Returns: where it begins now.
  private func note(
    _ scan: ServerScan, _ bytes: UnsafeRawBufferPointer, _ server: ServerPointer, _ start: Int,
    isOwn: Bool
  ) -> Int {
    switch scan.event {
    case .parameterStatus(let body):
      let isForClient = !isOwn && server.pointee.client != nil
      if let told = noteParameter(server, bytes, body, isForClient: isForClient) {
        return presentShownName(told, body, server, start, behind: scan.position)
      }
    case .completed(let entry):
      completed(entry, server)
      return present(entry, start, scan.position)
    case .ownRow(let body):
      if server.pointee.task == .probe, let session = server.pointee.client?.pointee.session {
        session.pointee.probed = DataRow.parse(Array(bytes[body.range]))
      }
    case .ownAnswer(let type, let body):
      if server.pointee.task == .shapes { noteShape(server, type, Array(bytes[body.range])) }
    case .described(let entry, let type, let body):
      if entry.serial != 0, let session = server.pointee.client?.pointee.session {
        let shape = StatementShape(type, Array(bytes[body.range]))
        session.pointee.statements.learn(serial: entry.serial, shape)
      }
    case .commandComplete(let body):
      if server.pointee.ledger.watches.contains(.ends) {
        observeEnds(
          server, ServerMessageType.commandComplete,
          rows: CommandTag.rows(bytes.bytes.extracting(body.range)))
      }
      if server.pointee.ledger.watches.contains(.tags) {
        noteTag(Array(bytes[body.range]), server)
      }
    case .statementEnd(let type): observeEnds(server, type, rows: 0)
    case .lateReadyForQuery: return noteLate(server, start, scan.position)
    case .notice(let body):
      if server.pointee.prefixLength != 0,
        let changed = withoutPrefix(Array(bytes[body.range]), server.pointee.prefixLength)
      {
        var writer = MessageWriter()
        writer.message(ServerMessageType.noticeResponse, body: changed)
        return replace(
          start..<body.start - 5, by: writer.bytes, server, behind: scan.position)
      }
    case .notification(let body):
      // Amid a preamble nothing of what is in front of it is the client's.
      let before = min(start, body.start - 5)..<body.start - 5
      let own = isOwn ? before.upperBound..<before.upperBound : before
      // In session mode it comes to the client's own server.
      if let client = server.pointee.client, client.pointee.mode == .session {
        return replace(
          own, by: Array(bytes[before.upperBound..<scan.position]), server,
          behind: scan.position)
      }
      // The listening connection has it too.
      return replace(own, by: [], server, behind: scan.position)
    case .passing, .drained, .readyForQuery, .ownReadyForQuery, .errorResponse, .violation,
      .preambleDone, .preambleFailed:
      break
    }
    return start
  }

  /// CommandComplete is of no more interest once the statement that made it so is answered.
  private func stopWatching(_ server: ServerPointer) {
    let session = server.pointee.client?.pointee.session
    if session?.pointee.channels?.isUnlistening == true { return }
    if server.pointee.ledger.isTainted { return }
    guard let fence = session?.pointee.fence,
      Int32(bitPattern: server.pointee.ledger.readyCount &- fence) <= 0
    else {
      server.pointee.ledger.watches.remove(.tags)
      return
    }
  }

  /// The server has said FATAL behind its last answer, while its client was not using it.
  private func endsUnused(_ server: ServerPointer) -> Bool {
    guard server.pointee.saidFatal, server.pointee.ledger.isClean,
      let client = server.pointee.client
    else { return false }
    return client.pointee.mode != .session && !client.pointee.keepsServer
      && client.pointee.phase == .active
  }

  /// Gives the client its answer and lets it go on without the server, which is closed: the FATAL
  /// is no answer to anything of the client's.
  private func endUnused(_ server: ServerPointer, _ answer: Range<Int>) -> Bool {
    guard let client = server.pointee.client else { return false }
    if !answer.isEmpty {
      _ = client.pointee.stream.send(engine, scratch + answer.lowerBound, count: answer.count)
      client.pointee.traffic.pointee.counters.sent &+= UInt64(answer.count)
    }
    goOnWithout(server, client)
    serverLost(server, "the server closed the connection")
    return false
  }

  /// Has a client go on without its server, which has answered all that it was sent.
  func goOnWithout(_ server: ServerPointer, _ client: ClientPointer) {
    client.pointee.phase = .idle
    client.pointee.server = nil
    client.pointee.since = now
    server.pointee.client = nil
    readHeldAgain(client)
    if client.pointee.stream.isReadable { list(client) }
  }

  /// Has what a client has sent, and what had to wait, read once more.
  func readHeldAgain(_ client: ClientPointer) {
    guard client.pointee.isHeld else { return }
    client.pointee.isHeld = false
    client.pointee.stream.hasUnseen = true
    client.pointee.stream.isReadable = true
  }

  @inline(never)
  private func flushServer(_ server: ServerPointer) {
    guard server.pointee.stream.flush(engine) else { return }
    // It may have been answered already, with COPY data that came too late still to be sent.
    if let client = server.pointee.client, client.pointee.phase == .active {
      pumpClient(client, server)
    }
  }
}
