import Pooling
import PostgresWire
import Reactor
import Settings
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
    return naming(analysis, client) != nil
  }

  /// Binds a statement that names the tenant.
  /// - Returns: nil where it is none, or where the server has an error for what is bound.
  func bindAssignment(
    _ message: InspectedMessage, _ portal: NameRange, _ after: Int, _ analysis: SQLAnalysis,
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer
  ) -> Inspected? {
    guard let (assigned, tenant) = naming(analysis, client) else { return nil }
    guard message.isWhole else {
      guard message.whole > Self.inspectedLimit else { return .incomplete }
      endClient(client, .textTooLong)
      return .ended
    }
    guard let bound = BoundParameters(Array(bytes(after, message.end))) else { return nil }
    var sole = assigned
    if case .parameter(let number) = sole.value {
      guard number <= bound.count else { return nil }
      sole.value =
        bound.value(number).map { .text(String(decoding: $0, as: UTF8.self)) } ?? .default
    }
    if mustAwaitRow(sole.value, client, session) { return .held }
    guard server.pointee.ledger.clientSends(ClientMessageType.parse) else { return .held }
    let text = assignment(sole, client, tenant, session)
    let batch = server.pointee.ledger.openBatch
    server.pointee.replies.push(ReplyQueue.Entry(.ownParseUnnamed, batch: batch))
    server.pointee.unnamedIsClients = false
    server.pointee.unnamedBatch = batch
    appendParse([], Array(text.utf8) + [0, 0, 0])
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    server.pointee.replies.push(ReplyQueue.Entry(.bind, batch: batch))
    // The portal's name, the unnamed statement, no parameters and the formats of the columns.
    outbox.appendHeader(message.type, length: 10 + portal.count + bound.columnFormats.count)
    outbox.append(scratch + portal.start, count: portal.count + 1)
    outbox.append([0, 0, 0, 0, 0])
    outbox.append(Array(bound.columnFormats))
    return .sent
  }
}
