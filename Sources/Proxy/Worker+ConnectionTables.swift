import Admin
import Glibc
import Pooling
import Settings

// The console's tables about single connections.
extension Worker {
  static func isShown(_ connection: ConnectionFacts, in table: ShowTable) -> Bool {
    switch table {
    case .clients: connection.kind == .client
    case .servers: connection.kind == .server
    case .activeSockets: connection.state == "active"
    default: true
    }
  }

  /// A row of SHOW CLIENTS, SERVERS or SOCKETS, and the tenant behind it, which is not shown.
  func socketRow(_ connection: ConnectionFacts, width: Int) -> [ConsoleValue] {
    let row: [ConsoleValue] = [
      connection.kind == .client ? "C" : "S", .text(connection.user), .text(connection.database),
      .text(connection.replication), .text(connection.state),
      .text(connection.host), .integer(connection.port), .text(connection.localHost),
      .integer(connection.localPort), .text(time(connection.connectedAt)),
      .text(time(connection.requestedAt)), .integer(connection.wait / 1_000_000),
      .integer(connection.wait % 1_000_000), .integer(connection.isToBeClosed ? 1 : 0),
      .text(Self.hex(connection.place)),
      .text(connection.link == 0 ? "" : Self.hex(connection.link)),
      .integer(connection.remotePID), "", .text(connection.application ?? ""),
      .integer(connection.preparedStatements), .integer(connection.number), 0, 0, 0, 0,
      .integer(connection.unsent), .integer(connection.carried), 0,
    ]
    return row.prefix(width) + [.text(orNull: connection.tenant)]
  }

  static func fdRows(_ connections: [ConnectionFacts]) -> [[ConsoleValue]] {
    let fds = Dictionary(
      connections.map { ($0.place, $0.fd) }, uniquingKeysWith: { first, _ in first })
    return connections.sorted { $0.fd < $1.fd }.map { connection in
      [
        .integer(connection.fd), connection.kind == .client ? "client" : "server",
        .text(connection.user), .text(connection.database), .text(connection.host),
        .integer(connection.port), 0, .integer(fds[connection.link] ?? 0),
        .null, .null, .null, .null, .null, .null, .null,
      ]
    }
  }

  // MARK: waits

  /// Who waits, the longest first, and who has held a server for the longest that it could have.
  func waitRows(_ connections: [ConnectionFacts]) -> [[ConsoleValue]] {
    let clients = connections.filter { $0.kind == .client }
    let holders = Dictionary(grouping: clients.filter { $0.link != 0 }, by: \.pool)
      .mapValues { $0.sorted { $0.held > $1.held } }
    let (pools, tenants) = pooler.pools.withLock { [now] pools in
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
    let byPool = Dictionary(uniqueKeysWithValues: pools.map { ($0.id, $0) })
    return clients.filter { $0.state == "waiting" }.sorted { $0.wait > $1.wait }.map { client in
      let pool = byPool[client.pool]
      let tenant = client.tenant.flatMap { tenants[$0] }
      let isLimited = Self.isAtLimit(tenant)
      let held = (holders[client.pool] ?? []).filter {
        !isLimited || $0.tenant == client.tenant
      }
      return waitRow(client, reason: Self.reason(pool, isLimited: isLimited), held)
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

  private func waitRow(
    _ client: ConnectionFacts, reason: String, _ holders: [ConnectionFacts]
  ) -> [ConsoleValue] {
    let row: [ConsoleValue] = [
      .integer(client.number), .text(client.database), .text(client.user),
      .text(orNull: client.tenant), .text(client.application ?? ""), .text(client.host),
      .integer(client.port), .text(time(now &- min(now, client.wait))), .integer(client.wait),
      .integer(holders.count), .text(reason),
    ]
    guard let holder = holders.first else { return row + Array(repeating: .null, count: 9) }
    return row + [
      .integer(holder.number), .text(holder.user), .text(orNull: holder.tenant),
      .text(holder.application ?? ""), .text(holder.host), .integer(holder.port),
      .text(holder.hold), .integer(holder.held), .text(orNull: holder.query),
    ]
  }

  // MARK: forms

  private static func hex(_ handle: Handle) -> String { "0x" + String(handle, radix: 16) }

  /// A reading of the monotonic clock as the local time, as PgBouncer writes it.
  private func time(_ microseconds: UInt64) -> String {
    let age = Int(now &- min(now, microseconds)) / 1_000_000
    var seconds = Glibc.time(nil) - age
    var parts = tm()
    localtime_r(&seconds, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      let count = strftime(buffer.baseAddress!, buffer.count, "%Y-%m-%d %H:%M:%S %Z", &parts)
      return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }
}
