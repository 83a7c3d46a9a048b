import Glibc
import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct Repetitions {
    private static func read(_ number: Int) -> String {
      "SELECT datname AS name FROM pg_database WHERE oid = \(number)"
    }
    private static let fingerprint = "select datname as name from pg_database where oid = ?"

    @Test func `a statement that a transaction repeats is told, once`() throws {
      try withSluice(.newest, QueryStats.settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect(parameters: ["application_name": "shop"])
        _ = try client.query("BEGIN").checked()
        for number in 0..<9 { _ = try client.query(Self.read(number)).checked() }
        _ = try client.query("COMMIT").checked()
        #expect(try console.query(named: Self.fingerprint)?.figure("repeats") == 0)
        _ = try client.query("BEGIN").checked()
        for number in 0..<25 {
          _ = try client.query(Self.read(number)).checked()
          _ = try client.query("SAVEPOINT s").checked()
        }
        _ = try client.query("COMMIT").checked()
        let row = try #require(try console.query(named: Self.fingerprint))
        #expect(row.figure("repeats") == 1 && row.figure("repeated_calls") == 25)
        #expect(row["repeat_application"] == "shop")
        #expect(try console.query(named: "savepoint s")?.figure("repeats") == 0)
        let lines = sluice.log.split(separator: "\n").filter { $0.contains("repeated query (N+1)") }
        #expect(lines.count == 1)
        #expect(lines.first?.contains("10 times in one transaction application=shop") == true)
        #expect(lines.first?.hasSuffix("query: \(Self.fingerprint)") == true)
        #expect(lines.first?.contains("app/app@") == true)
      }
    }

    @Test func `without a transaction a succession, or a trace, is a request`() throws {
      try withSluice(.newest, QueryStats.settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        try client.send((0..<12).flatMap { Frame.query(Self.read($0)) })
        for _ in 0..<12 { _ = try client.receiveUntilReady().checked() }
        #expect(try console.query(named: Self.fingerprint)?.figure("repeats") == 1)
        // Broken by another statement each time.
        for number in 0..<12 {
          _ = try client.query("SELECT 'other'").checked()
          _ = try client.query("SELECT oid FROM pg_class WHERE oid = \(number)").checked()
        }
        let broken = "select oid from pg_class where oid = ?"
        #expect(try console.query(named: broken)?.figure("repeats") == 0)
        // A trace holds together what others are between.
        let parent = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01"
        for number in 0..<12 {
          let comment = "/*traceparent='\(parent)',route='%2Fcart'*/"
          _ = try client.query("SELECT \(number), 'one' \(comment)").checked()
          _ = try client.query("SELECT relname FROM pg_class WHERE oid = \(number) \(comment)")
            .checked()
        }
        let traced = "select relname from pg_class where oid = ?"
        #expect(try console.query(named: traced)?.figure("repeats") == 1)
        expectEventually {
          sluice.log.contains(
            "10 times in one request traceparent=\(parent) route=/cart query: \(traced)")
        }
        #expect(try console.query(named: traced + " ") == nil)
      }
    }

    @Test func `a driver's batch of INSERTs is none`() throws {
      try withSluice(.newest, QueryStats.settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        _ = try client.query("DROP TABLE IF EXISTS rb; CREATE TABLE rb (a int)").checked()
        defer { _ = try? client.query("DROP TABLE rb") }
        let insert = Frame.bind(texts: ["1"], statement: "i") + Frame.execute()
        let batch = Array(repeating: insert, count: 500).flatMap(\.self)
        try client.send(
          Frame.parse("INSERT INTO rb VALUES ($1::int)", name: "i") + batch + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        let row = try #require(try console.query(named: "insert into rb values ($1::int)"))
        #expect(row.figure("calls") == 500 && row.figure("rows") == 500)
        #expect(row.figure("repeats") == 0)
      }
    }

    @Test func `slow statements are logged with where they come from`() throws {
      let settings: SluiceConfiguration.Section = [
        "admin_users": ["app"], "log_min_duration": .number(0.2),
      ]
      try withSluice(.newest, settings) { sluice in
        let client = try sluice.connect(parameters: ["application_name": "report"])
        let parent = "00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01"
        _ = try client.query("SELECT pg_sleep(0.3) /*traceparent='\(parent)'*/").checked()
        _ = try client.value("SELECT 1")
        _ = try client.extended("SELECT pg_sleep($1::float)", ["0.25"]).checked()
        // The answer goes out in front of the line.
        var lines: [Substring] = []
        expectEventually {
          lines = sluice.log.split(separator: "\n").filter { $0.contains("slow query") }
          return lines.count == 2
        }
        #expect(
          lines.first?.contains(" ms application=report traceparent=\(parent) query: ") == true)
        #expect(lines.first?.hasSuffix("select pg_sleep(?)") == true)
        #expect(lines.last?.hasSuffix("select pg_sleep($1::float)") == true)
        let duration = lines.first?.split(separator: "duration=").last?.prefix { $0 != " " }
        #expect(duration.flatMap { Double($0) }.map { (300..<30_000).contains($0) } == true)
        // It needs no query_stats, and counts nothing for the console.
        let console = try sluice.connect(database: "pgbouncer")
        #expect(try console.records("SHOW QUERIES").isEmpty)
      }
    }

    @Test func `SHOW WAITS tells what the holder has run`() throws {
      var settings = QueryStats.settings
      settings["default_pool_size"] = 1
      try withSluice(.newest, settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let culprit = try sluice.connect(parameters: ["application_name": "nightly"])
        _ = try culprit.query("BEGIN").checked()
        _ = try culprit.query("SELECT datname FROM pg_database WHERE oid = 77").checked()
        let waiter = try sluice.connect()
        try waiter.send(Frame.query("SELECT 1"))
        expectEventually { (try? console.records("SHOW WAITS").count) == 1 }
        let wait = try console.records("SHOW WAITS").first
        #expect(wait?["holder_state"] == "idle in transaction")
        #expect(wait?["holder_query"] == "select datname from pg_database where oid = ?")
        #expect(wait?["holder_application_name"] == "nightly")
        try culprit.send(Frame.query("SELECT pg_sleep(60), 5"))
        expectEventually {
          (try? console.records("SHOW WAITS").first?["holder_query"])
            == "select pg_sleep(?), ?"
        }
        // Nothing is left running on the server.
        let canceller = try WireClient(to: sluice.endpoint)
        try canceller.send(Frame.cancel(culprit.key))
        canceller.close()
        #expect(try culprit.receiveUntilReady().errors.first?.sqlstate == "57014")
        culprit.close()
      }
    }
  }
}
