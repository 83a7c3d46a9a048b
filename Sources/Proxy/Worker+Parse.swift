import Admin
import CLinux
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// Parse of clients whose names are mapped.
extension Worker {
  /// What has been read of a Parse's text, and what is sent of it.
  private struct ReadText {
    /// The text that takes its place.
    var change: String?
    /// That text has the parameters of the client's: ``Worker/standIn(_:)``.
    var isStandIn: Bool
    /// It fails when it is executed, and is bound as the client's would be.
    var isRefusal = false
    /// What it could do to its session; nil: nothing.
    var analysis: ReadAnalysis?
    var isHarmless: Bool
    var exits: Bool

    @inline(__always)
    static func plain(isHarmless: Bool) -> ReadText {
      ReadText(nil, isStandIn: false, isHarmless: isHarmless, exits: !isHarmless)
    }

    init(_ change: String?, isStandIn: Bool, isHarmless: Bool, exits: Bool) {
      self.change = change
      self.isStandIn = isStandIn
      self.isHarmless = isHarmless
      self.exits = exits
    }
  }

  func inspectParse(
    _ message: InspectedMessage, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Inspected {
    guard let range = nameRange(message.body, message) else { return nameless(message, client) }
    guard message.isWhole else {
      if message.whole <= Self.inspectedLimit { return .incomplete }
      return parseLong(message, range, client, server, session, isUnconfirmed)
    }
    guard let end = memchr(scratch + range.next, 0, message.end - range.next) else {
      return pass(message, server)
    }
    guard server.pointee.replies.hasRoom else { return .held }
    let text = bytes(range.next, scratch.distance(to: end))
    let isPlain = SQLText.isPlain(text.bytes)
    let isHarmless = isPlain && SQLText.isData(text.bytes)
    if isPlain && !isUnconfirmed && client.pointee.tenant == nil {
      // The common case. What is no data may be ROLLBACK.
      if !maps(client) { return pass(message, server) }
      if range.isEmpty {
        return parsePlain(message, range, isHarmless: isHarmless, client, server, session)
      }
      return parseNamed(message, range, .plain(isHarmless: isHarmless), client, server, session)
    }
    return parseRead(
      message, range, text, client, server, session,
      (isPlain: isPlain, isHarmless: isHarmless, isUnconfirmed: isUnconfirmed))
  }

  /// A Parse whose text has to be read.
  @inline(never)
  private func parseRead(
    _ message: InspectedMessage, _ range: NameRange, _ text: UnsafeRawBufferPointer,
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer,
    _ known: (isPlain: Bool, isHarmless: Bool, isUnconfirmed: Bool)
  ) -> Inspected {
    let (isPlain, isHarmless, isUnconfirmed) = known
    let isRead = client.pointee.tenant?.pointee.isRead == true
    let analysis = isPlain && !isUnconfirmed && !isRead ? nil : SQLText.analyse(text.bytes)
    // Of a plain text that has not been read, what is no data may be ROLLBACK.
    let exits = analysis.map { $0.effects.contains(.exitsTransaction) } ?? !isHarmless
    if isUnconfirmed && exits { return .held }
    var change: String?
    var isRefused = false
    var isAssignment = false
    switch tenantVerdict(text, isPlain ? nil : analysis, client, server, isSimple: false) {
    case .free: break
    case .refused(let failing):
      change = failing
      isRefused = true
    case .assigns(let sole, _):
      isAssignment = true
      isRefused = !range.isEmpty && !maps(client)
      change = isRefused ? Self.namedAssignmentRefusal : Self.standIn(sole)
    case .mayAssign(let open):
      isAssignment = true
      change = Self.standIn(open)
    }
    if let analysis, !isRefused, !isAssignment {
      if let words = deallocation(analysis, server, session) ?? execution(text, server, session) {
        guard ensure(words.reference, server),
          noteExecuted(words, analysis, client, server, session, isUnconfirmed)
        else { return .held }
        change = words.text
      }
      // What a named one does, it does when it is bound.
      var refusal: String?
      if range.isEmpty || !maps(client) {
        switch permitListen(analysis, client, session) {
        case .granted: refusal = note(analysis, client, server, session, isFirst: false)
        case .wait: return .held
        case .refused(let cause): refusal = listenRefusalText(cause)
        }
      } else if refuses(analysis) {
        refusal = refusalText(analysis)
      }
      if let refusal { (change, isRefused) = (refusal, true) }
    }
    var read = ReadText(change, isStandIn: isAssignment, isHarmless: isHarmless, exits: exits)
    read.isRefusal = isRefused
    if !maps(client), !range.isEmpty || !hasPreamble(client) {
      let isControl = !isRefused && hasPreamble(client) && isTransactionControl(text, analysis)
      return passParse(message, range, read, isControl, client, server, session)
    }
    if range.isEmpty {
      if isAssignment || (change == nil && !isPlain) {
        read.analysis = analysis.map(ReadAnalysis.init)
      }
      return parseUnnamed(message, range, read, client, server, session)
    }
    if let analysis, !isPlain && !isRefused && !refuses(analysis) {
      read.analysis = ReadAnalysis(analysis)
    }
    return parseNamed(message, range, read, client, server, session)
  }

  /// Where the text of a Parse stands; nil if it has no end.
  func textRange(_ message: InspectedMessage, _ range: NameRange) -> Range<Int>? {
    guard message.end > range.next,
      let end = memchr(scratch + range.next, 0, message.end - range.next)
    else { return nil }
    return range.next..<scratch.distance(to: end)
  }

  /// The text and types of a Parse, or those that take their place.
  /// - Parameter isRefusal: as ``ReadText`` has it.
  private func tail(
    _ message: InspectedMessage, _ range: NameRange, _ change: String?, isRefusal: Bool
  ) -> [UInt8] {
    let whole = bytes(range.next, message.end)
    guard let change else { return Array(whole) }
    guard let text = textRange(message, range) else { return Array(change.utf8) + [0, 0, 0] }
    let types = bytes(text.upperBound + 1, message.end)
    return Array(change.utf8) + [0]
      + (isRefusal
        ? ParameterTypes.filled(types.bytes, upTo: SQLText.highestParameter(whole.bytes))
        : Array(types))
  }

  /// Statements are not mapped: what the client says goes to the server.
  private func passParse(
    _ message: InspectedMessage, _ range: NameRange, _ read: ReadText, _ isControl: Bool,
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected {
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    if hasPreamble(client) {
      let batch = server.pointee.ledger.openBatch
      let hasUndo = noteName(range, isControl: isControl, client, session, batch)
      server.pointee.replies.push(ReplyQueue.Entry(.parse, batch: batch, hasUndo: hasUndo))
    }
    if read.change == nil {
      outbox.append(scratch + message.start, count: message.here)
    } else {
      appendParse(name(range), tail(message, range, read.change, isRefusal: read.isRefusal))
    }
    return .sent
  }

  /// The Parse of an unnamed statement whose text is plain. Apart from the other, since there no
  /// reference is counted: it has neither change nor analysis.
  @inline(__always)
  private func parsePlain(
    _ message: InspectedMessage, _ range: NameRange, isHarmless: Bool, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected {
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    noteUnnamed(server)
    if session.pointee.unnamedAnalysis != nil { forgetAnalysis(session) }
    session.pointee.unnamedIsHarmless = isHarmless
    session.pointee.unnamedExits = !isHarmless
    keepUnnamed(message, range, session)
    watchQueries(client)
    return .sent
  }

  @inline(never)
  private func forgetAnalysis(_ session: SessionPointer) {
    session.pointee.unnamedAnalysis = nil
  }

  /// The server's unnamed statement is the client's.
  @inline(__always)
  private func noteUnnamed(_ server: ServerPointer) {
    let batch = server.pointee.ledger.openBatch
    server.pointee.replies.push(ReplyQueue.Entry(.parseUnnamed, batch: batch))
    server.pointee.unnamedIsClients = true
    server.pointee.unnamedBatch = batch
  }

  /// Sends it as it is, and keeps it, unless it is long.
  @inline(__always)
  private func keepUnnamed(
    _ message: InspectedMessage, _ range: NameRange, _ session: SessionPointer
  ) {
    let count = message.end - range.next
    if count <= ClientSession.longestUnnamed {
      session.pointee.unnamedTail.set(scratch + range.next, count: count)
      session.pointee.unnamed = .kept
    } else {
      session.pointee.unnamed = .lost
    }
    outbox.append(scratch + message.start, count: message.here)
  }

  private func parseUnnamed(
    _ message: InspectedMessage, _ range: NameRange, _ read: ReadText, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected {
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    noteUnnamed(server)
    if read.analysis != nil || session.pointee.unnamedAnalysis != nil {
      session.pointee.unnamedAnalysis = read.analysis
    }
    session.pointee.unnamedIsHarmless = read.isHarmless
    session.pointee.unnamedExits = read.exits
    if read.change == nil {
      keepUnnamed(message, range, session)
    } else {
      let tail = tail(message, range, read.change, isRefusal: read.isRefusal)
      session.pointee.unnamedTail.set(tail)
      session.pointee.unnamed = .kept
      appendParse([], tail)
    }
    watchQueries(client)
    return .sent
  }

  private func parseNamed(
    _ message: InspectedMessage, _ range: NameRange, _ read: ReadText, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected {
    let name = name(range)
    let batch = server.pointee.ledger.openBatch
    if isUndecided(name, session, server) { return .held }
    if let taken = session.pointee.statements.find(
      bytes(range.start, range.next).bytes, at: 0, count: range.count)
    {
      return parseAgain(message, range, taken, server)
    }
    let tail = tail(message, range, read.change, isRefusal: read.isRefusal)
    guard session.pointee.statements.bytesTaken + tail.count <= ClientStatements.byteLimit else {
      endClient(client, .tooManyStatements)
      return .ended
    }
    var space = client.pointee.tenant?.pointee.space ?? []
    // One text stands in for many.
    if read.isStandIn { space += Array(bytes(range.next, message.end)) }
    let reference = pooler.statements.withLock {
      $0.intern(
        tail: tail, analysis: read.analysis?.value, isHarmless: read.isHarmless, space: space)
    }
    let presence = server.pointee.statements.use(reference.serial, batch: batch)
    // A failed transaction block refuses every Parse but that of what ends it: the refusal is the
    // server's to give. Behind what has not been answered nobody knows what the block has come to.
    let mustParse =
      presence == .absent
      || (server.pointee.ledger.status == TransactionStatus.failed
        && server.pointee.ledger.statusHolds && !exits(tail))
    let isTrusted = !server.pointee.ledger.isTainted
    let mustWait = presence == .undecided || (!mustParse && server.pointee.ledger.owesReply)
    let canSend = !(isTrusted && mustWait)
    guard canSend, server.pointee.ledger.clientSends(message.type) else {
      pooler.statements.withLock { $0.release(reference.index) }
      return .held
    }
    session.pointee.statements.set(name, reference, batch: batch)
    if presence == .absent { makeRoom(reference.serial, server, batch) }
    server.pointee.replies.push(
      ReplyQueue.Entry(
        mustParse ? .parse : .closeForParse, batch: batch,
        serial: presence == .absent ? reference.serial : 0, hasUndo: true))
    client.pointee.traffic.pointee.counters.clientParses &+= 1
    if mustParse {
      client.pointee.traffic.pointee.counters.serverParses &+= 1
      appendParse(StatementName.make(reference.serial), tail)
    } else {
      appendIdleClose()
    }
    return .sent
  }

  /// A failed transaction block takes the statement: it leaves the block, or there is none in it.
  private func exits(_ tail: [UInt8]) -> Bool {
    let analysis = tail.withUnsafeBytes { SQLText.analyse($0.bytes) }
    return analysis.effects.contains(.exitsTransaction) || analysis.statementCount == 0
  }

  /// The client has a statement of that name: the error is the server's to give.
  private func parseAgain(
    _ message: InspectedMessage, _ range: NameRange, _ taken: ClientStatements.Reference,
    _ server: ServerPointer
  ) -> Inspected {
    guard ensure(taken, server), server.pointee.ledger.clientSends(message.type) else {
      return .held
    }
    let batch = server.pointee.ledger.openBatch
    server.pointee.replies.push(ReplyQueue.Entry(.parse, batch: batch, tag: taken.tag))
    appendParse(StatementName.make(taken.serial), Array(bytes(range.next, message.end)))
    return .sent
  }

  /// A Parse that is too long to be kept: its statement is on this server alone, and the client
  /// stays there.
  private func parseLong(
    _ message: InspectedMessage, _ range: NameRange, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Inspected {
    let batch = server.pointee.ledger.openBatch
    let isMapped = maps(client)
    if isMapped && !range.isEmpty {
      let name = name(range)
      if isUnconfirmed || isUndecided(name, session, server)
        || (session.pointee.statements.hasUndos && !server.pointee.ledger.isTainted)
        || message.here <= Self.inspectedLimit / 2
      {
        return message.here <= Self.inspectedLimit / 2 ? .incomplete : .held
      }
      guard
        session.pointee.statements.find(
          bytes(range.start, range.next).bytes, at: 0, count: range.count) == nil
      else {
        // PostgreSQL would refuse the name; what follows can't be told from it here.
        endClient(client, .duplicateStatement)
        return .ended
      }
      guard server.pointee.ledger.hasRoom else { return .held }
      guard beginLongText(message, from: range.next, client, session) != nil else { return .ended }
      guard server.pointee.ledger.clientSends(message.type) else { return .held }
      let serial = pooler.statements.withLock { $0.makeSerial() }
      let reference = ClientStatements.Reference(serial: serial)
      session.pointee.statements.set(name, reference, batch: batch)
      server.pointee.statements.insert(serial, batch: batch, isOnlyCopy: true)
      server.pointee.replies.push(
        ReplyQueue.Entry(.parse, batch: batch, serial: serial, hasUndo: true))
      suspect(.oversized, client, session)
      let serverName = ServerName(serial)
      client.pointee.traffic.pointee.counters.clientParses &+= 1
      client.pointee.traffic.pointee.counters.serverParses &+= 1
      outbox.appendHeader(
        message.type, length: message.whole - 1 - range.count + serverName.count)
      outbox.appendName(serverName)
      outbox.append(scratch + range.next, count: message.end - range.next)
      return .sent
    }
    let result = inspectLongText(
      message, from: range.next, client, server, session, isUnconfirmed)
    guard case .sent = result, isMapped || hasPreamble(client) else { return result }
    if range.isEmpty {
      server.pointee.replies.push(ReplyQueue.Entry(.parseUnnamed, batch: batch))
      server.pointee.unnamedIsClients = true
      server.pointee.unnamedBatch = batch
      session.pointee.unnamed = .lost
      session.pointee.unnamedAnalysis = nil
      watchQueries(client)
    } else {
      session.pointee.hasUnknownControls = true
      let hasUndo = noteName(range, isControl: false, client, session, batch)
      server.pointee.replies.push(ReplyQueue.Entry(.parse, batch: batch, hasUndo: hasUndo))
    }
    return result
  }
}
