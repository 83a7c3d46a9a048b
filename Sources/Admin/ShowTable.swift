/// The tables that SHOW knows.
public enum ShowTable: String, CaseIterable, Sendable {
  case activeSockets = "active_sockets"
  case clients
  case config
  case databases
  case dnsHosts = "dns_hosts"
  case dnsZones = "dns_zones"
  case fds
  case lists
  case mem
  case peerPools = "peer_pools"
  case peers
  case pinned
  case pinning
  case pools
  case prepared
  case queries
  case servers
  case sockets
  case state
  case stats
  case statsAverages = "stats_averages"
  case statsTotals = "stats_totals"
  case tenants
  case threads
  case totals
  case users
  case version
  case waits

  /// Only for administrators: it has what was learned at logins.
  public var needsAdmin: Bool { self == .fds }

  public var columns: [TableColumn] {
    switch self {
    case .fds: Self.make("issssiqisssssbb", Self.fdNames)
    case .databases: Self.make("ssissiiiissiiiiii", Self.databaseNames)
    case .peers: Self.make("isii", "peer_id, host, port, pool_size")
    case .lists: Self.make("si", "list, items")
    case .users: Self.make("ssssiiii", Self.userNames)
    case .clients, .servers: Array(Self.socketColumns.prefix(21))
    case .sockets, .activeSockets: Self.socketColumns
    case .pools: Self.make("ssiiiiiiiiiiiiiss", Self.poolNames)
    case .peerPools:
      Self.make(
        "iiiii",
        "peer_id, cl_active_cancel_req, cl_waiting_cancel_req, sv_active_cancel, sv_login")
    case .mem: Self.make("siiii", "name, size, used, free, memtotal")
    case .state: Self.make("ss", "key, value")
    case .dnsHosts: Self.make("sqs", "hostname, ttl, addrs")
    case .dnsZones: Self.make("sqi", "zonename, serial, count")
    case .config: Self.make("ssss", "key, value, default, changeable")
    case .version: Self.make("s", "version")
    case .stats: Self.statsColumns
    case .statsTotals: Self.totalsColumns
    case .statsAverages: Self.averagesColumns
    case .totals: Self.make("sN", "name, value")
    case .pinned: Self.make("ssssq", "client, database, user, reason, id")
    case .prepared: Self.make("sqq", "name, clients, bytes")
    case .queries: Self.make("sssNNNNNNNNNNssssN", Self.queryNames)
    case .pinning: Self.make("sq", "name, value")
    case .tenants: Self.make("siqqqqNNNNNqqiiiii", Self.tenantNames)
    case .waits: Self.make("qsssssiTqisqssssisqs", Self.waitNames)
    case .threads: Self.make("iqqqqqqqqqiq", Self.threadNames)
    }
  }

  /// Columns of these types with these names.
  ///
  /// `i` is int4, `q` int8, `s` and `T` text, `N` numeric, `b` bytea.
  static func make(_ types: String, _ names: String) -> [TableColumn] {
    let names = names.split { $0 == "," || $0 == " " }
    precondition(types.count == names.count, "a type for each column")
    return zip(types, names).map { type, name in TableColumn(String(name), Self.type(type)) }
  }

  private static func type(_ letter: Character) -> ColumnType {
    switch letter {
    case "i": .int4
    case "q": .int8
    case "N": .numeric
    case "b": .bytea
    case "s", "T": .text
    default: preconditionFailure("a type of no column: \(letter)")
    }
  }
}

// Names and types are PgBouncer's, in its order, for what it has. Scripts take columns by number.
extension ShowTable {
  static let fdNames = """
    fd, task, user, database, addr, port, cancel, link, client_encoding, std_strings, datestyle, \
    timezone, password, scram_client_key, scram_server_key
    """
  static let databaseNames = """
    name, host, port, database, force_user, pool_size, min_pool_size, reserve_pool_size, \
    server_lifetime, pool_mode, load_balance_hosts, max_connections, current_connections, \
    max_client_connections, current_client_connections, paused, disabled
    """
  static let userNames = """
    name, pool_size, reserve_pool_size, pool_mode, max_user_connections, current_connections, \
    max_user_client_connections, current_client_connections
    """
  static let poolNames = """
    database, user, cl_active, cl_waiting, cl_active_cancel_req, cl_waiting_cancel_req, sv_active, \
    sv_active_cancel, sv_being_canceled, sv_idle, sv_used, sv_tested, sv_login, maxwait, \
    maxwait_us, pool_mode, load_balance_hosts
    """
  static let tenantNames = """
    tenant, weight, clients, waiting, waiting_logins, servers, leases, wait_time, avg_wait_time, \
    wait_p50, wait_p99, refused_clients, refused_waiting, max_client_connections, \
    max_waiting_clients, max_server_connections, max_transactions_per_second, transactions_burst
    """
  static let waitNames = """
    id, database, user, tenant, application_name, addr, port, since, wait_us, holders, reason, \
    holder_id, holder_user, holder_tenant, holder_application_name, holder_addr, holder_port, \
    holder_state, held_us, holder_query
    """
  static let queryNames = """
    database, user, query, calls, errors, rows, total_time, mean_time, p99_time, max_time, \
    slow, repeats, repeated_calls, repeat_application, repeat_tenant, tenants, top_tenant, \
    top_tenant_time
    """
  static let threadNames = """
    thread, clients, console_clients, waiting, servers, server_logins, cancels, turns, cpu_us, \
    busy_us, busy_percent, longest_turn_us
    """

  /// Of clients, servers and sockets.
  static let socketColumns = make(
    "ssssssisiTTiiississiqiiiiiii",
    """
    type, user, database, replication, state, addr, port, local_addr, local_port, connect_time, \
    request_time, wait, wait_us, close_needed, ptr, link, remote_pid, tls, application_name, \
    prepared_statements, id, recv_pos, pkt_pos, pkt_remain, send_pos, send_remain, pkt_avail, \
    send_avail
    """)

  /// Columns that can be asked for by WHERE and are not shown: PgBouncer's are all there may be.
  public var hiddenColumns: [TableColumn] {
    switch self {
    case .clients, .servers, .sockets, .activeSockets: [TableColumn("tenant", .text)]
    default: []
    }
  }

  static let figures = [
    "server_assignment_count", "xact_count", "query_count", "received", "sent", "xact_time",
    "query_time", "wait_time", "client_parse_count", "server_parse_count", "bind_count",
    "client_login_count",
  ]

  static var statsColumns: [TableColumn] {
    let averages = figures.map { $0 == "received" ? "recv" : $0 }
    return numeric(figures.map { "total_\($0)" } + averages.map { "avg_\($0)" })
  }

  static var totalsColumns: [TableColumn] {
    numeric(figures.map { $0 == "received" || $0 == "sent" ? "bytes_\($0)" : $0 })
  }

  static var averagesColumns: [TableColumn] {
    numeric(
      figures.enumerated().map { index, name in
        index >= 8 ? "avg_\(name)" : name == "received" || name == "sent" ? "bytes_\(name)" : name
      })
  }

  private static func numeric(_ names: [String]) -> [TableColumn] {
    [TableColumn("database", .text)] + names.map { TableColumn($0, .numeric) }
  }
}
