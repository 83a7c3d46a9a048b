extension SettingDefinition {
  private static let noAuthQuery = "there is no authentication query yet; unknown users are refused"

  static let authentication: [SettingDefinition] = [
    .choice(
      "auth_type", \.authType, .md5,
      refused: [
        "cert": "client certificates are not supported yet",
        "hba": "HBA rules are not supported yet",
        "pam": "PAM is not supported yet",
        "ldap": "LDAP is not supported yet",
      ],
      "How clients log in: `trust`, `any`, `plain`, `md5` or `scram-sha-256`."
    ).native(.text("scram-sha-256")),
    .text("auth_file", \.authFile, "", "File with user names and their passwords or secrets."),
    .integer(
      "scram_iterations", \.scramIterations, 4096, in: 1...maximumSize,
      "Iterations of the SCRAM verifiers that are made from clear passwords."),
    .text(
      "auth_hba_file", \.authHbaFile, "", "File with HBA rules, for `auth_type = hba`."
    ).accepted("HBA rules are not supported yet"),
    .text(
      "auth_ident_file", \.authIdentFile, "", "File with user name maps, for `auth_type = hba`."
    ).accepted("HBA rules are not supported yet"),
    .secret(
      "auth_ldap_options", \.authLdapOptions, "LDAP connection options, for `auth_type = ldap`."
    ).accepted("LDAP is not supported yet"),
    .text(
      "auth_user", \.authUser, "", "User who looks up the passwords of users without one."
    ).accepted(noAuthQuery),
    .text(
      "auth_query", \.authQuery,
      "SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END "
        + "FROM pg_authid WHERE rolname=$1 AND rolcanlogin",
      "Query that looks up a user's password."
    ).accepted(noAuthQuery),
    .text(
      "auth_dbname", \.authDbname, "", "Database in which `auth_query` runs."
    ).accepted(noAuthQuery),
    .list(
      "admin_users", \.adminUsers, [], "Users who may enter the console."
    ),
    .list(
      "stats_users", \.statsUsers, [], "Users who may enter the console to look."
    ),
  ]

  static let protocols: [SettingDefinition] = [
    .list(
      "ignore_startup_parameters", \.ignoreStartupParameters, [],
      "Startup parameters to let pass without an effect; all unknown ones else are refused."),
    .list(
      "track_extra_parameters", \.trackExtraParameters, ["IntervalStyle"],
      "Parameters to keep per client, beside those that are always kept."
    ).fixed,
    .flag(
      "application_name_add_host", \.applicationNameAddHost, false,
      "Add the client's address to its application_name."),
    .text(
      "login_notify_message", \.loginNotifyMessage, "", "Notice for each client that logs in."),
    .integer(
      "max_packet_size", \.maxPacketSize, 2_147_483_647, in: 0...Int(UInt32.max),
      "Longest message of a client to let pass, in bytes."),
    .flag(
      "disable_pqexec", \.disablePqexec, false, "Refuse the simple query protocol."
    ).fixed,
    .integer(
      "peer_id", \.peerId, 0, in: 0...PeerSettings.maximumId,
      "Number of this process among its `[peers]`; 0 is none."
    ).accepted("cancel requests are not forwarded to peers yet"),
  ]

  static let sockets: [SettingDefinition] = [
    .flag(
      "tcp_defer_accept", \.tcpDeferAccept, true,
      "Accept a connection only once its first bytes are there."),
    .flag("tcp_keepalive", \.tcpKeepalive, true, "Turn on TCP keepalive."),
    .integer(
      "tcp_keepcnt", \.tcpKeepcnt, 0,
      "Unanswered keepalive probes before a close; 0 is the kernel's."
    ),
    .integer(
      "tcp_keepidle", \.tcpKeepidle, 0, "Seconds before the first probe; 0 is the kernel's."),
    .integer(
      "tcp_keepintvl", \.tcpKeepintvl, 0, "Seconds between probes; 0 is the kernel's."),
    .integer(
      "tcp_socket_buffer", \.tcpSocketBuffer, 0,
      "Size of a socket's kernel buffers in bytes; 0 is the kernel's."),
    .milliseconds(
      "tcp_user_timeout", \.tcpUserTimeout, 0,
      "Close a connection whose data stays unacknowledged longer; 0 is the kernel's."),
    .integer("pkt_buf", \.pktBuf, 4096, in: 1...maximumSize, "Size of the packet buffers.")
      .fixed.accepted("buffers are sized by need"),
    .integer("sbuf_loopcnt", \.sbufLoopcnt, 5, "Reads in a row from one connection; 0 is no limit.")
      .accepted("connections take turns without it"),
  ]

  static let names: [SettingDefinition] = [
    .seconds("dns_max_ttl", \.dnsMaxTtl, 15, "How long a resolved name is kept."),
    .seconds("dns_nxdomain_ttl", \.dnsNxdomainTtl, 15, "How long a failed look-up is kept."),
    .seconds(
      "dns_zone_check_period", \.dnsZoneCheckPeriod, 0,
      "How often zone serials are compared; 0 is never."
    ).accepted("names are looked up again after `dns_max_ttl`"),
    .text("resolv_conf", \.resolvConf, "", "Another resolv.conf.")
      .fixed.accepted("the system's resolver configuration is used"),
  ]

  static let logging: [SettingDefinition] = [
    .text("logfile", \.logfile, "", "File to log to, beside standard error."),
    .integer("verbose", \.verbose, 0, in: 0...9, "More to log: 0 to 3, as the option `-v`."),
    .flag("log_connections", \.logConnections, true, "Log logins."),
    .flag("log_disconnections", \.logDisconnections, true, "Log disconnections and their reasons."),
    .flag("log_pooler_errors", \.logPoolerErrors, true, "Log the errors that clients are sent."),
    .flag("log_stats", \.logStats, true, "Log a line of statistics each `stats_period`."),
    .seconds(
      "stats_period", \.statsPeriod, 60,
      "Time over which averages are taken; at least a second."),
    .choice(
      "log_format", \.logFormat, .text,
      "How lines look: `text`, as PgBouncer's, or `json`, an object a line."),
    .integer(
      "log_rate_limit", \.logRateLimit, 10, in: 0...1_000_000,
      "Lines of one cause a second, ten times as many at once; of logins and disconnections a "
        + "hundred times as many. 0 is no limit."),
    .flag("syslog", \.syslog, false, "Log to the system's logger (`/dev/log`), too."),
    .choice(
      "syslog_facility", \.syslogFacility, .daemon,
      "What it files the lines under: `daemon`, `user`, `auth`, `authpriv`, `local0` to `local7` "
        + "and so on."),
    .text("syslog_ident", \.syslogIdent, "pgbouncer", "The program's name there."),
    .seconds(
      "log_min_duration", \.logMinDuration, 0,
      "Log a statement that takes as long or longer, without its literals; 0 is never. Not in "
        + "PgBouncer."),
    .flag(
      "query_stats", \.queryStats, false,
      "Count calls, errors, rows and times of statements, for `SHOW QUERIES`. Not in PgBouncer."),
    .integer(
      "query_stats_max", \.queryStatsMax, 1000, in: 1...100_000,
      "Statements that each event loop keeps; the least used give way. Not in PgBouncer."),
    .integer(
      "query_repeat_threshold", \.queryRepeatThreshold, 10,
      "How often one transaction or request may read by the same statement before that is told as "
        + "a repetition (N+1); 0 is never. Not in PgBouncer."),
  ]

  static let process: [SettingDefinition] = [
    .text("pidfile", \.pidfile, "", "File to hold the process's id; empty is none.").fixed,
    .text("user", \.user, "", "Unix user to become after the start.").fixed,
    .text("conffile", \.conffile, "", "Configuration file that the next reload reads.")
      .accepted("a reload reads the file of the command line"),
    .text("job_name", \.jobName, "pgbouncer", "Name of a Windows service.")
      .fixed.accepted("there are no Windows services here"),
    .text("service_name", \.serviceName, "", "Name of a Windows service.")
      .fixed.accepted("there are no Windows services here"),
  ]

  private static let noTLS = "there is no TLS yet"
  private static let refusedTLS = [
    "require": "this version has no TLS, and would talk in clear text",
    "verify-ca": "this version has no TLS, and would talk in clear text",
    "verify-full": "this version has no TLS, and would talk in clear text",
  ]

  static let clientTLS: [SettingDefinition] = [
    .choice(
      "client_tls_sslmode", \.clientTlsSslmode, .disable,
      warned: [
        "allow": "there is no TLS yet; clients that ask for it are told to talk in clear text",
        "prefer": "there is no TLS yet; clients that ask for it are told to talk in clear text",
      ],
      refused: refusedTLS, "Whether clients may or must use TLS."),
    .text("client_tls_key_file", \.clientTlsKeyFile, "", "Private key.").accepted(noTLS),
    .text("client_tls_cert_file", \.clientTlsCertFile, "", "Certificate.").accepted(noTLS),
    .text("client_tls_ca_file", \.clientTlsCaFile, "", "Authorities for client certificates.")
      .accepted(noTLS),
    .text("client_tls_protocols", \.clientTlsProtocols, "secure", "TLS versions.").accepted(noTLS),
    .text("client_tls_ciphers", \.clientTlsCiphers, "default", "Ciphers up to TLS 1.2.")
      .accepted(noTLS),
    .text("client_tls13_ciphers", \.clientTls13Ciphers, "", "Ciphers of TLS 1.3.").accepted(noTLS),
    .text("client_tls_ecdhcurve", \.clientTlsEcdhcurve, "auto", "Curve of the key exchange.")
      .accepted(noTLS),
    .text("client_tls_dheparams", \.clientTlsDheparams, "auto", "Group of the DHE key exchange.")
      .accepted(noTLS),
  ]

  static let serverTLS: [SettingDefinition] = [
    .choice(
      "server_tls_sslmode", \.serverTlsSslmode, .prefer, refused: refusedTLS,
      "Whether servers may or must use TLS."),
    .text("server_tls_ca_file", \.serverTlsCaFile, "", "Authorities for server certificates.")
      .accepted(noTLS),
    .text("server_tls_key_file", \.serverTlsKeyFile, "", "Private key.").accepted(noTLS),
    .text("server_tls_cert_file", \.serverTlsCertFile, "", "Certificate.").accepted(noTLS),
    .text("server_tls_protocols", \.serverTlsProtocols, "secure", "TLS versions.").accepted(noTLS),
    .text("server_tls_ciphers", \.serverTlsCiphers, "default", "Ciphers up to TLS 1.2.")
      .accepted(noTLS),
    .text("server_tls13_ciphers", \.serverTls13Ciphers, "", "Ciphers of TLS 1.3.").accepted(noTLS),
  ]
}
