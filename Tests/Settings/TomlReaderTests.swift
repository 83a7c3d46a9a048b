import Testing

@testable import Settings

struct TomlReaderTests {
  static let example = """
    # comment
    listen_addr = ["10.0.0.1", "::1"]
    listen_port = 7000
    threads = 2
    pool_mode = "session"
    query_timeout = 2.5
    query_wait_timeout = "2min"
    idle_transaction_timeout = "100ms"
    tcp_user_timeout = "5s"
    log_connections = false
    unix_socket_mode = "0700"
    ignore_startup_parameters = "extra_float_digits, search_path"

    [databases.app]
    host = "127.0.0.1"
    port = 5433
    dbname = "app_production"
    query_wait_timeout = 5
    password = { env = "DB_PASSWORD" }

    [databases."*"]
    host = ["a", "b"]
    load_balance_hosts = "disable"

    [users.app]
    password = "clear # text"
    pool_mode = "transaction"

    [users."o'dd.name"]
    password = { env = "ODD_PASSWORD" }
    """

  @Test func `the native format is read whole`() throws {
    let result = toml(Self.example, environment: ["DB_PASSWORD": "one", "ODD_PASSWORD": "two"])
    #expect(result.texts == [])
    let settings = try #require(result.settings)
    #expect(settings.listenAddr == ["10.0.0.1", "::1"])
    #expect(settings.listenPort == 7000)
    #expect(settings.threads == 2)
    #expect(settings.poolMode == .session)
    #expect(settings.queryTimeout == .milliseconds(2500))
    #expect(settings.queryWaitTimeout == .seconds(120))
    #expect(settings.idleTransactionTimeout == .milliseconds(100))
    #expect(settings.tcpUserTimeout == .seconds(5))
    #expect(settings.logConnections == false)
    #expect(settings.unixSocketMode == 0o700)
    #expect(settings.ignoreStartupParameters == ["extra_float_digits", "search_path"])
    #expect(settings.maxClientConn == 10_000)
    let app = try #require(settings.databases["app"])
    #expect(app.hosts == ["127.0.0.1"])
    #expect(app.port == 5433)
    #expect(app.queryWaitTimeout == .seconds(5))
    #expect(app.password?.text == "one")
    #expect(settings.fallbackDatabase?.hosts == ["a", "b"])
    #expect(settings.fallbackDatabase?.loadBalanceHosts == .disable)
    #expect(settings.databases.keys.sorted() == ["app"])
    #expect(settings.users["app"]?.poolMode == .transaction)
    #expect(settings.secrets.mapValues(\.text) == ["app": "clear # text", "o'dd.name": "two"])
    #expect(settings.origin(of: "query_wait_timeout") == .file("s.toml", line: 7))
    #expect(settings.origin(of: "databases.app") == .file("s.toml", line: 14))
  }

  @Test func `the same configuration is the same in both formats`() throws {
    let fromIni = try #require(
      ini(
        """
        [pgbouncer]
        listen_addr = 127.0.0.1
        pool_mode = statement
        auth_type = md5
        max_client_conn = 10
        server_lifetime = 1.5
        server_round_robin = 1
        [databases]
        a = host=x,y port=1 pool_size=2 pool_mode=session
        [users]
        u = pool_size=4
        """
      ).settings)
    let fromToml = try #require(
      toml(
        """
        pool_mode = "statement"
        auth_type = "md5"
        max_client_conn = 10
        server_lifetime = "1500ms"
        server_round_robin = true
        databases.a = { host = "x,y", port = 1, pool_size = 2, pool_mode = "session" }
        [users.u]
        pool_size = 4
        """
      ).settings)
    #expect(fromIni == fromToml)
  }

  static let errors: [(String, Int, String)] = [
    ("listen_prt = 5", 2, #"unknown setting "listen_prt"; did you mean "listen_port"?"#),
    (#"listen_port = "5""#, 2, #""listen_port" takes a whole number, not text"#),
    ("listen_port = 5.5", 2, "takes a whole number, not a number with a fraction"),
    ("listen_port = true", 2, "takes a whole number, not a boolean"),
    ("listen_port = 2024-01-01", 2, "no setting takes a date"),
    ("pool_mode = 5", 2, "takes text in quotes, not a whole number"),
    (#"pool_mode = "sesion""#, 2, #"did you mean "session"?"#),
    ("log_connections = \"1\"", 2, "takes true or false, not text"),
    ("query_timeout = true", 2, "takes a time in s, not a boolean"),
    ("query_timeout = -1", 2, "takes a time of 0 to"),
    ("query_timeout = nan", 2, "takes a time of 0 to"),
    ("listen_addr = [1]", 2, "takes a list of texts"),
    (#"auth_type = "hba""#, 2, #"cannot be "hba""#),
    (#"server_tls_sslmode = "require""#, 2, "would talk in clear text"),
    ("[tenancy]", 2, "[tenancy] has no effect without"),
    ("[tenants.acme]\nweight = 1", 2, "[tenants] has no effect without"),
    ("[pgbouncer]\nlisten_port = 1", 2, "settings stand at the top of the file"),
    ("databases = 5", 2, #""databases" is a section"#),
    ("[databases]\na = 5", 3, "write [databases.NAME]"),
    ("[databases.a]\n\nprt = 5", 4, #"did you mean "port"?"#),
    ("[databases.a]\nx = \"\"\"\n[b]\nport=1\n\"\"\"\n\nport = \"1\"", 3, "does not have \"x\""),
    ("[databases.a]\nhost = [\n \"x\", # ]\n \"y\"]\nport = 70000", 6, "takes 0 to 65535"),
    ("databases.a.port = 70000", 2, "takes 0 to 65535"),
    ("[databases.\"a.b\"]\n\"port\" = 70000", 3, "takes 0 to 65535"),
    ("[databases]\n  [databases.a]\n  port = 70000", 4, "takes 0 to 65535"),
    ("databases.a = { host = \"x\",\n port = 1 }", 2, "not TOML"),
    ("[users.a]\npassword = { env = \"NOT_SET\" }", 3, #"does not have "NOT_SET""#),
    ("[users.a]\npassword = { file = \"/nonexistent\" }", 3, "cannot be read"),
    ("[users.a]\npassword = { vault = \"x\" }", 3, "takes \"text\", { env"),
    ("[users.a]\npassword = 5", 3, "takes \"text\", { env"),
    ("[peers.x]\nhost = \"y\"", 2, "1 to 16383"),
    ("[", 2, "a name is missing"), ("[=]", 2, "a name is missing"), ("[]", 2, "a name is missing"),
    ("[[a]]", 2, "a section is written [name]"), ("[a", 2, "`]` is missing"),
    ("listen_addr = [ }", 2, "a value is missing"),
    ("listen_addr = [\n\n,]", 4, "value is missing"),
    ("logfile = log", 2, "needs double quotes"), ("logfile = \"log", 2, "closing quote is missing"),
    ("logfile = \"\"\"\n\n", 2, "closing quote is missing"),
    ("threads = 1 1", 2, "line should end"),
    ("logfile \"x\"", 2, "`=` is missing"), ("logfile = \"\u{1}\"", 2, "control character"),
    ("threads = 0b", 2, "not TOML"), ("threads = 1_", 2, "not TOML"),
    (#"logfile = "\q""#, 2, "not TOML"),
    ("listen_addr = [[[[[[[[[[[[1]]]]]]]]]]]]", 2, "nest too deep"),
    ("listen_port = 1\nlisten_port = 2", 3, "not TOML"), ("listen_port = ", 2, "not TOML"),
    (#"logfile = "a\u0000b""#, 2, "cannot have this escape"),
    (#"logfile = "a\U00000000b""#, 2, "cannot have this escape"),
  ]

  @Test(arguments: errors)
  func `what is wrong is told with its line`(_ text: String, _ line: Int, _ message: String) throws
  {
    let result = toml("# comment\n\(text)\n")
    #expect(result.settings == nil)
    let error = try #require(result.errors.first)
    #expect(error.message.contains(message))
    #expect(error.line == line)
  }

  @Test func `all errors are told at once, in the order of the file`() {
    let result = toml("foo = 1\nthreads = -1\n[databases.a]\nport = -1\nfoo = 2\n")
    #expect(result.errors.map(\.line) == [1, 2, 4, 5])
  }

  @Test func `a password's file is read without its last line end`() throws {
    let folder = Folder()
    let file = folder.write("password", "se cret\n")
    let result = toml("[users.a]\npassword = { file = \"\(file)\" }\n")
    #expect(result.texts == [])
    #expect(result.settings?.secrets["a"]?.text == "se cret")
    folder.write("password", "x", mode: 0o644)
    #expect(toml("[users.a]\npassword = { file = \"\(file)\" }\n").warnings.count == 1)
  }

  @Test func `a user's own password wins over the user list`() throws {
    let folder = Folder()
    let list = folder.write("users.txt", "\"a\" \"listed\"\n\"b\" \"listed\"\n")
    let settings = try #require(
      toml("auth_file = \"\(list)\"\n[users.a]\npassword = \"own\"\n").settings)
    #expect(settings.secrets.mapValues(\.text) == ["a": "own", "b": "listed"])
  }

  @Test(arguments: [
    ("0", true), ("+7", true), ("-1_000", true), ("0xfF_0", true), ("0o17", true), ("0b1", true),
    ("1.5e-3", true), ("6e6", true), ("-inf", true), ("+nan", true), ("true", true), ("", false),
    ("01", false), ("1_", false), ("_1", false), ("1__0", false), ("1.", false), (".5", false),
    ("1e", false), ("0x", false), ("+0x1", false), ("0b2", false), ("07:32:00", false),
    ("1979-05-27", false), ("1:", false), ("infx", false), ("TRUE", false),
  ])
  func `numbers are those of TOML`(_ word: String, _ isNumber: Bool) {
    #expect(TomlOutline.isScalar(Array(word.utf8)[...]) == isNumber)
  }
}
