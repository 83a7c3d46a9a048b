extension SettingDefinition {
  /// Every setting, in the order in which they are documented and printed.
  public static let all: [SettingDefinition] =
    listening + pools + timeouts + authentication + protocols + sockets + names + logging + metrics
    + process
    + clientTLS + serverTLS

  /// The definition of a setting, by its name or an old name of it.
  public static func named(_ name: String) -> SettingDefinition? { byName[name] }

  /// The parts of `all` under their titles, as the documentation has them.
  static let groups: [(title: String, definitions: [SettingDefinition])] = [
    ("Listening", listening), ("Pools and limits", pools), ("Timeouts", timeouts),
    ("Authentication", authentication), ("Protocol", protocols), ("Sockets", sockets),
    ("Name resolution", names), ("Logging", logging), ("Metrics", metrics), ("Process", process),
    ("TLS to clients", clientTLS), ("TLS to servers", serverTLS),
  ]

  private static let byName: [String: SettingDefinition] = {
    var table: [String: SettingDefinition] = [:]
    for definition in all {
      for name in [definition.name] + definition.aliases { table[name] = definition }
    }
    return table
  }()

  static let listening: [SettingDefinition] = [
    .list(
      "listen_addr", \.listenAddr, [],
      "Addresses or names to listen on for TCP; `*` is all of them, empty is none."
    ).native(.list(["127.0.0.1"])).fixed,
    .integer(
      "listen_port", \.listenPort, 6432, in: 0...65_535,
      "Port for TCP, and the number in the unix socket's name."
    ).fixed,
    .text(
      "unix_socket_dir", \.unixSocketDir, "/tmp",
      "Directory of the unix socket; `@name` is an abstract one, empty is none. "
        + "Also where a database without a host is looked for."
    ).fixed,
    .fileMode("unix_socket_mode", \.unixSocketMode, 0o777, "Permissions of the unix socket.").fixed,
    .text("unix_socket_group", \.unixSocketGroup, "", "Group that owns the unix socket.").fixed,
    .integer(
      "listen_backlog", \.listenBacklog, 128,
      "How many connections the kernel queues before they are accepted."
    ).fixed,
    .flag(
      "so_reuseport", \.soReuseport, false, "Let several processes listen on one port."
    ).fixed,
    .integer(
      "threads", \.threads, 0, in: 0...1024, "Event loops; 0 is one per core. Not in PgBouncer."
    ).fixed,
  ]

  static let pools: [SettingDefinition] = [
    .choice(
      "pool_mode", \.poolMode, .session,
      "When a server connection goes back to the pool: `session`, `transaction` or `statement`."
    ).native(.text("transaction")),
    .integer(
      "default_pool_size", \.defaultPoolSize, 20, "Server connections per database and user."),
    .integer(
      "min_pool_size", \.minPoolSize, 0, "Server connections to keep open in a pool that is in use."
    ),
    .integer(
      "reserve_pool_size", \.reservePoolSize, 0,
      "Extra server connections for a pool whose clients wait too long."
    ).alias("reserve_pool"),
    .seconds(
      "reserve_pool_timeout", \.reservePoolTimeout, 5,
      "How long a client waits before the reserve may be used; 0 is never."),
    .integer("max_client_conn", \.maxClientConn, 100, "Client connections in all.")
      .native(.integer(10_000)),
    .integer(
      "max_db_connections", \.maxDbConnections, 0, "Server connections per database; 0 is no limit."
    ),
    .integer(
      "max_user_connections", \.maxUserConnections, 0,
      "Server connections per user; 0 is no limit."),
    .integer(
      "max_db_client_connections", \.maxDbClientConnections, 0,
      "Client connections per database; 0 is no limit."),
    .integer(
      "max_user_client_connections", \.maxUserClientConnections, 0,
      "Client connections per user; 0 is no limit."),
    .flag(
      "server_round_robin", \.serverRoundRobin, false,
      "Use idle server connections in turn instead of the latest first."),
    .text(
      "server_reset_query", \.serverResetQuery, "DISCARD ALL",
      "What a server connection runs before its next client, in session mode."),
    .flag(
      "server_reset_query_always", \.serverResetQueryAlways, false,
      "Run `server_reset_query` in every pool mode."),
    .text(
      "server_check_query", \.serverCheckQuery, "<empty>",
      "Query that tells whether an idle server lives; `<empty>` is the empty query, "
        + "no text is no check."),
    .seconds(
      "server_check_delay", \.serverCheckDelay, 30,
      "How long a released server connection is used again without a check; 0 checks always."),
    .flag(
      "server_fast_close", \.serverFastClose, false,
      "In session mode, close an outdated server connection at the transaction's end already."),
    .integer(
      "max_prepared_statements", \.maxPreparedStatements, 200,
      "Prepared statements kept per server connection; 0 turns the tracking off."
    ),
    .choice(
      "session_state", \.sessionState, .replay,
      "What a client has SET follows it from server to server (`replay`), or only what the server "
        + "reports (`pgbouncer`). Not in PgBouncer."
    ),
    .choice(
      "pinning", \.pinning, .pin,
      "What becomes of a client whose session has what can't move, such as a temporary table: it "
        + "keeps its server (`pin`), the statement is refused (`error`), it may lose it with a "
        + "warning (`warn`), or without (`off`). Not in PgBouncer."
    ),
  ]

  static let timeouts: [SettingDefinition] = [
    .seconds(
      "server_lifetime", \.serverLifetime, 3600,
      "Age at which an unused server connection is closed; 0 is after one use."),
    .seconds(
      "server_idle_timeout", \.serverIdleTimeout, 600,
      "Close a server connection that idles longer; 0 is never."),
    .seconds(
      "server_connect_timeout", \.serverConnectTimeout, 15,
      "Longest time to connect and log in to a server."),
    .seconds(
      "server_login_retry", \.serverLoginRetry, 15,
      "Pause after a failed connection or login to a server."),
    .seconds(
      "client_login_timeout", \.clientLoginTimeout, 60, "Longest time for a client to log in."),
    .seconds(
      "client_idle_timeout", \.clientIdleTimeout, 0,
      "Close a client that idles longer; 0 is never."),
    .seconds("query_timeout", \.queryTimeout, 0, "Cancel a query that runs longer; 0 is never."),
    .seconds(
      "query_wait_timeout", \.queryWaitTimeout, 120,
      "Disconnect a client that waits longer for a server; 0 is never."),
    .seconds(
      "cancel_wait_timeout", \.cancelWaitTimeout, 10,
      "Drop a cancel request that waits longer for a server; 0 is never."),
    .seconds(
      "idle_transaction_timeout", \.idleTransactionTimeout, 0,
      "Disconnect a client that idles longer within a transaction; 0 is never."),
    .seconds(
      "transaction_timeout", \.transactionTimeout, 0,
      "Disconnect a client whose transaction lasts longer; 0 is never."),
    .seconds(
      "query_wait_notify", \.queryWaitNotify, 5,
      "Tell a client that it is queued once it has waited this long; 0 is never."),
    .seconds(
      "autodb_idle_timeout", \.autodbIdleTimeout, 3600,
      "Forget a database made from `*` that is unused longer."),
    .seconds(
      "pool_idle_timeout", \.poolIdleTimeout, 0,
      "Forget a pool that is empty longer; 0 is never."),
    .seconds(
      "suspend_timeout", \.suspendTimeout, 10,
      "How long `SUSPEND` waits for clients to take what was sent to them; 0 is for ever."),
  ]
}
