import Admin
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

/// A client's message in the scratch buffer.
struct InspectedMessage {
  var type: UInt8
  /// Where its type stands.
  var start: Int
  /// Its bytes, header included, and how many of them have come.
  var whole: Int
  var here: Int

  var isWhole: Bool { here == whole }
  var body: Int { start + 5 }
  var end: Int { start + here }
}

/// What becomes of an inspected message.
enum Inspected {
  /// It is in the outbox, changed or not.
  case sent
  /// It waits for answers to what went before.
  case held
  /// More of it has to come first.
  case incomplete
  /// The client has been ended.
  case ended
}

// Messages that are looked at on their way: those that name prepared statements, and those that
// could change more than their transaction. What is sent is put together in the outbox.
extension Worker {
  /// Messages up to this length are looked at as a whole. Less than the scratch buffer holds.
  static var inspectedLimit: Int { 100_000 }

  /// Takes over where the scanner has met a message that is to be looked at.
  /// - Parameters:
  ///   - start: where that message begins.
  ///   - count: the bytes in the scratch buffer.
  /// - Returns: false if the client has ended.
  @inline(never)
  func forwardInspected(
    _ client: ClientPointer, _ server: ServerPointer, _ start: Int, _ count: Int
  ) -> Bool {
    let session = client.pointee.session ?? beginSession(client)
    let owedBefore = server.pointee.ledger.owesReply
    let wasClean = server.pointee.ledger.isClean
    let isFirst = wasClean || owesOnlyOwn(server)
    if session.pointee.schemaEpoch != pooler.schemaEpoch.load(ordering: .relaxed),
      mustAskForShapes(client, server, session, start, count)
    {
      return hold(client, start, count, true)
    }
    outbox.clear()
    var (position, isHeld) = (start, false)
    var run = start  // what is from here to `position` goes as it is
    scanning: while count &- position >= 5 {
      if passesBatchEnd(&position, count, server, session) { continue scanning }
      let type = scratch.load(fromByteOffset: position, as: UInt8.self)
      let length = UInt32(
        bigEndian: scratch.loadUnaligned(fromByteOffset: position &+ 1, as: UInt32.self))
      if let stop = client.pointee.scanner.check(type, length, maxPacketSize) {
        outbox.append(scratch + run, count: position &- run)
        sendOutbox(client, server, owedBefore, wasClean, taken: position &- start)
        return endForwarding(client, stop)
      }
      let whole = Int(length) &+ 1
      let here = min(whole, count &- position)
      if mustWait(session, server) {
        isHeld = true
        break scanning
      }
      if let tenant = client.pointee.tenant {
        switch cover(type, client, server, session, tenant, position, count, &run) {
        case .goesItsWay: break
        case .waits(let forAnswers):
          isHeld = forAnswers
          break scanning
        case .ended: return false
        case .passed:
          client.pointee.scanner.pass(whole: whole, here: here)
          position &+= here
          continue scanning
        }
      }
      if !Self.isInspected(type) || isOfPortal(type, position, here) {
        guard server.pointee.ledger.clientSends(type) else {
          isHeld = true
          break scanning
        }
        if session.pointee.boundSerial != 0, type == ClientMessageType.describe {
          learnPortal(whole, here, server, session)
        }
      } else {
        if run != position { outbox.append(scratch + run, count: position &- run) }
        run = position
        let message = InspectedMessage(type: type, start: position, whole: whole, here: here)
        let inspected = inspect(message, client, server, session)
        isHeld = inspected == .held
        if inspected == .ended { return false }
        if inspected != .sent { break scanning }
        run = position &+ here
      }
      client.pointee.scanner.pass(whole: whole, here: here)
      position &+= here
    }
    outbox.append(scratch + run, count: position &- run)
    sendOutbox(client, server, owedBefore, wasClean, taken: position &- start)
    if isFirst && position == count { keepForRetry(session, start, count) }
    return hold(client, position, count, isHeld)
  }

  /// Passes an Execute of the unnamed portal without a row limit and a Sync, 15 bytes in all, with
  /// which nearly every batch ends.
  /// - Returns: false where they are not what comes next, or not all there is to it.
  @inline(__always)
  private func passesBatchEnd(
    _ position: inout Int, _ count: Int, _ server: ServerPointer, _ session: SessionPointer
  ) -> Bool {
    guard count &- position >= 15, word(position) == 0x0000_0009_0000_0045,
      word(position &+ 7) == 0x0400_0000_5300_0000, session.pointee.fence == nil,
      !server.pointee.ledger.isAnsweringOwn, server.pointee.ledger.clientEndsBatch()
    else { return false }
    position &+= 15
    return true
  }

  @inline(__always)
  private func word(_ position: Int) -> UInt64 {
    UInt64(littleEndian: scratch.loadUnaligned(fromByteOffset: position, as: UInt64.self))
  }

  /// Keeps what a client has sent for later.
  /// - Parameter waits: for answers, not for more bytes.
  /// - Returns: true.
  @inline(__always)
  private func hold(
    _ client: ClientPointer, _ start: Int, _ count: Int, _ waits: Bool
  ) -> Bool {
    if start < count {
      client.pointee.stream.carry.append(
        UnsafeRawBufferPointer(start: scratch + start, count: count - start))
    }
    client.pointee.isHeld = waits
    return true
  }

  /// All that is in front of what comes next is a query of the pooler's own, or a preamble.
  @inline(__always)
  func owesOnlyOwn(_ server: ServerPointer) -> Bool {
    (server.pointee.ledger.owesOnlyOwn
      || (server.pointee.ledger.owesPreamble && !server.pointee.ledger.owesReply))
      && !server.pointee.ledger.hasOpenBatch
      && server.pointee.ledger.status == TransactionStatus.idle
  }

  @inline(__always)
  private static func isInspected(_ type: UInt8) -> Bool {
    switch type {
    case ClientMessageType.bind, ClientMessageType.query, ClientMessageType.parse,
      ClientMessageType.describe, ClientMessageType.close, ClientMessageType.functionCall:
      true
    default: false
    }
  }

  /// A Describe of a portal, which has the client's own name on the server too.
  @inline(__always)
  private func isOfPortal(_ type: UInt8, _ position: Int, _ here: Int) -> Bool {
    type == ClientMessageType.describe && here > 5
      && scratch.load(fromByteOffset: position &+ 5, as: UInt8.self) == 0x50
  }

  /// Nothing is sent behind what decides about it.
  @inline(__always)
  private func mustWait(_ session: SessionPointer, _ server: ServerPointer) -> Bool {
    if session.pointee.fence != nil, isFenced(session, server) { return true }
    // Behind the pooler's own statement goes one query or batch, and not before it is known that
    // the statement would keep it from running if it failed.
    return server.pointee.ledger.isAnsweringOwn && !server.pointee.ledger.owesOnlyOwn
  }

  /// - Parameter taken: how many of the client's bytes have come into it.
  @inline(__always)
  private func sendOutbox(
    _ client: ClientPointer, _ server: ServerPointer, _ owedBefore: Bool, _ wasClean: Bool,
    taken: Int
  ) {
    client.pointee.traffic.pointee.counters.received &+= UInt64(truncatingIfNeeded: taken)
    guard !outbox.isEmpty else { return }
    _ = server.pointee.stream.send(engine, outbox.bytes, count: outbox.count)
    outbox.clear()
    if !owedBefore { server.pointee.queryStartedAt = now }
    if wasClean { server.pointee.transactionStartedAt = now }
  }

  private func beginSession(_ client: ClientPointer) -> SessionPointer {
    let session = SessionPointer.allocate(capacity: 1)
    session.initialize(to: ClientSession())
    client.pointee.session = session
    return session
  }

  @inline(__always)
  private func inspect(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer
  ) -> Inspected {
    let isUnconfirmed = server.pointee.ledger.isAnsweringOwn
    switch message.type {
    case ClientMessageType.bind:
      return inspectBind(message, client, server, session, isUnconfirmed)
    case ClientMessageType.query:
      return inspectQuery(message, client, server, session, isUnconfirmed)
    case ClientMessageType.parse:
      return inspectParse(message, client, server, session, isUnconfirmed)
    case ClientMessageType.functionCall: return inspectCall(message, client, server)
    default: return inspectNamed(message, client, server, session)
    }
  }

  /// Sends a message as it is.
  @inline(__always)
  func pass(_ message: InspectedMessage, _ server: ServerPointer) -> Inspected {
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    outbox.append(scratch + message.start, count: message.here)
    return .sent
  }

  @inline(never)
  private func isFenced(_ session: SessionPointer, _ server: ServerPointer) -> Bool {
    guard let fence = session.pointee.fence else { return false }
    let ledger = server.pointee.ledger
    if ledger.isTainted || Int32(bitPattern: ledger.readyCount &- fence) > 0 {
      // With one no Execute passes unseen.
      if server.pointee.client?.pointee.tenant?.pointee.looksAtExecutes != true {
        session.pointee.fence = nil
      }
      return false
    }
    return ledger.openBatch != fence
  }

  // MARK: simple queries

  private func inspectQuery(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Inspected {
    guard message.isWhole else {
      if message.whole <= Self.inspectedLimit { return .incomplete }
      return inspectLongText(message, from: message.body, client, server, session, isUnconfirmed)
    }
    guard message.whole > 5 else { return pass(message, server) }
    let text = bytes(message.body, message.end - 1)
    let isPlain = SQLText.isPlain(text.bytes)
    let isRead = client.pointee.tenant?.pointee.isRead == true
    if !isUnconfirmed && isPlain && !isRead {
      return passQuery(message, client, server, session)
    }
    let analysis = SQLText.analyse(text.bytes)
    if isRead, let tenant = client.pointee.tenant {
      return inspectReadQuery(
        message, text, analysis, client, server, session, tenant, isPlain: isPlain,
        isUnconfirmed: isUnconfirmed)
    }
    return inspectAnalysed(
      message, text, analysis, client, server, session, isPlain: isPlain,
      isUnconfirmed: isUnconfirmed)
  }

  func inspectAnalysed(
    _ message: InspectedMessage, _ text: UnsafeRawBufferPointer, _ analysis: SQLAnalysis,
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer, isPlain: Bool,
    isUnconfirmed: Bool
  ) -> Inspected {
    if isUnconfirmed && analysis.effects.contains(.exitsTransaction) { return .held }
    guard server.pointee.ledger.hasRoom else { return .held }
    switch tenantVerdict(text, isPlain ? nil : analysis, client, server, isSimple: true) {
    case .free: break
    case .refused(let failing): return sendQuery(failing, client, server, session)
    case .assigns(let sole, let tenant):
      if mustAwaitRow(sole.value, client, session) { return .held }
      let changed = assignment(sole, client, tenant, session)
      return sendQuery(changed, client, server, session)
    // A simple query has no parameters.
    case .mayAssign: return sendQuery(Self.namedAssignmentRefusal, client, server, session)
    }
    let permission = permitListen(analysis, client, session)
    if permission == .wait { return .held }
    let words = deallocation(analysis, server, session) ?? execution(text, server, session)
    if let words {
      // The server may lack the statement, which would then be an error.
      guard bring(words.reference, server),
        noteExecuted(words, analysis, client, server, session, isUnconfirmed)
      else { return .held }
    }
    let refusal =
      if case .refused(let cause) = permission {
        listenRefusalText(cause)
      } else {
        note(
          analysis, client, server, session,
          isFirst: server.pointee.ledger.isClean || owesOnlyOwn(server))
      }
    guard let changed = refusal ?? words?.text else {
      return passQuery(message, client, server, session)
    }
    return sendQuery(changed, client, server, session)
  }

  /// Sends another text in place of the client's.
  func sendQuery(
    _ changed: String, _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected {
    guard server.pointee.ledger.clientSends(ClientMessageType.query) else { return .held }
    outbox.appendHeader(ClientMessageType.query, length: changed.utf8.count + 5)
    outbox.append(Array(changed.utf8))
    outbox.append(UInt8(0))
    forgetUnnamed(client, session)
    return .sent
  }

  /// FunctionCall, which names a function by its number.
  private func inspectCall(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer
  ) -> Inspected {
    guard let tenant = client.pointee.tenant, !tenant.pointee.isExempt else {
      return pass(message, server)
    }
    if message.here < min(message.whole, 9) { return .incomplete }
    if tenant.pointee.isRead || isForbiddenFunction(message) {
      endClient(client, .forbiddenFunction)
      return .ended
    }
    return pass(message, server)
  }

  /// A simple query also ends the unnamed statement.
  private func passQuery(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer
  ) -> Inspected {
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    outbox.append(scratch + message.start, count: message.here)
    forgetUnnamed(client, session)
    return .sent
  }

  func forgetUnnamed(_ client: ClientPointer, _ session: SessionPointer) {
    session.pointee.unnamed = .none
    session.pointee.unnamedAnalysis = nil
    if client.pointee.inspection == .queries { client.pointee.inspection = .sessions }
  }

  /// The client has an unnamed statement, which its next simple query ends.
  @inline(__always)
  func watchQueries(_ client: ClientPointer) {
    if client.pointee.inspection == .sessions { client.pointee.inspection = .queries }
  }

  func bytes(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: scratch + start, count: max(0, end - start))
  }
}
