import Pooling
import PostgresWire

// What Sluice does for a client's messages, and at a server's answers. Returning without a message
// stands for holding the client.
extension StatementsWorld {
  private func find(_ name: [UInt8]) -> ClientStatements.Reference? {
    clients[client].statements.find(name.span.bytes, at: 0, count: name.count)
  }

  func sync() {
    guard server.ledger.clientSends(ClientMessageType.sync) else { return }
    server.send(.init(kind: .sync), nil)
  }

  mutating func parse(_ name: [UInt8], _ tail: [UInt8]) {
    let batch = server.ledger.openBatch
    if clients[client].statements.isUndecided(name, batch: batch) { return }
    if let taken = find(name) {
      guard ensure(taken), server.ledger.clientSends(ClientMessageType.parse) else { return }
      server.send(
        .init(kind: .parse(taken.serial), isRepeated: true), .init(.parse, batch: batch))
      return
    }
    let reference = registry.intern(tail: tail, analysis: nil)
    let presence = server.statements.use(reference.serial, batch: batch)
    guard presence != .undecided, server.ledger.clientSends(ClientMessageType.parse) else {
      registry.release(reference.index)
      return
    }
    clients[client].statements.set(name, reference, batch: batch)
    let isAbsent = presence == .absent
    if isAbsent { makeRoom(reference.serial, batch) }
    server.send(
      .init(
        kind: isAbsent ? .parse(reference.serial) : .idleClose,
        effect: .prepare(name, tail: tail)),
      .init(
        isAbsent ? .parse : .closeForParse, batch: batch,
        serial: isAbsent ? reference.serial : 0, hasUndo: true))
  }

  func parseUnnamed() {
    guard server.ledger.clientSends(ClientMessageType.parse) else { return }
    server.send(
      .init(kind: .parseUnnamed), .init(.parseUnnamed, batch: server.ledger.openBatch))
  }

  /// A statement that is too long to be kept.
  mutating func parseLong(_ name: [UInt8]) {
    let batch = server.ledger.openBatch
    let statements = clients[client].statements
    if statements.isUndecided(name, batch: batch) || statements.hasUndos || find(name) != nil {
      return
    }
    let serial = registry.makeSerial()
    guard server.ledger.clientSends(ClientMessageType.parse) else { return }
    clients[client].statements.set(name, .init(serial: serial), batch: batch)
    server.statements.insert(serial, batch: batch, isOnlyCopy: true)
    clients[client].isPinned = true
    server.onlyCopies += 1
    server.send(
      .init(kind: .parse(serial), effect: .prepare(name, tail: [])),
      .init(.parse, batch: batch, serial: serial, hasUndo: true))
  }

  func bind(_ name: [UInt8]) {
    let batch = server.ledger.openBatch
    if clients[client].statements.isUndecided(name, batch: batch) { return }
    let reference = find(name)
    if let reference, !ensure(reference) { return }
    guard server.ledger.clientSends(ClientMessageType.bind) else { return }
    let serial = reference?.serial ?? 0
    server.send(.init(kind: .bind(serial)), .init(.bind, batch: batch, serial: serial))
  }

  mutating func close(_ name: [UInt8]) {
    let batch = server.ledger.openBatch
    if clients[client].statements.isUndecided(name, batch: batch) { return }
    guard server.ledger.clientSends(ClientMessageType.close) else { return }
    let isKnown = find(name) != nil
    if isKnown { clients[client].statements.set(name, nil, batch: batch) }
    server.send(
      .init(kind: .idleClose, effect: isKnown ? .deallocate(name) : .none),
      .init(.close, batch: batch, hasUndo: isKnown))
  }

  /// Makes sure that the server has a statement when the next message reaches it.
  private func ensure(_ reference: ClientStatements.Reference) -> Bool {
    let batch = server.ledger.openBatch
    switch server.statements.use(reference.serial, batch: batch) {
    case .present: return true
    case .undecided: return false
    case .absent:
      guard reference.index >= 0 else { return true }
      guard server.ledger.clientSends(ClientMessageType.parse) else { return false }
      makeRoom(reference.serial, batch)
      server.send(
        .init(kind: .parse(reference.serial)),
        .init(.ownParse, batch: batch, serial: reference.serial))
      return true
    }
  }

  private func makeRoom(_ serial: UInt64, _ batch: UInt32) {
    while let evicted = server.statements.evict(limit: limit, batch: batch) {
      server.send(
        .init(kind: .close(evicted)), .init(.ownClose, batch: batch, serial: evicted))
    }
    server.statements.insert(serial, batch: batch)
  }

  // MARK: answers

  mutating func deliver() throws(Finding) {
    let isPlanChange = server.output.first.map(Self.isPlanChange) ?? false
    let (event, failed) = try server.deliver()
    switch event {
    case .completed(let entry): completed(entry)
    case .errorResponse, .readyForQuery: fail(failed, isPlanChange)
    default: break
    }
  }

  private static func isPlanChange(_ message: [UInt8]) -> Bool {
    message[0] == ServerMessageType.errorResponse
      && ErrorFields.parse(Array(message.dropFirst(5)))?.sqlstate == SQLState.featureNotSupported
  }

  private mutating func completed(_ entry: ReplyQueue.Entry) {
    switch entry.kind {
    case .parse, .ownParse: if entry.serial != 0 { server.statements.parsed(entry.serial) }
    case .ownClose: server.statements.closed(entry.serial)
    default: break
    }
    if entry.hasUndo, let dropped = clients[client].statements.confirmOldest() {
      registry.release(dropped.index)
    }
  }

  private mutating func fail(_ entries: [ReplyQueue.Entry], _ isPlanChange: Bool) {
    if isPlanChange, let first = entries.first, first.kind == .bind { renew(first.serial) }
    for entry in entries.reversed() {
      switch entry.kind {
      case .parse, .ownParse, .ownClose:
        if entry.serial != 0 { server.statements.skipped(entry.serial) }
      default: break
      }
    }
    let undos = entries.count { $0.hasUndo }
    for reference in clients[client].statements.undoOldest(undos) {
      registry.release(reference.index)
    }
  }

  /// The statement is prepared anew from now on.
  private mutating func renew(_ serial: UInt64) {
    let references = clients[client].statements.references
    guard let reference = references.first(where: { $0.serial == serial }), reference.index >= 0
    else { return }
    let fresh = registry.renew(reference.index, failed: serial)
    clients[client].statements.update(reference.index) { $0.serial = fresh }
  }
}
