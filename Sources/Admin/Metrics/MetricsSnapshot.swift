/// What is known of the process at one moment, for metrics and the dashboard.
public struct MetricsSnapshot: Sendable {
  /// Monotonic microseconds.
  public var now: UInt64 = 0
  public var version = ""
  /// Seconds since 1970.
  public var startedAt = 0.0
  public var reloadedAt = 0.0
  public var isReloadSuccessful = true
  public var isPaused = false
  /// No new clients come in: a shutdown waits for its end.
  public var isDraining = false
  public var clients = 0
  public var clientLimit = 0
  public var acceptBacklog = 0
  public var acceptBacklogLimit = 0
  public var loops: [LoopMetrics] = []
  /// Loops that have not answered in time: their figures are missing in everything else.
  public var silentLoops: [Int] = []
  public var pools: [PoolMetrics] = []
  public var tenants: [TenantMetrics] = []
  /// By reason.
  public var loginFailures: [String: UInt64] = [:]
  public var clientEnds: [String: UInt64] = [:]
  public var serverEnds: [String: UInt64] = [:]
  /// By level.
  public var logLines: [String: UInt64] = [:]
  public var suppressedLogLines: UInt64 = 0
  public var lostLogLines: UInt64 = 0
  /// The latest first.
  public var problems: [Problem] = []

  /// A line of the log that tells of a problem.
  public struct Problem: Sendable {
    /// Seconds since 1970.
    public var time: Double
    public var level: String
    public var text: String

    public init(time: Double, level: String, text: String) {
      self.time = time
      self.level = level
      self.text = text
    }
  }

  public init() {}
}

/// What one loop has done. Times in microseconds.
public struct LoopMetrics: Sendable {
  public var loop: Int
  public var clients = 0
  public var waiting = 0
  public var turns: UInt64 = 0
  /// Spent outside of the wait for events, since the start.
  public var busy: UInt64 = 0
  public var cpu: UInt64 = 0
  /// The longest turn of late.
  public var longestTurn: UInt64 = 0

  public init(loop: Int) { self.loop = loop }
}

/// One pool over all loops. Times in microseconds.
public struct PoolMetrics: Sendable {
  public var database: String
  public var user: String
  public var size = 0
  public var activeClients = 0
  public var waitingClients = 0
  /// Cancel requests on their way.
  public var cancelRequests = 0
  public var activeServers = 0
  public var idleServers = 0
  public var usedServers = 0
  public var testedServers = 0
  public var loginServers = 0
  public var canceledServers = 0
  public var oldestWait: UInt64 = 0
  public var pinned = 0
  /// The last attempt to open a server connection has failed, not long ago, and there is none.
  public var isUnreachable = false
  public var traffic = TrafficCounters()
  public var pins: UInt64 = 0
  /// Statements that were slow, and repetitions in one transaction; 0 where nobody looks.
  public var slowQueries: UInt64 = 0
  public var repeatedQueries: UInt64 = 0
  public var queries = TimeHistogram()
  public var transactions = TimeHistogram()
  /// Of all assignments of a server, those without a wait among them.
  public var waits = TimeHistogram()
  public var logins = TimeHistogram()
  public var connects = TimeHistogram()
  /// By reason, and by SQLSTATE class.
  public var connectFailures: [String: UInt64] = [:]
  public var serverErrors: [String: UInt64] = [:]

  public init(database: String, user: String) {
    self.database = database
    self.user = user
  }
}

/// One tenant over all pools and loops.
public struct TenantMetrics: Equatable, Sendable {
  public var name: String
  public var clients = 0
  public var waiting = 0
  public var servers = 0
  public var transactions: UInt64 = 0
  public var waits = TimeHistogram()
  public var refusedClients: UInt64 = 0
  public var refusedWaiting: UInt64 = 0

  public init(name: String) { self.name = name }
}

/// What metrics and the dashboard are made from: the pooler.
public protocol MetricsSource: Sendable {
  /// Asks the loops. Whoever asks while an answer is under way shares it.
  func snapshot() async -> MetricsSnapshot
  /// Who waits, longest first, and who holds the servers; at most so many.
  func waits(limit: Int) async -> [WaitReport]
  /// The statements that took the most time; at most so many. nil: query_stats is off.
  func queries(limit: Int) async -> [QueryReport]?
  /// To be called about once a second: goes on without the loops that have not answered in time.
  func giveUpOnLateAnswers()
  /// Whether the loops turn.
  var liveness: Health { get }
  /// Whether work can be taken on.
  var readiness: Readiness { get }
}

/// The answer to a health check.
public enum Health: Equatable, Sendable {
  case good
  /// With a short reason.
  case bad(String)
}

/// Whether a pooler can take on work, as far as it knows.
public enum Readiness: Equatable, Sendable {
  case known(Health)
  /// If one of these servers can be reached. It has no connection now that would tell.
  case unknown([ServerPlace])
}

/// Where a PostgreSQL server listens.
public struct ServerPlace: Hashable, Sendable {
  /// A name, an address, or the directory of a unix socket.
  public let host: String
  public let port: Int

  /// How many are tried at most.
  public static let mostTried = 16

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// nil: it is reached over TCP.
  public var unixPath: String? {
    host.hasPrefix("/") || host.hasPrefix("@") ? "\(host)/.s.PGSQL.\(port)" : nil
  }
}

/// A client that waits. Times in microseconds.
public struct WaitReport: Sendable {
  public struct Holder: Sendable {
    public var client: String
    public var tenant: String?
    public var application: String?
    public var state: String
    public var held: UInt64
    /// The fingerprint of what it runs, or ran last.
    public var query: String?

    public init(
      client: String, tenant: String?, application: String?, state: String, held: UInt64,
      query: String?
    ) {
      self.client = client
      self.tenant = tenant
      self.application = application
      self.state = state
      self.held = held
      self.query = query
    }
  }

  public var client: String
  public var database: String
  public var user: String
  public var tenant: String?
  public var application: String?
  public var waited: UInt64
  /// As SHOW WAITS has it.
  public var reason: String
  public var holders: [Holder]

  public init(
    client: String, database: String, user: String, tenant: String?, application: String?,
    waited: UInt64, reason: String, holders: [Holder]
  ) {
    self.client = client
    self.database = database
    self.user = user
    self.tenant = tenant
    self.application = application
    self.waited = waited
    self.reason = reason
    self.holders = holders
  }
}

/// A statement by its fingerprint. Times in microseconds.
public struct QueryReport: Sendable {
  public var database: String
  public var user: String
  public var fingerprint: String
  public var calls: UInt64
  public var errors: UInt64
  public var rows: UInt64
  public var total: UInt64
  public var mean: UInt64
  public var p99: UInt64
  /// How often it was repeated in one transaction or request, and by whom last.
  public var repeats: UInt64
  public var repeatApplication: String?
  public var repeatTenant: String?

  public init(
    database: String, user: String, fingerprint: String, calls: UInt64, errors: UInt64,
    rows: UInt64, total: UInt64, mean: UInt64, p99: UInt64, repeats: UInt64,
    repeatApplication: String?, repeatTenant: String?
  ) {
    self.database = database
    self.user = user
    self.fingerprint = fingerprint
    self.calls = calls
    self.errors = errors
    self.rows = rows
    self.total = total
    self.mean = mean
    self.p99 = p99
    self.repeats = repeats
    self.repeatApplication = repeatApplication
    self.repeatTenant = repeatTenant
  }
}
