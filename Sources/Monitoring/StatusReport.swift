/// `/status.json`: what the dashboard shows. Times in seconds, `time` and `started` since 1970.
/// What is not known is left out. Its names stand in the JSON in snake case.
struct StatusReport: Encodable, Sendable {
  struct Loop: Encodable, Sendable {
    var loop: Int
    var busy: Double
    var clients: Int
    var waiting: Int
    var longestTurn: Double
  }

  struct Pool: Encodable, Sendable {
    struct Servers: Encodable, Sendable {
      var active: Int
      var idle: Int
      var used: Int
      var tested: Int
      var login: Int
    }

    struct Clients: Encodable, Sendable {
      var active: Int
      var waiting: Int
    }

    var database: String
    var user: String
    var size: Int
    var servers: Servers
    var clients: Clients
    var oldestWait: Double
    var pinned: Int
    /// false: there is no server connection, and the last attempt to open one has just failed.
    var reachable: Bool
    var transactionsPerSecond: Double
    var queriesPerSecond: Double
    var wait: Quantiles
    var query: Quantiles
    var transaction: Quantiles
  }

  /// Of the last minute.
  struct Quantiles: Encodable, Sendable {
    var p50: Double?
    var p95: Double?
    var p99: Double?
  }

  struct Tenant: Encodable, Sendable {
    var tenant: String
    var clients: Int
    var waiting: Int
    var servers: Int
    var transactionsPerSecond: Double
    /// Of the transactions of all tenants.
    var share: Double
    var wait: Quantiles
  }

  struct Wait: Encodable, Sendable {
    struct Holder: Encodable, Sendable {
      var client: String
      var tenant: String?
      var application: String?
      var state: String
      var held: Double
      var query: String?
    }

    var client: String
    var database: String
    var user: String
    var tenant: String?
    var application: String?
    var waited: Double
    var reason: String
    var holders: [Holder]
  }

  struct Query: Encodable, Sendable {
    var database: String
    var user: String
    var fingerprint: String
    var calls: UInt64
    var errors: UInt64
    var rows: UInt64
    var total: Double
    var mean: Double
    var p99: Double
    var repeats: UInt64
    /// Who repeated it last.
    var repeatApplication: String?
    var repeatTenant: String?
  }

  struct Problem: Encodable, Sendable {
    var time: Double
    var level: String
    var text: String
  }

  struct Point: Encodable, Sendable {
    var time: Double
    var transactions: Double
    var queries: Double
    var waiting: Int
    var active: Int
    var idle: Int
    var waitP50: Double?
    var waitP99: Double?
    var queryP50: Double?
    var queryP99: Double?
  }

  var version = ""
  var time = 0.0
  var started = 0.0
  var paused = false
  var draining = false
  var queryStats = false
  var clients = 0
  var clientLimit = 0
  var loops: [Loop] = []
  /// Those that have not answered in time: what they would say is missing.
  var silentLoops: [Int] = []
  var pools: [Pool] = []
  var tenants: [Tenant] = []
  var waits: [Wait] = []
  var queries: [Query] = []
  var problems: [Problem] = []
  var history: [Point] = []
}
