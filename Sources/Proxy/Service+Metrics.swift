import Admin
import Pooling
import Reactor
import Settings
import Synchronization

// What metrics, health checks and the dashboard ask.
extension Service: MetricsSource {
  public func snapshot() async -> MetricsSnapshot { await pooler.snapshot() }

  public func waits(limit: Int) async -> [WaitReport] { await pooler.waits(limit: limit) }

  public func queries(limit: Int) async -> [QueryReport]? { await pooler.queries(limit: limit) }

  public func giveUpOnLateAnswers() { pooler.inquirer.expire(now: Clock.now) }

  public var liveness: Health { pooler.liveness }

  public var readiness: Readiness { pooler.readiness }
}

extension Pooler {
  /// A loop that has not ticked for so long hangs.
  private static var longestSilence: UInt64 { 5_000_000 }

  /// Each loop ticks ten times a second.
  var liveness: Health {
    let now = Clock.now
    let silent = lastTicks.indices.filter {
      now &- min(now, lastTicks[$0].time) > Self.longestSilence
    }
    if silent.isEmpty { return .good }
    return .bad("loops that do not turn: \(silent.map(String.init).joined(separator: ", "))")
  }

  /// Whether work can be taken on, as far as is known without a try.
  var readiness: Readiness {
    if isShuttingDown { return .known(.bad("shutting down")) }
    if rest != .none { return .known(.bad(rest == .paused ? "paused" : "suspended")) }
    if case .bad(let reason) = liveness { return .known(.bad(reason)) }
    let now = Clock.now
    let hasServers = pools.withLock { pools in
      pools.facts(now: now).contains { pool in
        !pool.isFailing && !pool.isPaused && pool.idle + pool.unchecked + pool.leased > 0
      }
    }
    if hasServers { return .known(.good) }
    let (settings, resting) = directory.withLock {
      ($0.settings, $0.pausedDatabases.union($0.disabledDatabases))
    }
    var databases = settings.databases.values.sorted { $0.name < $1.name }
    if let fallback = settings.fallbackDatabase { databases.append(fallback) }
    if databases.isEmpty { return .known(.bad("no database is configured")) }
    databases.removeAll { resting.contains($0.name) }
    if databases.isEmpty { return .known(.bad("every database is paused or disabled")) }
    var places: [ServerPlace] = []
    for database in databases {
      for host in settings.serverHosts(of: database) {
        let place = ServerPlace(host: host, port: database.port)
        if !places.contains(place), places.count < ServerPlace.mostTried { places.append(place) }
      }
    }
    return places.isEmpty ? .known(.bad("no server is configured")) : .unknown(places)
  }
}
