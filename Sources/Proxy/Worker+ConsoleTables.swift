import Admin
import CLinux
import Insight
import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// What the console's tables are made from: some is at hand, for the rest all loops are asked.
extension Worker {
  func show(_ table: ShowTable, _ then: @escaping (ConsoleTable) -> Void) {
    switch table {
    case .version: then(ConsoleTable(.version, [[.text(Version.text)]]))
    case .state: then(ConsoleTable(.state, stateRows()))
    case .config: then(ConsoleTable(.config, configRows()))
    case .databases: then(ConsoleTable(.databases, databaseRows()))
    case .users: then(ConsoleTable(.users, userRows()))
    case .peers: then(ConsoleTable(.peers, peerRows()))
    case .peerPools:
      let peers = pooler.settings.peers.keys.sorted()
      then(ConsoleTable(.peerPools, peers.map { [.integer($0), 0, 0, 0, 0] }))
    case .dnsHosts: then(ConsoleTable(.dnsHosts, hostRows()))
    case .dnsZones: then(ConsoleTable(.dnsZones))
    case .mem: then(ConsoleTable(.mem, memoryRows()))
    case .pinned: then(ConsoleTable(.pinned, pinnedRows()))
    case .prepared: then(ConsoleTable(.prepared, preparedRows()))
    case .pinning: then(ConsoleTable(.pinning, pinningRows()))
    case .tenants: then(ConsoleTable(.tenants, tenantRows()))
    case .stats, .statsTotals, .statsAverages, .totals:
      ask(.traffic) { then(self.statsTable(table, Self.traffic(in: $0))) }
    case .pools:
      ask(.tallies) { reports in
        then(ConsoleTable(.pools, self.poolRows(reports)))
      }
    case .queries:
      guard settings.queryStats else { return then(ConsoleTable(.queries)) }
      ask(.queries) { reports in
        let copies = reports.compactMap(\.queries)
        self.makeTable({ Self.queriesTable(copies) }, then: then)
      }
    case .lists: ask(.thread) { then(ConsoleTable(.lists, self.listRows($0))) }
    case .threads: ask(.thread) { then(ConsoleTable(.threads, Self.threadRows($0))) }
    case .clients, .servers, .sockets, .activeSockets:
      ask(.connections) { reports in
        let all = reports.flatMap(\.connections).sorted { $0.number < $1.number }
        let shown = all.filter { Self.isShown($0, in: table) }
        let width = table.columns.count
        let rows = shown.map { self.socketRow($0, width: width) }
        then(ConsoleTable(table, rows))
      }
    case .fds:
      ask(.connections) { then(ConsoleTable(.fds, Self.fdRows($0.flatMap(\.connections)))) }
    case .waits:
      ask(.connections) { reports in
        then(ConsoleTable(.waits, self.waitRows(reports.flatMap(\.connections))))
      }
    }
  }

  // MARK: statistics

  static func traffic(in reports: [LoopReport]) -> [String: TrafficCounters] {
    reports.reduce(into: [:]) { all, report in
      for (database, counters) in report.traffic {
        all[database, default: TrafficCounters()] += counters
      }
    }
  }

  private func statsTable(
    _ table: ShowTable, _ live: [String: TrafficCounters]
  ) -> ConsoleTable {
    let statistics = pooler.statistics.withLock { $0 }
    let all = live.merging(statistics.retired) { sum, retired in
      var sum = sum
      sum += retired
      return sum
    }
    if table == .totals {
      let total = all.values.reduce(into: TrafficCounters()) { $0 += $1 }
      let values = total.figures + statistics.averages
      let names = ShowTable.stats.columns.dropFirst().map(\.name)
      return ConsoleTable(
        .totals, zip(names, values).map { [.text($0), .integer($1)] })
    }
    let rows = all.sorted { $0.key < $1.key }.map { name, counters -> [ConsoleValue] in
      var figures: [UInt64] = []
      if table != .statsAverages { figures += counters.figures }
      if table != .statsTotals { figures += statistics.averages(name) }
      return [.text(name)] + figures.map { .integer($0) }
    }
    return ConsoleTable(table, rows)
  }

  /// stats_period: averages are taken anew, and logged.
  func endStatsPeriod() {
    let period = max(1_000_000, settings.statsPeriod.microseconds)
    guard now >= nextStatsAt else { return }
    let isFirst = nextStatsAt == 0
    nextStatsAt = now &+ period
    if isFirst { return }
    ask(.traffic) { reports in
      let averages = self.pooler.statistics.withLock { statistics in
        let all = Self.traffic(in: reports).merging(statistics.retired) { sum, retired in
          var sum = sum
          sum += retired
          return sum
        }
        statistics.take(all, now: self.now)
        return statistics.averages
      }
      if self.settings.logStats { self.logStats(averages) }
    }
  }

  private func logStats(_ averages: [UInt64]) {
    log(
      .info, .statistics, .none,
      """
      stats: \(averages[1]) xacts/s, \(averages[2]) queries/s, \(averages[8]) client parses/s, \
      \(averages[9]) server parses/s, \(averages[10]) binds/s, in \(averages[3]) B/s, \
      out \(averages[4]) B/s, xact \(averages[5]) us, query \(averages[6]) us, \
      wait \(averages[7]) us
      """)
  }

  // MARK: pools

  private func poolRows(_ reports: [LoopReport]) -> [[ConsoleValue]] {
    var tallies: [PoolID: PoolTally] = [:]
    for tally in reports.flatMap(\.tallies) {
      var sum = tallies[tally.pool] ?? PoolTally(pool: tally.pool)
      sum.active += tally.active
      sum.waiting += tally.waiting
      sum.oldestWait = min(sum.oldestWait, tally.oldestWait)
      sum.cancelling += tally.cancelling
      sum.beingCancelled += tally.beingCancelled
      sum.tested += tally.tested
      tallies[tally.pool] = sum
    }
    let facts = pooler.pools.withLock { [now] in $0.facts(now: now) }
    let routes = pooler.directory.withLock { $0.routes }
    var rows: [[ConsoleValue]] = facts.compactMap { pool in
      guard routes.indices.contains(pool.id.index), let route = routes[pool.id.index] else {
        return nil
      }
      return poolRow(pool, route, tallies[pool.id] ?? PoolTally(pool: pool.id))
    }
    var own: [ConsoleValue] = [.text(Console.database), .text(Console.database)]
    own.append(.integer(max(1, reports.reduce(0) { $0 + $1.thread.consoles })))
    own += Array(repeating: .integer(0), count: 12)
    rows.append(own + ["statement", .null])
    return rows.sorted {
      ($0[0].string ?? "", $0[1].string ?? "") < ($1[0].string ?? "", $1[1].string ?? "")
    }
  }

  private func poolRow(
    _ pool: PoolFacts, _ route: Route, _ tally: PoolTally
  ) -> [ConsoleValue] {
    let wait = tally.waiting == 0 ? 0 : now &- min(now, tally.oldestWait)
    let active = max(0, pool.leased - tally.tested - tally.beingCancelled)
    let counts = [
      tally.active, tally.waiting, tally.cancelling, 0, active, tally.cancelling,
      tally.beingCancelled, pool.idle, pool.unchecked, tally.tested, pool.opening,
    ]
    return [.text(route.title), .text(route.user)] + counts.map { .integer($0) }
      + [.integer(wait / 1_000_000), .integer(wait % 1_000_000)]
      + [.text(route.mode.rawValue), .text(route.database.loadBalanceHosts.rawValue)]
  }

  private func listRows(_ reports: [LoopReport]) -> [[ConsoleValue]] {
    let settings = pooler.settings
    let threads = reports.map(\.thread)
    func sum(_ path: (ThreadFacts) -> Int) -> Int { threads.reduce(0) { $0 + path($1) } }
    let (pools, servers) = pooler.pools.withLock { [now] in
      ($0.facts(now: now).count, $0.serverCount)
    }
    let names = pooler.resolver.counts
    let items: [(String, Int)] = [
      ("databases", settings.databases.count + 1), ("users", userNames(settings).count),
      ("peers", settings.peers.count), ("pools", pools + 1), ("peer_pools", settings.peers.count),
      ("free_clients", 0), ("used_clients", sum(\.clients)), ("login_clients", sum(\.loggingIn)),
      ("free_servers", 0), ("used_servers", servers), ("dns_names", names.known),
      ("dns_zones", 0), ("dns_queries", names.asked), ("dns_pending", names.waiting),
    ]
    return items.map { [.text($0.0), .integer($0.1)] }
  }

  private static func queriesTable(_ copies: [QueryCopy]) -> ConsoleTable {
    ConsoleTable(.queries, QueryTotals.merge(copies).map(queryRow))
  }

  private static func queryRow(_ query: QueryTotals) -> [ConsoleValue] {
    let counts = query.counts
    let figures = [
      counts.calls, counts.errors, counts.rows, counts.time, query.mean, query.p99, counts.longest,
      counts.slow, counts.repeats, counts.repeatedCalls,
    ]
    let top = query.tenants.first
    return [.text(query.database), .text(query.user), .text(query.text)]
      + figures.map { .integer($0) }
      + [
        .text(orNull: query.repeatedBy?.application), .text(orNull: query.repeatedBy?.tenant),
        .text(orNull: query.tenants.text), .text(orNull: top?.name),
        top.map { .integer($0.time) } ?? .null,
      ]
  }

  private static func threadRows(_ reports: [LoopReport]) -> [[ConsoleValue]] {
    reports.sorted { $0.loop < $1.loop }.map { report in
      let thread = report.thread
      let counts = [
        thread.clients, thread.consoles, thread.waiting, thread.servers, thread.serverLogins,
        thread.cancels,
      ]
      return [.integer(report.loop)] + counts.map { .integer($0) }
        + [.integer(thread.turns), .integer(thread.cpuMicroseconds)]
        + [.integer(thread.busyMicroseconds), .integer(thread.busyPercent)]
        + [.integer(thread.longestTurn)]
    }
  }
}
