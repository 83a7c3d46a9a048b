import CLinux
import Logging
import Pooling
import PostgresAuth
import Reactor
import Settings
import Synchronization

/// What all loops share.
///
/// Locks, and the order in which a thread may take them: `pools`, then `places`. The others
/// (`directory`, `parameterSets`, `cancelKeys`) are taken alone, or under `pools`; nothing is taken
/// under them. None is held over a system call, but that an idle server's move between loops
/// changes its registration right after the lock is gone.
final class Pooler: Sendable {
  /// Guards every pool: who holds which server, who waits.
  let pools: Lock<Pools>
  /// Guards the places of server connections.
  let places: Lock<ServerPlaces>
  /// Guards the configuration and what is derived from it.
  let directory: Lock<Directory>
  /// Guards the table of parameter sets.
  let parameterSets: Lock<ParameterSets>
  /// Guards the table of cancel keys.
  let cancelKeys = Lock<CancelKeys>(CancelKeys())

  let resolver: Resolver
  let logger: Logger
  let loopCount: Int
  let mailboxes: [Mailbox<Mail>]
  let engines: [EpollEngine]
  /// Clients on each loop, and those that count towards max_client_conn.
  let clientCounts: [Counter]
  let loggedInClients = Counter()
  let shutdown = Atomic<UInt8>(Shutdown.none.rawValue)

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
    func add(_ difference: Int) { value.wrappingAdd(difference, ordering: .relaxed) }
  }

  init(settings: Settings, loops: Int, logger: Logger) throws(SystemError) {
    loopCount = loops
    self.logger = logger
    pools = Lock(Pools(loops: loops))
    places = Lock(ServerPlaces())
    directory = Lock(Directory(settings: settings))
    parameterSets = Lock(ParameterSets(extra: settings.trackExtraParameters))
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
  }

  var settings: Settings { directory.withLock { $0.settings } }

  func route(_ pool: PoolID) -> Route? {
    directory.withLock { $0.routes.indices.contains(pool.index) ? $0.routes[pool.index] : nil }
  }

  func welcome(_ pool: PoolID) -> Welcome? {
    directory.withLock { $0.welcomes[pool] }
  }

  func setWelcome(_ welcome: Welcome, for pool: PoolID) {
    directory.withLock { $0.welcomes[pool] = welcome }
  }

  /// Posts to every loop.
  func broadcast(_ mail: Mail) {
    for mailbox in mailboxes { mailbox.post(mail) }
  }

  var clientCount: Int { clientCounts.reduce(0) { $0 + $1.count } }

  // MARK: pools

  /// Counts a client into the pool of its database and user.
  func join(
    database: DatabaseSettings, user: String
  ) -> Result<PoolID, JoinRefusal> {
    let settings = settings
    let serverUser = database.user ?? user
    let name = database.name
    let result = pools.withLock { pools -> Result<PoolID, JoinRefusal> in
      let id = pools.pool(
        database: name, user: serverUser,
        limits: Route.limits(database: database, user: serverUser, settings: settings),
        databaseLimits: GroupLimits(
          servers: settings.maxDbConnections(database: name),
          clients: settings.maxDbClientConnections(database: name)),
        userLimits: GroupLimits(
          servers: settings.maxUserConnections(user: serverUser),
          clients: settings.maxUserClientConnections(user: user)))
      if let refusal = pools.join(id) { return .failure(refusal) }
      return .success(id)
    }
    if case .success(let id) = result {
      directory.withLock {
        $0.addRoute(Route(pool: id, database: database, user: serverUser, settings: settings))
      }
    }
    return result
  }

  /// Takes over a new configuration: limits at once, new ways to a database as servers become free.
  func reload(_ settings: Settings) {
    let old = directory.withLock { $0.routes.compactMap { $0 } }
    directory.withLock { $0.settings = settings }
    resolver.setAges(
      maxAge: settings.dnsMaxTtl.microseconds,
      maxNegativeAge: settings.dnsNxdomainTtl.microseconds)
    for route in old {
      guard let database = settings.database(named: route.database.name) else {
        pools.withLock { $0.remove(route.pool) }
        broadcast(.poolRemoved(route.pool))
        continue
      }
      let fresh = Route(
        pool: route.pool, database: database, user: database.user ?? route.user,
        settings: settings)
      let isSame = fresh.leadsWhere(route)
      pools.withLock { pools in
        _ = pools.pool(
          database: database.name, user: fresh.user,
          limits: Route.limits(database: database, user: fresh.user, settings: settings),
          databaseLimits: GroupLimits(
            servers: settings.maxDbConnections(database: database.name),
            clients: settings.maxDbClientConnections(database: database.name)),
          userLimits: GroupLimits(
            servers: settings.maxUserConnections(user: fresh.user),
            clients: settings.maxUserClientConnections(user: fresh.user)))
        pools.restore(route.pool)
        if !isSame { pools.renewServers(route.pool) }
      }
      directory.withLock { $0.addRoute(fresh) }
    }
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

  init(settings: Settings) { self.settings = settings }

  mutating func addRoute(_ route: Route) {
    while routes.count <= route.pool.index { routes.append(nil) }
    routes[route.pool.index] = route
  }
}

/// What a client's login has revealed.
struct LearnedSecret: Sendable {
  var keys: ScramKeys?
  var password: String?
}

extension PoolID {
  var index: Int { Int(rawValue) }
}
