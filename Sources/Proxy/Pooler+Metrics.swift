import Admin
import Insight
import Logs
import Pooling
import Reactor
import Settings
import Synchronization
import Tenancy

// What the loops' answers come to.
extension Pooler {
  func snapshot() async -> MetricsSnapshot {
    await inquirer.shared {
      let reports = await inquirer.ask(.metrics, of: mailboxes)
      let silent = inquirer.lastReports(besides: reports)
      return snapshot(of: reports, silent: silent)
    }
  }

  /// - Parameter silent: what loops have said that say nothing now: counters do not fall.
  private func snapshot(of reports: [LoopReport], silent: [LoopReport]) -> MetricsSnapshot {
    var snapshot = MetricsSnapshot()
    snapshot.now = Clock.now
    snapshot.version = Version.number
    snapshot.startedAt = startedAt
    let settings = settings
    (snapshot.reloadedAt, snapshot.isReloadSuccessful) = lastReload.withLock { $0 }
    snapshot.isPaused = rest != .none
    snapshot.isDraining = isShuttingDown
    snapshot.clients = loggedInClients.count
    snapshot.clientLimit = settings.maxClientConn
    let answered = Set(reports.map { Int($0.loop) })
    snapshot.silentLoops = (0..<loopCount).filter { !answered.contains($0) }
    snapshot.loops = reports.sorted { $0.loop < $1.loop }.map(Self.loop)
    snapshot.loginFailures = Self.noEnds
    snapshot.clientEnds = Self.noEnds
    snapshot.serverEnds = Self.noServerEnds
    let known = reports + silent
    for counts in known.compactMap(\.metrics) {
      snapshot.acceptBacklog += counts.backlog
      snapshot.acceptBacklogLimit += counts.backlogLimit
      snapshot.loginFailures.merge(counts.loginFailures, uniquingKeysWith: &+)
      snapshot.clientEnds.merge(counts.clientEnds, uniquingKeysWith: &+)
      for (departure, count) in counts.serverEnds {
        snapshot.serverEnds[departure.rawValue, default: 0] &+= count
      }
    }
    for (level, lines) in log.lineCounts { snapshot.logLines[level.lowercased()] = UInt64(lines) }
    snapshot.suppressedLogLines = UInt64(log.limiter.suppressed.count)
    snapshot.lostLogLines = UInt64(log.lost.count)
    snapshot.problems = log.problems.all.map {
      MetricsSnapshot.Problem(time: $0.time, level: $0.level.lowercased(), text: $0.text)
    }
    snapshot.pools = poolMetrics(known, now: snapshot.now)
    if settings.tenancyRules.isActive { snapshot.tenants = tenantMetrics() }
    return snapshot
  }

  // What can be counted is there from the start: who sees a counter for the first time as 1 has not
  // seen it go up.
  private static let noEnds = zeros(Ending.Label.self)
  private static let noServerEnds = zeros(ServerDeparture.self)
  private static let noConnectFailures = zeros(ConnectFailure.self)

  private static func zeros<Reason>(_: Reason.Type) -> [String: UInt64]
  where Reason: CaseIterable & RawRepresentable<String> {
    Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0.rawValue, 0) })
  }

  private static func loop(_ report: LoopReport) -> LoopMetrics {
    var loop = LoopMetrics(loop: Int(report.loop))
    loop.clients = report.thread.clients
    loop.waiting = report.thread.waiting
    loop.turns = report.thread.turns
    loop.busy = report.thread.busyMicroseconds
    loop.cpu = report.thread.cpuMicroseconds
    loop.longestTurn = report.thread.longestTurn
    return loop
  }

  // MARK: pools

  private func poolMetrics(_ reports: [LoopReport], now: UInt64) -> [PoolMetrics] {
    let facts = pools.withLock { $0.facts(now: now) }
    let routes = directory.withLock { $0.routes }
    var pinned: [PoolID: Int] = [:]
    for client in self.pinned.withLock({ Array($0.values) }) {
      pinned[client.pool, default: 0] += 1
    }
    // A tenant's own database may be called as another is: what has one name is one.
    var places: [[String]: Int] = [:]
    var numbers: [PoolID: Int] = [:]
    var all: [PoolMetrics] = []
    for pool in facts {
      guard routes.indices.contains(pool.id.index), let route = routes[pool.id.index] else {
        continue
      }
      let place = places[[route.title, route.user]] ?? all.count
      if place == all.count {
        var fresh = PoolMetrics(database: route.title, user: route.user)
        fresh.connectFailures = Self.noConnectFailures
        all.append(fresh)
      }
      places[[route.title, route.user]] = place
      numbers[pool.id] = place
      Self.add(pool, to: &all[place])
      if Self.isUnreachable(pool, now: now) { all[place].isUnreachable = true }
      all[place].pinned += pinned[pool.id] ?? 0
    }
    for report in reports {
      for tally in report.tallies {
        if let place = numbers[tally.pool] { Self.add(tally, to: &all[place], now: now) }
      }
      for traffic in report.metrics?.traffic ?? [] {
        guard let place = numbers[traffic.pool], let route = routes[traffic.pool.index],
          route.database.name == traffic.database, route.user == traffic.user
        else { continue }
        Self.add(traffic, to: &all[place])
      }
      for findings in report.metrics?.findings ?? [] {
        guard let place = places[[findings.database, findings.user]] else { continue }
        all[place].slowQueries &+= findings.slow
        all[place].repeatedQueries &+= findings.repeats
      }
    }
    for place in all.indices { Self.addUnwaited(to: &all[place]) }
    return all.sorted { ($0.database, $0.user) < ($1.database, $1.user) }
  }

  private static func add(_ pool: PoolFacts, to metrics: inout PoolMetrics) {
    metrics.size += pool.size
    metrics.activeServers += pool.leased
    metrics.idleServers += pool.idle
    metrics.usedServers += pool.unchecked
    metrics.loginServers += pool.opening
  }

  /// Where nobody asks for a server no attempt is made: an old failure says nothing.
  private static func isUnreachable(_ pool: PoolFacts, now: UInt64) -> Bool {
    guard pool.isFailing, pool.idle + pool.unchecked + pool.leased == 0 else { return false }
    return pool.waiting > 0 || now < pool.retryAt &+ 10_000_000
  }

  /// The columns of SHOW POOLS.
  private static func add(_ tally: PoolTally, to metrics: inout PoolMetrics, now: UInt64) {
    metrics.activeClients += tally.active
    metrics.waitingClients += tally.waiting
    metrics.cancelRequests += tally.cancelling
    metrics.canceledServers += tally.beingCancelled
    metrics.testedServers += tally.tested
    metrics.activeServers = max(0, metrics.activeServers - tally.tested - tally.beingCancelled)
    if tally.waiting > 0 {
      metrics.oldestWait = max(metrics.oldestWait, now &- min(now, tally.oldestWait))
    }
  }

  private static func add(_ report: TrafficReport, to metrics: inout PoolMetrics) {
    metrics.traffic += report.counters
    metrics.pins &+= report.pins
    metrics.queries += report.queries
    metrics.transactions += report.transactions
    metrics.waits += report.waits
    metrics.logins += report.logins
    metrics.connects += report.connects
    for (failure, count) in report.connectFailures {
      metrics.connectFailures[failure.rawValue, default: 0] &+= count
    }
    for (kind, count) in report.errors { metrics.serverErrors[kind.text, default: 0] &+= count }
  }

  /// The loops count only the waits that were some.
  private static func addUnwaited(to metrics: inout PoolMetrics) {
    let waited = metrics.waits.count
    guard metrics.traffic.assignments > waited else { return }
    metrics.waits.add(0, times: metrics.traffic.assignments - waited)
  }

  // MARK: tenants

  private func tenantMetrics() -> [TenantMetrics] {
    tenantCensus().map { tenant in
      var metrics = TenantMetrics(name: tenant.name)
      metrics.clients = tenant.clients
      metrics.waiting = tenant.waiting + tenant.waitingLogins
      metrics.servers = tenant.servers
      metrics.transactions = tenant.leases
      metrics.refusedClients = tenant.refusedClients
      metrics.refusedWaiting = tenant.refusedWaiting
      var counts = Array(repeating: UInt64(0), count: TimeHistogram.bucketCount)
      for (bucket, leases) in tenant.waits.enumerated() {
        let isLast = bucket == tenant.waits.count - 1
        let bound = TenantCensus.bound(ofBucket: bucket) + (isLast ? 1 : 0)
        counts[TimeHistogram.place(bound)] += leases
      }
      metrics.waits = TimeHistogram(counts: counts, microseconds: tenant.waitMicroseconds)
      return metrics
    }
  }

  /// How many tenants are looked at under the pools' lock at a time.
  private static var tenantsAtATime: Int { 256 }

  func tenantCensus() -> [TenantCensus] {
    var all: [TenantCensus] = []
    var position: Int? = 0
    while position != nil {
      all += pools.withLock { $0.tenantCensus(from: &position, count: Self.tenantsAtATime) }
    }
    return all
  }
}
