import Tenancy

/// One entry of `[databases]`. What is nil follows the user's or the global setting.
public struct DatabaseSettings: Sendable, Equatable {
  /// The name that clients use; `*` for the fallback itself.
  public internal(set) var name: String
  /// Whether this was made from the fallback `*`, not from an entry of its own.
  public internal(set) var isAutomatic = false
  /// The database's name on the server, where it differs.
  public internal(set) var dbname: String?
  /// Hosts to connect to: names, addresses, or directories of unix sockets (starting with `/`, or
  /// `@` in the abstract namespace). None means the unix socket in `unix_socket_dir`; see
  /// `Settings.serverHosts(of:)`.
  public internal(set) var hosts: [String] = []
  /// Port, or the number in the unix socket's name.
  public internal(set) var port = 5432
  /// Log in to the server as this user, whoever the client is.
  public internal(set) var user: String?
  /// Password of `user`.
  public internal(set) var password: Secret?
  /// Look up passwords as this user.
  public internal(set) var authUser: String?
  /// Look up passwords with this query.
  public internal(set) var authQuery: String?
  /// Look up passwords in this database.
  public internal(set) var authDbname: String?
  /// Server connections per pool.
  public internal(set) var poolSize: Int?
  /// Server connections to keep open per pool.
  public internal(set) var minPoolSize: Int?
  /// Extra server connections per pool.
  public internal(set) var reservePoolSize: Int?
  /// What each new server connection runs first.
  public internal(set) var connectQuery: String?
  /// When a server connection goes back to the pool.
  public internal(set) var poolMode: PoolMode?
  /// How long clients wait for a server; zero is for ever.
  public internal(set) var queryWaitTimeout: Duration?
  /// How a new connection picks one of `hosts`.
  public internal(set) var loadBalanceHosts = HostBalancing.roundRobin
  /// Server connections in all; 0 follows the global setting.
  public internal(set) var maxDbConnections: Int?
  /// Client connections in all; 0 follows the global setting.
  public internal(set) var maxDbClientConnections: Int?
  /// Age at which an unused server connection is closed.
  public internal(set) var serverLifetime: Duration?
  /// `client_encoding` to ask the server for.
  public internal(set) var clientEncoding: String?
  /// `DateStyle` to ask the server for.
  public internal(set) var dateStyle: String?
  /// `TimeZone` to ask the server for.
  public internal(set) var timeZone: String?

  /// An entry that says nothing.
  public init(name: String) { self.name = name }

  /// The database's name on the server.
  public var serverDatabase: String { dbname ?? name }

  /// The same entry with a tenant's own database in place of its own.
  public func moved(to place: TenantDatabase) -> DatabaseSettings {
    var moved = self
    moved.dbname = place.dbname ?? dbname
    if !place.hosts.isEmpty { moved.hosts = place.hosts }
    moved.port = place.port ?? port
    return moved
  }
}

extension DatabaseSettings {
  private static let noAuthQuery = "there is no authentication query yet; unknown users are refused"

  static let definitions: [EntryDefinition<DatabaseSettings>] = [
    .init("host", .list(\.hosts), "Hosts, addresses or unix socket directories."),
    .init("port", .number(.integer(0...65_535), \.port), "Port of the server."),
    .init("dbname", .optionalText(\.dbname), "Name on the server, if it differs."),
    .init("user", .optionalText(\.user), "Log in to the server as this user."),
    .init("password", .optionalSecret(\.password), "Password of `user`."),
    .init("pool_mode", .optionalChoice(\.poolMode), "As the global setting."),
    .init("pool_size", .optionalSize(\.poolSize), "Instead of `default_pool_size`."),
    .init("min_pool_size", .optionalSize(\.minPoolSize), "As the global setting."),
    .init("reserve_pool_size", .optionalSize(\.reservePoolSize), "As the global setting.")
      .alias("reserve_pool"),
    .init("max_db_connections", .optionalSize(\.maxDbConnections), "As the global setting."),
    .init(
      "max_db_client_connections", .optionalSize(\.maxDbClientConnections),
      "As the global setting."),
    .init("query_wait_timeout", .optionalSeconds(\.queryWaitTimeout), "As the global setting."),
    .init("server_lifetime", .optionalSeconds(\.serverLifetime), "As the global setting."),
    .init(
      "load_balance_hosts", .choice(\.loadBalanceHosts),
      "Which of several hosts a new connection takes: `round-robin` or `disable`."),
    .init("connect_query", .optionalText(\.connectQuery), "What a new connection runs first."),
    .init("client_encoding", .optionalText(\.clientEncoding), "Encoding to ask the server for."),
    .init("datestyle", .optionalText(\.dateStyle), "DateStyle to ask the server for."),
    .init("timezone", .optionalText(\.timeZone), "TimeZone to ask the server for."),
    .init("auth_user", .optionalText(\.authUser), "As the global setting.").accepted(noAuthQuery),
    .init("auth_query", .optionalText(\.authQuery), "As the global setting.")
      .accepted(noAuthQuery),
    .init("auth_dbname", .optionalText(\.authDbname), "As the global setting.")
      .accepted(noAuthQuery),
  ]
}
