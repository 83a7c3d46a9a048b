import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// Clients whose tenants are in a table (`tenants_query`): until the row is known they wait, in
// their login or in front of a transaction, and where there is no answer nothing of theirs runs.
extension Worker {
  /// What is known of a tenant's row.
  enum KnownRow {
    /// nil: there is no table. It has to be looked up again then.
    case known(TenantOverride?, renewAt: UInt64)
    case unknown
  }

  var readsTable: Bool { tenancy.isActive && settings.tenancy.tenantsQuery != nil }

  /// - Throws: the table does not have it, or has what can not be.
  func row(of name: TenantName) throws(TenantRefusal) -> KnownRow {
    guard readsTable else { return .known(nil, renewAt: .max) }
    let answer: TenantRows.Answer
    if let known = arrivedRow, known.name == name, known.answer.epoch == tableEpoch {
      answer = known.answer
    } else {
      let found = pooler.tenantRows.withLock { [now, tableEpoch] in
        $0.find(name, epoch: tableEpoch, now: now)
      }
      guard let found else { return .unknown }
      if found.isDue { post(.ask(name, loop: nil)) }
      answer = found.answer
    }
    switch answer.content {
    case .refused(let refusal): throw refusal
    case .row(let row):
      return .known(row, renewAt: now < answer.refreshAt ? answer.refreshAt : answer.until)
    }
  }

  /// A row that has to be known; nil: there is no table.
  func knownRow(of name: TenantName) throws(TenantRefusal) -> TenantOverride? {
    guard case .known(let row, _) = try self.row(of: name) else { throw .tableSilent }
    return row
  }

  private func post(_ mail: TenantMail) {
    pooler.mailboxes[Int(Pooler.hubLoop)].post(.tenants(mail))
  }

  /// Has a client wait for a row.
  func awaitRow(of name: TenantName, _ client: ClientPointer) {
    tenantWaiters.append((client, name))
    post(.ask(name, loop: id))
  }

  /// Whether the row of a client's tenant is there as it logs in.
  /// - Returns: false: it waits, or has ended.
  func hasRow(_ client: ClientPointer, _ login: ClientLogin) -> Bool {
    guard let name = client.pointee.identity?.tenant else { return true }
    do throws(TenantRefusal) {
      if case .known = try row(of: name) { return true }
      login.stage = .waitingForTenant
      awaitRow(of: name, client)
    } catch {
      endClient(client, .tenantRefused(error))
    }
    return false
  }

  /// Has a client wait, which keeps its server meanwhile.
  func holdForRow(_ name: TenantName, _ client: ClientPointer, _ session: SessionPointer) {
    if session.pointee.awaitsTenant { return }
    session.pointee.awaitsTenant = true
    // The server may have nothing else to do meanwhile: it is the client's all the same.
    client.pointee.keepsServer = true
    awaitRow(of: name, client)
  }

  /// Whether a SET has to wait for the row of the tenant that it names.
  func mustAwaitRow(
    _ value: SQLAnalysis.SoleAssignment.Value, _ client: ClientPointer, _ session: SessionPointer
  ) -> Bool {
    guard readsTable else { return false }
    // What is refused is told by whoever makes something of it.
    guard let name = try? named(value, client, isPlaced: false), case .unknown? = try? row(of: name)
    else {
      return false
    }
    holdForRow(name, client, session)
    return true
  }

  private static var reviewMicroseconds: UInt64 { 1_000_000 }

  /// Who only listens begins no transaction that would show that its tenant's database is another
  /// one now, and the old one may be somebody else's: it is looked at once its row has run out. So
  /// is who sits on a server in session mode.
  func reviewListeners() {
    guard now >= nextReviewAt else { return }
    nextReviewAt = now &+ Self.reviewMicroseconds
    reviewListeners(of: nil)
  }

  /// - Parameter arrived: the tenant whose row has just come; nil: all of them.
  private func reviewListeners(of arrived: TenantName?) {
    var due: [(ClientPointer, TenantPointer)] = []
    clients.forEachPlace { client in
      guard let tenant = client.pointee.tenant, let name = tenant.pointee.name,
        arrived == nil || name == arrived, self.isOutdated(tenant), self.listensIdly(client),
        self.route(client.pointee.pool)?.row != nil
      else { return }
      due.append((client, tenant))
    }
    for (client, tenant) in due {
      guard case .waits(let name) = makePreamble(client, tenant) else { continue }
      if arrived == nil, reviewed.insert(name).inserted { post(.ask(name, loop: id)) }
    }
  }

  private func listensIdly(_ client: ClientPointer) -> Bool {
    switch client.pointee.phase {
    case .idle: client.pointee.session?.pointee.channels?.isEmpty == false
    case .active:
      client.pointee.server?.pointee.ledger.isClean == true
        && !client.pointee.scanner.isMidMessage && !client.pointee.isHeld
    case .unused, .login, .waiting, .granted, .preparing, .console, .closed: false
    }
  }

  /// Takes up whoever waited for a row.
  private func rowArrived(_ name: TenantName, _ answer: TenantRows.Answer?) {
    let isReviewed = reviewed.remove(name) != nil
    let waiting = tenantWaiters.filter { $0.name == name }
    guard !waiting.isEmpty || isReviewed else { return }
    tenantWaiters.removeAll { $0.name == name }
    // They have it even if so many others have come meanwhile that it is not kept any longer.
    arrivedRow = answer.map { (name, $0) }
    defer { arrivedRow = nil }
    for (client, _) in waiting { takeUp(client) }
    if isReviewed { reviewListeners(of: name) }
  }

  private func takeUp(_ client: ClientPointer) {
    client.pointee.session?.pointee.awaitsTenant = false
    switch client.pointee.phase {
    case .login:
      guard let login = client.pointee.login, login.stage == .waitingForTenant else { return }
      login.stage = .authenticating
      if settleTenant(client, login) { enter(client, login) }
    case .active:
      guard let server = client.pointee.server else { return }
      if client.pointee.isHeld { resumeHeld(client, server) }
      if client.pointee.server == server, client.pointee.phase == .active,
        server.pointee.ledger.isClean
      {
        pumpClient(client, server)
      }
    case .unused, .idle, .waiting, .granted, .preparing, .console, .closed: return
    }
  }

  func readTenantMail(_ mail: TenantMail) {
    switch mail {
    case .ask(let name, let loop): askTable(name, loops: Set([loop].compactMap(\.self)))
    case .readOn:
      if let server = tenantReader?.server, server.pointee.phase == .asking { readTable(server) }
    case .answered(let name, let answer): rowArrived(name, answer)
    }
  }
}
