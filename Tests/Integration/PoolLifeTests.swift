import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct PoolLife {
    @Test(.disabled(if: StandIn.isOn, "younger than the distribution's PgBouncer"))
    func `max_user_client_connections counts who logs in, not whom the database forces`() throws {
      let users: [String: SluiceConfiguration.Section] = [
        "app": ["password": "", "max_user_client_connections": 1],
        "other": ["password": "", "max_user_client_connections": 1],
      ]
      try withSluice(.newest, database: ["user": "app"], users: users) { sluice in
        let first = try sluice.connect()
        let second = try sluice.connect(user: "other")
        #expect(
          try sluice.loginError(user: "other")?.message.contains("max_user_client_connections")
            == true)
        #expect(try first.value("SELECT 1") == "1")
        second.terminate()
        try expectEventually { try sluice.loginError(user: "other") == nil }
      }
    }

    @Test func `the pool of a forced user fills up before any client comes`() throws {
      let version = try PostgresVersion.newest
      let cluster = try PostgresCluster.shared(version)
      try withSluice(version, database: ["user": "app", "min_pool_size": 2]) { _ in
        try expectEventually { try cluster.connections() == 2 }
      }
    }

    @Test func `a pool that takes a gone pool's place has nothing of it`() throws {
      let version = try PostgresVersion.newest
      var configuration = SluiceConfiguration(try .shared(version))
      configuration.settings["pool_idle_timeout"] = 1
      configuration.settings["server_idle_timeout"] = 1
      configuration.settings["pool_mode"] = "statement"
      configuration.databases["second"] = configuration.databases["app"]
      configuration.databases["second"]?["pool_mode"] = "session"
      try withSluice(configuration) { sluice in
        let first = try sluice.connect()
        #expect(try first.value("SELECT 1") == "1")
        first.terminate()
        expectEventually { sluice.log.contains("cleaning up idle pool") }
        for _ in 0..<2 {
          let second = try sluice.connect(database: "second")
          #expect(try second.query("BEGIN").status == "T", "it has its own pool_mode")
          second.terminate()
        }
      }
    }

    @Test func `server_fast_close ends an idle session whose database has changed`() throws {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["pool_mode"] = "session"
      configuration.settings["server_fast_close"] = 1
      try withSluice(configuration) { sluice in
        let idle = try sluice.connect()
        let busy = try sluice.connect()
        #expect(try idle.value("SELECT 1") == "1")
        try busy.query("BEGIN")
        configuration.databases["app"]?["connect_query"] = "SELECT 2"
        try sluice.rewrite(configuration)
        sluice.process.signal(SIGHUP)
        let answer = try idle.receive { _ in false }
        #expect(answer.isClosed)
        #expect(answer.errors.first?.message.contains("database configuration changed") == true)
        #expect(try busy.value("SELECT 1") == "1")
      }
    }

    @Test func `encryption may be asked for once of each kind`() throws {
      try withSluice(.newest) { sluice in
        let client = try WireClient(to: sluice.endpoint)
        try client.send(Frame.sslRequest)
        #expect(try client.receiveByte() == UInt8(ascii: "N"))
        try client.send(Frame.sslRequest)
        let answer = try client.receive { _ in false }
        #expect(answer.errors.first?.message.contains("unsupported frontend protocol") == true)
        #expect(answer.isClosed)
      }
    }

    @Test func `the unix socket answers while a shutdown waits for clients`() throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        sluice.process.signal(SIGTERM)
        expectEventually("TCP is closed") {
          guard let descriptor = try? sluice.endpoint.connect() else { return true }
          close(descriptor)
          return false
        }
        let late = try WireClient(to: .unix("\(sluice.directory)/.s.PGSQL.\(sluice.port)"))
        let answer = try late.startUp([("user", "app"), ("database", "app")])
        #expect(answer.errors.first?.message.contains("shutting down") == true)
        #expect(try client.value("SELECT 1") == "1")
        client.terminate()
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
      }
    }
  }
}
