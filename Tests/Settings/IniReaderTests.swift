import Testing

@testable import Settings

struct IniReaderTests {
  static let production = """
    ;; db01, managed by hand
    [databases]
    app = host=10.0.0.5 port=5433 dbname=app_production pool_size=40 reserve_pool=5
    reports = host=10.0.0.6,10.0.0.7 user=reporter password='it''s secret' pool_mode=session \
    load_balance_hosts=disable connect_query='SET work_mem = ''64MB''' max_db_connections=12
    local = host=/var/run/postgresql min_pool_size=2 server_lifetime=0.5 timezone=UTC
    "my ""odd"" db" = host=db.internal datestyle=ISO client_encoding=UTF8
    * = host=10.0.0.9

      [users]
      app = pool_mode=transaction max_user_connections=100 query_timeout=2.5
      batch = pool_size=3 query_wait_timeout=0 idle_transaction_timeout=10

    [pgbouncer]
    listen_addr = 0.0.0.0, ::
    listen_port = 6432
    unix_socket_dir = /run/pgbouncer
    unix_socket_mode = 0770
    auth_type = scram-sha-256
    pool_mode = transaction
    max_client_conn = 2000
    default_pool_size = 25
    reserve_pool = 5
    reserve_pool_timeout = 3
    server_idle_timeout = 60
    query_wait_timeout = 30
    ignore_startup_parameters = extra_float_digits,search_path
    server_check_query = select 1
    log_connections = 0
    tcp_keepalive = 1
    tcp_user_timeout = 1500
    # twice: the last one counts
    max_client_conn = 3000
    """

  @Test func `a production file is read whole`() throws {
    let result = ini(Self.production)
    #expect(result.texts == [])
    let settings = try #require(result.settings)
    #expect(settings.listenAddr == ["0.0.0.0", "::"])
    #expect(settings.unixSocketMode == 0o770)
    #expect(settings.authType == .scramSHA256)
    #expect(settings.poolMode == .transaction)
    #expect(settings.maxClientConn == 3000)
    #expect(settings.origin(of: "max_client_conn") == .file("p.ini", line: 32))
    #expect(settings.origin(of: "pidfile") == .defaultValue)
    #expect(settings.reservePoolSize == 5)
    #expect(settings.origin(of: "reserve_pool_size") == .file("p.ini", line: 22))
    #expect(settings.ignoreStartupParameters == ["extra_float_digits", "search_path"])
    #expect(settings.serverCheck == .query("select 1"))
    #expect(settings.logConnections == false)
    #expect(settings.tcpUserTimeout == .milliseconds(1500))
    #expect(settings.databases.keys.sorted() == ["app", "local", #"my "odd" db"#, "reports"])
    #expect(settings.fallbackDatabase?.hosts == ["10.0.0.9"])
    #expect(settings.users["app"]?.queryTimeout == .milliseconds(2500))
    #expect(settings.users["batch"]?.queryWaitTimeout == .zero)
  }

  @Test func `a database's parameters are typed`() throws {
    let settings = try #require(ini(Self.production).settings)
    let app = try #require(settings.databases["app"])
    #expect(app.hosts == ["10.0.0.5"])
    #expect(app.port == 5433)
    #expect(app.serverDatabase == "app_production")
    #expect(app.poolSize == 40)
    #expect(app.reservePoolSize == 5)
    #expect(app.poolMode == nil)
    let reports = try #require(settings.databases["reports"])
    #expect(reports.hosts == ["10.0.0.6", "10.0.0.7"])
    #expect(reports.user == "reporter")
    #expect(reports.password?.text == "it's secret")
    #expect(reports.poolMode == .session)
    #expect(reports.loadBalanceHosts == .disable)
    #expect(reports.connectQuery == "SET work_mem = '64MB'")
    #expect(reports.maxDbConnections == 12)
    #expect(reports.serverDatabase == "reports")
    let local = try #require(settings.databases["local"])
    #expect(local.hosts == ["/var/run/postgresql"])
    #expect(local.serverLifetime == .milliseconds(500))
    #expect(local.timeZone == "UTC")
    let odd = try #require(settings.databases[#"my "odd" db"#])
    #expect(odd.dateStyle == "ISO")
    #expect(odd.clientEncoding == "UTF8")
    #expect(odd.port == 5432)
  }

  @Test func `a later entry replaces an earlier one whole`() throws {
    let settings = try #require(
      ini("[databases]\na = host=x pool_size=3\n[databases]\na = host=y\n").settings)
    #expect(settings.databases["a"]?.hosts == ["y"])
    #expect(settings.databases["a"]?.poolSize == nil)
  }

  @Test func `an empty connection string is a database on the unix socket`() throws {
    let settings = try #require(ini("[databases]\nfoodb =\nb = host=\n").settings)
    let database = try #require(settings.databases["foodb"])
    #expect(database.hosts == [])
    #expect(settings.serverHosts(of: database) == ["/tmp"])
    #expect(settings.databases["b"]?.hosts == [])
  }

  @Test func `minus one leaves an entry's setting unset`() throws {
    let settings = try #require(
      ini("[databases]\na = query_wait_timeout=-1 pool_size=-1\n").settings)
    #expect(settings.databases["a"] == DatabaseSettings(name: "a"))
  }

  static let errors: [(String, String)] = [
    ("defualt_pool_size = 5", #"unknown setting "defualt_pool_size"; did you mean"#),
    ("default_pool_size = 5x", #""default_pool_size" takes a whole number, not "5x""#),
    ("default_pool_size =", #""default_pool_size" takes a whole number, not nothing"#),
    ("default_pool_size = -1", #""default_pool_size" takes 0 to 2147483647, not -1"#),
    ("default_pool_size = 99999999999999999999", #"takes a whole number"#),
    ("listen_port = 65536", #""listen_port" takes 0 to 65535, not 65536"#),
    ("query_timeout = -1", #""query_timeout" takes a time of 0 to 2147483647 seconds"#),
    ("query_timeout = 1e300", "takes a time of 0 to"),
    ("query_timeout = inf", "takes a time"),
    ("query_timeout = soon", #"takes a time, as 5, "5s", "100ms" or "2min", not "soon""#),
    ("pool_mode = transactoin", #"did you mean "transaction"?"#),
    ("auth_type = hba", #""auth_type" cannot be "hba": HBA rules are not supported yet"#),
    ("auth_type = cert", #"cannot be "cert""#), ("auth_type = pam", #"cannot be "pam""#),
    ("auth_type = ldap", #"cannot be "ldap""#),
    ("client_tls_sslmode = require", #"would talk in clear text"#),
    ("client_tls_sslmode = verify-full", #"would talk in clear text"#),
    ("server_tls_sslmode = verify-ca", #"would talk in clear text"#),
    ("server_tls_sslmode = require", #"would talk in clear text"#),
    ("unix_socket_mode = rwx", "takes permissions in octal"),
    ("log_connections = maybe", #"takes 0 or 1, not "maybe""#),
    ("pool_size = 5", "it belongs to an entry of [databases] or [users]"),
    ("pool_mode transaction", "expected `name = value`"), ("= 5", "expected `name = value`"),
    ("%inclood x", "expected `%include file`"),
    ("%include /nonexistent/x.ini", #"included file "/nonexistent/x.ini" cannot be read"#),
    ("[database]", "unknown section \"database\"; did you mean [databases]?"),
    ("[databases", "closing `]` is missing"), ("[tenancy]", "only in the native format"),
    ("[databases]x", "nothing may follow"),
    ("[databases]\na = hosst=x", #"[databases] does not have "hosst"; did you mean "host"?"#),
    ("[databases]\na = host='x", "closing single quote is missing"),
    ("[databases]\na = host", "takes key=value pairs"),
    ("[databases]\na = port=70000", #""port" takes 0 to 65535, not 70000"#),
    ("[databases]\npgbouncer = host=x", "is the console's name"),
    ("[users]\na = password=x", "[users] does not have"),
    ("[peers]\nx = host=y", "a peer's name is its peer_id, 1 to 16383"),
    ("[peers]\n20000 = host=y", "a peer's name is its peer_id, 1 to 16383"),
  ]

  @Test(arguments: errors)
  func `what is wrong is told with its line`(_ text: String, _ message: String) throws {
    let result = ini("; comment\n[pgbouncer]\n\n\(text)\n")
    #expect(result.settings == nil)
    let error = try #require(result.errors.first)
    #expect(error.message.contains(message))
    #expect(error.line == 3 + text.split(separator: "\n").count)
    #expect(error.description.hasPrefix("p.ini:\(error.line ?? 0): error: "))
  }

  @Test func `all errors are told at once`() {
    let result = ini("[pgbouncer]\nfoo = 1\nlisten_port = x\n[databases]\na = b=c d=e\n!\n")
    #expect(result.errors.map(\.line) == [6, 2, 3, 5, 5])
  }

  @Test func `a setting before any section is an error`() {
    #expect(ini("listen_port = 1\n").texts.first?.contains("before the first section") == true)
  }

  @Test func `what has no effect here gives one warning, unless it is the default`() throws {
    let result = ini(
      """
      [pgbouncer]
      pkt_buf = 4096
      syslog = 0
      sbuf_loopcnt = 1
      admin_users = joe
      admin_users = joe, jane
      client_tls_sslmode = prefer
      server_tls_sslmode = prefer
      """)
    #expect(
      result.texts == [
        "p.ini:4: warning: \"sbuf_loopcnt\" is accepted, but has no effect: "
          + "connections take turns without it",
        "p.ini:7: warning: \"client_tls_sslmode\" is \"prefer\", but there is no TLS yet; "
          + "clients that ask for it are told to talk in clear text",
      ])
    #expect(result.settings?.adminUsers == ["joe", "jane"])
    #expect(ini("[pgbouncer]\npkt_buf = 75\n").settings?.pktBuf == 75)
  }

  @Test func `nobody could connect without an address and a socket`() {
    let result = ini("[pgbouncer]\nunix_socket_dir =\n")
    #expect(result.texts.first?.hasPrefix("p.ini:2: error: \"listen_addr\" and") == true)
  }

  @Test func `numbers are read as C reads them`() throws {
    let settings = try #require(
      ini("[pgbouncer]\nlisten_backlog = 0x10\ndefault_pool_size = 010\nverbose = +2\n").settings)
    #expect(settings.listenBacklog == 16)
    #expect(settings.defaultPoolSize == 8)
    #expect(settings.verbose == 2)
  }

  @Test func `carriage returns and a byte order mark do no harm`() throws {
    let settings = try #require(ini("\u{FEFF}[pgbouncer]\r\nlisten_port = 1\r\n").settings)
    #expect(settings.listenPort == 1)
  }
}
