/// What the kernel says of the process.
public struct ProcessFigures: Sendable {
  public var cpuMicroseconds: UInt64 = 0
  public var residentBytes = 0
  public var openFiles = 0
  public var fileLimit = 0
  /// Seconds since 1970.
  public var startedAt = 0.0

  public init() {}
}

// Which figures stand in which family.
extension Exposition {
  /// All metrics.
  /// - Parameter certificateExpiry: seconds since 1970; nil: this is not told over TLS.
  public static func text(
    _ snapshot: MetricsSnapshot, tenants: [TenantMetrics], process: ProcessFigures,
    certificateExpiry: Double?, _ format: Format
  ) -> String {
    var exposition = Exposition(format)
    exposition.write(pools: snapshot.pools)
    exposition.write(tenants: tenants)
    exposition.write(loops: snapshot.loops)
    exposition.write(snapshot)
    if let certificateExpiry {
      exposition.begin(.certificateExpiry)
      exposition.sample(seconds: certificateExpiry)
    }
    exposition.write(process)
    return exposition.finish()
  }

  // MARK: pools

  private static let clientStates: [(String, KeyPath<PoolMetrics, Int> & Sendable)] = [
    ("active", \.activeClients), ("waiting", \.waitingClients), ("cancelling", \.cancelRequests),
  ]
  private static let serverStates: [(String, KeyPath<PoolMetrics, Int> & Sendable)] = [
    ("active", \.activeServers), ("idle", \.idleServers), ("used", \.usedServers),
    ("tested", \.testedServers), ("login", \.loginServers), ("active_cancel", \.cancelRequests),
    ("being_canceled", \.canceledServers),
  ]
  private static let counters: [(MetricFamily, KeyPath<PoolMetrics, UInt64> & Sendable)] = [
    (.transactions, \.traffic.transactions), (.queries, \.traffic.queries),
    (.received, \.traffic.received), (.sent, \.traffic.sent),
    (.assignments, \.traffic.assignments), (.logins, \.traffic.logins),
    (.clientParses, \.traffic.clientParses), (.serverParses, \.traffic.serverParses),
    (.binds, \.traffic.binds), (.pins, \.pins), (.slowQueries, \.slowQueries),
    (.repeatedQueries, \.repeatedQueries),
  ]
  private static let times: [(MetricFamily, KeyPath<PoolMetrics, TimeHistogram> & Sendable)] = [
    (.queueWait, \.waits), (.queryTime, \.queries), (.transactionTime, \.transactions),
    (.loginTime, \.logins), (.connectTime, \.connects),
  ]
  private static let causes: [(MetricFamily, KeyPath<PoolMetrics, [String: UInt64]> & Sendable)] = [
    (.connectFailures, \.connectFailures), (.serverErrors, \.serverErrors),
  ]

  private mutating func write(pools: [PoolMetrics]) {
    write(.poolClients, pools, states: Self.clientStates)
    write(.poolServers, pools, states: Self.serverStates)
    begin(.poolSize)
    for pool in pools { sample(pool.labels, pool.size) }
    begin(.poolOldestWait)
    for pool in pools { sample(pool.labels, microseconds: pool.oldestWait) }
    begin(.poolPinned)
    for pool in pools { sample(pool.labels, pool.pinned) }
    for (family, path) in Self.counters {
      begin(family)
      for pool in pools { sample(pool.labels, pool[keyPath: path]) }
    }
    for (family, path) in Self.times {
      begin(family)
      for pool in pools { sample(pool.labels, pool[keyPath: path]) }
    }
    for (family, path) in Self.causes {
      begin(family)
      for pool in pools { samples(pool.labels, pool[keyPath: path]) }
    }
  }

  private mutating func write(
    _ family: MetricFamily, _ pools: [PoolMetrics],
    states: [(String, KeyPath<PoolMetrics, Int> & Sendable)]
  ) {
    begin(family)
    for pool in pools {
      for (state, path) in states { sample(pool.labels + [state], pool[keyPath: path]) }
    }
  }

  private mutating func samples(_ labels: [String], _ counts: [String: UInt64]) {
    for (label, count) in counts.sorted(by: { $0.key < $1.key }) {
      sample(labels + [label], count)
    }
  }

  // MARK: tenants and loops

  private mutating func write(tenants: [TenantMetrics]) {
    begin(.tenantClients)
    for tenant in tenants { sample([tenant.name], tenant.clients) }
    begin(.tenantWaiting)
    for tenant in tenants { sample([tenant.name], tenant.waiting) }
    begin(.tenantServers)
    for tenant in tenants { sample([tenant.name], tenant.servers) }
    begin(.tenantTransactions)
    for tenant in tenants { sample([tenant.name], tenant.transactions) }
    begin(.tenantRefusals)
    for tenant in tenants {
      sample([tenant.name, "max_client_connections"], tenant.refusedClients)
      sample([tenant.name, "max_waiting_clients"], tenant.refusedWaiting)
    }
    begin(.tenantQueueWait)
    for tenant in tenants { sample([tenant.name], tenant.waits) }
  }

  private mutating func write(loops: [LoopMetrics]) {
    begin(.loopBusy)
    for loop in loops { sample([String(loop.loop)], microseconds: loop.busy) }
    begin(.loopTurns)
    for loop in loops { sample([String(loop.loop)], loop.turns) }
    begin(.loopCPU)
    for loop in loops { sample([String(loop.loop)], microseconds: loop.cpu) }
    begin(.loopLongest)
    for loop in loops { sample([String(loop.loop)], microseconds: loop.longestTurn) }
  }

  // MARK: the process

  private mutating func write(_ snapshot: MetricsSnapshot) {
    let gauges: [(MetricFamily, Int)] = [
      (.clients, snapshot.clients), (.clientLimit, snapshot.clientLimit),
      (.acceptBacklog, snapshot.acceptBacklog),
      (.acceptBacklogLimit, snapshot.acceptBacklogLimit), (.paused, snapshot.isPaused ? 1 : 0),
      (.draining, snapshot.isDraining ? 1 : 0),
      (.reloadSuccessful, snapshot.isReloadSuccessful ? 1 : 0),
    ]
    for (family, value) in gauges {
      begin(family)
      sample([], value)
    }
    let causes: [(MetricFamily, [String: UInt64])] = [
      (.loginFailures, snapshot.loginFailures), (.clientEnds, snapshot.clientEnds),
      (.serverEnds, snapshot.serverEnds), (.logLines, snapshot.logLines),
    ]
    for (family, counts) in causes {
      begin(family)
      samples([], counts)
    }
    begin(.logLinesSuppressed)
    sample([], snapshot.suppressedLogLines)
    begin(.logLinesLost)
    sample([], snapshot.lostLogLines)
    begin(.reloadTime)
    sample(seconds: snapshot.reloadedAt)
    begin(.build)
    sample([snapshot.version], 1)
  }

  private mutating func write(_ process: ProcessFigures) {
    begin(.processCPU)
    sample(microseconds: process.cpuMicroseconds)
    begin(.processMemory)
    sample([], process.residentBytes)
    begin(.processFiles)
    sample([], process.openFiles)
    begin(.processFileLimit)
    sample([], process.fileLimit)
    begin(.processStart)
    sample(seconds: process.startedAt)
  }
}

extension PoolMetrics {
  var labels: [String] { [database, user] }
}
