import Admin
import FoundationEssentials
import NIOCore
import Reactor

/// Looks at the pooler: on demand, and from time to time for the history.
actor Observatory {
  private let source: any MetricsSource
  private let prober: ServerProber
  private let processStart: Double
  private var ranking: TenantRanking
  private var history = History()

  /// Clients that wait, of which the dashboard is told.
  private static var waitsShown: Int { 50 }
  private static var queriesShown: Int { 50 }

  init(source: any MetricsSource, prober: ServerProber, tenants: Int) {
    self.source = source
    self.prober = prober
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

  func metrics(_ format: Exposition.Format) async -> [UInt8] {
    let snapshot = await source.snapshot()
    let tenants = ranking.take(snapshot.tenants, now: snapshot.now)
    let process = ProcessFigures.current(startedAt: processStart)
    return Array(
      Exposition.text(snapshot, tenants: tenants, process: process, format).utf8)
  }

  /// Takes a sample for the history.
  func sample() async {
    let snapshot = await source.snapshot()
    let tenants = ranking.take(snapshot.tenants, now: snapshot.now)
    history.take(snapshot, tenants: tenants, time: Reactor.Clock.wallSeconds)
  }

  func status(hasHistory: Bool) async -> [UInt8] {
    let snapshot = await source.snapshot()
    let waits = await source.waits(limit: Self.waitsShown)
    let queries = await source.queries(limit: Self.queriesShown)
    let tenants = ranking.take(snapshot.tenants, now: snapshot.now)
    let report = history.report(
      snapshot, tenants: tenants, waits: waits, queries: queries, time: Reactor.Clock.wallSeconds,
      hasHistory: hasHistory)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(report)).map(Array.init) ?? []
  }
}
