import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// Clients that may come to act for nobody, as their login does: what they send is read, so that
// nothing of theirs is run without a tenant but what begins or ends a transaction, or names one.
extension Worker {
  /// Sees to it that nobody runs what somebody has bound.
  /// - Returns: nil: the portal may be run.
  @inline(never)
  func coverExecute(
    _ client: ClientPointer, _ tenant: TenantPointer, _ position: Int, _ count: Int
  ) -> Cover? {
    // It is not long: the scanner sees to that.
    let whole = messageLength(at: position)
    guard whole <= count - position else { return .waits(forAnswers: false) }
    let message = InspectedMessage(
      type: ClientMessageType.execute, start: position, whole: whole, here: whole)
    if let portal = nameRange(message.body, message) {
      let name = name(portal)
      let isNobody = tenant.pointee.isNobody
      if tenant.pointee.changeNaming({ $0.run(name, isNobody: isNobody) }) { return nil }
    }
    endClient(client, .outOfStep)
    return .ended
  }

  /// What a statement that names the tenant says, once it is run.
  /// - Parameter portal: the one that it is bound to; nil: it is run at once.
  func noteNaming(
    _ name: TenantName?, _ portal: [UInt8]?, _ client: ClientPointer, _ tenant: TenantPointer,
    _ session: SessionPointer
  ) {
    // Where the login came to somebody, nobody is never named.
    guard tenant.pointee.origin == nil, name == nil || tenant.pointee.isRead else { return }
    tenant.pointee.changeNaming { $0.say(name == nil ? .nobody : .somebody, portal: portal) }
    lookAtExecutes(client, session)
  }

  /// Has the next Executes looked at.
  private func lookAtExecutes(_ client: ClientPointer, _ session: SessionPointer) {
    guard let server = client.pointee.server else { return }
    session.pointee.fence = server.pointee.ledger.openBatch
  }

  // MARK: what ends a transaction

  /// A simple query of a client all of whose texts are read.
  func inspectReadQuery(
    _ message: InspectedMessage, _ text: UnsafeRawBufferPointer, _ analysis: SQLAnalysis,
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer,
    _ tenant: TenantPointer, isPlain: Bool, isUnconfirmed: Bool
  ) -> Inspected {
    let ends =
      analysis.endsTransaction
      || (analysis.executes && mayEndByName(text, client, session))
    if tenant.pointee.naming.isDue, !ends {
      endClient(client, .outOfStep)
      return .ended
    }
    if analysis.worksBehindEnd {
      return sendQuery(namelessText, client, server, session)
    }
    let inspected = inspectAnalysed(
      message, text, analysis, client, server, session, isPlain: isPlain,
      isUnconfirmed: isUnconfirmed)
    if ends, inspected == .sent { tenant.pointee.changeNaming { $0.end(portal: nil) } }
    return inspected
  }

  /// A Bind of such a client.
  /// - Returns: nil: it may be bound.
  @inline(never)
  func inspectReadBind(
    _ message: InspectedMessage, _ portal: NameRange, _ range: NameRange, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer, _ tenant: TenantPointer
  ) -> Inspected? {
    if !range.isEmpty, session.pointee.statements.hasUndos,
      isUndecided(name(range), session, server)
    {
      return .held
    }
    let ends = mayEnd(name(range), client, session)
    if tenant.pointee.naming.isDue, !ends {
      endClient(client, .outOfStep)
      return .ended
    }
    let portalName = name(portal)
    if tenant.pointee.isNobody {
      tenant.pointee.changeNaming { $0.bind(portal: portalName) }
      if let refused = refuseNameless(message, portal, range, client, server, session) {
        return refused
      }
    }
    if ends {
      tenant.pointee.changeNaming { $0.end(portal: portalName) }
      lookAtExecutes(client, session)
    }
    return nil
  }

  /// Whether EXECUTE may run what ends the transaction.
  private func mayEndByName(
    _ text: UnsafeRawBufferPointer, _ client: ClientPointer, _ session: SessionPointer
  ) -> Bool {
    guard let (name, _) = SQLText.executed(text.bytes) else { return true }
    return mayEnd(Array(name.utf8.prefix(ClientStatements.longestName)), client, session)
  }

  /// Whether a prepared statement may end the transaction.
  private func mayEnd(
    _ name: [UInt8], _ client: ClientPointer, _ session: SessionPointer
  ) -> Bool {
    if name.isEmpty {
      switch session.pointee.unnamed {
      case .none: return false
      case .kept:
        return !session.pointee.unnamedIsHarmless && ends(session.pointee.unnamedTail.bytes)
      case .lost: return true
      }
    }
    let found = name.withUnsafeBytes {
      session.pointee.statements.find($0.bytes, at: 0, count: $0.count)
    }
    if !maps(client) {
      // On servers that are shared it may be anybody's.
      return client.pointee.mode != .session || found?.serial == 0
        || session.pointee.hasUnknownControls
    }
    guard let found, !found.isHarmless else { return false }
    guard found.index >= 0 else { return true }
    return ends(pooler.statements.withLock { $0.tail(found.index) })
  }

  /// - Parameter tail: of a Parse: its text, a NUL and its types.
  private func ends(_ tail: [UInt8]) -> Bool {
    tail.withUnsafeBytes { raw in
      let end = raw.firstIndex(of: 0) ?? raw.count
      let analysis = SQLText.analyse(raw.bytes.extracting(0..<end))
      return analysis.endsTransaction || analysis.executes
    }
  }
}
