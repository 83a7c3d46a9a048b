extension MetricFamily {
  // MARK: pools

  static let poolClients = pool(
    "pool_clients", .gauge, by: ["state"],
    "Clients of the pool. active: those that do not wait; waiting: for a server; cancelling: "
      + "cancel requests on their way.")
  static let poolServers = pool(
    "pool_servers", .gauge, by: ["state"],
    "Server connections of the pool, as SHOW POOLS counts them.")
  static let poolSize = pool("pool_size", .gauge, "Server connections that the pool may have.")
  static let poolOldestWait = pool(
    "pool_oldest_wait_seconds", .gauge, "How long the first of those who wait has waited.")
  static let poolPinned = pool(
    "pool_pinned_clients", .gauge, "Clients that keep their server: see SHOW PINNED.")
  static let transactions = pool("transactions", .counter, "Transactions that have ended.")
  static let queries = pool(
    "queries", .counter, "Queries, or batches of the extended protocol, that were answered.")
  static let received = pool("received_bytes", .counter, "Bytes from clients after their logins.")
  static let sent = pool("sent_bytes", .counter, "Bytes to clients after their logins.")
  static let assignments = pool("server_assignments", .counter, "Servers given to clients.")
  static let logins = pool("logins", .counter, "Clients that have logged in.")
  static let clientParses = pool(
    "client_parses", .counter, "Named statements that clients have prepared.")
  static let serverParses = pool(
    "server_parses", .counter, "Named statements that were prepared on servers.")
  static let binds = pool("binds", .counter, "Named statements that were bound.")
  static let pins = pool("pins", .counter, "How often a client was given its server to keep.")
  static let queueWait = pool(
    "queue_wait_seconds", .histogram,
    "How long clients waited for a server; no wait counts as zero.")
  static let queryTime = pool(
    "query_seconds", .histogram, "From a query's arrival to the end of its answer.")
  static let transactionTime = pool(
    "transaction_seconds", .histogram, "From a transaction's first query to its end.")
  static let loginTime = pool(
    "login_seconds", .histogram, "From a client's connection to the end of its login.")
  static let connectTime = pool(
    "server_connect_seconds", .histogram,
    "From the attempt to connect to a server to the end of the login there.")
  static let connectFailures = pool(
    "server_connect_failures", .counter, by: ["reason"], "Connections to servers that failed.")
  static let serverErrors = pool(
    "server_errors", .counter, by: ["class"],
    "Errors that servers sent to clients, by the SQLSTATE's class.")
  static let slowQueries = pool(
    "slow_queries", .counter, "Statements that took log_min_duration or longer.")
  static let repeatedQueries = pool(
    "repeated_queries", .counter,
    "Transactions or requests that ran one statement over and over (N+1): see query_stats.")

  // MARK: tenants

  static let tenantClients = tenant("clients", .gauge, "Clients of the tenant.")
  static let tenantWaiting = tenant("waiting", .gauge, "Clients of the tenant that wait.")
  static let tenantServers = tenant("servers", .gauge, "Servers that the tenant's clients hold.")
  static let tenantTransactions = tenant(
    "transactions", .counter,
    "Servers given to the tenant's clients: transactions, but in session mode sessions.")
  static let tenantRefusals = tenant(
    "refusals", .counter, by: ["limit"], "Clients that a limit of the tenant refused.")
  static let tenantQueueWait = tenant(
    "queue_wait_seconds", .histogram,
    "How long the tenant's clients waited for a server; no wait counts as zero.")

  // MARK: loops

  static let loopBusy = loop(
    "busy_seconds", .counter,
    "Time that the loop was at work, not waiting for events; estimated from each fifteenth turn.")
  static let loopTurns = loop("turns", .counter, "How often the loop looked for events.")
  static let loopCPU = loop("cpu_seconds", .counter, "CPU time of the loop's thread.")
  static let loopLongest = loop(
    "longest_turn_seconds", .gauge,
    "The longest time without a look for events in the last 15 to 30 seconds.")

  // MARK: the process

  static let clients = process("sluice_clients", .gauge, "Clients that are logged in.")
  static let clientLimit = process("sluice_client_limit", .gauge, "max_client_conn.")
  static let loginFailures = process(
    "sluice_login_failures", .counter, by: ["reason"], "Clients whose login failed.")
  static let clientEnds = process(
    "sluice_client_disconnects", .counter, by: ["reason"], "Clients that left, or were ended.")
  static let serverEnds = process(
    "sluice_server_disconnects", .counter, by: ["reason"], "Server connections that ended.")
  static let acceptBacklog = process(
    "sluice_accept_backlog", .gauge,
    "Connections that the kernel has and the pooler has not accepted yet.")
  static let acceptBacklogLimit = process(
    "sluice_accept_backlog_limit", .gauge, "How many of those the kernel keeps.")
  static let paused = process("sluice_paused", .gauge, "1 while all is paused or suspended.")
  static let draining = process(
    "sluice_draining", .gauge, "1 while a shutdown waits for clients or servers.")
  static let reloadSuccessful = process(
    "sluice_reload_successful", .gauge, "0 where the last reload found the configuration unusable.")
  static let reloadTime = process(
    "sluice_reload_timestamp_seconds", .gauge, "When the configuration in effect was read.")
  static let certificateExpiry = process(
    "sluice_metrics_certificate_expiry_timestamp_seconds", .gauge,
    "When the certificate of metrics_tls_cert_file ends; only with one.")
  static let logLines = process(
    "sluice_log_lines", .counter, by: ["level"], "Lines that were written to the log.")
  static let logLinesSuppressed = process(
    "sluice_log_lines_suppressed", .counter, "Lines that log_rate_limit left out.")
  static let logLinesLost = process(
    "sluice_log_lines_lost", .counter, "Lines that neither a file nor syslog took.")
  static let build = process("sluice_build", .info, by: ["version"], "What program this is.")
  static let processCPU = process("process_cpu_seconds", .counter, "CPU time of the process.")
  static let processMemory = process(
    "process_resident_memory_bytes", .gauge, "Resident memory of the process.")
  static let processFiles = process("process_open_fds", .gauge, "Open file descriptors.")
  static let processFileLimit = process(
    "process_max_fds", .gauge, "How many file descriptors may be open.")
  static let processStart = process(
    "process_start_time_seconds", .gauge, "When the process started.")

  /// Every family under its title, in the order in which they are written and documented.
  public static let groups: [(title: String, families: [MetricFamily])] = [
    (
      "Pools",
      [
        poolClients, poolServers, poolSize, poolOldestWait, poolPinned, transactions, queries,
        received, sent, assignments, logins, clientParses, serverParses, binds, pins, slowQueries,
        repeatedQueries, queueWait,
        queryTime, transactionTime, loginTime, connectTime, connectFailures, serverErrors,
      ]
    ),
    (
      "Tenants",
      [
        tenantClients, tenantWaiting, tenantServers, tenantTransactions, tenantRefusals,
        tenantQueueWait,
      ]
    ),
    ("Loops", [loopBusy, loopTurns, loopCPU, loopLongest]),
    (
      "Process",
      [
        clients, clientLimit, acceptBacklog, acceptBacklogLimit, paused, draining,
        reloadSuccessful, loginFailures, clientEnds, serverEnds, logLines, logLinesSuppressed,
        logLinesLost, reloadTime, certificateExpiry, build, processCPU, processMemory, processFiles,
        processFileLimit, processStart,
      ]
    ),
  ]
}
