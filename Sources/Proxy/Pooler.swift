import CLinux
import Insight
import Logging
import Logs
import Pooling
import PostgresAuth
import Reactor
import Settings
import Synchronization
import Tenancy

/// What all loops share.
///
/// Locks, and the order in which a thread may take them: `pools`, then `places`. The others
/// (`directory`, `parameterSets`, `tenantRows`, `cancelKeys`, `statements`, `pinned`) are taken
/// alone, or under `pools`; nothing is taken under them. None is held over a system call, but that
/// an idle server's move between loops changes its registration right after the lock is gone.
final class Pooler: Sendable {
  /// Guards every pool: who holds which server, who waits.
  let pools: Lock<Pools>
  /// Guards the places of server connections.
  let places: Lock<ServerPlaces>
  /// Guards the configuration and what is derived from it.
  let directory: Lock<Directory>
  /// Guards the table of parameter sets.
  let parameterSets: Lock<ParameterSets>
  /// What is known of the table of tenants.
  let tenantRows = Lock(TenantRows())
  /// Guards the table of cancel keys.
  let cancelKeys = Lock<CancelKeys>(CancelKeys())

  /// Guards the prepared statements of all clients.
  let statements = Lock<StatementRegistry>(StatementRegistry())
  /// The registry's epoch, to be looked at without its lock.
  let schemaEpoch = Atomic<UInt32>(1)
  /// When an error last told of a change of the schema, in microseconds.
  let lastPlanChange = Atomic<UInt64>(0)
  /// Guards the list of clients that keep their servers. For the console.
  let pinned = Lock<[Handle: PinnedClient]>([:])
  /// How often a client was pinned, and how often one was only warned.
  let pinCount = Counter()
  let pinWarnings = Counter()
  /// An empty table that knows the tracked names.
  let parameterNames: ParameterSets

  /// The names of the parameters that follow a client, in lower case.
  let trackedNames: Set<String>
  let resolver: Resolver
  let logger: Logger
  let log: LogState
  let loopCount: Int
  let mailboxes: [Mailbox<Mail>]
  let engines: [EpollEngine]
  /// Clients on each loop, and those that count towards max_client_conn.
  let clientCounts: [Counter]
  let loggedInClients = Counter()
  /// Clients of the console.
  let consoleClients = Counter()
  /// Of clients and servers: see ``nextNumber()``.
  private let lastNumber = Atomic<UInt64>(0)
  /// Guards what was counted in the past.
  let statistics: Lock<Statistics>
  /// Of fingerprints: the same on all loops, whose tables are put together.
  let insightKey = KeyedHash(.random(in: 0 ... .max), .random(in: 0 ... .max))
  let shutdown = Atomic<UInt8>(Shutdown.none.rawValue)
  let restState = Atomic<UInt8>(Rest.none.rawValue)

  /// What asks the loops from outside of them.
  let inquirer = Inquirer()
  /// When the process started and when its configuration was last read, in seconds since 1970, and
  /// whether the last attempt to read it succeeded.
  let startedAt = Clock.wallSeconds
  let lastReload = Lock((at: Clock.wallSeconds, isSuccessful: true))
  /// When each loop ticked last, in microseconds.
  let lastTicks: [Moment]

  /// How far the end has come.
  enum Shutdown: UInt8 {
    case none
    /// No new clients; leave when the last has gone.
    case waitForClients
    /// No new clients, no new transactions; leave when the last server is free.
    case waitForServers
    case now
  }

  /// A number that several threads change.
  final class Counter: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    /// - Returns: what it is then.
    @discardableResult
    func add(_ difference: Int) -> Int {
      value.wrappingAdd(difference, ordering: .relaxed).newValue
    }
  }

  /// A time that one thread sets and others read.
  final class Moment: Sendable {
    private let value: Atomic<UInt64>
    init(_ time: UInt64) { value = Atomic(time) }
    var time: UInt64 { value.load(ordering: .relaxed) }
    func store(_ time: UInt64) { value.store(time, ordering: .relaxed) }
  }

  /// In the place of a loop's number: who asks is no loop.
  static var monitor: Int32 { -1 }

  /// The loop that has the listening connections.
  static var hubLoop: Int32 { 0 }

  init(settings: Settings, loops: Int, logger: Logger, log: LogState) throws(SystemError) {
    loopCount = loops
    self.logger = logger
    self.log = log
    log.limiter.limit = settings.logRateLimit
    pools = Lock(Pools(loops: loops))
    places = Lock(ServerPlaces())
    directory = Lock(Directory(settings: settings))
    let sets = ParameterSets(extra: settings.trackExtraParameters)
    trackedNames = Set(sets.names.map { $0.lowercased() })
    parameterNames = sets
    parameterSets = Lock(sets)
    resolver = Resolver(
      maxAge: settings.dnsMaxTtl.microseconds,
      maxNegativeAge: settings.dnsNxdomainTtl.microseconds)
    var mailboxes: [Mailbox<Mail>] = []
    var engines: [EpollEngine] = []
    for _ in 0..<loops {
      mailboxes.append(try Mailbox())
      engines.append(try EpollEngine())
    }
    self.mailboxes = mailboxes
    self.engines = engines
    clientCounts = (0..<loops).map { _ in Counter() }
    let start = Clock.now
    lastTicks = (0..<loops).map { _ in Moment(start) }
    tenantRows.withLock { $0.begin(limit: settings.tenancy.tenantsQueryLimit) }
    statistics = Lock(Statistics(now: Clock.now))
    warm()
  }

  var settings: Settings { directory.withLock { $0.settings } }

  func route(_ pool: PoolID) -> Route? {
    directory.withLock { $0.routes.indices.contains(pool.index) ? $0.routes[pool.index] : nil }
  }

  func welcome(_ pool: PoolID) -> Welcome? {
    directory.withLock { $0.welcomes[pool] }
  }

  /// Posts to every loop.
  func broadcast(_ mail: Mail) {
    for mailbox in mailboxes { mailbox.post(mail) }
  }

  /// The number of a new connection.
  func nextNumber() -> UInt64 { lastNumber.wrappingAdd(1, ordering: .relaxed).newValue }

  var clientCount: Int { clientCounts.reduce(0) { $0 + $1.count } }

  // MARK: pools

  /// Counts a client into the pool of its database and user.
  /// - Parameters:
  ///   - name: the database as clients know it, without a suffix.
  ///   - tenant: for whom the client acts, if for anybody: it may have a database of its own.
  ///   - row: what the table of tenants says of that, if there is one.
  func join(
    database name: String, tenant: TenantName?, row: DatabaseIsolation?, user: String
  ) -> Result<Joined, JoinFailure> {
    // All under one lock: no opening may find the pool without its route, and no reload may pass
    // between the settings and what is made of them.
    pools.withLock { pools in
      let settings = settings
      let found: PoolDatabase?
      do throws(TenantRefusal) {
        found = try settings.poolDatabase(name, for: tenant, row: row)
      } catch {
        return .failure(.tenant(error))
      }
      guard let database = found else { return .failure(.limits(.databaseRemoved)) }
      let (id, isNew) = configure(
        &pools, database, user: database.settings.user ?? user, settings)
      pools.restore(id)
      let maxClients = settings.maxUserClientConnections(user: user)
      if let refusal = pools.join(id, user: user, maxClients: maxClients) {
        return .failure(.limits(refusal))
      }
      let isRegistered = isNew && database.settings.isAutomatic
      return .success(Joined(pool: id, newDatabase: isRegistered ? database.title : nil))
    }
  }

  /// Makes a pool, or brings it to what the settings say. Under the pools' lock.
  private func configure(
    _ pools: inout Pools, _ database: PoolDatabase, user: String, _ settings: Settings
  ) -> (id: PoolID, isNewDatabase: Bool) {
    let name = database.settings.name
    let id = pools.pool(
      database: database.key, user: user,
      limits: Route.limits(database: database, user: user, settings: settings),
      databaseLimits: GroupLimits(
        servers: settings.maxDbConnections(database: name),
        clients: settings.maxDbClientConnections(database: name)),
      userLimits: GroupLimits(
        servers: settings.maxUserConnections(user: user),
        clients: settings.maxUserClientConnections(user: user)))
    let route = Route(pool: id, database: database, user: user, settings: settings)
    if directory.withLock({ $0.pausedDatabases.contains(name) }) { pools.pause(id) }
    let isNew = directory.withLock { directory in
      let isNew = !directory.routes.contains { $0?.key == database.key }
      directory.addRoute(route)
      return isNew
    }
    return (id, isNew)
  }

  /// Makes the pools whose user is known and that have a minimum size: they fill without a client.
  func warm() {
    pools.withLock { pools in
      let settings = settings
      let rules = settings.tenancyRules
      // Where each tenant has a database of its own, hardly anybody comes to the others.
      if rules.isActive && !rules.database.isEmpty { return }
      for database in settings.databases.values {
        guard let user = database.user,
          settings.minPoolSize(database: database.name, user: user) > 0
        else { continue }
        pools.restore(configure(&pools, PoolDatabase(database), user: user, settings).id)
      }
    }
  }

  /// Forgets a pool that has gone, then lets its number be used again.
  func forget(_ pool: PoolID) {
    directory.withLock { $0.forget(pool) }
    broadcast(.poolRetired(pool))
    pools.withLock { $0.free(pool) }
  }

  /// Takes over a new configuration: limits at once, new ways to a database as servers become free.
  func reload(_ settings: Settings) {
    log.limiter.limit = settings.logRateLimit
    let old = pools.withLock { _ in
      directory.withLock { directory in
        directory.settings = settings
        directory.oldPlaces.removeAll()
        return directory.routes.compactMap { $0 }
      }
    }
    tenantRows.withLock { $0.begin(limit: settings.tenancy.tenantsQueryLimit) }
    resolver.setAges(
      maxAge: settings.dnsMaxTtl.microseconds,
      maxNegativeAge: settings.dnsNxdomainTtl.microseconds)
    for route in old {
      // Nobody goes on as a user that the database no longer forces upon him, or as his own where
      // it forces one now.
      guard let database = route.database(in: settings),
        database.settings.user == route.database.user || database.settings.user == route.user
      else {
        pools.withLock { $0.remove(route.pool) }
        broadcast(.poolRemoved(route.pool))
        continue
      }
      pools.withLock { pools in
        let id = configure(&pools, database, user: route.user, settings).id
        let isSame = self.route(id)?.leadsWhere(route) == true
        pools.restore(id)
        if !isSame { pools.renewServers(id) }
      }
    }
    warm()
    broadcast(.reload)
  }
}

/// The configuration and what is derived from it. Changed at login, at a server's login and by a
/// reload; never on the way of a query.
struct Directory: Sendable {
  var settings: Settings
  /// By pool.
  var routes: [Route?] = []
  var welcomes: [PoolID: Welcome] = [:]
  /// What went wrong last when a pool's connection was opened.
  var lastFailures: [PoolID: String] = [:]
  /// What clients have shown at their logins that serves to log in to servers, by user.
  var learned: [String: LearnedSecret] = [:]
  /// Where the next connection of a pool begins in its list of hosts.
  var nextHosts: [PoolID: Int] = [:]

  /// By name: databases that an administrator has paused, and those where nobody may log in.
  var pausedDatabases: Set<String> = []
  var disabledDatabases: Set<String> = []

  /// Hosts with their ports whose servers refuse protocol versions above 3.0.
  var oldPlaces: Set<String> = []

  init(settings: Settings) { self.settings = settings }

  /// Takes note of a place; of a bounded number of them.
  mutating func addOldPlace(_ place: String) {
    if oldPlaces.count < 1000 { oldPlaces.insert(place) }
  }

  mutating func addRoute(_ route: Route) {
    while routes.count <= route.pool.index { routes.append(nil) }
    routes[route.pool.index] = route
  }

  mutating func forget(_ pool: PoolID) {
    if routes.indices.contains(pool.index) { routes[pool.index] = nil }
    welcomes[pool] = nil
    lastFailures[pool] = nil
    nextHosts[pool] = nil
  }
}

/// A client's place in a pool.
struct Joined {
  let pool: PoolID
  /// The database is the first of its name that only `*` names; its name in the log.
  let newDatabase: String?
}

/// Why a client cannot join a pool.
enum JoinFailure: Error {
  case limits(JoinRefusal)
  /// Its tenant's own database cannot be found.
  case tenant(TenantRefusal)
}

/// What a client's login has revealed.
struct LearnedSecret: Sendable {
  var keys: ScramKeys?
  var password: String?
}

extension PoolID {
  var index: Int { Int(rawValue) }
}
