import Tenancy

/// The configuration in effect: typed, immutable, made by `SettingsLoader`.
///
/// Times of zero mean "off", unless the setting's summary in `SettingDefinition.all` says
/// otherwise. The values here are before the overrides of databases and users; the questions that a
/// pool asks are in `Settings+Lookup.swift`. Each property's default and meaning is its row in
/// `SettingDefinition.all`; the initial values below are never seen.
public struct Settings: Sendable {
  /// The format it was read from, which decides the defaults.
  public internal(set) var format: SettingsFormat
  /// Databases by the name that clients use, without the fallback.
  public internal(set) var databases: [String: DatabaseSettings] = [:]
  /// The entry `*`: where every other database name goes.
  public internal(set) var fallbackDatabase: DatabaseSettings?
  /// What `[users]` says, by user name.
  public internal(set) var users: [String: UserSettings] = [:]
  /// What `[peers]` says, by peer id.
  public internal(set) var peers: [Int: PeerSettings] = [:]
  /// What `[tenancy]` says.
  public internal(set) var tenancy = TenancySettings()
  /// What `[tenants]` says, in the order of the file.
  public internal(set) var tenants: [TenantSettings] = []
  /// What `[tenancy]`, `[tenants]` and the users' keys for tenants come to, checked.
  public internal(set) var tenancyRules = TenancyRules.none
  /// Passwords and verifiers by user name, from `auth_file` and `[users.NAME] password`; the latter
  /// wins.
  public internal(set) var secrets: [String: Secret] = [:]
  /// Where settings that are not at their default came from, by name; `databases.NAME`,
  /// `users.NAME`, `peers.NAME`, `tenancy` and `tenants.NAME` for whole entries.
  public internal(set) var origins: [String: SettingOrigin] = [:]

  /// `listen_addr`.
  public internal(set) var listenAddr: [String] = []
  /// `listen_port`.
  public internal(set) var listenPort = 0
  /// `unix_socket_dir`.
  public internal(set) var unixSocketDir = ""
  /// `unix_socket_mode`.
  public internal(set) var unixSocketMode = 0
  /// `unix_socket_group`.
  public internal(set) var unixSocketGroup = ""
  /// `listen_backlog`.
  public internal(set) var listenBacklog = 0
  /// `so_reuseport`.
  public internal(set) var soReuseport = false
  /// `threads`.
  public internal(set) var threads = 0
  /// `pool_mode`.
  public internal(set) var poolMode = PoolMode.session
  /// `default_pool_size`.
  public internal(set) var defaultPoolSize = 0
  /// `min_pool_size`.
  public internal(set) var minPoolSize = 0
  /// `reserve_pool_size`.
  public internal(set) var reservePoolSize = 0
  /// `reserve_pool_timeout`.
  public internal(set) var reservePoolTimeout = Duration.zero
  /// `max_client_conn`.
  public internal(set) var maxClientConn = 0
  /// `max_db_connections`.
  public internal(set) var maxDbConnections = 0
  /// `max_user_connections`.
  public internal(set) var maxUserConnections = 0
  /// `max_db_client_connections`.
  public internal(set) var maxDbClientConnections = 0
  /// `max_user_client_connections`.
  public internal(set) var maxUserClientConnections = 0
  /// `server_round_robin`.
  public internal(set) var serverRoundRobin = false
  /// `server_reset_query`.
  public internal(set) var serverResetQuery = ""
  /// `server_reset_query_always`.
  public internal(set) var serverResetQueryAlways = false
  /// `server_check_query`.
  public internal(set) var serverCheckQuery = ""
  /// `server_check_delay`.
  public internal(set) var serverCheckDelay = Duration.zero
  /// `server_fast_close`.
  public internal(set) var serverFastClose = false
  /// `max_prepared_statements`.
  public internal(set) var maxPreparedStatements = 0
  /// `session_state`.
  public internal(set) var sessionState = SessionState.replay
  /// `pinning`.
  public internal(set) var pinning = Pinning.pin
  /// `server_lifetime`.
  public internal(set) var serverLifetime = Duration.zero
  /// `server_idle_timeout`.
  public internal(set) var serverIdleTimeout = Duration.zero
  /// `server_connect_timeout`.
  public internal(set) var serverConnectTimeout = Duration.zero
  /// `server_login_retry`.
  public internal(set) var serverLoginRetry = Duration.zero
  /// `client_login_timeout`.
  public internal(set) var clientLoginTimeout = Duration.zero
  /// `client_idle_timeout`.
  public internal(set) var clientIdleTimeout = Duration.zero
  /// `query_timeout`.
  public internal(set) var queryTimeout = Duration.zero
  /// `query_wait_timeout`.
  public internal(set) var queryWaitTimeout = Duration.zero
  /// `cancel_wait_timeout`.
  public internal(set) var cancelWaitTimeout = Duration.zero
  /// `idle_transaction_timeout`.
  public internal(set) var idleTransactionTimeout = Duration.zero
  /// `transaction_timeout`.
  public internal(set) var transactionTimeout = Duration.zero
  /// `query_wait_notify`.
  public internal(set) var queryWaitNotify = Duration.zero
  /// `autodb_idle_timeout`.
  public internal(set) var autodbIdleTimeout = Duration.zero
  /// `pool_idle_timeout`.
  public internal(set) var poolIdleTimeout = Duration.zero
  /// `suspend_timeout`.
  public internal(set) var suspendTimeout = Duration.zero
  /// `auth_type`.
  public internal(set) var authType = AuthType.scramSHA256
  /// `auth_file`.
  public internal(set) var authFile = ""
  /// `scram_iterations`.
  public internal(set) var scramIterations = 0
  /// `auth_hba_file`.
  public internal(set) var authHbaFile = ""
  /// `auth_ident_file`.
  public internal(set) var authIdentFile = ""
  /// `auth_ldap_options`.
  public internal(set) var authLdapOptions = Secret("")
  /// `auth_user`.
  public internal(set) var authUser = ""
  /// `auth_query`.
  public internal(set) var authQuery = ""
  /// `auth_dbname`.
  public internal(set) var authDbname = ""
  /// `admin_users`.
  public internal(set) var adminUsers: [String] = []
  /// `stats_users`.
  public internal(set) var statsUsers: [String] = []
  /// `ignore_startup_parameters`.
  public internal(set) var ignoreStartupParameters: [String] = []
  /// `track_extra_parameters`.
  public internal(set) var trackExtraParameters: [String] = []
  /// `application_name_add_host`.
  public internal(set) var applicationNameAddHost = false
  /// `login_notify_message`.
  public internal(set) var loginNotifyMessage = ""
  /// `max_packet_size`.
  public internal(set) var maxPacketSize = 0
  /// `disable_pqexec`.
  public internal(set) var disablePqexec = false
  /// `peer_id`.
  public internal(set) var peerId = 0
  /// `tcp_defer_accept`.
  public internal(set) var tcpDeferAccept = false
  /// `tcp_keepalive`.
  public internal(set) var tcpKeepalive = false
  /// `tcp_keepcnt`.
  public internal(set) var tcpKeepcnt = 0
  /// `tcp_keepidle`.
  public internal(set) var tcpKeepidle = 0
  /// `tcp_keepintvl`.
  public internal(set) var tcpKeepintvl = 0
  /// `tcp_socket_buffer`.
  public internal(set) var tcpSocketBuffer = 0
  /// `tcp_user_timeout`.
  public internal(set) var tcpUserTimeout = Duration.zero
  /// `pkt_buf`.
  public internal(set) var pktBuf = 0
  /// `sbuf_loopcnt`.
  public internal(set) var sbufLoopcnt = 0
  /// `dns_max_ttl`.
  public internal(set) var dnsMaxTtl = Duration.zero
  /// `dns_nxdomain_ttl`.
  public internal(set) var dnsNxdomainTtl = Duration.zero
  /// `dns_zone_check_period`.
  public internal(set) var dnsZoneCheckPeriod = Duration.zero
  /// `resolv_conf`.
  public internal(set) var resolvConf = ""
  /// `logfile`.
  public internal(set) var logfile = ""
  /// `verbose`.
  public internal(set) var verbose = 0
  /// `log_connections`.
  public internal(set) var logConnections = false
  /// `log_disconnections`.
  public internal(set) var logDisconnections = false
  /// `log_pooler_errors`.
  public internal(set) var logPoolerErrors = false
  /// `log_stats`.
  public internal(set) var logStats = false
  /// `stats_period`.
  public internal(set) var statsPeriod = Duration.zero
  /// `log_format`.
  public internal(set) var logFormat = LogFormat.text
  /// `log_rate_limit`.
  public internal(set) var logRateLimit = 0
  /// `query_stats`.
  public internal(set) var queryStats = false
  /// `query_stats_max`.
  public internal(set) var queryStatsMax = 0
  /// `query_repeat_threshold`.
  public internal(set) var queryRepeatThreshold = 0
  /// `log_min_duration`.
  public internal(set) var logMinDuration = Duration.zero
  /// `syslog`.
  public internal(set) var syslog = false
  /// `syslog_facility`.
  public internal(set) var syslogFacility = SyslogFacility.daemon
  /// `syslog_ident`.
  public internal(set) var syslogIdent = ""
  /// `metrics_listen`.
  public internal(set) var metricsListen = ""
  /// `metrics_user`.
  public internal(set) var metricsUser = ""
  /// `metrics_password`.
  public internal(set) var metricsPassword = Secret("")
  /// `metrics_tls_cert_file`.
  public internal(set) var metricsTlsCertFile = ""
  /// `metrics_tls_key_file`.
  public internal(set) var metricsTlsKeyFile = ""
  /// `metrics_tenants`.
  public internal(set) var metricsTenants = 0
  /// `pidfile`.
  public internal(set) var pidfile = ""
  /// `user`.
  public internal(set) var user = ""
  /// `conffile`.
  public internal(set) var conffile = ""
  /// `job_name`.
  public internal(set) var jobName = ""
  /// `service_name`.
  public internal(set) var serviceName = ""
  /// `client_tls_sslmode`.
  public internal(set) var clientTlsSslmode = TLSMode.disable
  /// `client_tls_key_file`.
  public internal(set) var clientTlsKeyFile = ""
  /// `client_tls_cert_file`.
  public internal(set) var clientTlsCertFile = ""
  /// `client_tls_ca_file`.
  public internal(set) var clientTlsCaFile = ""
  /// `client_tls_protocols`.
  public internal(set) var clientTlsProtocols = ""
  /// `client_tls_ciphers`.
  public internal(set) var clientTlsCiphers = ""
  /// `client_tls13_ciphers`.
  public internal(set) var clientTls13Ciphers = ""
  /// `client_tls_ecdhcurve`.
  public internal(set) var clientTlsEcdhcurve = ""
  /// `client_tls_dheparams`.
  public internal(set) var clientTlsDheparams = ""
  /// `server_tls_sslmode`.
  public internal(set) var serverTlsSslmode = TLSMode.disable
  /// `server_tls_ca_file`.
  public internal(set) var serverTlsCaFile = ""
  /// `server_tls_key_file`.
  public internal(set) var serverTlsKeyFile = ""
  /// `server_tls_cert_file`.
  public internal(set) var serverTlsCertFile = ""
  /// `server_tls_protocols`.
  public internal(set) var serverTlsProtocols = ""
  /// `server_tls_ciphers`.
  public internal(set) var serverTlsCiphers = ""
  /// `server_tls13_ciphers`.
  public internal(set) var serverTls13Ciphers = ""

  /// All defaults of a format.
  public init(defaultsOf format: SettingsFormat) {
    self.format = format
    for definition in SettingDefinition.all {
      definition.field.set(&self, definition.defaultValue(in: format))
    }
  }

  /// Where a setting's value came from.
  public func origin(of name: String) -> SettingOrigin { origins[name] ?? .defaultValue }
}

extension Settings: Equatable {
  /// Equal when they have the same effect: where values came from does not count.
  public static func == (left: Settings, right: Settings) -> Bool {
    left.databases == right.databases && left.fallbackDatabase == right.fallbackDatabase
      && left.users == right.users && left.peers == right.peers
      && left.tenancy == right.tenancy && left.tenants == right.tenants
      && left.secrets == right.secrets
      && SettingDefinition.all.allSatisfy { $0.value(in: left) == $0.value(in: right) }
  }
}
