// What holds for one pool. A user's setting comes first, then the database's, then the global one,
// as PgBouncer's documentation of [users] has it.
//
// `user` is who the pool logs in as: the database's own `user` if it has one, else the client's.
// Caps of 0 in an entry follow the global cap, as PgBouncer does; other zeros mean what they say.
extension Settings {
  /// The entry for the name a client asks for, else the fallback under that name, else nil.
  public func database(named name: String) -> DatabaseSettings? {
    if let database = databases[name] { return database }
    guard var automatic = fallbackDatabase else { return nil }
    automatic.name = name
    automatic.isAutomatic = true
    return automatic
  }

  /// Where a database's servers are. Without a host that is the unix socket in `unix_socket_dir`;
  /// empty if there is none either.
  public func serverHosts(of database: DatabaseSettings) -> [String] {
    if !database.hosts.isEmpty { return database.hosts }
    return unixSocketDir.isEmpty ? [] : [unixSocketDir]
  }

  /// When a server connection goes back to the pool.
  public func poolMode(database: String, user: String) -> PoolMode {
    users[user]?.poolMode ?? entry(database)?.poolMode ?? poolMode
  }

  /// Server connections of a pool.
  public func poolSize(database: String, user: String) -> Int {
    users[user]?.poolSize ?? entry(database)?.poolSize ?? defaultPoolSize
  }

  /// Server connections to keep open in a pool; never more than its size.
  public func minPoolSize(database: String, user: String) -> Int {
    min(
      entry(database)?.minPoolSize ?? minPoolSize, poolSize(database: database, user: user))
  }

  /// Extra server connections of a pool.
  public func reservePoolSize(database: String, user: String) -> Int {
    users[user]?.reservePoolSize ?? entry(database)?.reservePoolSize ?? reservePoolSize
  }

  /// Server connections of a database; 0 is no limit.
  public func maxDbConnections(database: String) -> Int {
    cap(entry(database)?.maxDbConnections, maxDbConnections)
  }

  /// Client connections of a database; 0 is no limit.
  public func maxDbClientConnections(database: String) -> Int {
    cap(entry(database)?.maxDbClientConnections, maxDbClientConnections)
  }

  /// Server connections of a user; 0 is no limit.
  public func maxUserConnections(user: String) -> Int {
    cap(users[user]?.maxUserConnections, maxUserConnections)
  }

  /// Client connections of a user; 0 is no limit.
  public func maxUserClientConnections(user: String) -> Int {
    cap(users[user]?.maxUserClientConnections, maxUserClientConnections)
  }

  /// Longest query; zero is no limit.
  public func queryTimeout(user: String) -> Duration {
    users[user]?.queryTimeout ?? queryTimeout
  }

  /// How long a client waits for a server; zero is for ever.
  public func queryWaitTimeout(database: String, user: String) -> Duration {
    users[user]?.queryWaitTimeout ?? entry(database)?.queryWaitTimeout ?? queryWaitTimeout
  }

  /// Longest idling in a transaction; zero is no limit.
  public func idleTransactionTimeout(user: String) -> Duration {
    users[user]?.idleTransactionTimeout ?? idleTransactionTimeout
  }

  /// Longest transaction; zero is no limit.
  public func transactionTimeout(user: String) -> Duration {
    users[user]?.transactionTimeout ?? transactionTimeout
  }

  /// Longest idling of a client; zero is no limit.
  public func clientIdleTimeout(user: String) -> Duration {
    users[user]?.clientIdleTimeout ?? clientIdleTimeout
  }

  /// Age at which an unused server connection is closed; zero is after one use.
  public func serverLifetime(database: String) -> Duration {
    entry(database)?.serverLifetime ?? serverLifetime
  }

  /// What tells whether an idle server connection lives.
  public var serverCheck: ServerCheck {
    switch serverCheckQuery {
    case "": .none
    case "<empty>": .emptyQuery
    default: .query(serverCheckQuery)
    }
  }

  /// What `server_check_query` asks for.
  public enum ServerCheck: Sendable, Equatable {
    /// No check.
    case none
    /// A query without a statement.
    case emptyQuery
    /// This query.
    case query(String)
  }

  private func entry(_ name: String) -> DatabaseSettings? { databases[name] ?? fallbackDatabase }

  private func cap(_ own: Int?, _ global: Int) -> Int {
    guard let own, own > 0 else { return global }
    return own
  }
}
