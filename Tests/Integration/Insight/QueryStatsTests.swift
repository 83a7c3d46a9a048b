import Glibc
import Testing

extension WireClient {
  /// The row of SHOW QUERIES whose query this is.
  func query(named fingerprint: String) throws -> [String: String?]? {
    try records("SHOW QUERIES").first { $0["query"] == fingerprint }
  }
}

extension [String: String?] {
  func figure(_ name: String) -> Int { self[name].flatMap { $0 }.flatMap(Int.init) ?? -1 }
}

extension Integration {
  /// SHOW QUERIES against what the clients count themselves.
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct QueryStats {
    static let settings: SluiceConfiguration.Section = [
      "admin_users": ["app"], "query_stats": true,
    ]

    private static let rounds = 40

    private static func load(_ client: WireClient) throws {
      let batch = Frame.bind(texts: ["7"], statement: "s") + Frame.execute() + Frame.sync
      try client.send(Frame.parse("SELECT $1::int + 1", name: "s") + Frame.sync)
      _ = try client.receiveUntilReady()
      for round in 0..<rounds {
        _ = try client.query("SELECT generate_series(1, \(round + 1))").checked()
        _ = try client.query("SELECT 1/0 -- \(round)")
        _ = try client.query("BEGIN").checked()
        _ = try client.query("UPDATE qs SET n = \(round) WHERE id IN (1, 2, \(round))").checked()
        _ = try client.query("COMMIT").checked()
        _ = try client.query("SELECT 1; SELECT 2; SELECT \(round)").checked()
        // Sent at once, answered one after the other.
        try client.send(batch + Frame.query("SELECT 'a', \(round)") + batch)
        for _ in 0..<3 { _ = try client.receiveUntilReady().checked() }
        // A pipeline: two statements behind one Sync, and one that fails in front of another.
        let other = Frame.parse("SELECT 'x'::text") + Frame.bind(texts: []) + Frame.execute()
        let own = Frame.bind(texts: ["1"], statement: "s") + Frame.execute()
        try client.send(own + other + own + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        let failing = Frame.parse("SELECT 1/(\(round)-\(round))::int, 'x'") + Frame.bind(texts: [])
        try client.send(failing + Frame.execute() + own + own + Frame.sync)
        _ = try client.receiveUntilReady()
      }
    }

    @Test(arguments: ["transaction", "session"])
    func `a load of a known size on four threads is counted exactly`(mode: String) throws {
      var settings = Self.settings
      settings["threads"] = 4
      settings["pool_mode"] = .text(mode)
      try withSluice(.newest, settings) { sluice in
        let setup = try sluice.connect()
        _ = try setup.query(
          "DROP TABLE IF EXISTS qs; CREATE TABLE qs AS SELECT g AS id, 0 AS n "
            + "FROM generate_series(1, 2) g"
        ).checked()
        defer { _ = try? setup.query("DROP TABLE qs") }
        let clients = 6
        _ = try onThreads(clients) { _ in
          let client = try sluice.connect()
          try Self.load(client)
          client.terminate()
          return 0
        }
        let console = try sluice.connect(database: "pgbouncer")
        let runs = clients * Self.rounds
        func check(_ query: String, calls: Int, errors: Int = 0, rows: Int) throws {
          let row = try #require(try console.query(named: query), "\(query)")
          #expect(row.figure("calls") == calls, "\(query)")
          #expect(row.figure("errors") == errors, "\(query)")
          #expect(row.figure("rows") == rows, "\(query)")
          #expect(row["database"] == "app" && row["user"] == "app")
          #expect(row.figure("total_time") >= row.figure("mean_time"))
          #expect(row.figure("p99_time") <= row.figure("max_time"))
        }
        let series = clients * Self.rounds * (Self.rounds + 1) / 2
        try check("select generate_series(?, ?)", calls: runs, rows: series)
        try check("select ? / ?", calls: runs, errors: runs, rows: 0)
        try check("begin", calls: runs, rows: 0)
        try check("commit", calls: runs, rows: 0)
        // At round 1 and 2 it is no third row.
        try check("update qs set n = ? where id in (?)", calls: runs, rows: 2 * runs)
        try check("select ?; select ?; select ?", calls: runs, rows: 3 * runs)
        try check("select ?, ?", calls: runs, rows: runs)
        try check("select ?::text", calls: runs, rows: runs)
        try check("select $1::int + ?", calls: 4 * runs, rows: 4 * runs)
        try check("select ? / (? - ?)::int, ?", calls: runs, errors: runs, rows: 0)
        #expect(try console.query(named: "(other statements)") == nil)
      }
    }

    @Test func `COPY, portals in parts, empty and failing statements are counted`() throws {
      try withSluice(.newest, Self.settings) { sluice in
        let client = try sluice.connect()
        let console = try sluice.connect(database: "pgbouncer")
        _ = try client.query("CREATE TABLE IF NOT EXISTS qc (a text)").checked()
        defer { _ = try? client.query("DROP TABLE qc") }
        _ = try client.query("TRUNCATE qc").checked()
        try client.send(Frame.query("COPY qc FROM STDIN"))
        _ = try client.receive { $0 == "G" }
        try client.send(Frame.copyData("a\nb\nc\n") + Frame.message("c", []))
        _ = try client.receiveUntilReady().checked()
        // The Sync behind its Execute is ignored by the server.
        let extended =
          Frame.parse("COPY qc FROM STDIN WITH (FORMAT 'text')") + Frame.bind(texts: [])
        try client.send(extended + Frame.execute() + Frame.sync)
        _ = try client.receive { $0 == "G" }
        try client.send(Frame.copyData("d\ne\n") + Frame.message("c", []) + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        _ = try client.query("COPY qc TO STDOUT").checked()
        let parts = Frame.parse("SELECT a FROM qc ORDER BY a") + Frame.bind(texts: [])
        try client.send(
          parts + Frame.execute(maximumRows: 2) + Frame.execute(maximumRows: 2) + Frame.execute()
            + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        _ = try client.query("")
        try client.send(Frame.parse("SELECT no_such_column", name: "p") + Frame.sync)
        _ = try client.receiveUntilReady()
        _ = try client.value("SELECT 'behind all'")
        let copy = try console.query(named: "copy qc from stdin")
        #expect(copy?.figure("calls") == 1 && copy?.figure("rows") == 3)
        let second = try console.query(named: "copy qc from stdin with (format ?)")
        #expect(second?.figure("calls") == 1 && second?.figure("rows") == 2)
        #expect(try console.query(named: "copy qc to stdout")?.figure("rows") == 5)
        let portal = try console.query(named: "select a from qc order by a")
        #expect(portal?.figure("calls") == 1 && portal?.figure("rows") == 5)
        let failed = try console.query(named: "select no_such_column")
        #expect(failed?.figure("calls") == 1 && failed?.figure("errors") == 1)
        #expect(try console.query(named: "select ?")?.figure("calls") == 1)
      }
    }

    @Test func `fifty thousand texts are counted in bounded memory`() throws {
      var settings = Self.settings
      settings["query_stats_max"] = 500
      try withSluice(.newest, settings) { sluice in
        let client = try sluice.connect()
        let console = try sluice.connect(database: "pgbouncer")
        func run(_ range: Range<Int>) throws {
          for start in stride(from: range.lowerBound, to: range.upperBound, by: 20) {
            let texts = (start..<start + 20).map {
              Frame.query("SELECT 1 AS column_\($0), '\(String(repeating: "x", count: 200))'")
            }
            try client.send(texts.flatMap(\.self))
            for _ in texts { _ = try client.receiveUntilReady().checked() }
            _ = try client.value("SELECT 'often'")
          }
        }
        try run(0..<5_000)
        let before = sluice.status("VmRSS")
        try run(5_000..<50_000)
        #expect(sluice.status("VmRSS") - before < 8_192, "kilobytes")
        let rows = try console.records("SHOW QUERIES")
        #expect(rows.count <= 501 + 500)
        #expect(rows.reduce(0) { $0 + $1.figure("calls") } == 52_500, "the sum stays right")
        let often = try console.query(named: "select ?")
        #expect(often?.figure("calls") == 2_500, "the much used stay")
      }
    }

    @Test func `no literal and no parameter is anywhere`() throws {
      var settings = Self.settings
      settings["log_min_duration"] = .number(0.000001)
      settings["verbose"] = 2
      try withSluice(.newest, settings) { sluice in
        let client = try sluice.connect()
        let console = try sluice.connect(database: "pgbouncer")
        let texts = [
          "SELECT 'hunter2secret'", "SELECT E'hunter2\\'secret', $$hunter2secret$$",
          "SELECT length('x' || U&'hunter2secret')",
          "SELECT 1 /* hunter2secret */ -- hunter2secret",
          "SELECT 'hunter2secret", "SELECT 1 WHERE 'a' IN ('hunter2secret', 'hunter2secret')",
          "SET app.secret TO hunter2secret", "SELECT hunter2secret()",
        ]
        for text in texts { _ = try client.query(text) }
        _ = try client.extended("SELECT $1::text", ["hunter2secret"]).checked()
        let queries = try console.records("SHOW QUERIES").compactMap {
          $0["query"]?.flatMap(\.self)
        }
        #expect(queries.contains { $0.contains("hunter2secret()") }, "a name is no literal")
        #expect(!queries.contains { $0.contains("hunter2secret") && !$0.contains("()") })
        let lines = sluice.log.split(separator: "\n").filter { $0.contains("hunter2") }
        #expect(lines.allSatisfy { $0.contains("hunter2secret()") }, "\(lines)")
        #expect(sluice.log.contains("slow query: duration="))
      }
    }

    @Test func `it is turned on and off under load`() throws {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings.merge(Self.settings) { $1 }
      var off = configuration
      off.settings["query_stats"] = false
      let on = configuration
      try withSluice(off) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        #expect(try console.records("SHOW QUERIES").isEmpty)
        let load = Background {
          try onThreads(4) { number in
            let client = try sluice.connect()
            try client.send(Frame.parse("SELECT $1::int", name: "s") + Frame.sync)
            _ = try client.receiveUntilReady().checked()
            let batch = Frame.bind(texts: ["5"], statement: "s") + Frame.execute() + Frame.sync
            for round in 0..<1_500 {
              try client.send(batch + Frame.query("SELECT \(round)") + batch)
              for expected in ["5", "\(round)", "5"] {
                let value = try client.receiveUntilReady().checked().value
                if value != expected { throw HarnessError("\(number): \(value ?? "nothing")") }
              }
            }
            return 0
          }
        }
        for turn in 0..<6 {
          try sluice.rewrite(turn % 2 == 0 ? on : off)
          _ = try console.query("RELOAD").checked()
          usleep(150_000)
        }
        _ = try load.value(seconds: 60)
        try sluice.rewrite(on)
        _ = try console.query("RELOAD").checked()
        // Prepared before it was turned on, and known all the same.
        let client = try sluice.connect()
        for _ in 0..<3 { _ = try client.value("SELECT 1") }
        expectEventually { (try? console.query(named: "select ?")?.figure("calls")) == 3 }
        try sluice.rewrite(off)
        _ = try console.query("RELOAD").checked()
        expectEventually { (try? console.records("SHOW QUERIES").isEmpty) == true }
      }
    }

    @Test func `statements prepared before it is turned on are known`() throws {
      var off = SluiceConfiguration(try .shared(.newest))
      off.settings.merge(Self.settings) { $1 }
      off.settings["query_stats"] = false
      try withSluice(off) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        try client.send(Frame.parse("SELECT $1::int + 40", name: "early") + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        _ = try console.query("SET query_stats = on").checked()
        let batch = Frame.bind(texts: ["2"], statement: "early") + Frame.execute() + Frame.sync
        expectEventually {
          try? client.send(batch)
          _ = try? client.receiveUntilReady().checked()
          return (try? console.query(named: "select $1::int + ?")) != nil
        }
      }
    }
  }
}
