import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Tenancy

// What goes in front of a client's transaction, so that it runs under its tenant's settings.
//
// The rule that all rests on: between two transactions, nothing of a client with a tenant goes to
// its server but behind a preamble. Where the pooler can't tell whether a transaction has ended,
// the client waits until it can.
extension Worker {
  /// What becomes of a client's message for its tenant's sake.
  enum Cover {
    /// It runs under the tenant, and goes its way.
    case goesItsWay
    /// Answers have to come first, or the rest of it.
    case waits(forAnswers: Bool)
    /// It has gone already, or has been answered.
    case passed
    /// The client has been ended.
    case ended
  }

  /// Sees to it that a message runs under its client's tenant.
  /// - Parameters:
  ///   - type: of the message, which begins at `position`.
  ///   - run: where what goes as it is begins.
  @inline(__always)
  func cover(
    _ type: UInt8, _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer,
    _ tenant: TenantPointer, _ position: Int, _ count: Int, _ run: inout Int
  ) -> Cover {
    if type == ClientMessageType.execute, tenant.pointee.looksAtExecutes,
      let stopped = coverExecute(client, tenant, position, count)
    {
      return stopped
    }
    // A batch goes on, or a COPY. Either began behind a preamble.
    if server.pointee.ledger.hasOpenBatch || server.pointee.ledger.isCopying {
      if isInStep(type, server) || tenant.pointee.isExempt { return .goesItsWay }
      endClient(client, .outOfStep)
      return .ended
    }
    switch type {
    case ClientMessageType.sync, ClientMessageType.copyData, ClientMessageType.copyDone,
      ClientMessageType.copyFail:
      // Nothing runs.
      return .goesItsWay
    default: break
    }
    if server.pointee.ledger.openBatch == server.pointee.coveredBatch { return .goesItsWay }
    if server.pointee.ledger.owesReply { return .waits(forAnswers: true) }
    guard server.pointee.ledger.status == TransactionStatus.idle else { return .goesItsWay }
    let whole = messageLength(at: position)
    if type == ClientMessageType.query, whole > count &- position, whole <= Self.inspectedLimit {
      return .waits(forAnswers: false)
    }
    if run != position { outbox.append(scratch + run, count: position &- run) }
    run = position
    switch putPreamble(client, server, session, tenant, position, count) {
    case .put: return .goesItsWay
    case .putInQuery: run = position &+ 5
    case .answered: run = position &+ whole
    case .held: return .waits(forAnswers: true)
    case .ended: return .ended
    }
    return .passed
  }

  /// Whether a message may come within a batch or a COPY. Behind a Query in a batch, or behind what
  /// breaks off a COPY, it could not be told any longer where a transaction ends: no preamble would
  /// come again.
  @inline(__always)
  private func isInStep(_ type: UInt8, _ server: ServerPointer) -> Bool {
    switch type {
    case ClientMessageType.query, ClientMessageType.functionCall: false
    case ClientMessageType.sync, ClientMessageType.flush, ClientMessageType.copyData,
      ClientMessageType.copyDone, ClientMessageType.copyFail:
      true
    default: !server.pointee.ledger.isCopying
    }
  }

  /// What has become of a message that needs a preamble.
  enum Covered {
    /// The preamble is in the outbox, and the message goes its way.
    case put
    /// As much of a simple query is there as has been changed: its header. The rest goes as it is.
    case putInQuery
    /// It has been answered, or there is nothing to do about it.
    case answered
    /// Answers have to come first.
    case held
    /// The client has been ended.
    case ended
  }

  /// Puts a preamble in front of what begins at `position`.
  @inline(never)
  func putPreamble(
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer,
    _ tenant: TenantPointer, _ position: Int, _ count: Int
  ) -> Covered {
    tenant.pointee.forgetNaming()
    server.pointee.prefixLength = 0
    // With nothing in front of it a Flush does nothing, and nothing answers it.
    if isEmptyFlush(position) { return .answered }
    if server.pointee.ledger.isTainted {
      // Nobody knows what it still answers, nor whether its transaction has ended.
      endClient(client, .outOfStep)
      return .ended
    }
    // It is settled first, and what waits for that has a preamble of its own then.
    if tenant.pointee.isUnsettled {
      // In session mode, to which a reload may have brought the client, nobody asks.
      guard client.pointee.mode == .session else { return .held }
      endClient(client, .outOfStep)
      return .ended
    }
    // A portal that outlives its transaction was somebody's.
    if tenant.pointee.isAwaited,
      scratch.load(fromByteOffset: position, as: UInt8.self) == ClientMessageType.execute
    {
      endClient(client, .outOfStep)
      return .ended
    }
    if hasSetSource, let answered = answerAssignment(client, session, position, count) {
      return answered
    }
    if isOutdated(tenant) {
      switch makePreamble(client, tenant) {
      case .made: break
      case .ended: return .ended
      case .waits(let name):
        holdForRow(name, client, session)
        return .held
      }
    }
    if tenant.pointee.showsName, server.pointee.parameterSet != client.pointee.parameterSet,
      let statement = shownNameStatement(client, server)
    {
      startTask(
        .parameters, "BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE;\(statement);COMMIT",
        on: server, settings: 1)
      return .held
    }
    if tenant.pointee.statementCount == 0 {
      server.pointee.coveredBatch = server.pointee.ledger.openBatch
      return .put
    }
    if !tenant.pointee.isAwaited {
      if putInQuery(client, server, session, tenant, position, count) { return .putInQuery }
      if isHarmlessBatch(session, position, count) {
        server.pointee.coveredBatch = server.pointee.ledger.openBatch
        server.pointee.ledger.poolerSendsPreamble(
          statements: tenant.pointee.statementCount, .batch)
        // It uses the unnamed statement.
        server.pointee.unnamedIsClients = false
        tenant.pointee.batch.append(to: &outbox)
        return .put
      }
    }
    if bringsFirst(client, server, session, position, count) { return .held }
    server.pointee.coveredBatch = server.pointee.ledger.openBatch
    server.pointee.ledger.poolerSendsPreamble(statements: tenant.pointee.statementCount, .aside)
    server.pointee.unnamedIsClients = false
    tenant.pointee.aside.append(to: &outbox)
    return .put
  }

  private func isEmptyFlush(_ position: Int) -> Bool {
    scratch.load(fromByteOffset: position, as: UInt8.self) == ClientMessageType.flush
      && messageLength(at: position) == 5
  }

  /// Gives the server the prepared statement that a simple query names, if it lacks it: that takes
  /// a Sync, which must not stand between a preamble and the query.
  private func bringsFirst(
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer, _ position: Int,
    _ count: Int
  ) -> Bool {
    let whole = messageLength(at: position)
    guard session.pointee.statements.count != 0, whole > 6, whole <= count - position,
      scratch.load(fromByteOffset: position, as: UInt8.self) == ClientMessageType.query
    else { return false }
    let text = bytes(position + 5, position + whole - 1)
    guard !SQLText.isPlain(text.bytes),
      let named = deallocation(SQLText.analyse(text.bytes), server, session)
        ?? execution(text, server, session),
      server.pointee.statements.use(
        named.reference.serial, batch: server.pointee.ledger.openBatch) == .absent,
      bring(named.reference, server)
    else { return false }
    return server.pointee.ledger.isAnsweringOwn
  }

  /// Puts the preamble into a simple query that reads or writes data and can't end its transaction.
  private func putInQuery(
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer,
    _ tenant: TenantPointer, _ position: Int, _ count: Int
  ) -> Bool {
    let whole = messageLength(at: position)
    guard scratch.load(fromByteOffset: position, as: UInt8.self) == ClientMessageType.query,
      whole > 6, whole <= count - position, whole <= Self.inspectedLimit,
      isHarmless(position + 5, position + whole - 1)
    else { return false }
    server.pointee.coveredBatch = server.pointee.ledger.openBatch
    guard server.pointee.ledger.clientSends(ClientMessageType.query) else { return false }
    server.pointee.ledger.poolerSendsPreamble(
      statements: tenant.pointee.statementCount, .prefix)
    server.pointee.ledger.watches.insert(.notices)
    server.pointee.prefixLength = tenant.pointee.prefix.byteCount
    outbox.appendHeader(
      ClientMessageType.query, length: whole - 1 + tenant.pointee.prefix.byteCount)
    tenant.pointee.prefix.append(to: &outbox)
    forgetUnnamed(client, session)
    return true
  }

  /// One statement that reads or writes data. It can neither end a transaction, nor must it be the
  /// first or the only one in it.
  private func isHarmless(_ start: Int, _ end: Int) -> Bool {
    let text = bytes(start, end).bytes
    return SQLText.isData(text) && SQLText.isPlain(text)
  }

  /// Statements of a batch that are looked at.
  private static var mostHarmless: Int { 64 }

  /// A batch that has come up to its Sync, all of whose statements are harmless, and that is
  /// answered by more than its end.
  private func isHarmlessBatch(_ session: SessionPointer, _ start: Int, _ count: Int) -> Bool {
    var position = start
    var unnamed = session.pointee.unnamed == .kept && session.pointee.unnamedIsHarmless
    var parsed: [(name: [UInt8], isHarmless: Bool)] = []
    var isAnswered = false
    var hasUnnamedPortal = false
    while count - position >= 5 {
      let type = scratch.load(fromByteOffset: position, as: UInt8.self)
      let whole = messageLength(at: position)
      guard whole >= 5, whole <= count - position else { return false }
      let message = InspectedMessage(type: type, start: position, whole: whole, here: whole)
      switch type {
      case ClientMessageType.sync: return isAnswered
      case ClientMessageType.parse:
        guard let range = nameRange(message.body, message) else { return false }
        guard parsed.count < Self.mostHarmless else { return false }
        let isHarmless = isHarmlessParse(message, range)
        if range.isEmpty { unnamed = isHarmless } else { parsed.append((name(range), isHarmless)) }
      case ClientMessageType.bind:
        guard let portal = nameRange(message.body, message),
          let range = nameRange(portal.next, message)
        else { return false }
        if range.isEmpty {
          guard unnamed else { return false }
        } else if let last = last(name(range), of: parsed) {
          guard last.isHarmless else { return false }
        } else {
          let reference = session.pointee.statements.find(
            bytes(range.start, range.next).bytes, at: 0, count: range.count)
          guard reference?.isHarmless == true else { return false }
        }
        if portal.isEmpty { hasUnnamedPortal = true }
      case ClientMessageType.execute, ClientMessageType.describe:
        // Without a Bind it would be the preamble's.
        guard hasUnnamedPortal || !isOfUnnamedPortal(message) else { return false }
      case ClientMessageType.close, ClientMessageType.flush: break
      default: return false
      }
      if type != ClientMessageType.flush { isAnswered = true }
      position += whole
    }
    return false
  }

  private func last(
    _ name: [UInt8], of parsed: [(name: [UInt8], isHarmless: Bool)]
  ) -> (name: [UInt8], isHarmless: Bool)? {
    parsed.last { $0.name == name }
  }

  /// An Execute, or the Describe of a portal, that has no name.
  private func isOfUnnamedPortal(_ message: InspectedMessage) -> Bool {
    let isDescribe = message.type == ClientMessageType.describe
    if isDescribe,
      scratch.load(fromByteOffset: message.body, as: UInt8.self) != UInt8(ascii: "P")
    {
      return false
    }
    guard let name = nameRange(message.body &+ (isDescribe ? 1 : 0), message) else { return true }
    return name.isEmpty
  }

  private func isHarmlessParse(_ message: InspectedMessage, _ range: NameRange) -> Bool {
    guard message.whole <= Self.inspectedLimit,
      let text = textRange(message, range)
    else { return false }
    return isHarmless(text.lowerBound, text.upperBound)
  }

  // MARK: answers

  /// A preamble has failed.
  /// - Returns: false if the server is no longer its client's, or is gone.
  func goesOnBehindFailure(_ server: ServerPointer, _ error: [UInt8]) -> Bool {
    if server.pointee.ledger.preambleForm == .aside {
      asideFailed(server, error)
      return false
    }
    if let client = server.pointee.client { preambleFailed(client, server, error) }
    if server.pointee.replies.hasFailed { failed(server, []) }
    return true
  }

  /// A preamble aside has failed, and the server skips all that is behind it, up to a Sync.
  private func asideFailed(_ server: ServerPointer, _ error: [UInt8]) {
    let fields = ErrorFields.parse(error)
    let sqlstate = fields?.sqlstate ?? SQLState.protocolViolation
    if let fields, fields.severity != "ERROR" { return serverLost(server, fields.message) }
    guard let client = server.pointee.client else {
      return closeServer(server, Ending.tenantSettingsRefused, .tenantSettingsRefused)
    }
    let isAllSent = server.pointee.ledger.owesOneReply && !client.pointee.scanner.isMidMessage
    server.pointee.ledger.distrust()
    guard isAllSent, client.pointee.mode != .session, !client.pointee.keepsServer,
      client.pointee.phase == .active
    else {
      return endClient(
        client,
        .tenantSettingsRefused(sqlstate: sqlstate, setting: refusedSetting(client, server)))
    }
    if server.pointee.replies.hasFailed { failed(server, []) }
    preambleFailed(client, server, error)
    var writer = MessageWriter()
    writer.readyForQuery(status: TransactionStatus.idle)
    send(writer.bytes, to: client)
    goOnWithout(server, client)
    closeServer(server, Ending.tenantSettingsRefused, .tenantSettingsRefused)
  }

  /// The preamble of a client's query or batch has failed: nothing of this has run.
  private func preambleFailed(_ client: ClientPointer, _ server: ServerPointer, _ error: [UInt8]) {
    let fields = ErrorFields.parse(error)
    if let own = ownError(server, error, fields) {
      client.pointee.session?.pointee.sawError = true
      guard client.pointee.phase == .active else { return }
      var writer = MessageWriter()
      writer.message(ServerMessageType.errorResponse, body: own)
      return send(writer.bytes, to: client)
    }
    let setting = refusedSetting(client, server) ?? "which one is not known"
    log(
      .warning, .tenantSettingsRefused, .client(client),
      "the tenant's settings were refused (\(setting)): SQLSTATE \(fields?.sqlstate ?? "?")")
    client.pointee.session?.pointee.sawError = true
    guard client.pointee.phase == .active else { return }
    var writer = MessageWriter()
    writer.errorResponse(
      severity: "ERROR", sqlstate: fields?.sqlstate ?? SQLState.internalError,
      message: Ending.tenantSettingsRefused)
    send(writer.bytes, to: client)
  }

  /// The name of the setting whose statement has failed. What the server says of it may have its
  /// value.
  private func refusedSetting(_ client: ClientPointer, _ server: ServerPointer) -> String? {
    guard let names = client.pointee.tenant?.pointee.settingNames,
      let index = server.pointee.ledger.failedSetting, names.indices.contains(index)
    else { return nil }
    return names[index]
  }

  /// The text of a simple query is read as a whole before anything of it runs: an error in the
  /// client's part comes in the preamble's place.
  private func ownError(
    _ server: ServerPointer, _ error: [UInt8], _ fields: ErrorFields?
  ) -> [UInt8]? {
    let length = server.pointee.prefixLength
    guard length != 0 else { return nil }
    if let moved = withoutPrefix(error, length) { return moved }
    // Bytes that are none of the client's encoding have no position.
    return fields?.sqlstate == "22021" ? error : nil
  }

  /// An error or a notice whose position counts from the pooler's own text, as the client's counts.
  func withoutPrefix(_ body: [UInt8], _ length: Int) -> [UInt8]? {
    var changed: [UInt8] = []
    var rest = body[...]
    var isFound = false
    while let code = rest.first, code != 0, let end = rest.dropFirst().firstIndex(of: 0) {
      let field = rest[rest.startIndex...end]
      if code == UInt8(ascii: "P"),
        let position = Int(String(decoding: field.dropFirst().dropLast(), as: UTF8.self)),
        position > length
      {
        changed += [code] + Array(String(position - length).utf8) + [0]
        isFound = true
      } else {
        changed += field
      }
      rest = rest[(end + 1)...]
    }
    return isFound ? changed + Array(rest) : nil
  }
}
