import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// Prepared statements that name the client's tenant. What they are on the server is made when they
// are bound, for that Bind alone: under the name of the statement, which servers share, there is
// one that has the same parameters and columns, and does nothing.
extension Worker {
  /// The assignment that names the tenant of a client whose login does not act for any.
  private func naming(
    _ analysis: SQLAnalysis, _ client: ClientPointer
  ) -> (sole: SQLAnalysis.SoleAssignment, tenant: TenantPointer)? {
    guard let setName = tenancy.setName, let tenant = client.pointee.tenant,
      !tenant.pointee.isExempt, let sole = analysis.soleAssignment, sole.name == setName.key
    else { return nil }
    return (sole, tenant)
  }

  /// Statements are not mapped: who comes next to the server would have it.
  static let namedAssignmentRefusal = failingText(
    "the tenant can not be named by a named prepared statement here",
    hint: "Send it as a simple query, or prepare it without a name.")

  /// What is prepared in place of a statement that names the tenant.
  static func standIn(_ sole: SQLAnalysis.SoleAssignment) -> String {
    guard sole.form == .select else { return "" }
    let value = if case .parameter(let number) = sole.value { "$\(number)" } else { "''" }
    return "SELECT \(value)::pg_catalog.text AS "
      + SQLIdentifier.quote(sole.columnName ?? "set_config")
  }

  /// The same, of one that may name it.
  static func standIn(_ open: SQLAnalysis.OpenAssignment) -> String {
    func text(_ value: SQLAnalysis.SoleAssignment.Value) -> String {
      guard case .parameter(let number) = value else { return "''::pg_catalog.text" }
      return "$\(number)::pg_catalog.text"
    }
    var elements = [text(open.value), text(open.name)]
    if case .parameter(let number) = open.isLocal {
      elements.append("$\(number)::pg_catalog.bool::pg_catalog.text")
    }
    return "SELECT (ARRAY[\(elements.joined(separator: ", "))])[1] AS "
      + SQLIdentifier.quote(open.columnName)
  }

  /// Whether a text is EXECUTE of a statement, prepared by the protocol, that names the tenant.
  func executesAssignment(_ text: UnsafeRawBufferPointer, _ client: ClientPointer) -> Bool {
    guard tenancy.setName != nil, let session = client.pointee.session,
      session.pointee.statements.count != 0, let (name, _) = SQLText.executed(text.bytes)
    else { return false }
    let bytes = Array(name.utf8.prefix(ClientStatements.longestName))
    let found = bytes.withUnsafeBytes {
      session.pointee.statements.find($0.bytes, at: 0, count: $0.count)
    }
    guard let found, !found.isPlain,
      let analysis = pooler.statements.withLock({ $0.analysis(found.index) })
    else { return false }
    return naming(analysis, client) != nil || analysis.openAssignment != nil
  }

  /// Binds a statement that names the tenant.
  /// - Returns: nil where it is none, or where the server has an error for what is bound.
  func bindAssignment(
    _ message: InspectedMessage, _ portal: NameRange, _ after: Int, _ analysis: SQLAnalysis,
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected? {
    let named = naming(analysis, client)
    let open = analysis.openAssignment
    guard named != nil || open != nil, client.pointee.tenant?.pointee.isExempt == false else {
      return nil
    }
    guard message.isWhole else {
      guard message.whole > Self.inspectedLimit else { return .incomplete }
      endClient(client, .textTooLong)
      return .ended
    }
    guard let bound = BoundParameters(Array(bytes(after, message.end))) else { return nil }
    var text: String?
    if let open, named == nil {
      guard open.parameters.allSatisfy({ $0 <= bound.count }) else { return nil }
      text = Self.spoken(open, bound)
    }
    var sole = named?.sole
    if case .parameter(let number)? = sole?.value {
      guard number <= bound.count else { return nil }
      sole?.value =
        bound.value(number).map { .text(String(decoding: $0, as: UTF8.self)) } ?? .default
    }
    if let sole, mustAwaitRow(sole.value, client, session) { return .held }
    guard server.pointee.ledger.clientSends(ClientMessageType.parse) else { return .held }
    let change: String
    if let sole, let tenant = named?.tenant {
      change = assignment(sole, client, tenant, session, portal: name(portal))
    } else {
      guard let said = said(text, client, server, session, portal: name(portal)) else {
        return .held
      }
      change = said
    }
    return sendBound(change, portal, Array(bound.columnFormats), server)
  }

  /// Binds a text of the pooler's own in place of the client's statement.
  /// - Parameter formats: of the columns, with their count in front.
  private func sendBound(
    _ text: String, _ portal: NameRange, _ formats: [UInt8], _ server: ServerPointer
  ) -> Inspected {
    let batch = server.pointee.ledger.openBatch
    server.pointee.replies.push(ReplyQueue.Entry(.ownParseUnnamed, batch: batch))
    server.pointee.unnamedIsClients = false
    server.pointee.unnamedBatch = batch
    appendParse([], Array(text.utf8) + [0, 0, 0])
    guard server.pointee.ledger.clientSends(ClientMessageType.bind) else { return .held }
    server.pointee.replies.push(ReplyQueue.Entry(.bind, batch: batch))
    // The portal's name, the unnamed statement, no parameters and the formats of the columns.
    outbox.appendHeader(ClientMessageType.bind, length: 10 + portal.count + formats.count)
    outbox.append(scratch + portal.start, count: portal.count + 1)
    outbox.append([0, 0, 0, 0, 0])
    outbox.append(formats)
    return .sent
  }

  // MARK: before a tenant is named

  /// Refuses what a client that has named nobody would bind: it may have prepared it when it acted
  /// for somebody.
  /// - Returns: nil: it may be bound.
  @inline(never)
  func refuseNameless(
    _ message: InspectedMessage, _ portal: NameRange, _ range: NameRange, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected? {
    if maps(client) || range.isEmpty {
      if isUndecided(name(range), session, server) { return .held }
      if mayBindNameless(range, client, session) { return nil }
    } else {
      if session.pointee.statements.hasUndos, isUndecided(name(range), session, server) {
        return .held
      }
      if session.pointee.knowsNames, find(range, session)?.serial == 0 { return nil }
    }
    guard message.isWhole else {
      guard message.whole > Self.inspectedLimit else { return .incomplete }
      endClient(client, .textTooLong)
      return .ended
    }
    guard server.pointee.ledger.clientSends(ClientMessageType.parse) else { return .held }
    return sendBound(namelessText, portal, [0, 0], server)
  }

  private func find(
    _ range: NameRange, _ session: SessionPointer
  ) -> ClientStatements.Reference? {
    session.pointee.statements.find(
      bytes(range.start, range.next).bytes, at: 0, count: range.count)
  }

  /// Whether a statement whose text is known names the tenant, or begins or ends a transaction; or
  /// whether there is none.
  private func mayBindNameless(
    _ range: NameRange, _ client: ClientPointer, _ session: SessionPointer
  ) -> Bool {
    let analysis: SQLAnalysis?
    let tail: [UInt8]
    if range.isEmpty {
      if session.pointee.unnamed == .none { return true }
      guard session.pointee.unnamed == .kept else { return false }
      analysis = session.pointee.unnamedAnalysis?.value
      tail = session.pointee.unnamedTail.bytes
    } else {
      guard let found = find(range, session) else { return true }
      guard found.index >= 0 else { return false }
      (analysis, tail) = pooler.statements.withLock {
        ($0.analysis(found.index), $0.tail(found.index))
      }
    }
    if let analysis, naming(analysis, client) != nil || analysis.openAssignment != nil {
      return true
    }
    return tail.withUnsafeBytes { raw in
      let end = raw.firstIndex(of: 0) ?? raw.count
      return isTransactionControl(UnsafeRawBufferPointer(rebasing: raw[..<end]), nil)
    }
  }

  /// Notes, where names are not mapped, whether the client's statement may be bound before a tenant
  /// is named.
  /// - Parameter isControl: it begins or ends a transaction; nil: the client gives the name up.
  /// - Returns: whether the table has changed, which an error would undo.
  func noteName(
    _ range: NameRange, isControl: Bool?, _ client: ClientPointer, _ session: SessionPointer,
    _ batch: UInt32
  ) -> Bool {
    guard hasSetSource, client.pointee.tenant?.pointee.origin == nil else { return false }
    let isKnown = find(range, session) != nil
    let isTaken =
      isControl == true
      && (isKnown || session.pointee.statements.count < Self.mostControlNames)
    if isControl == true && !isTaken { session.pointee.hasUnknownControls = true }
    guard isKnown || isTaken else { return false }
    session.pointee.statements.set(
      name(range), isTaken ? ClientStatements.Reference(serial: 0) : nil, batch: batch)
    return true
  }

  /// Drivers have a few of them.
  private static var mostControlNames: Int { 64 }

  /// An open assignment with the values that are bound; nil where they are not for certain.
  private static func spoken(
    _ open: SQLAnalysis.OpenAssignment, _ bound: BoundParameters
  ) -> String? {
    func value(_ value: SQLAnalysis.SoleAssignment.Value) -> String?? {
      guard case .parameter(let number) = value else {
        if case .text(let text) = value { return text }
        return .none
      }
      guard let bytes = bound.value(number) else { return .some(nil) }
      // Other bytes depend on the client's encoding.
      return bytes.allSatisfy { $0 < 0x80 } ? String(decoding: bytes, as: UTF8.self) : .none
    }
    let isLocal: Bool
    switch open.isLocal {
    case .constant(let constant): isLocal = constant
    case .parameter(let number):
      switch bound.value(number) {
      case [1]?, Array("t".utf8)?, Array("true".utf8)?: isLocal = true
      case [0]?, Array("f".utf8)?, Array("false".utf8)?: isLocal = false
      default: return nil
      }
    }
    guard let name = value(open.name) ?? nil, let value = value(open.value) else { return nil }
    // Where it is what PostgreSQL calls the column, it would look like another call.
    let alias =
      open.columnName == "set_config" ? "" : " AS " + SQLIdentifier.quote(open.columnName)
    return "SELECT pg_catalog.set_config(\(SQLLiteral.quote(name)), "
      + "\(value.map(SQLLiteral.quote) ?? "NULL"), \(isLocal))\(alias)"
  }

  /// What becomes of a text that takes the place of a statement when it is bound.
  /// - Returns: nil: it has to wait.
  private func said(
    _ text: String?, _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer,
    portal: [UInt8]
  ) -> String? {
    guard let text else {
      return Self.failingText(
        "permission denied to set a parameter that can not be told for certain",
        hint: "Give set_config its name and value in ASCII, and true or false.")
    }
    let bytes = Array(text.utf8)
    return bytes.withUnsafeBytes { raw in
      let analysis = SQLText.analyse(raw.bytes)
      switch tenantVerdict(raw, analysis, client, server, isSimple: false) {
      case .free: return noteBound(analysis, client, server, session) ? text : nil
      case .refused(let failing): return failing
      case .assigns(let sole, let tenant):
        if mustAwaitRow(sole.value, client, session) { return nil }
        return assignment(sole, client, tenant, session, portal: portal)
      case .mayAssign: return Self.namedAssignmentRefusal
      }
    }
  }
}
