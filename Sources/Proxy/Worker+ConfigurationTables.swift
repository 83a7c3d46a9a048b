import Admin
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// The console's tables about the configuration, and about what all loops share.
extension Worker {
  func stateRows() -> [[ConsoleValue]] {
    let rest = pooler.rest
    return [
      ["active", rest == .none ? "yes" : "no"], ["paused", rest == .paused ? "yes" : "no"],
      ["suspended", rest == .suspended ? "yes" : "no"],
    ]
  }

  func configRows() -> [[ConsoleValue]] {
    let settings = pooler.settings
    return SettingDefinition.all.sorted { $0.name < $1.name }.map { definition in
      [
        .text(definition.name), .text(definition.text(in: settings)),
        .text(definition.defaultText(in: settings.format)),
        definition.isReloadable ? "yes" : "no",
      ]
    }
  }

  func databaseRows() -> [[ConsoleValue]] {
    let (settings, routes, paused, disabled) = pooler.directory.withLock {
      ($0.settings, $0.routes, $0.pausedDatabases, $0.disabledDatabases)
    }
    let groups = pooler.pools.withLock { $0.databaseFacts }
    var held: [String: (servers: Int, clients: Int)] = [:]
    var names = Set(settings.databases.keys)
    for group in groups {
      // A tenant's own database counts for the one that it takes the place of.
      let name = routes.first { $0?.key == group.name }??.database.name ?? group.name
      names.insert(name)
      held[name, default: (0, 0)].servers += group.servers
      held[name, default: (0, 0)].clients += group.clients
    }
    var rows = names.compactMap { name -> [ConsoleValue]? in
      guard let database = settings.database(named: name) else { return nil }
      let (servers, clients) = held[name] ?? (0, 0)
      return databaseRow(database, settings, servers: servers, clients: clients)
        + [.integer(paused.contains(name) ? 1 : 0), .integer(disabled.contains(name) ? 1 : 0)]
    }
    rows.append(
      [
        .text(Console.database), .null, .integer(settings.listenPort), .text(Console.database),
        .text(Console.database), 2, 0, 0, 0, "statement", .null, 0, 0, 0,
        .integer(consoles.count), 0, 0,
      ])
    return rows.sorted { ($0[0].string ?? "") < ($1[0].string ?? "") }
  }

  private func databaseRow(
    _ database: DatabaseSettings, _ settings: Settings, servers: Int, clients: Int
  ) -> [ConsoleValue] {
    let name = database.name
    // For a user with nothing of his own.
    let user = database.user ?? ""
    let lifetime = settings.serverLifetime(database: name).microseconds / 1_000_000
    return [
      .text(name),
      .text(orNull: database.hosts.isEmpty ? nil : database.hosts.joined(separator: ",")),
      .integer(database.port), .text(database.serverDatabase), .text(orNull: database.user),
      .integer(settings.poolSize(database: name, user: user)),
      .integer(settings.minPoolSize(database: name, user: user)),
      .integer(settings.reservePoolSize(database: name, user: user)), .integer(lifetime),
      .text(orNull: database.poolMode?.rawValue), .text(database.loadBalanceHosts.rawValue),
      .integer(settings.maxDbConnections(database: name)), .integer(servers),
      .integer(settings.maxDbClientConnections(database: name)), .integer(clients),
    ]
  }

  func userNames(_ settings: Settings) -> Set<String> {
    Set(settings.users.keys).union(settings.secrets.keys)
  }

  func userRows() -> [[ConsoleValue]] {
    let settings = pooler.settings
    let groups = pooler.pools.withLock { $0.userFacts }
    let held = Dictionary(uniqueKeysWithValues: groups.map { ($0.name, $0) })
    return userNames(settings).union(held.keys).sorted().map { name in
      let user = settings.users[name]
      return [
        .text(name), .text(orNull: user?.poolSize.map(String.init) ?? ""),
        .text(user?.reservePoolSize.map(String.init) ?? ""),
        .text(orNull: user?.poolMode?.rawValue),
        .integer(settings.maxUserConnections(user: name)), .integer(held[name]?.servers ?? 0),
        .integer(settings.maxUserClientConnections(user: name)),
        .integer(held[name]?.clients ?? 0),
      ]
    }
  }

  func peerRows() -> [[ConsoleValue]] {
    let settings = pooler.settings
    return settings.peers.values.sorted { $0.id < $1.id }.map { peer in
      [
        .integer(peer.id), .text(peer.hosts.joined(separator: ",")), .integer(peer.port),
        .integer(peer.poolSize ?? settings.defaultPoolSize),
      ]
    }
  }

  func hostRows() -> [[ConsoleValue]] {
    pooler.resolver.entries.map { entry in
      [
        .text(entry.host), .integer(entry.secondsLeft),
        .text(entry.addresses.map(\.host).joined(separator: ",")),
      ]
    }
  }

  /// What connections and pools take, but for their buffers, which are there only while bytes are.
  func memoryRows() -> [[ConsoleValue]] {
    let (pools, servers) = pooler.pools.withLock { [now] in
      ($0.facts(now: now).count, $0.serverCount)
    }
    let statements = pooler.statements.withLock { ($0.listing.count, $0.byteCount) }
    let items: [(String, size: Int, used: Int)] = [
      ("client_cache", MemoryLayout<ClientConnection>.size, pooler.clientCount),
      ("server_cache", MemoryLayout<ServerConnection>.size, servers),
      ("pool_cache", MemoryLayout<PoolFacts>.size, pools),
      ("loop_buffer", Self.scratchSize, pooler.loopCount),
      ("statement_texts", statements.0 == 0 ? 0 : statements.1 / statements.0, statements.0),
    ]
    return items.map { name, size, used in
      [.text(name), .integer(size), .integer(used), 0, .integer(size * used)]
    }
  }

  // MARK: sessions

  func pinnedRows() -> [[ConsoleValue]] {
    let pinned = pooler.pinned.withLock { $0.values.sorted { $0.name < $1.name } }
    return pinned.map {
      [
        .text($0.name), .text($0.database), .text($0.user), .text($0.reason),
        .integer($0.number),
      ]
    }
  }

  /// The prepared statements of all clients, by their names on servers.
  func preparedRows() -> [[ConsoleValue]] {
    pooler.statements.withLock { $0.listing }.map {
      [.text("SLUICE_\($0.serial)"), .integer($0.uses), .integer($0.byteCount)]
    }
  }

  /// Totals since the start, and what prepared statements take.
  func pinningRows() -> [[ConsoleValue]] {
    let (listing, bytes) = pooler.statements.withLock { ($0.listing, $0.byteCount) }
    return [
      ["pinned_now", .integer(pooler.pinned.withLock { $0.count })],
      ["pinned_total", .integer(pooler.pinCount.count)],
      ["warned_total", .integer(pooler.pinWarnings.count)],
      ["prepared_statements", .integer(listing.count)],
      ["prepared_statement_bytes", .integer(bytes)],
    ]
  }

  // MARK: tenants

  func tenantRows() -> [[ConsoleValue]] {
    pooler.tenantCensus().sorted { $0.name < $1.name }.map { tenant in
      let average = tenant.leases == 0 ? 0 : tenant.waitMicroseconds / tenant.leases
      let now = [tenant.clients, tenant.waiting, tenant.waitingLogins, tenant.servers]
      let past = [
        tenant.leases, tenant.waitMicroseconds, average, tenant.wait(ofPercent: 50),
        tenant.wait(ofPercent: 99), tenant.refusedClients, tenant.refusedWaiting,
      ]
      let limits = [
        tenant.limits.maxClients, tenant.limits.maxWaiting, tenant.limits.maxServers,
        tenant.limits.rate, tenant.limits.burst,
      ]
      return [.text(tenant.name), .integer(tenant.limits.weight)] + now.map { .integer($0) }
        + past.map { .integer($0) } + limits.map { .integer($0) }
    }
  }
}
