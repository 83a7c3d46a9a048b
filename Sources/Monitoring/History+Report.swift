import Admin

// What the dashboard is told.
extension History {
  /// How many pools and tenants are told of: those with the most to do.
  private static var poolsShown: Int { 200 }

  func report(
    _ snapshot: MetricsSnapshot, tenants: [TenantMetrics], waits: [WaitReport],
    queries: [QueryReport]?, time: Double, hasHistory: Bool
  ) -> StatusReport {
    var report = StatusReport()
    report.version = snapshot.version
    report.time = time
    report.started = snapshot.startedAt
    report.paused = snapshot.isPaused
    report.draining = snapshot.isDraining
    report.clients = snapshot.clients
    report.clientLimit = snapshot.clientLimit
    report.loops = snapshot.loops.map { loop in
      StatusReport.Loop(
        loop: loop.loop, busy: busy(loop: loop.loop), clients: loop.clients,
        waiting: loop.waiting, longestTurn: Self.seconds(loop.longestTurn))
    }
    report.silentLoops = snapshot.silentLoops
    let busiest = snapshot.pools.map { (pool: $0, rate: transactionRate(of: $0)) }.sorted {
      ($0.pool.waitingClients, $0.rate) > ($1.pool.waitingClients, $1.rate)
    }
    report.pools = busiest.prefix(Self.poolsShown).map { self.pool($0.pool, rate: $0.rate) }
    let all = rate { $0.tenants.values.reduce(0) { $0 + $1.transactions } }
    report.tenants = tenants.map { tenant($0, all: all) }.sorted { $0.share > $1.share }
    report.waits = waits.map(Self.wait)
    report.queryStats = queries != nil
    report.queries = (queries ?? []).map(Self.query)
    report.problems = snapshot.problems.map {
      StatusReport.Problem(time: $0.time, level: $0.level, text: $0.text)
    }
    report.history = hasHistory ? points : Array(points.suffix(1))
    return report
  }

  private func transactionRate(of pool: PoolMetrics) -> Double {
    let name = PoolName(pool)
    return rate { $0.pools[name]?.transactions }
  }

  private func pool(_ pool: PoolMetrics, rate transactions: Double) -> StatusReport.Pool {
    let name = PoolName(pool)
    return StatusReport.Pool(
      database: pool.database, user: pool.user, size: pool.size,
      servers: .init(
        active: pool.activeServers, idle: pool.idleServers, used: pool.usedServers,
        tested: pool.testedServers, login: pool.loginServers),
      clients: .init(active: pool.activeClients, waiting: pool.waitingClients),
      oldestWait: Self.seconds(pool.oldestWait), pinned: pool.pinned,
      reachable: !pool.isUnreachable,
      transactionsPerSecond: transactions,
      queriesPerSecond: rate { $0.pools[name]?.queries },
      wait: quantiles { $0.pools[name]?.waits },
      query: quantiles { $0.pools[name]?.queryTimes },
      transaction: quantiles { $0.pools[name]?.transactionTimes })
  }

  private func tenant(_ tenant: TenantMetrics, all: Double) -> StatusReport.Tenant {
    let rate = rate { $0.tenants[tenant.name]?.transactions }
    return StatusReport.Tenant(
      tenant: tenant.name, clients: tenant.clients, waiting: tenant.waiting,
      servers: tenant.servers, transactionsPerSecond: rate, share: all > 0 ? rate / all : 0,
      wait: quantiles { $0.tenants[tenant.name]?.waits })
  }

  private static func wait(_ wait: WaitReport) -> StatusReport.Wait {
    StatusReport.Wait(
      client: wait.client, database: wait.database, user: wait.user, tenant: wait.tenant,
      application: wait.application, waited: seconds(wait.waited),
      reason: wait.reason,
      holders: wait.holders.map {
        StatusReport.Wait.Holder(
          client: $0.client, tenant: $0.tenant, application: $0.application, state: $0.state,
          held: seconds($0.held), query: $0.query)
      })
  }

  private static func query(_ query: QueryReport) -> StatusReport.Query {
    StatusReport.Query(
      database: query.database, user: query.user, fingerprint: query.fingerprint,
      calls: query.calls, errors: query.errors, rows: query.rows, total: seconds(query.total),
      mean: seconds(query.mean), p99: seconds(query.p99), repeats: query.repeats,
      repeatApplication: query.repeatApplication, repeatTenant: query.repeatTenant)
  }

  private static func seconds(_ microseconds: UInt64) -> Double { Double(microseconds) / 1_000_000 }
}
