import Admin
import Pooling

typealias TrafficPointer = UnsafeMutablePointer<LoopTraffic>

/// What some clients of one loop have done. Only that loop touches it.
struct LoopTraffic {
  var counters = TrafficCounters()
  /// Times by their length: `TimeHistogram.bucketCount` numbers for each kind.
  let times: UnsafeMutablePointer<UInt64>

  /// The kinds of times, as offsets.
  static var queries: Int { 0 }
  static var transactions: Int { TimeHistogram.bucketCount }
  static var waits: Int { 2 * TimeHistogram.bucketCount }
  static var timesCount: Int { 3 * TimeHistogram.bucketCount }

  static func makeTimes() -> UnsafeMutablePointer<UInt64> {
    let times = UnsafeMutablePointer<UInt64>.allocate(capacity: timesCount)
    times.initialize(repeating: 0, count: timesCount)
    return times
  }

  /// Counts a time of a kind.
  @inline(__always)
  func count(_ kind: Int, _ microseconds: UInt64) {
    times[kind &+ TimeHistogram.place(microseconds)] &+= 1
  }

  func histogram(_ kind: Int, microseconds: UInt64) -> TimeHistogram {
    let counts = UnsafeBufferPointer(start: times + kind, count: TimeHistogram.bucketCount)
    return TimeHistogram(counts: Array(counts), microseconds: microseconds)
  }
}

/// What the clients of one pool have done on one loop, and what was done for them.
final class PoolTraffic {
  let counters = TrafficPointer.allocate(capacity: 1)
  /// Clients that are logged in and count here.
  var clients = 0
  /// As the configuration names it.
  let database: String
  let user: String
  /// It is one that only `*` names: once its pools have gone nothing is known of it.
  let isAutomatic: Bool
  var pins: UInt64 = 0
  var logins = TimeHistogram()
  var connects = TimeHistogram()
  var connectFailures: [ConnectFailure: UInt64] = [:]
  /// Errors of servers, by SQLSTATE class.
  var errors: [ErrorClass: UInt64] = [:]
  /// Whether times are kept: nobody reads them without metrics.
  private let ownsTimes: Bool

  /// - Parameter times: where times count that nobody reads; nil: they are kept.
  init(
    database: String, user: String, isAutomatic: Bool, times: UnsafeMutablePointer<UInt64>?
  ) {
    self.database = database
    self.user = user
    self.isAutomatic = isAutomatic
    ownsTimes = times == nil
    counters.initialize(to: LoopTraffic(times: times ?? LoopTraffic.makeTimes()))
  }

  deinit {
    if ownsTimes { counters.pointee.times.deallocate() }
    counters.deallocate()
  }

  /// For metrics.
  func report(_ pool: PoolID) -> TrafficReport {
    let counted = counters.pointee
    return TrafficReport(
      pool: pool, database: database, user: user, counters: counted.counters, pins: pins,
      queries: counted.histogram(LoopTraffic.queries, microseconds: counted.counters.queryTime),
      transactions: counted.histogram(
        LoopTraffic.transactions, microseconds: counted.counters.transactionTime),
      waits: counted.histogram(LoopTraffic.waits, microseconds: counted.counters.waitTime),
      logins: logins, connects: connects, connectFailures: connectFailures, errors: errors)
  }
}

/// What one loop has counted for one pool.
struct TrafficReport: Sendable {
  var pool: PoolID
  var database: String
  var user: String
  var counters: TrafficCounters
  var pins: UInt64
  var queries: TimeHistogram
  var transactions: TimeHistogram
  var waits: TimeHistogram
  var logins: TimeHistogram
  var connects: TimeHistogram
  var connectFailures: [ConnectFailure: UInt64]
  var errors: [ErrorClass: UInt64]
}

/// Why a connection to a server could not be opened, as it is counted.
enum ConnectFailure: String, CaseIterable, Sendable {
  /// It could not be reached.
  case connect
  case timeout
  /// It closed the connection, or broke the protocol.
  case login
  /// It has refused the login.
  case refused
}

/// The first two characters of an SQLSTATE: one that PostgreSQL has, or `other`, for a function can
/// raise any.
struct ErrorClass: Hashable, Sendable {
  let text: String

  init(sqlstate: String) {
    let text = String(sqlstate.prefix(2))
    self.text = Self.known.contains(text) ? text : "other"
  }

  /// PostgreSQL 18, appendix A.
  private static let known: Set<String> = [
    "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21",
    "22", "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D",
    "3F", "40", "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX",
  ]
}

/// Why a server connection ended, as it is counted.
enum ServerDeparture: String, CaseIterable, Sendable {
  case lifetime = "server_lifetime"
  case idleTimeout = "server_idle_timeout"
  case evicted
  case configurationChanged = "database_configuration_changed"
  case databaseRemoved = "database_removed"
  case paused
  case poolTooLarge = "pool_too_large"
  /// The connection broke, or the server broke the protocol.
  case lost = "server_lost"
  case loginFailed = "login_failed"
  case checkFailed = "server_check_failed"
  case resetFailed = "server_reset_failed"
  case parametersRefused = "parameters_refused"
  case tenantSettingsRefused = "tenant_settings_refused"
  /// Its client left amid its work.
  case clientLeft = "client_left"
  /// Its client left something in the session that nothing takes away.
  case unclean
  /// One of the pooler's own, for notifications or the table of tenants.
  case own

  init(_ ending: ServerEnding) {
    switch ending {
    case .lifetimeOver: self = .lifetime
    case .idleTimeout: self = .idleTimeout
    case .evicted: self = .evicted
    case .databaseConfigurationChanged: self = .configurationChanged
    case .databaseRemoved: self = .databaseRemoved
    case .paused: self = .paused
    case .poolTooLarge: self = .poolTooLarge
    }
  }
}
