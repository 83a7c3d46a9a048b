import Admin
import CLinux
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// Prepared statements of clients whose servers change: names are mapped, and a server that lacks a
// statement prepares it in the same write, in front of the message that needs it.
extension Worker {
  /// Where the name that ends at the next NUL stands.
  struct NameRange {
    var start: Int
    var count: Int
    /// Behind its NUL.
    var next: Int { start + count + 1 }
    var isEmpty: Bool { count == 0 }
  }

  /// The client's servers change, and its names are mapped.
  @inline(__always)
  func maps(_ client: ClientPointer) -> Bool {
    maxPrepared > 0 && client.pointee.mode != .session
  }

  /// Preambles go in front of the client's transactions, and take the place of its unnamed
  /// statement. So what its Parse, Bind and Close come to is followed even where names are not
  /// mapped.
  @inline(__always)
  func hasPreamble(_ client: ClientPointer) -> Bool {
    client.pointee.tenant?.pointee.isExempt == false
  }

  /// The longest name that a message may have: PostgreSQL looks at no more than 63 bytes of it.
  static var longestGivenName: Int { 1_024 }

  @inline(__always)
  func nameRange(_ start: Int, _ message: InspectedMessage) -> NameRange? {
    let limit = min(message.end &- start, Self.longestGivenName &+ 1)
    guard limit > 0 else { return nil }
    if scratch.load(fromByteOffset: start, as: UInt8.self) == 0 {
      return NameRange(start: start, count: 0)
    }
    guard let end = memchr(scratch + start, 0, limit) else { return nil }
    return NameRange(start: start, count: scratch.distance(to: end) - start)
  }

  /// What is to be done about a message whose name has no end where it should have one.
  func nameless(_ message: InspectedMessage, _ client: ClientPointer) -> Inspected {
    if message.isWhole || message.here > 2 * Self.longestGivenName + 8 {
      endClient(client, .invalidMessageLength)
      return .ended
    }
    return .incomplete
  }

  func name(_ range: NameRange) -> [UInt8] {
    Array(
      UnsafeRawBufferPointer(
        start: scratch + range.start, count: min(range.count, ClientStatements.longestName)))
  }

  /// What a name means depends on a batch that has not been answered. Of a server that is not
  /// trusted nobody knows when it has: there the client goes on, alone.
  func isUndecided(
    _ name: [UInt8], _ session: SessionPointer, _ server: ServerPointer
  ) -> Bool {
    !server.pointee.ledger.isTainted
      && session.pointee.statements.isUndecided(name, batch: server.pointee.ledger.openBatch)
  }

  // MARK: Bind

  @inline(__always)
  func inspectBind(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Inspected {
    guard let portal = nameRange(message.body, message),
      let range = nameRange(portal.next, message)
    else { return nameless(message, client) }
    let isMapped = maps(client)
    if !isMapped {
      if isUnconfirmed { return .held }
      guard hasPreamble(client) else { return pass(message, server) }
    }
    guard server.pointee.replies.hasRoom else { return .held }
    session.pointee.boundSerial = 0
    if let tenant = client.pointee.tenant, tenant.pointee.isRead,
      let done = inspectReadBind(message, portal, range, client, server, session, tenant)
    {
      return done
    }
    if range.isEmpty {
      return bindUnnamed(message, portal, range, client, server, session, isUnconfirmed)
    }
    if !isMapped { return passBind(message, server) }
    let batch = server.pointee.ledger.openBatch
    if session.pointee.statements.hasUndos, isUndecided(name(range), session, server) {
      return .held
    }
    guard
      var reference = session.pointee.statements.find(
        bytes(range.start, range.next).bytes, at: 0, count: range.count)
    else { return bindUnknown(message, portal, range, server) }
    if isUnconfirmed && reference.isPlain && !reference.isHarmless { return .held }
    let isChanged =
      reference.epoch != pooler.schemaEpoch.load(ordering: .relaxed)
      && follow(&reference, server, session)
    if !reference.isPlain, client.pointee.tenant != nil,
      let analysis = pooler.statements.withLock({ $0.analysis(reference.index) }),
      let bound = bindAssignment(
        message, portal, range.next, analysis, client, server, session)
    {
      return bound
    }
    if !reference.isPlain,
      !noteBound(reference, client, server, session, isUnconfirmed)
    {
      return .held
    }
    guard ensure(reference, server, batch), server.pointee.ledger.clientSends(message.type) else {
      return .held
    }
    if isChanged { failChanged(&reference, server, session) }
    session.pointee.lastUsed = reference.serial
    if reference.shape.columns == 0 && portal.isEmpty {
      session.pointee.boundSerial = reference.serial
    }
    server.pointee.replies.push(
      ReplyQueue.Entry(.bind, batch: batch, serial: reference.serial, tag: reference.tag))
    client.pointee.traffic.pointee.counters.binds &+= 1
    appendRenamed(message, portal.next, range, ServerName(reference.serial))
    return .sent
  }

  @inline(__always)
  private func bindUnnamed(
    _ message: InspectedMessage, _ portal: NameRange, _ range: NameRange, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Inspected {
    if isUnconfirmed && (session.pointee.unnamedExits || session.pointee.unnamed == .lost) {
      return .held
    }
    if session.pointee.unnamedAnalysis != nil,
      let result = bindAnalysed(message, portal, range, client, server, session)
    {
      return result
    }
    guard prepareUnnamed(server, session) else { return .held }
    return passBind(message, server)
  }

  /// The Bind of an unnamed statement that does more than read or write data.
  /// - Returns: nil: it goes as any other.
  @inline(never)
  private func bindAnalysed(
    _ message: InspectedMessage, _ portal: NameRange, _ range: NameRange, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected? {
    guard let analysis = session.pointee.unnamedAnalysis?.value else { return nil }
    if let bound = bindAssignment(
      message, portal, range.next, analysis, client, server, session)
    {
      return bound
    }
    return noteBound(analysis, client, server, session) ? nil : .held
  }

  /// Sends a Bind as it is.
  @inline(__always)
  private func passBind(_ message: InspectedMessage, _ server: ServerPointer) -> Inspected {
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    server.pointee.replies.push(
      ReplyQueue.Entry(.bind, batch: server.pointee.ledger.openBatch))
    outbox.append(scratch + message.start, count: message.here)
    return .sent
  }

  /// The message with the name at `range`, which begins at `start`, replaced.
  @inline(__always)
  private func appendRenamed(
    _ message: InspectedMessage, _ start: Int, _ range: NameRange, _ name: ServerName
  ) {
    outbox.append(
      message.type, length: message.whole &- 1 &- range.count &+ name.count,
      before: scratch + message.body, start &- message.body, name,
      after: scratch + range.next, message.end &- range.next)
  }

  /// A statement that the client does not have: PostgreSQL says so, unless the pooler's own
  /// statements have such a name.
  private func bindUnknown(
    _ message: InspectedMessage, _ portal: NameRange, _ range: NameRange, _ server: ServerPointer
  ) -> Inspected {
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    server.pointee.replies.push(
      ReplyQueue.Entry(.bind, batch: server.pointee.ledger.openBatch))
    if isOwnName(range) {
      // No statement has the number 0.
      appendRenamed(message, portal.next, range, ServerName(0))
    } else {
      outbox.append(scratch + message.start, count: message.here)
    }
    return .sent
  }

  private func isOwnName(_ range: NameRange) -> Bool {
    range.count >= 7 && memcmp(scratch + range.start, "SLUICE_", 7) == 0
  }

  // MARK: Describe, Close

  func inspectNamed(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer
  ) -> Inspected {
    guard maps(client) else { return inspectOwnName(message, client, server, session) }
    guard message.isWhole else { return .incomplete }
    let isClose = message.type == ClientMessageType.close
    let isStatement =
      message.whole > 6 && scratch.load(fromByteOffset: message.body, as: UInt8.self) == 0x53
    guard server.pointee.replies.hasRoom else { return .held }
    guard isStatement, let range = nameRange(message.body + 1, message) else {
      let result = pass(message, server)
      if isClose, case .sent = result {
        server.pointee.replies.push(
          ReplyQueue.Entry(.close, batch: server.pointee.ledger.openBatch))
      }
      return result
    }
    if isClose { return closeStatement(message, range, client, server, session) }
    if range.isEmpty {
      guard prepareUnnamed(server, session) else { return .held }
      return passDescribe(message, server)
    }
    if isUndecided(name(range), session, server) { return .held }
    guard
      let found = session.pointee.statements.find(
        bytes(range.start, range.next).bytes, at: 0, count: range.count)
    else {
      guard isOwnName(range) else { return passDescribe(message, server) }
      guard server.pointee.ledger.clientSends(message.type) else { return .held }
      expectDescription(.describeStatement, 0, server)
      appendRenamed(message, range.start, range, ServerName(0))
      return .sent
    }
    let reference = followed(found, server, session)
    guard ensure(reference, server), server.pointee.ledger.clientSends(message.type) else {
      return .held
    }
    session.pointee.lastUsed = reference.serial
    expectDescription(.describeStatement, reference.serial, server)
    appendRenamed(message, range.start, range, ServerName(reference.serial))
    return .sent
  }

  /// The same where servers know names as the client does.
  private func inspectOwnName(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer
  ) -> Inspected {
    guard hasPreamble(client) else { return pass(message, server) }
    guard message.isWhole else { return .incomplete }
    guard server.pointee.replies.hasRoom else { return .held }
    let isClose = message.type == ClientMessageType.close
    let isStatement =
      message.whole > 6 && scratch.load(fromByteOffset: message.body, as: UInt8.self) == 0x53
    let range = isStatement ? nameRange(message.body + 1, message) : nil
    let isUnnamed = range?.isEmpty == true
    if isUnnamed, !isClose, !prepareUnnamed(server, session) { return .held }
    let batch = server.pointee.ledger.openBatch
    let result = pass(message, server)
    if isClose, result == .sent {
      var hasUndo = false
      if isUnnamed {
        forgetUnnamed(client, session)
      } else if let range {
        hasUndo = noteName(range, isControl: nil, client, session, batch)
      }
      server.pointee.replies.push(ReplyQueue.Entry(.close, batch: batch, hasUndo: hasUndo))
    }
    return result
  }

  private func passDescribe(_ message: InspectedMessage, _ server: ServerPointer) -> Inspected {
    let result = pass(message, server)
    if result == .sent { expectDescription(.describeStatement, 0, server) }
    return result
  }

  /// A Describe has been sent: its answer tells the client a statement's shape.
  private func expectDescription(
    _ kind: ReplyQueue.Kind, _ serial: UInt64, _ server: ServerPointer
  ) {
    // Of a server that is not trusted nobody knows which answer is whose.
    if server.pointee.ledger.isTainted { return }
    server.pointee.ledger.watches.insert(.descriptions)
    server.pointee.replies.push(
      ReplyQueue.Entry(kind, batch: server.pointee.ledger.openBatch, serial: serial))
  }

  /// The client has described a portal behind a Bind of a statement whose shape it was not told.
  @inline(never)
  func learnPortal(
    _ whole: Int, _ here: Int, _ server: ServerPointer, _ session: SessionPointer
  ) {
    // Of the unnamed portal: its name is empty.
    if whole == 7, here == 7, server.pointee.replies.hasRoom {
      expectDescription(.describePortal, session.pointee.boundSerial, server)
    }
    session.pointee.boundSerial = 0
  }

  /// The client gives a statement up. The server keeps it: others may have it too.
  private func closeStatement(
    _ message: InspectedMessage, _ range: NameRange, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected {
    let batch = server.pointee.ledger.openBatch
    let name = name(range)
    if isUndecided(name, session, server) { return .held }
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    let isKnown =
      !range.isEmpty
      && session.pointee.statements.find(
        bytes(range.start, range.next).bytes, at: 0, count: range.count) != nil
    server.pointee.replies.push(ReplyQueue.Entry(.close, batch: batch, hasUndo: isKnown))
    if isKnown {
      session.pointee.statements.set(name, nil, batch: batch)
      appendIdleClose()
    } else if isOwnName(range) {
      appendIdleClose()
    } else {
      if range.isEmpty { forgetUnnamed(client, session) }
      outbox.append(scratch + message.start, count: message.here)
    }
    return .sent
  }
}
