import Admin
import FoundationEssentials
import NIOCore
import Reactor

/// Looks at the pooler: on demand, and from time to time for the history.
actor Observatory {
  private let source: any MetricsSource
  private let prober: ServerProber
  private let executor: LoopExecutor
  private let processStart: Double
  private var ranking: TenantRanking
  private var history = History()
  /// What is being asked for the dashboard: pages that ask meanwhile share it.
  private var look: Task<Look, Never>?

  private struct Look: Sendable {
    var snapshot: MetricsSnapshot
    var waits: [WaitReport]
    var queries: [QueryReport]?
  }

  /// Clients that wait, of which the dashboard is told.
  private static var waitsShown: Int { 50 }
  private static var queriesShown: Int { 50 }

  init(
    source: any MetricsSource, prober: ServerProber, executor: LoopExecutor, tenants: Int
  ) {
    self.source = source
    self.prober = prober
    self.executor = executor
    processStart = Reactor.Clock.wallSeconds
    ranking = TenantRanking(limit: tenants)
  }

  var liveness: Health { source.liveness }

  func readiness() async -> Health {
    switch source.readiness {
    case .known(let health): health
    case .unknown(let places): await prober.health(of: places)
    }
  }

  func metrics(_ format: Exposition.Format, certificateExpiry: Double?) async -> [UInt8] {
    let snapshot = await source.snapshot()
    let tenants = ranking.take(snapshot.tenants, now: snapshot.now)
    let process = ProcessFigures.current(startedAt: processStart)
    return Array(
      Exposition.text(
        snapshot, tenants: tenants, process: process, certificateExpiry: certificateExpiry, format
      ).utf8)
  }

  /// So many tenants have figures of their own from now on.
  func show(tenants: Int) { ranking.limit = tenants }

  /// Takes a sample for the history.
  func sample() async {
    let snapshot = await source.snapshot()
    let tenants = ranking.take(snapshot.tenants, now: snapshot.now)
    history.take(snapshot, tenants: tenants, time: Reactor.Clock.wallSeconds)
  }

  private func lookAround() async -> Look {
    if let look { return await look.value }
    let source = source
    let task = Task(executorPreference: executor) {
      Look(
        snapshot: await source.snapshot(), waits: await source.waits(limit: Self.waitsShown),
        queries: await source.queries(limit: Self.queriesShown))
    }
    look = task
    defer { look = nil }
    return await task.value
  }

  func status(hasHistory: Bool) async -> [UInt8] {
    let look = await lookAround()
    let tenants = ranking.take(look.snapshot.tenants, now: look.snapshot.now)
    let report = history.report(
      look.snapshot, tenants: tenants, waits: look.waits, queries: look.queries,
      time: Reactor.Clock.wallSeconds, hasHistory: hasHistory)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(report)).map(Array.init) ?? []
  }
}
