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

  // MARK: answers

  /// A preamble has failed.
  /// - Returns: false if the server is no longer its client's, or is gone.
  func goesOnBehindFailure(_ server: ServerPointer, _ error: [UInt8]) -> Bool {
    if server.pointee.ledger.preambleForm == .aside {
      asideFailed(server, error)
      return false
    }
    if let client = server.pointee.client {
      // With it fails what stands behind it.
      if insight != nil { observeError(server, ErrorFields.parse(error)?.sqlstate) }
      preambleFailed(client, server, error)
    }
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
      if let fields { countError(server, fields) }
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
