import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Listening {
    static let settings: SluiceConfiguration.Section = ["default_pool_size": 2]

    @Test(arguments: PostgresVersion.available)
    func `an idle listener gets what others notify of, once and in order`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, Self.settings) { sluice in
        let clients = try (0..<8).map { _ in try sluice.connect() }
        let answer = try clients[0].query("LISTEN one; LISTEN two")
        #expect(answer.tags == ["LISTEN", "LISTEN"])
        #expect(answer.status == "I")
        #expect(try clients[1].query("LISTEN two").status == "I")
        var expected: [Notification] = []
        for number in 0..<300 {
          let channel = number % 3 == 0 ? "one" : "two"
          try clients[2 + number % 6].run("NOTIFY \(channel), 'p\(number)'")
          expected.append(Notification(channel, "p\(number)"))
        }
        #expect(try clients[0].notifications(300) == expected)
        #expect(try clients[1].notifications(200) == expected.filter { $0.channel == "two" })
        for client in clients {
          let rest = try client.query("SELECT 1")
          #expect(rest.notifications.isEmpty && rest.value == "1")
        }
        #expect(try clients[0].notifications(within: 0.2) == [])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `whoever notifies itself gets it once`(version: PostgresVersion) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        try client.run("LISTEN me")
        var seen: [Notification] = []
        for number in 0..<20 {
          seen += try client.run("NOTIFY me, '\(number)'").notifications
        }
        let answer = try client.query("LISTEN again; NOTIFY me, '20'")
        #expect(answer.tags == ["LISTEN", "NOTIFY"])
        seen += answer.notifications
        seen += try client.notifications(21 - seen.count)
        #expect(seen == (0...20).map { Notification("me", "\($0)") })
        #expect(try client.notifications(within: 0.2) == [])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `LISTEN counts once its transaction is committed, and never if it is not`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.run("BEGIN")
        #expect(try client.query("LISTEN a").status == "T")
        try client.run("ROLLBACK")
        #expect(try client.run("BEGIN; LISTEN b; COMMIT").status == "I")
        #expect(try client.query("LISTEN c; SELECT 1/0").errors.first?.sqlstate == "22012")
        #expect(
          try client.query("BEGIN; SAVEPOINT s; LISTEN d; ROLLBACK TO s; COMMIT").status == "I")
        for channel in ["a", "b", "c", "d"] { try other.run("NOTIFY \(channel)") }
        #expect(try client.notifications(1) == [Notification("b", "")])
        #expect(try client.notifications(within: 0.2) == [])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `LISTEN works in the extended protocol, prepared and unprepared`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        #expect(try client.extended("LISTEN plain").types == "12nCZ")
        try client.send(Frame.parse("LISTEN named", name: "n") + Frame.sync)
        #expect(try client.receiveUntilReady().types == "1Z")
        try client.send(Frame.parse("LISTEN later") + Frame.sync)
        #expect(try client.receiveUntilReady().types == "1Z")
        try other.run("NOTIFY named; NOTIFY later")
        try client.send(Frame.bind() + Frame.execute() + Frame.sync)
        #expect(try client.receiveUntilReady().tags == ["LISTEN"])
        try client.send(Frame.bind(statement: "n") + Frame.execute() + Frame.sync)
        #expect(try client.receiveUntilReady().tags == ["LISTEN"])
        for channel in ["plain", "named", "later"] {
          try other.run("NOTIFY \(channel), 'x'")
        }
        let seen = try client.notifications(3)
        #expect(seen.map(\.channel) == ["plain", "named", "later"])
        #expect(seen.allSatisfy { $0.payload == "x" })
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `UNLISTEN ends it, but not where it is rolled back`(version: PostgresVersion) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.run("LISTEN a; LISTEN b; LISTEN c")
        #expect(try client.run("UNLISTEN a").tags == ["UNLISTEN"])
        try other.run("NOTIFY a; NOTIFY b; NOTIFY c")
        #expect(try client.notifications(2).map(\.channel) == ["b", "c"])
        try client.run("BEGIN; UNLISTEN b; ROLLBACK")
        try other.run("NOTIFY b")
        #expect(try client.notifications(1).map(\.channel) == ["b"])
        try client.run("BEGIN; UNLISTEN *; LISTEN d; COMMIT")
        try other.run("NOTIFY b; NOTIFY c; NOTIFY d")
        #expect(try client.notifications(1).map(\.channel) == ["d"])
        try client.extended("UNLISTEN *")
        try other.run("NOTIFY d")
        #expect(try client.notifications(within: 0.3) == [])
      }
    }

    /// Drivers send it whenever a connection goes back to their pool.
    @Test func `UNLISTEN of nothing costs no question to the server`() throws {
      let cluster = try PostgresCluster.shared(.newest)
      try withSluice(.newest, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let process = try #require(try client.value("SELECT pg_backend_pid()"))
        func last() throws -> String? {
          try cluster.query("SELECT query FROM pg_stat_activity WHERE pid = \(process)").value
        }
        try client.run("UNLISTEN *")
        #expect(try last() == "UNLISTEN *")
        try client.run("LISTEN a")
        #expect(try last()?.contains("pg_listening_channels") == true)
        try client.run("SELECT 1")
        try client.run("UNLISTEN *")
        #expect(try last() == "UNLISTEN *", "no error, no ROLLBACK: it counts")
      }
    }

    @Test func `statement mode has it too`() throws {
      try withSluice(.newest, ["default_pool_size": 2, "pool_mode": "statement"]) { sluice in
        let client = try sluice.connect()
        try client.run("LISTEN a")
        try sluice.connect().run("NOTIFY a, 'x'")
        #expect(try client.notifications(1) == [Notification("a", "x")])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `DISCARD ALL ends it`(version: PostgresVersion) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.run("LISTEN a")
        try client.run("DISCARD ALL")
        try other.run("NOTIFY a")
        #expect(try client.notifications(within: 0.3) == [])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `nothing of a listener is left on the servers`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let listener = try sluice.connect()
        let other = try sluice.connect()
        for number in 0..<5 {
          try listener.run("LISTEN c\(number)")
          #expect(try other.query("SELECT pg_listening_channels()").rows.isEmpty)
        }
        try listener.run("BEGIN; LISTEN leaving")
        listener.reset()
        expectEventually {
          (try? other.query("SELECT pg_listening_channels()").rows.isEmpty) == true
        }
        #expect(try other.query("NOTIFY c1; NOTIFY leaving; SELECT 1").notifications.isEmpty)
        #expect(try other.notifications(within: 0.2) == [])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `notifications wait for the end of a transaction, and never come amid an answer`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.run("LISTEN a")
        try client.run("BEGIN")
        for number in 0..<50 { try other.run("NOTIFY a, '\(number)'") }
        #expect(try client.query("SELECT 1").notifications.isEmpty)
        #expect(try client.notifications(within: 0.2) == [])
        try client.run("COMMIT")
        #expect(try client.notifications(50).map(\.payload) == (0..<50).map { "\($0)" })
        try client.send(Frame.query("SELECT pg_sleep(1), repeat('x', 100000)"))
        let running = """
          SELECT count(*) FROM pg_stat_activity
          WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'
          """
        for _ in 0..<200 where try other.value(running) != "1" { usleep(10_000) }
        try other.run("NOTIFY a, 'amid'")
        #expect(try client.receiveUntilReady().types == "TDCZ")
        #expect(try client.notifications(1) == [Notification("a", "amid")])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a client that keeps its server gets its notifications all the same`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.run("CREATE TEMP TABLE mine (a int); LISTEN a")
        try other.run("NOTIFY a, '1'")
        #expect(try client.notifications(1) == [Notification("a", "1")])
        try client.run("LISTEN b")
        try other.run("NOTIFY b, '2'")
        #expect(try client.notifications(1) == [Notification("b", "2")])
        #expect(try client.value("SELECT count(*) FROM mine") == "0")
        #expect(try client.query("SELECT pg_listening_channels()").rows.isEmpty)
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `names of channels are PostgreSQL's`(version: PostgresVersion) throws {
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        let long = String(repeating: "n", count: 63)
        let names = ["\"Quoted \"\"name\"\"\"", "Folded", long + "more", "\"größe\"", "größe2"]
        for name in names { try client.run("LISTEN \(name)") }
        for name in names { try other.run("NOTIFY \(name)") }
        let seen = try client.notifications(5).map(\.channel)
        #expect(seen == ["Quoted \"name\"", "folded", long, "größe", "größe2"])
      }
    }
  }
}
