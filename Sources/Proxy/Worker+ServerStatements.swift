import Admin
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// What servers have of prepared statements, and what their answers tell of it.
extension Worker {
  /// Makes sure that the server has a statement when the next message reaches it.
  /// - Returns: false where that depends on a batch that has not been answered.
  @inline(__always)
  func ensure(_ reference: ClientStatements.Reference, _ server: ServerPointer) -> Bool {
    ensure(reference, server, server.pointee.ledger.openBatch)
  }

  /// - Parameter batch: the one that is open now.
  @inline(__always)
  func ensure(
    _ reference: ClientStatements.Reference, _ server: ServerPointer, _ batch: UInt32
  ) -> Bool {
    switch server.pointee.statements.use(reference.serial, batch: batch) {
    case .present: return true
    case .undecided: return server.pointee.ledger.isTainted
    case .absent: return prepareOwn(reference, server, batch)
    }
  }

  @inline(never)
  private func prepareOwn(
    _ reference: ClientStatements.Reference, _ server: ServerPointer, _ batch: UInt32
  ) -> Bool {
    // A text that was not kept: the server says that it has no such statement.
    guard reference.index >= 0 else { return true }
    guard server.pointee.ledger.clientSends(ClientMessageType.parse) else { return false }
    let tail = pooler.statements.withLock { $0.tail(reference.index) }
    makeRoom(reference.serial, server, batch)
    server.pointee.replies.push(
      ReplyQueue.Entry(.ownParse, batch: batch, serial: reference.serial))
    server.pointee.client?.pointee.traffic.pointee.counters.serverParses &+= 1
    appendParse(StatementName.make(reference.serial), tail)
    return true
  }

  /// Notes a statement that is about to be parsed, and closes another one if there are too many.
  func makeRoom(_ serial: UInt64, _ server: ServerPointer, _ batch: UInt32) {
    // One that is not trusted is closed soon, and what it skips nobody knows in time.
    while !server.pointee.ledger.isTainted,
      let evicted = server.pointee.statements.evict(limit: maxPrepared, batch: batch)
    {
      server.pointee.replies.push(ReplyQueue.Entry(.ownClose, batch: batch, serial: evicted))
      appendClose(UInt8(ascii: "S"), StatementName.make(evicted))
    }
    server.pointee.statements.insert(serial, batch: batch)
  }

  /// Makes sure that the unnamed statement is the client's own, or none, when the next message
  /// reaches the server: that of the server's last client is nobody else's business.
  /// - Returns: false where that depends on a batch that has not been answered.
  @inline(__always)
  func prepareUnnamed(_ server: ServerPointer, _ session: SessionPointer) -> Bool {
    if server.pointee.unnamedIsClients && session.pointee.unnamed != .none {
      return !server.pointee.replies.unnamedIsPending || server.pointee.ledger.isTainted
        || server.pointee.unnamedBatch == server.pointee.ledger.openBatch
    }
    return bringUnnamed(server, session)
  }

  @inline(never)
  private func bringUnnamed(_ server: ServerPointer, _ session: SessionPointer) -> Bool {
    let batch = server.pointee.ledger.openBatch
    if server.pointee.replies.unnamedIsPending && server.pointee.unnamedBatch != batch
      && !server.pointee.ledger.isTainted
    {
      return false
    }
    guard server.pointee.ledger.clientSends(ClientMessageType.parse) else { return false }
    if session.pointee.unnamed == .kept {
      server.pointee.replies.push(ReplyQueue.Entry(.ownParseUnnamed, batch: batch))
      server.pointee.unnamedIsClients = true
      server.pointee.unnamedBatch = batch
      appendParse([], session.pointee.unnamedTail.bytes)
    } else {
      server.pointee.replies.push(ReplyQueue.Entry(.ownClose, batch: batch))
      appendClose(UInt8(ascii: "S"), [])
    }
    return true
  }

  // MARK: messages

  func appendParse(_ name: [UInt8], _ tail: [UInt8]) {
    outbox.appendHeader(ClientMessageType.parse, length: 5 + name.count + tail.count)
    outbox.append(name)
    outbox.append(UInt8(0))
    outbox.append(tail)
  }

  /// Has the Bind behind it fail, with an error that has the text's.
  func failBind(_ text: String, _ server: ServerPointer) {
    guard server.pointee.ledger.clientSends(ClientMessageType.parse) else { return }
    server.pointee.replies.push(
      ReplyQueue.Entry(.ownParse, batch: server.pointee.ledger.openBatch))
    appendParse(Array("SLUICE_NONE".utf8), Array(text.utf8) + [0, 0, 0])
  }

  /// A Close that does nothing: there is no such portal.
  func appendIdleClose() { appendClose(UInt8(ascii: "P"), Array("SLUICE_NONE".utf8)) }

  func appendDescribe(_ name: [UInt8]) {
    outbox.appendHeader(ClientMessageType.describe, length: 6 + name.count)
    outbox.append(UInt8(ascii: "S"))
    outbox.append(name)
    outbox.append(UInt8(0))
  }

  private func appendClose(_ kind: UInt8, _ name: [UInt8]) {
    outbox.appendHeader(ClientMessageType.close, length: 6 + name.count)
    outbox.append(kind)
    outbox.append(name)
    outbox.append(UInt8(0))
  }

  // MARK: answers

  /// A Parse or Close has been answered.
  func completed(_ entry: ReplyQueue.Entry, _ server: ServerPointer) {
    switch entry.kind {
    case .parse, .ownParse: if entry.serial != 0 { server.pointee.statements.parsed(entry.serial) }
    case .ownClose: if entry.serial != 0 { server.pointee.statements.closed(entry.serial) }
    case .parseUnnamed, .ownParseUnnamed, .bind, .close, .closeForParse, .planChange,
      .describeStatement, .describePortal:
      break
    }
    guard entry.hasUndo, let session = server.pointee.client?.pointee.session,
      let dropped = session.pointee.statements.confirmOldest()
    else { return }
    pooler.statements.withLock { $0.release(dropped.index) }
  }

  /// An error has made the server skip messages: what they were to do has not been done.
  /// - Parameters:
  ///   - error: the body of the error, if it has come whole.
  ///   - isTold: it tells the client that a statement's shape has changed.
  @inline(never)
  func failed(_ server: ServerPointer, _ error: [UInt8], isTold: Bool = false) {
    let entries = server.pointee.replies.takeFailed()
    let session = server.pointee.client?.pointee.session
    if let session, let first = entries.first, isPlanChange(error) {
      notePlanChange()
      renew(first.kind == .bind ? first.serial : 0, session)
    }
    for entry in entries.reversed() {
      switch entry.kind {
      case .parse, .ownParse, .ownClose:
        if entry.serial != 0 { server.pointee.statements.skipped(entry.serial) }
      // Unless one has been sent since, in a batch behind it.
      case .parseUnnamed where entry.batch == server.pointee.unnamedBatch:
        server.pointee.unnamedIsClients = false
        session?.pointee.unnamed = .lost
      case .ownParseUnnamed where entry.batch == server.pointee.unnamedBatch:
        server.pointee.unnamedIsClients = false
      case .parseUnnamed, .ownParseUnnamed: break
      case .planChange where !isTold:
        if let session { restoreChange(entry.serial, session) }
      case .bind, .close, .closeForParse, .planChange, .describeStatement, .describePortal: break
      }
    }
    guard let session else { return }
    let undos = entries.reduce(0) { $0 + ($1.hasUndo ? 1 : 0) }
    let dropped = session.pointee.statements.undoOldest(undos)
    if !dropped.isEmpty {
      pooler.statements.withLock { for one in dropped { $0.release(one.index) } }
    }
  }

  /// `cached plan must not change result type`, by the name of the function that says it, which no
  /// translation changes.
  func isPlanChange(_ error: [UInt8]) -> Bool {
    guard let fields = ErrorFields.parse(error), fields.sqlstate == SQLState.featureNotSupported
    else { return false }
    return error.split(separator: 0).contains { $0.elementsEqual("RRevalidateCachedQuery".utf8) }
  }

  /// The result of a statement has another shape than when it was prepared: the client is told
  /// once, as by PostgreSQL itself, and from now on the statement is prepared anew.
  /// - Returns: its new serial.
  @discardableResult
  func renew(_ serial: UInt64, _ session: SessionPointer) -> UInt64? {
    let failed = serial == 0 ? session.pointee.lastUsed : serial
    guard
      let reference = session.pointee.statements.references.first(where: { $0.serial == failed }),
      reference.index >= 0
    else { return nil }
    let (fresh, epoch) = pooler.statements.withLock {
      ($0.renew(reference.index, failed: failed), $0.epoch)
    }
    session.pointee.statements.update(reference.index) {
      $0.serial = fresh
      $0.epoch = epoch
      $0.shape = StatementShape()
    }
    return fresh
  }

  /// An error that names one of the pooler's statements, with the client's name for it.
  func withClientsName(_ error: [UInt8], _ server: ServerPointer) -> [UInt8]? {
    let tag = server.pointee.replies.firstFailed?.tag ?? 0
    guard let session = server.pointee.client?.pointee.session,
      let start = error.firstRange(of: StatementName.prefix)
    else { return nil }
    let end = error[start.upperBound...].firstIndex { $0 < 0x30 || $0 > 0x39 } ?? error.endIndex
    guard let serial = StatementName.serial(of: Array(error[start.lowerBound..<end])), serial != 0,
      let name = session.pointee.statements.name(ofSerial: serial, tag: tag)
    else { return nil }
    return Array(error[..<start.lowerBound]) + name + Array(error[end...])
  }

  /// Forgets all that a client has prepared.
  func releaseStatements(_ session: SessionPointer) {
    let dropped = session.pointee.statements.removeAll()
    guard !dropped.isEmpty else { return }
    pooler.statements.withLock { for one in dropped { $0.release(one.index) } }
  }
}

extension Array where Element == UInt8 {
  /// Where `part` first stands.
  fileprivate func firstRange(of part: [UInt8]) -> Range<Int>? {
    guard count >= part.count else { return nil }
    for start in 0...(count - part.count)
    where self[start] == part[0] && self[start..<start + part.count].elementsEqual(part) {
      return start..<start + part.count
    }
    return nil
  }
}
