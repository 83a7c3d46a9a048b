import Insight
import Pooling
import PostgresWire
import Reactor
import Synchronization

// Prepared statements after a change of the schema. They are prepared anew, under new names. A
// client that was told what a statement gives hears where that has changed, as from PostgreSQL
// itself: `cached plan must not change result type`, once. That it asks for the columns each time
// makes no difference: there are drivers that do, and crash where those are others than before.
extension Worker {
  /// What PostgreSQL says where a statement's result has another shape than when it was prepared.
  /// Drivers know it by its code, its text or its routine.
  private static let planChangeError = Array(
    ("SERROR\0VERROR\0C0A000\0Mcached plan must not change result type\0"
      + "RRevalidateCachedQuery\0\0").utf8)

  /// What a statement that is made to fail complains of.
  private static let changedMark = "SLUICE_0: another shape"

  /// At most one change is believed from errors in this time, in microseconds.
  private static var planChangeInterval: UInt64 { 1_000_000 }

  /// Has every prepared statement looked at before its next use.
  func noteSchemaChange() {
    pooler.statements.withLock {
      pooler.schemaEpoch.store($0.beginEpoch(), ordering: .relaxed)
    }
  }

  /// A change that went another way than through here: an error tells of it. But settings, such as
  /// search_path, can bring about the same error without one.
  func notePlanChange() {
    let last = pooler.lastPlanChange.load(ordering: .relaxed)
    guard now &- last >= Self.planChangeInterval else { return }
    pooler.lastPlanChange.store(now, ordering: .relaxed)
    noteSchemaChange()
  }

  // MARK: before a batch

  /// Asks the server what shape those statements have that the batch uses and that the client was
  /// told under an older schema.
  /// - Parameters:
  ///   - start: where the batch begins in the scratch buffer.
  ///   - count: the bytes in there.
  /// - Returns: whether the batch has to wait.
  @inline(never)
  func mustAskForShapes(
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer, _ start: Int,
    _ count: Int
  ) -> Bool {
    if server.pointee.task == .shapes { return true }
    let epoch = pooler.schemaEpoch.load(ordering: .relaxed)
    guard maps(client), session.pointee.statements.hasTold(before: epoch) else {
      session.pointee.schemaEpoch = epoch
      return false
    }
    let ledger = server.pointee.ledger
    guard !ledger.isTainted, !ledger.hasOpenBatch, !ledger.isCopying,
      ledger.status != TransactionStatus.failed
    else { return false }
    let stale = staleStatements(session, epoch, start, count)
    if stale.isEmpty { return false }
    if ledger.isSettled { askForShapes(stale, server) }
    return true
  }

  /// The statements of an older schema that a batch binds and that the client was told about.
  private func staleStatements(
    _ session: SessionPointer, _ epoch: UInt32, _ start: Int, _ count: Int
  ) -> [StatementRegistry.Index] {
    var stale: [StatementRegistry.Index] = []
    var position = start
    while count - position >= 5, stale.count < SchemaCheck.limit {
      let whole = messageLength(at: position)
      if scratch.load(fromByteOffset: position, as: UInt8.self) == ClientMessageType.bind {
        let message = InspectedMessage(
          type: ClientMessageType.bind, start: position, whole: whole,
          here: min(whole, count - position))
        if let portal = nameRange(message.body, message),
          let range = nameRange(portal.next, message), !range.isEmpty,
          let reference = session.pointee.statements.find(
            bytes(range.start, range.next).bytes, at: 0, count: range.count),
          reference.index >= 0, reference.epoch != epoch, reference.shape.isKnown,
          !reference.isChanged, !stale.contains(reference.index)
        {
          stale.append(reference.index)
        }
      }
      position += whole
    }
    return stale
  }

  func messageLength(at position: Int) -> Int {
    let length = scratch.loadUnaligned(fromByteOffset: position + 1, as: UInt32.self)
    return Int(UInt32(bigEndian: length)) + 1
  }

  private func isPortalDescribe(at position: Int, _ count: Int) -> Bool {
    count - position > 5
      && scratch.load(fromByteOffset: position, as: UInt8.self) == ClientMessageType.describe
      && scratch.load(fromByteOffset: position + 5, as: UInt8.self) == UInt8(ascii: "P")
  }

  private func askForShapes(_ stale: [StatementRegistry.Index], _ server: ServerPointer) {
    let batch = server.pointee.ledger.openBatch
    var check = SchemaCheck()
    outbox.clear()
    for index in stale {
      let (serial, tail) = pooler.statements.withLock { ($0.refresh(index), $0.tail(index)) }
      let isAbsent = server.pointee.statements.use(serial, batch: batch) == .absent
      if isAbsent {
        server.pointee.statements.insert(serial, batch: batch)
        appendParse(StatementName.make(serial), tail)
      }
      appendDescribe(StatementName.make(serial))
      check.add(index, serial: serial, isParsed: isAbsent)
    }
    outbox.appendHeader(ClientMessageType.sync, length: 4)
    // Unlike a simple query it leaves the unnamed statement alone.
    let unnamedIsClients = server.pointee.unnamedIsClients
    beginTask(.shapes, on: server)
    server.pointee.unnamedIsClients = unnamedIsClients
    server.pointee.schemaCheck = check
    _ = server.pointee.stream.send(engine, outbox.bytes, count: outbox.count)
    outbox.clear()
  }

  /// The server has answered a part of what it was asked.
  func noteShape(_ server: ServerPointer, _ type: UInt8, _ body: [UInt8]) {
    guard let serial = server.pointee.schemaCheck?.answer(type, body) else { return }
    server.pointee.statements.parsed(serial)
  }

  /// It has answered all of it, or all it could.
  func noteShapes(_ server: ServerPointer) {
    guard let check = server.pointee.schemaCheck else { return }
    server.pointee.schemaCheck = nil
    for serial in check.unparsed { server.pointee.statements.skipped(serial) }
    guard let session = server.pointee.client?.pointee.session else { return }
    let epoch = pooler.schemaEpoch.load(ordering: .relaxed)
    for item in check.items {
      session.pointee.statements.update(item.index) {
        $0.serial = item.serial
        $0.isChanged = item.isAnswered && $0.shape.contradicts(item.shape)
        // One that could not be prepared gets its error where it is used.
        $0.epoch = $0.isChanged ? 0 : epoch
        $0.shape.learn(item.shape)
      }
    }
  }

  // MARK: uses

  /// Brings what a client has of a statement to the present schema.
  /// - Returns: whether the client has to be told that the shape has changed.
  @inline(never)
  func follow(
    _ reference: inout ClientStatements.Reference, _ server: ServerPointer,
    _ session: SessionPointer
  ) -> Bool {
    let index = reference.index
    guard index >= 0 else { return false }
    // A transaction goes on with what it has: if that will not do, PostgreSQL says so.
    if server.pointee.ledger.status == TransactionStatus.inTransaction, !reference.isChanged,
      server.pointee.statements.use(reference.serial, batch: server.pointee.ledger.openBatch)
        == .present
    {
      return false
    }
    let (serial, epoch) = pooler.statements.withLock { ($0.refresh(index), $0.epoch) }
    reference.serial = serial
    if reference.isChanged { return true }
    reference.epoch = epoch
    session.pointee.statements.update(index) {
      $0.serial = serial
      $0.epoch = epoch
    }
    return false
  }

  /// As `follow`, for a use that tells the client the shape.
  func followed(
    _ reference: ClientStatements.Reference, _ server: ServerPointer, _ session: SessionPointer
  ) -> ClientStatements.Reference {
    var reference = reference
    guard reference.epoch != pooler.schemaEpoch.load(ordering: .relaxed) else { return reference }
    if follow(&reference, server, session) { told(&reference, session) }
    return reference
  }

  private func told(_ reference: inout ClientStatements.Reference, _ session: SessionPointer) {
    let epoch = pooler.statements.withLock { $0.epoch }
    reference.epoch = epoch
    reference.isChanged = false
    let serial = reference.serial
    session.pointee.statements.update(reference.index) {
      $0.serial = serial
      $0.epoch = epoch
      $0.isChanged = false
    }
  }

  /// Has the client's next Bind fail: it is to hear that the shape has changed.
  func failChanged(
    _ reference: inout ClientStatements.Reference, _ server: ServerPointer,
    _ session: SessionPointer
  ) {
    told(&reference, session)
    server.pointee.replies.push(
      ReplyQueue.Entry(
        .planChange, batch: server.pointee.ledger.openBatch, serial: reference.serial))
    let text = "SELECT '\(Self.changedMark)'::pg_catalog.int4"
    appendParse(StatementName.make(0), Array(text.utf8) + [0, 0, 0])
  }

  /// Whether an error is that of a statement which is made to fail by `failChanged`, and not of one
  /// in front of it.
  func isMadeToFail(_ server: ServerPointer, _ error: [UInt8]) -> Bool {
    guard server.pointee.replies.firstFailed?.kind == .planChange else { return false }
    return ErrorFields.parse(error)?.message.contains(Self.changedMark) == true
  }

  /// The client has not heard it: an error in front has made the server skip it.
  func restoreChange(_ serial: UInt64, _ session: SessionPointer) {
    session.pointee.statements.update(serial: serial) {
      $0.isChanged = true
      $0.epoch = 0
    }
  }

  /// The error that a client gets for a Bind which was made to fail.
  func planChangeMessage() -> [UInt8] {
    var writer = MessageWriter()
    writer.message(ServerMessageType.errorResponse, body: Self.planChangeError)
    return writer.bytes
  }

  // MARK: once more

  /// Keeps a batch that is all of a transaction and uses one prepared statement whose columns it
  /// asks for: should the server have the statement in an older shape than the client knows, it is
  /// prepared anew and the batch sent once more. Nothing of it has run then.
  @inline(__always)
  func keepForRetry(_ session: SessionPointer, _ start: Int, _ count: Int) {
    session.pointee.retrySerial = 0
    guard count &- start <= ClientSession.longestRetry,
      scratch.load(fromByteOffset: start, as: UInt8.self) == ClientMessageType.bind
    else { return }
    let describe = start &+ messageLength(at: start)
    guard isPortalDescribe(at: describe, count) else { return }
    keepDescribed(session, start, describe, count)
  }

  @inline(never)
  private func keepDescribed(
    _ session: SessionPointer, _ start: Int, _ describe: Int, _ count: Int
  ) {
    let execute = describe + messageLength(at: describe)
    guard count - execute > 5,
      scratch.load(fromByteOffset: execute, as: UInt8.self) == ClientMessageType.execute,
      execute + messageLength(at: execute) + 5 == count,
      scratch.load(fromByteOffset: count - 5, as: UInt8.self) == ClientMessageType.sync,
      session.pointee.lastUsed != 0
    else { return }
    if session.pointee.retry == .second {
      session.pointee.retry = .none
      return
    }
    session.pointee.retrySerial = session.pointee.lastUsed
    session.pointee.retryBytes.set(scratch + start, count: count - start)
  }

  /// Whether an error is answered by sending the client's batch once more, so that the client does
  /// not hear of it. The ReadyForQuery behind it does that.
  func retries(_ server: ServerPointer, _ session: SessionPointer, _ error: [UInt8]) -> Bool {
    guard session.pointee.retrySerial != 0, server.pointee.ledger.owesOneReply,
      server.pointee.ledger.status == TransactionStatus.idle,
      let first = server.pointee.replies.firstFailed, first.kind == .bind,
      first.serial == session.pointee.retrySerial, isPlanChange(error)
    else { return false }
    session.pointee.retry = .due
    return true
  }

  func isRetrying(_ server: ServerPointer) -> Bool {
    server.pointee.client?.pointee.session?.pointee.retry == .due
  }

  /// Sends a client's batch once more.
  func retry(_ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer) {
    session.pointee.retry = .second
    notePlanChange()
    let serial = session.pointee.retrySerial
    let told = session.pointee.statements.references.first { $0.serial == serial }?.shape
    if let renewed = renew(serial, session), let told, told.isKnown {
      // What the client was told may be what the server says now.
      session.pointee.schemaEpoch = 0
      session.pointee.statements.update(serial: renewed) {
        $0.shape = told
        $0.epoch = 0
      }
    }
    failed(server, [])
    session.pointee.retrySerial = 0
    let behind = client.pointee.stream.carry.move(to: scratch, capacity: Self.scratchCapacity)
    let kept = session.pointee.retryBytes.bytes
    client.pointee.observed?.pointee.repeatedBytes = kept.count
    let later = Array(UnsafeRawBufferPointer(start: scratch, count: behind))
    kept.withUnsafeBytes { client.pointee.stream.carry.append($0) }
    later.withUnsafeBytes { client.pointee.stream.carry.append($0) }
    resumeHeld(client, server)
  }
}
