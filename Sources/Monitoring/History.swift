import Admin

/// What has been done of late: the plots' points of ten minutes, and what each pool, tenant and
/// loop did in the last minute.
struct History {
  /// What one pool did between two samples. Times are counted by place, where there are any.
  struct PoolDifference {
    var transactions: UInt64
    var queries: UInt64
    var waits: [Spans]
    var queryTimes: [Spans]
    var transactionTimes: [Spans]
  }

  struct Spans {
    var place: UInt8
    var count: UInt64
  }

  struct TenantDifference {
    var transactions: UInt64
    var waits: [Spans]
  }

  /// Between two samples.
  struct Step {
    /// Monotonic microseconds.
    var time: UInt64
    var length: UInt64
    var pools: [PoolName: PoolDifference] = [:]
    var tenants: [String: TenantDifference] = [:]
    /// The busy share of each loop.
    var busy: [Int: Double] = [:]
  }

  struct PoolName: Hashable {
    var database: String
    var user: String
    init(_ pool: PoolMetrics) {
      database = pool.database
      user = pool.user
    }
  }

  /// Seconds between two samples.
  static let period = 2
  private static var pointsKept: Int { 300 }
  /// A minute for quantiles, ten seconds for rates.
  private static var stepsKept: Int { 30 }
  private static var stepsOfRates: Int { 5 }
  /// Of how many pools the last minute is kept, the busiest of each step.
  private static var poolsKept: Int { 500 }

  private(set) var points: [StatusReport.Point] = []
  private(set) var steps: [Step] = []
  private var pools: [PoolName: PoolMetrics] = [:]
  private var tenants: [String: TenantMetrics] = [:]
  private var loops: [Int: LoopMetrics] = [:]
  private var last: UInt64?

  /// Takes a sample.
  /// - Parameter tenants: those that have figures of their own, and the rest.
  mutating func take(_ snapshot: MetricsSnapshot, tenants: [TenantMetrics], time: Double) {
    // Where a loop is silent, what the others have done would look like a fall.
    guard snapshot.silentLoops.isEmpty, snapshot.now > last ?? 0 else { return }
    defer {
      pools = Dictionary(snapshot.pools.map { (PoolName($0), $0) }) { $1 }
      self.tenants = Dictionary(tenants.map { ($0.name, $0) }) { $1 }
      loops = Dictionary(snapshot.loops.map { ($0.loop, $0) }) { $1 }
      last = snapshot.now
    }
    guard let last, snapshot.now > last else { return }
    var step = Step(time: snapshot.now, length: snapshot.now - last)
    var (waits, queryTimes) = (TimeHistogram(), TimeHistogram())
    var (transactions, queries): (UInt64, UInt64) = (0, 0)
    for pool in snapshot.pools {
      let old = pools[PoolName(pool)] ?? PoolMetrics(database: pool.database, user: pool.user)
      guard let difference = Self.difference(pool, old, &waits, &queryTimes) else { continue }
      transactions += difference.transactions
      queries += difference.queries
      step.pools[PoolName(pool)] = difference
    }
    Self.bound(&step)
    for tenant in tenants {
      let old = self.tenants[tenant.name] ?? TenantMetrics(name: tenant.name)
      guard tenant.transactions > old.transactions else { continue }
      step.tenants[tenant.name] = TenantDifference(
        transactions: tenant.transactions - old.transactions,
        waits: Self.spans(tenant.waits.since(old.waits)))
    }
    for loop in snapshot.loops {
      let busy = loop.busy &- min(loop.busy, loops[loop.loop]?.busy ?? 0)
      step.busy[loop.loop] = min(1, Double(busy) / Double(step.length))
    }
    let seconds = Double(step.length) / 1_000_000
    add(step)
    points.append(
      StatusReport.Point(
        time: time, transactions: Double(transactions) / seconds,
        queries: Double(queries) / seconds,
        waiting: snapshot.pools.reduce(0) { $0 + $1.waitingClients },
        active: snapshot.pools.reduce(0) { $0 + $1.activeServers },
        idle: snapshot.pools.reduce(0) { $0 + $1.idleServers + $1.usedServers },
        waitP50: waits.quantile(0.5), waitP99: waits.quantile(0.99),
        queryP50: queryTimes.quantile(0.5), queryP99: queryTimes.quantile(0.99)))
    if points.count > Self.pointsKept { points.removeFirst() }
  }

  private mutating func add(_ step: Step) {
    steps.append(step)
    if steps.count > Self.stepsKept { steps.removeFirst() }
  }

  private static func bound(_ step: inout Step) {
    guard step.pools.count > poolsKept else { return }
    let busiest = step.pools.sorted { $0.value.queries > $1.value.queries }.prefix(poolsKept)
    step.pools = Dictionary(busiest.map { ($0.key, $0.value) }) { $1 }
  }

  /// nil: nothing was done.
  private static func difference(
    _ new: PoolMetrics, _ old: PoolMetrics, _ waits: inout TimeHistogram,
    _ queryTimes: inout TimeHistogram
  ) -> PoolDifference? {
    // A pool that has gone and come again begins anew.
    let isNew = new.traffic.assignments < old.traffic.assignments
    let old = isNew ? PoolMetrics(database: "", user: "") : old
    guard
      new.traffic.assignments != old.traffic.assignments
        || new.traffic.queries != old.traffic.queries
    else { return nil }
    let (newWaits, newQueries) = (new.waits.since(old.waits), new.queries.since(old.queries))
    waits += newWaits
    queryTimes += newQueries
    return PoolDifference(
      transactions: new.traffic.transactions
        &- min(
          new.traffic.transactions, old.traffic.transactions),
      queries: new.traffic.queries &- min(new.traffic.queries, old.traffic.queries),
      waits: spans(newWaits), queryTimes: spans(newQueries),
      transactionTimes: spans(new.transactions.since(old.transactions)))
  }

  private static func spans(_ histogram: TimeHistogram) -> [Spans] {
    histogram.counts.indices.compactMap { place in
      let count = histogram.counts[place]
      return count == 0 ? nil : Spans(place: UInt8(place), count: count)
    }
  }

  // MARK: reading

  func busy(loop: Int) -> Double { steps.last?.busy[loop] ?? 0 }

  /// In a second, over the last ten.
  func rate(_ count: (Step) -> UInt64?) -> Double {
    let recent = steps.suffix(Self.stepsOfRates)
    let length = recent.reduce(0) { $0 + $1.length }
    guard length > 0 else { return 0 }
    let sum = recent.reduce(0) { $0 + (count($1) ?? 0) }
    return Double(sum) * 1_000_000 / Double(length)
  }

  /// Of the last minute.
  func quantiles(_ spans: (Step) -> [Spans]?) -> StatusReport.Quantiles {
    var counts = Array(repeating: UInt64(0), count: TimeHistogram.bucketCount)
    for step in steps {
      for span in spans(step) ?? [] { counts[Int(span.place)] &+= span.count }
    }
    let histogram = TimeHistogram(counts: counts, microseconds: 0)
    return StatusReport.Quantiles(
      p50: histogram.quantile(0.5), p95: histogram.quantile(0.95), p99: histogram.quantile(0.99))
  }
}
