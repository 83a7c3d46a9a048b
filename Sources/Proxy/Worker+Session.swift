import Admin
import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

extension SessionEffects {
  /// What can't move to another server.
  static let bound: SessionEffects = [
    .temporary, .advisoryLock, .holdCursor, .preparedSQL, .library, .unknownSettings, .oversized,
  ]
  /// A text was too long to be looked at as a whole.
  static let oversized = SessionEffects(rawValue: 1 << 30)
  /// What the server can be asked about; the rest stays as long as the client keeps its server.
  static let probed: SessionEffects = [
    .temporary, .advisoryLock, .holdCursor, .preparedSQL, .listen,
  ]

  /// For logs, errors and the console.
  var names: [String] {
    let known: [(SessionEffects, String)] = [
      (.temporary, "temporary objects"), (.advisoryLock, "session advisory locks"),
      (.holdCursor, "WITH HOLD cursors"), (.preparedSQL, "PREPARE"), (.library, "LOAD"),
      (.unknownSettings, "settings that can't be told from the text"),
      (.oversized, "a text too long to be looked at"),
    ]
    return known.filter { contains($0.0) }.map(\.1)
  }
}

/// A text with the name of a statement that the client has prepared by the protocol, as it reads on
/// the server: a DEALLOCATE, or an EXECUTE.
struct NamingText {
  var reference: ClientStatements.Reference
  var text: String
}

// What a client's statements do to its session beyond their transaction. Their texts tell what they
// may have done; the server is asked what they have done, once the transaction is over.
extension Worker {
  /// Notes what a statement that is about to be sent may do.
  /// - Parameter isFirst: nothing of the lease has been sent before.
  /// - Returns: the text to send in its place, where it is refused.
  func note(
    _ analysis: SQLAnalysis, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer, isFirst: Bool
  ) -> String? {
    if client.pointee.mode == .session { return nil }
    let effects = analysis.effects
    let bound = effects.intersection(.bound)
    if refuses(analysis) { return refusalText(analysis) }
    if settings.sessionState == .replay {
      noteSettings(analysis, client, session, isFirst: isFirst)
    }
    if effects.contains(.resetAll) || effects.contains(.discardAll) { unsettle(client) }
    noteChannels(analysis, client, server, session)
    if effects.contains(.schema) { suspect(.schema, client, session) }
    if !bound.isEmpty {
      switch settings.pinning {
      case .pin, .error: suspect(bound, client, session)
      case .warn: warn(bound, client)
      case .off: break
      }
    }
    if effects.contains(.release), !session.pointee.pin.isEmpty {
      suspect(.release, client, session)
    }
    if effects.contains(.discardAll) || effects.contains(.deallocate) {
      server.pointee.ledger.watches.insert(.tags)
      session.pointee.fence = server.pointee.ledger.openBatch
      session.pointee.deallocating = analysis.deallocations
    }
    return nil
  }

  private func noteSettings(
    _ analysis: SQLAnalysis, _ client: ClientPointer, _ session: SessionPointer, isFirst: Bool
  ) {
    if isFirst { session.pointee.sawError = false }
    let isAlone = isFirst && analysis.statementCount == 1 && session.pointee.suspicions.isEmpty
    if analysis.effects.contains(.resetAll) {
      for setting in sessionSettings(client) { session.pointee.touch(setting.name) }
      if isAlone { session.pointee.resets = Set(session.pointee.touched) }
      if isFirst { session.pointee.restoresAll = true }
      suspect(.settings, client, session)
    }
    guard analysis.effects.contains(.settings), !analysis.settingNames.isEmpty else { return }
    if isAlone, let assignment = analysis.plainAssignment, analysis.settingNames.count == 1,
      assignment.value.utf8.count <= ClientSession.longestValue,
      pooler.parameterNames.index(of: assignment.name) == nil
    {
      session.pointee.assignment = assignment
    } else {
      if let assignment = session.pointee.assignment { session.pointee.touch(assignment.name) }
      for name in analysis.settingNames { session.pointee.touch(name) }
      if isAlone, let name = analysis.plainReset {
        session.pointee.resets = [name]
        session.pointee.restored = [name]
      }
    }
    if session.pointee.touched.count == ClientSession.mostTouched,
      settings.pinning == .pin || settings.pinning == .error
    {
      suspect(.unknownSettings, client, session)
    }
    suspect(.settings, client, session)
  }

  private func sessionSettings(_ client: ClientPointer) -> [ParameterSets.Setting] {
    pooler.parameterSets.withLock { $0.values(client.pointee.parameterSet).session }
  }

  func suspect(_ effects: SessionEffects, _ client: ClientPointer, _ session: SessionPointer) {
    session.pointee.suspicions.formUnion(effects)
    client.pointee.keepsServer = true
  }

  /// A long text has something in it that could change the session.
  func suspectText(_ client: ClientPointer, _ session: SessionPointer) {
    switch settings.pinning {
    case .pin, .error: suspect(.oversized, client, session)
    case .warn: warn(.oversized, client)
    case .off: break
    }
  }

  /// Notes what a prepared statement may do that is about to be bound.
  /// - Returns: false where it has to wait.
  @inline(never)
  func noteBound(
    _ reference: ClientStatements.Reference, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Bool {
    guard let analysis = pooler.statements.withLock({ $0.analysis(reference.index) }) else {
      return true
    }
    if isUnconfirmed && analysis.effects.contains(.exitsTransaction) { return false }
    return noteBound(analysis, client, server, session)
  }

  /// The same, of what it is known to do.
  @inline(never)
  func noteBound(
    _ analysis: SQLAnalysis, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer
  ) -> Bool {
    switch permitListen(analysis, client, session) {
    case .granted: _ = note(analysis, client, server, session, isFirst: false)
    case .wait: return false
    case .refused(let cause): failBind(listenRefusalParse(cause), server)
    }
    return true
  }

  // MARK: refusals

  func refuses(_ analysis: SQLAnalysis) -> Bool {
    settings.pinning == .error && !analysis.effects.intersection(.bound).isEmpty
  }

  /// A statement that fails in place of the one that is refused: so the error comes where it
  /// belongs among other answers, and a transaction fails with it.
  func refusalText(_ analysis: SQLAnalysis) -> String {
    let names = analysis.effects.intersection(.bound).names.joined(separator: ", ")
    return "DO $sluice$BEGIN RAISE EXCEPTION USING ERRCODE = '0A000', "
      + "MESSAGE = 'not allowed in transaction pooling mode: \(names.replacingQuotes)', "
      + "HINT = 'This can not follow a client from server to server; see the setting pinning.';"
      + " END$sluice$"
  }

  private func warn(_ effects: SessionEffects, _ client: ClientPointer) {
    let names = effects.names.joined(separator: ", ")
    pooler.pinWarnings.add(1)
    log(
      .warning, .mayBeLost, .client(client),
      "\(names): may be lost in transaction pooling mode")
    var writer = MessageWriter()
    writer.noticeResponse(
      severity: "WARNING", sqlstate: SQLState.warning,
      message: "\(names): may be lost in transaction pooling mode")
    // Only between messages: a notice in the middle of a row would be taken for a part of it.
    if client.pointee.server?.pointee.scanner.isMidMessage != true {
      send(writer.bytes, to: client)
    }
  }

  // MARK: DEALLOCATE

  /// A DEALLOCATE of one of the client's own prepared statements, as it reads on the server.
  func deallocation(
    _ analysis: SQLAnalysis, _ server: ServerPointer, _ session: SessionPointer
  ) -> NamingText? {
    guard maxPrepared > 0, analysis.statementCount == 1, analysis.deallocations.count == 1,
      case .name(let name)? = analysis.deallocations.first
    else { return nil }
    let bytes = Array(name.utf8.prefix(ClientStatements.longestName))
    let found = bytes.withUnsafeBytes {
      session.pointee.statements.find($0.bytes, at: 0, count: $0.count)
    }
    guard let found, found.serial != 0 else { return nil }
    let reference = followed(found, server, session)
    return NamingText(
      reference: reference, text: "DEALLOCATE \"SLUICE_\(reference.serial)\"")
  }

  /// An EXECUTE of one of the client's own prepared statements, as it reads on the server.
  func execution(
    _ text: UnsafeRawBufferPointer, _ server: ServerPointer, _ session: SessionPointer
  ) -> NamingText? {
    guard maxPrepared > 0, session.pointee.statements.count != 0,
      let (name, place) = SQLText.executed(text.bytes)
    else { return nil }
    let bytes = Array(name.utf8.prefix(ClientStatements.longestName))
    let found = bytes.withUnsafeBytes {
      session.pointee.statements.find($0.bytes, at: 0, count: $0.count)
    }
    guard let found, found.serial != 0 else { return nil }
    let reference = followed(found, server, session)
    let changed =
      Array(text[..<place.lowerBound]) + Array("\"SLUICE_\(reference.serial)\"".utf8)
      + Array(text[place.upperBound...])
    // In another encoding the text goes as it is: the server does not know the name.
    return String(validating: changed, as: UTF8.self).map {
      NamingText(reference: reference, text: $0)
    }
  }

  /// Notes what the statement may do that an EXECUTE names.
  /// - Returns: false where it has to wait.
  func noteExecuted(
    _ words: NamingText, _ analysis: SQLAnalysis, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Bool {
    guard analysis.deallocations.isEmpty, !words.reference.isPlain else { return true }
    return noteBound(words.reference, client, server, session, isUnconfirmed)
  }

  /// Gives the server a statement that the client's simple query behind it names.
  /// - Returns: false where that has to wait.
  func bring(_ reference: ClientStatements.Reference, _ server: ServerPointer) -> Bool {
    let batch = server.pointee.ledger.openBatch
    switch server.pointee.statements.use(reference.serial, batch: batch) {
    case .present: return true
    case .undecided: return server.pointee.ledger.isTainted
    case .absent: break
    }
    // Behind a batch without a Sync, or on a server that is not trusted, nothing can be brought,
    // and waiting would have no end.
    guard reference.index >= 0, !server.pointee.ledger.hasOpenBatch,
      !server.pointee.ledger.isTainted
    else { return true }
    guard server.pointee.ledger.isSettled else { return false }
    let tail = pooler.statements.withLock { $0.tail(reference.index) }
    server.pointee.statements.insert(reference.serial, batch: batch)
    server.pointee.client?.pointee.traffic.pointee.counters.serverParses &+= 1
    appendParse(StatementName.make(reference.serial), tail)
    outbox.appendHeader(ClientMessageType.sync, length: 4)
    beginTask(.statement, on: server)
    server.pointee.broughtSerial = reference.serial
    return true
  }

  /// The server has answered the Parse of `bring`. At once: the client's own answer, which may come
  /// with it, may take the statement away again.
  func noteBrought(_ server: ServerPointer) {
    if server.pointee.taskError == nil {
      server.pointee.statements.parsed(server.pointee.broughtSerial)
    } else {
      server.pointee.statements.skipped(server.pointee.broughtSerial)
    }
  }

  /// CommandComplete of a statement that may take prepared statements away, or all of a session.
  func noteTag(_ tag: [UInt8], _ server: ServerPointer) {
    guard let client = server.pointee.client, let session = client.pointee.session else { return }
    switch String(decoding: tag.prefix { $0 != 0 }, as: UTF8.self) {
    case "DEALLOCATE ALL":
      server.pointee.statements.removeAll()
      releaseStatements(session)
    case "DISCARD ALL":
      server.pointee.statements.removeAll()
      releaseStatements(session)
      forgetUnnamed(client, session)
      session.pointee.pin.formIntersection(.library)
      session.pointee.forgetLease()
      session.pointee.restoresAll = true
      client.pointee.keepsServer = true
      dropChannels(client, session)
      clearSettings(client, server)
    case "DEALLOCATE": deallocated(session, server)
    case "ROLLBACK": session.pointee.channels?.doubt()
    default: break
    }
  }

  private func deallocated(_ session: SessionPointer, _ server: ServerPointer) {
    guard !session.pointee.deallocating.isEmpty else { return }
    guard case .name(let name) = session.pointee.deallocating.removeFirst() else { return }
    let serial: UInt64
    let own = Array(name.utf8.prefix(ClientStatements.longestName))
    if let dropped = session.pointee.statements.remove(own) {
      serial = dropped.serial
      pooler.statements.withLock { $0.release(dropped.index) }
    } else if let named = StatementName.serial(of: Array(name.utf8)) {
      serial = named
    } else {
      return
    }
    server.pointee.statements.remove(serial)
  }

  /// The session has nothing left of what was SET in it.
  private func clearSettings(_ client: ClientPointer, _ server: ServerPointer) {
    func cleared(_ number: ParameterSets.Number) -> ParameterSets.Number {
      pooler.parameterSets.withLock { sets in
        var values = sets.values(number)
        values.session = []
        let fresh = sets.intern(values)
        sets.release(number)
        return fresh
      }
    }
    server.pointee.parameterSet = cleared(server.pointee.parameterSet)
    client.pointee.parameterSet = cleared(client.pointee.parameterSet)
  }
}

extension String {
  /// For a literal between quotes.
  fileprivate var replacingQuotes: String { split(separator: "'").joined(separator: "''") }
}
