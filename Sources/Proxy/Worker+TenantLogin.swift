import Pooling
import PostgresWire
import Reactor
import Settings
import Tenancy

// Who the tenant of a client is: found when the client has proven who it is, and looked at again
// when the configuration changes.
extension Worker {
  /// Nobody is an administrator who only begins like one: to the console a client comes by its name
  /// as it gave it.
  func enterAsGiven(_ login: ClientLogin, _ identity: ClientIdentity) {
    login.user = identity.user
    identity.login = identity.user
    identity.databaseName = identity.database
    login.facts = nil
  }

  /// Finds the tenant of a client that has proven who it is. Not before: a refusal tells which
  /// tenants there are.
  /// - Returns: false: the client may not come in, and has ended.
  func settleTenant(_ client: ClientPointer, _ login: ClientLogin) -> Bool {
    guard let identity = client.pointee.identity else { return false }
    if let facts = login.facts {
      login.facts = nil
      let resolution = login.rules.resolver.resolve(facts)
      switch resolution.outcome {
      case .refused(let refusal):
        endClient(client, .tenantRefused(refusal))
        return false
      case .tenant(let tenant, _):
        identity.tenant = tenant
      case .none, .exempt: break
      }
      identity.resolution = resolution
    }
    // There may have been a reload since the StartupMessage.
    guard isUpToDate(identity, pooler.settings.tenancyRules) else {
      endClient(client, .tenancyChanged)
      return false
    }
    if login.replication != nil, let resolution = identity.resolution,
      resolution.outcome != .exempt
    {
      endClient(client, .replicationOfTenants)
      return false
    }
    return true
  }

  // MARK: reloads

  /// Whether a client could have come in as it is under these rules too.
  private func isUpToDate(_ identity: ClientIdentity, _ rules: TenancyRules) -> Bool {
    guard let resolution = identity.resolution else { return !rules.isActive }
    guard rules.isActive else { return false }
    let resolver = rules.resolver
    let login = resolver.logins[identity.login]
    if (login?.isExempt ?? false) != (resolution.outcome == .exempt) { return false }
    switch resolution.outcome {
    case .exempt: return true
    case .refused: return false
    case .none: if !resolver.sources.contains(.set) { return false }
    case .tenant(let tenant, by: nil): if resolver.fallback != tenant { return false }
    case .tenant(let tenant, by: .user?): if login?.tenant != tenant { return false }
    case .tenant(_, by: let source?): if !resolver.sources.contains(source) { return false }
    }
    return identity.tenant.map { resolver.isAllowed($0, login: identity.login) } ?? true
  }

  /// Whether the tenant's database is the one that the client's servers are connected to. A client
  /// stays in its pool for life, so `SET` must not name a tenant for which this is false.
  /// - Parameter row: what the table of tenants says of its place.
  func isInDatabase(
    of tenant: TenantName, row: DatabaseIsolation?, _ client: ClientPointer
  ) -> Bool {
    guard let identity = client.pointee.identity, let route = route(client.pointee.pool),
      let database = try? settings.poolDatabase(identity.databaseName, for: tenant, row: row)
    else { return false }
    return database.key == route.key
  }

  /// Ends clients whom a new configuration does not let act for their tenants, or has elsewhere.
  func endMisplacedClients() {
    let rules = settings.tenancyRules
    var doomed: [ClientPointer] = []
    clients.forEachPlace { client in
      guard client.pointee.phase != .unused, client.pointee.phase != .closed,
        client.pointee.pool.rawValue >= 0, let identity = client.pointee.identity
      else { return }
      // Rows are forgotten with the old configuration: until it is known again, what its row said
      // last is taken for granted. Nothing runs before that.
      let row = self.route(client.pointee.pool)?.row
      let isInPlace = identity.tenant.map { self.isInDatabase(of: $0, row: row, client) } ?? true
      if !isInPlace || !self.isUpToDate(identity, rules) { doomed.append(client) }
    }
    for client in doomed { endClient(client, .tenancyChanged) }
  }
}

extension Ending {
  static func tenantRefused(_ refusal: TenantRefusal) -> Ending {
    .tenantRefused(sqlstate: refusal.sqlstate, message: refusal.message)
  }

  static var tenantMoved: Ending {
    .tenantRefused(
      sqlstate: SQLState.adminShutdown, message: "the tenant's database is another one now")
  }

  fileprivate static var tenancyChanged: Ending {
    .tenantRefused(
      sqlstate: SQLState.adminShutdown, message: "the configuration of tenants has changed")
  }

  /// Its stream has the rows of all tenants, whatever settings it runs under.
  fileprivate static var replicationOfTenants: Ending {
    .tenantRefused(
      sqlstate: SQLState.insufficientPrivilege,
      message: "replication shows every tenant's rows: "
        + "it is for logins with tenancy = \"off\" alone")
  }
}
