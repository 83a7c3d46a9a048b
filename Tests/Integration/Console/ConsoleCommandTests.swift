import Glibc
import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct ConsoleCommands {
    private static let administrator: SluiceConfiguration.Section = ["admin_users": ["app"]]

    private static func states(_ console: WireClient) throws -> [String?] {
      try console.records("SHOW STATE").map { $0["value"] ?? nil }
    }

    @Test func `PAUSE returns once all servers are gone, RESUME lets clients go on`() throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        try client.query("BEGIN")
        try console.send(Frame.query("PAUSE"))
        #expect(!console.isReadable(within: 0.5), "a transaction is open")
        try client.query("COMMIT")
        #expect(try console.receiveUntilReady().checked().tags == ["PAUSE"])
        #expect(try console.records("SHOW SERVERS").isEmpty)
        #expect(try Self.states(console) == ["no", "yes", "no"])
        #expect(try console.query("PAUSE").errors.first?.message == "already suspended/paused")
        try client.send(Frame.query("SELECT 5"))
        #expect(!client.isReadable(within: 0.3))
        #expect(try console.query("RESUME").checked().tags == ["RESUME"])
        #expect(try client.receiveUntilReady().checked().value == "5")
        let error = try console.query("RESUME").errors.first
        #expect(error?.message == "pooler is not paused/suspended" && error?.sqlstate == "08P01")
      }
    }

    /// A configuration with two databases on the same server.
    private static func twoDatabases() throws -> SluiceConfiguration {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.databases["other"] = configuration.databases["app"]
      configuration.settings.merge(administrator) { $1 }
      return configuration
    }

    @Test func `one database is paused, and another goes on`() throws {
      try withSluice(Self.twoDatabases()) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        let other = try sluice.connect(database: "other")
        #expect(try client.value("SELECT 1") == "1")
        #expect(try console.query("PAUSE app").checked().tags == ["PAUSE"])
        let paused = try console.records("SHOW DATABASES WHERE paused = 1").map { $0["name"] }
        #expect(paused == ["app"])
        try client.send(Frame.query("SELECT 2"))
        #expect(!client.isReadable(within: 0.3))
        #expect(try other.value("SELECT 3") == "3")
        #expect(try console.records("SHOW WAITS").first?["reason"] == "paused")
        #expect(try console.query("RESUME app").checked().tags == ["RESUME"])
        #expect(try client.receiveUntilReady().checked().value == "2")
        let error = try console.query("RESUME app").errors.first
        #expect(error?.message == "database app is not paused")
        for command in ["PAUSE", "RESUME", "DISABLE", "ENABLE", "RECONNECT", "KILL", "WAIT_CLOSE"] {
          let unknown = try console.query("\(command) nope").errors.first
          #expect(unknown?.message == "no such database: nope" && unknown?.sqlstate == "08P01")
          let own = try console.query("\(command) pgbouncer").errors.first
          #expect(own?.message == "cannot \(command.lowercased()) admin db: pgbouncer")
        }
      }
    }

    @Test func `a disabled database takes no logins, and keeps its clients`() throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        #expect(try console.query("DISABLE app").checked().tags == ["DISABLE"])
        #expect(try sluice.loginError()?.message == "database \"app\" is disabled")
        #expect(try client.value("SELECT 1") == "1")
        #expect(try console.query("ENABLE app").checked().tags == ["ENABLE"])
        #expect(try sluice.loginError() == nil)
        #expect(try console.query("DISABLE").errors.first?.message == "a database is required")
      }
    }

    @Test func `KILL ends a database's clients, and those who come wait for RESUME`() throws {
      try withSluice(Self.twoDatabases()) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        try client.query("BEGIN")
        let other = try sluice.connect(database: "other")
        #expect(try console.query("KILL app").checked().tags == ["KILL"])
        let last = try client.receive { _ in false }
        #expect(last.errors.first?.message == "admin forced disconnect" && last.isClosed)
        #expect(try other.value("SELECT 1") == "1")
        let next = try sluice.connect()
        try next.send(Frame.query("SELECT 2"))
        #expect(!next.isReadable(within: 0.3))
        _ = try console.query("RESUME app").checked()
        #expect(try next.receiveUntilReady().checked().value == "2")
      }
    }

    @Test func `RECONNECT has servers replaced, WAIT_CLOSE waits for it`() throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        let old = try client.value("BEGIN; SELECT pg_backend_pid()")
        #expect(try console.query("RECONNECT").checked().tags == ["RECONNECT"])
        #expect(try console.records("SHOW SERVERS WHERE close_needed = 1").count == 1)
        try console.send(Frame.query("WAIT_CLOSE app"))
        #expect(!console.isReadable(within: 0.4))
        #expect(try client.value("SELECT pg_backend_pid()") == old)
        try client.query("COMMIT")
        #expect(try console.receiveUntilReady().checked().tags == ["WAIT_CLOSE"])
        #expect(try client.value("SELECT pg_backend_pid()") != old)
      }
    }

    @Test func `KILL_CLIENT ends the client that is meant, and stops its query`() throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let doomed = try sluice.connect(parameters: ["application_name": "doomed"])
        let other = try sluice.connect()
        try doomed.send(Frame.query("SELECT pg_sleep(60)"))
        let running = """
          SELECT count(*) FROM pg_stat_activity
          WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'
          """
        // A cancel request that comes before the query cancels nothing.
        expectEventually { (try? other.value(running)) == "1" }
        let client = try console.records("SHOW CLIENTS WHERE application_name = 'doomed'").first
        let id = try #require(client?["id"] ?? nil)
        #expect(try console.query("KILL_CLIENT \(id)").checked().tags == ["KILL_CLIENT"])
        #expect(doomed.isClosedByPeer())
        expectEventually("its query is cancelled") { (try? other.value(running)) == "0" }
        let gone = try console.query("KILL_CLIENT \(id)").errors.first
        #expect(gone?.message == "client not found" && gone?.sqlstate == "08P01")
        let bad = try console.query("KILL_CLIENT abc").errors.first
        #expect(bad?.message == "invalid client pointer supplied" && bad?.sqlstate == "08P01")
      }
    }

    @Test func `SUSPEND reads nothing more until RESUME`() throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        #expect(try console.query("SUSPEND").checked().tags == ["SUSPEND"])
        #expect(try Self.states(console) == ["no", "no", "yes"])
        try client.send(Frame.query("SELECT 2"))
        #expect(!client.isReadable(within: 0.3))
        #expect(
          try console.records("SHOW CLIENTS WHERE state = 'waiting'").isEmpty, "it is not read")
        _ = try console.query("RESUME").checked()
        #expect(try client.receiveUntilReady().checked().value == "2")
        #expect(try sluice.connect().value("SELECT 3") == "3")
      }
    }

    @Test func `a configuration that can't be used fails RELOAD`() throws {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings.merge(Self.administrator) { $1 }
      try withSluice(configuration) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        var wrong = configuration
        wrong.settings["pool_mode"] = "nonsense"
        try sluice.rewrite(wrong)
        let error = try console.query("RELOAD").errors.first
        #expect(error?.message == "RELOAD failed, see logs for additional details")
        #expect(error?.sqlstate == "F0000")
        var larger = configuration
        larger.settings["default_pool_size"] = 33
        try sluice.rewrite(larger)
        #expect(try console.query("RELOAD").checked().tags == ["RELOAD"])
        let row = try console.records("SHOW DATABASES WHERE name = 'app'").first
        #expect(row?["pool_size"] == "33")
      }
    }

    @Test func `SHUTDOWN ends it, at once or after its clients`() throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer", over: sluice.unixEndpoint)
        let client = try sluice.connect()
        #expect(try console.query("SHUTDOWN WAIT_FOR_CLIENTS").checked().tags == ["SHUTDOWN"])
        #expect(try client.value("SELECT 1") == "1")
        let error = try console.query("PAUSE").errors.first
        #expect(error?.message == "pooler is shutting down" && error?.sqlstate == "08P01")
        console.terminate()
        client.terminate()
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
      }
      try withSluice(.newest, Self.administrator) { sluice in
        let client = try sluice.connect()
        let console = try sluice.connect(database: "pgbouncer")
        try console.send(Frame.query("SHUTDOWN"))
        #expect(client.isClosedByPeer() && console.isClosedByPeer())
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
      }
    }
  }
}
