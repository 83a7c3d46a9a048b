import Admin
import Pooling
import Reactor
import Synchronization

/// A client that waits, why, and those that have what it waits for, longest first.
struct Wait {
  var client: ConnectionFacts
  var reason: String
  var holders: [ConnectionFacts]
}

// Who waits for whom.
extension Pooler {
  /// Who waits, the longest first, and who has held a server for the longest that it could have.
  func waits(in connections: [ConnectionFacts], now: UInt64) -> [Wait] {
    let clients = connections.filter { $0.kind == .client }
    let holders = Dictionary(grouping: clients.filter { $0.link != 0 }, by: \.pool)
      .mapValues { $0.sorted { $0.held > $1.held } }
    let (facts, tenants) = pools.withLock { pools in
      let facts = pools.facts(now: now)
      var tenants: [String: TenantCensus] = [:]
      for client in clients where client.state == "waiting" {
        guard let name = client.tenant, tenants[name] == nil,
          let id = pools.tenant(named: name)
        else { continue }
        tenants[name] = pools.census(of: id)
      }
      return (facts, tenants)
    }
    let byPool = Dictionary(uniqueKeysWithValues: facts.map { ($0.id, $0) })
    return clients.filter { $0.state == "waiting" }.sorted { $0.wait > $1.wait }.map { client in
      let pool = byPool[client.pool]
      let tenant = client.tenant.flatMap { tenants[$0] }
      let isLimited = Self.isAtLimit(tenant)
      let held = (holders[client.pool] ?? []).filter {
        !isLimited || $0.tenant == client.tenant
      }
      return Wait(
        client: client, reason: Self.reason(pool, isLimited: isLimited), holders: held)
    }
  }

  private static func isAtLimit(_ tenant: TenantCensus?) -> Bool {
    guard let tenant, tenant.limits.maxServers > 0 else { return false }
    return tenant.servers >= tenant.limits.maxServers
  }

  /// Why a client of the pool has to wait.
  private static func reason(_ pool: PoolFacts?, isLimited: Bool) -> String {
    guard let pool else { return "" }
    if pool.isPaused { return "paused" }
    if isLimited { return "its tenant's max_server_connections" }
    if pool.leased >= pool.size { return "all servers are in use" }
    if pool.opening > 0 { return "a server is being connected" }
    if pool.isFailing { return "servers can't be connected" }
    if pool.idle > 0 { return "its tenant's limits" }
    return "max_db_connections or max_user_connections"
  }

  // MARK: for the dashboard

  /// Who waits, longest first; at most so many. No loop is asked where nobody does.
  func waits(limit: Int) async -> [WaitReport] {
    let isWaitedFor = pools.withLock { $0.facts(now: 0).contains { $0.waiting > 0 } }
    guard isWaitedFor else { return [] }
    let reports = await inquirer.ask(.waits, of: mailboxes)
    let waits = waits(in: reports.flatMap(\.connections), now: Clock.now)
    return waits.prefix(limit).map { wait in
      WaitReport(
        client: Self.title(wait.client), database: wait.client.database, user: wait.client.user,
        tenant: wait.client.tenant, application: wait.client.application, waited: wait.client.wait,
        reason: wait.reason,
        holders: wait.holders.prefix(Self.holdersShown).map {
          WaitReport.Holder(
            client: Self.title($0), tenant: $0.tenant, application: $0.application, state: $0.hold,
            held: $0.held, query: $0.query)
        })
    }
  }

  private static var holdersShown: Int { 10 }

  /// As the log names a client.
  private static func title(_ client: ConnectionFacts) -> String {
    "\(client.database)/\(client.user)@\(client.host):\(client.port)"
  }
}
