import Glibc
import Testing

extension Integration {
  /// PgBouncer's small settings of the protocol.
  @Suite(.serialized) struct ProtocolSetting {
    @Test(arguments: PostgresVersion.available)
    func `disable_pqexec refuses simple queries, and nothing else`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["disable_pqexec": 1, "default_pool_size": 1]) { sluice in
        for _ in 0..<2 {
          let client = try sluice.connect()
          #expect(try client.extended("SELECT $1::text", ["extended"]).value == "extended")
          try client.send(Frame.functionCall(1598, []))
          #expect(try client.receiveUntilReady().types.hasPrefix("V"))
          let answer = try client.query("SELECT 1")
          #expect(answer.isClosed)
          #expect(answer.errors.first?.severity == "FATAL")
          #expect(answer.errors.first?.sqlstate == "08P01")
          #expect(answer.errors.first?.message == "PQexec disallowed")
        }
        #expect(try PostgresCluster.shared(version).connections() == 1)
        #expect(sluice.log.contains("closing because: PQexec disallowed"))
      }
    }

    @Test func `disable_pqexec leaves the console alone`() throws {
      try withSluice(.newest, ["disable_pqexec": 1, "admin_users": "app"]) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        #expect(try console.query("SHOW VERSION").errors.isEmpty)
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `application_name_add_host adds where the client is`(version: PostgresVersion) throws {
      try withSluice(version, ["application_name_add_host": 1, "default_pool_size": 1]) { sluice in
        let named = try sluice.connect(parameters: ["application_name": "named"])
        let nameless = try sluice.connect()
        let onSocket = try sluice.connect(over: sluice.unixEndpoint)
        for (client, start) in [
          (named, "named - 127.0.0.1:\(named.localPort)"),
          (nameless, "app - 127.0.0.1:\(nameless.localPort)"),
          (onSocket, "app - unix(\(getpid())):\(sluice.port)"),
        ] {
          #expect(try client.value("SHOW application_name") == start)
          #expect(client.parameters["application_name"] == start)
        }
        try named.query("SET application_name = 'renamed'")
        #expect(try nameless.value("SELECT 1") == "1")
        #expect(try named.value("SHOW application_name") == "renamed")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `IntervalStyle is tracked unless the setting says otherwise`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let iso = try sluice.connect(parameters: ["intervalstyle": "iso_8601"])
        let plain = try sluice.connect()
        for _ in 0..<2 {
          #expect(try iso.value("SELECT interval '1 day'") == "P1D")
          #expect(try plain.value("SELECT interval '1 day'") == "1 day")
        }
      }
      try withSluice(version, ["track_extra_parameters": "search_path, work_mem"]) { sluice in
        let error = try sluice.loginError(parameters: ["IntervalStyle": "iso_8601"])
        #expect(error?.message == "unsupported startup parameter: IntervalStyle")
        let client = try sluice.connect(parameters: ["work_mem": "1MB"])
        #expect(try client.value("SHOW work_mem") == "1MB")
      }
    }

    @Test func `max_packet_size bounds what a client sends`() throws {
      try withSluice(.newest, ["max_packet_size": 1000, "default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let fitting = "SELECT '\(String(repeating: "x", count: 900))'"
        #expect(try client.value(fitting)?.count == 900)
        #expect(try client.value("SELECT repeat('x', 5000)")?.count == 5000)
        let answer = try client.query("SELECT '\(String(repeating: "x", count: 1000))'")
        #expect(answer.isClosed)
        #expect(answer.errors.first?.sqlstate == "08P01")
        #expect(try sluice.connect().value("SELECT 1") == "1")
      }
    }

    @Test func `login_notify_message greets each login, word for word`() throws {
      let text = "maintenance: tonight, 22:00 - it's \"short\""
      try withSluice(.newest, ["login_notify_message": .text(text)]) { sluice in
        for _ in 0..<2 {
          let client = try WireClient(to: sluice.endpoint)
          let login = try client.startUp([("user", "app"), ("database", "app")])
          #expect(login.notices.map(\.message) == [text])
          #expect(login.notices.first?.severity == "NOTICE")
          #expect(login.types == "RKZ")
          #expect(try client.value("SELECT 1") == "1")
        }
      }
    }

    @Test func `query_wait_notify of 0 tells nobody`() throws {
      try withSluice(.newest, ["default_pool_size": 1, "query_wait_notify": 0]) { sluice in
        let holder = try sluice.connect()
        try holder.query("BEGIN")
        let waiter = try sluice.connect()
        try waiter.send(Frame.query("SELECT 1"))
        #expect(!waiter.isReadable(within: 0.5))
        try holder.query("COMMIT")
        let answer = try waiter.receiveUntilReady()
        #expect(answer.value == "1" && answer.notices.isEmpty)
      }
    }
  }
}
