import Foundation
import Synchronization
import Testing

extension Integration {
  /// What the HTTP port tells of statements, against what was run.
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer counts no statements")) struct QueryFigures {
    typealias Object = [String: Any]

    private static let settings: SluiceConfiguration.Section = [
      "query_stats": true, "threads": 4,
    ]

    /// `/status.json`, read.
    private static func status(_ port: UInt16) throws -> Object {
      let body = try HTTPAnswer.get("/status.json", port: port).body
      return try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? Object)
    }

    private static func query(_ fingerprint: String, in status: Object) throws -> Object {
      let all = try #require(status["queries"] as? [Object])
      return try #require(all.first { $0["fingerprint"] as? String == fingerprint }, "\(all)")
    }

    /// Figures are counted behind the answer: a client that has it may be ahead of them.
    private static func ended(_ sluice: SluiceProcess, _ port: UInt16, _ clients: Int) {
      expectEventually("all have left") {
        let samples = try? HTTPAnswer.get("/metrics", port: port).samples
        return samples?["sluice_client_disconnects_total{reason=\"client_closed\"}"]
          == Double(clients)
      }
    }

    @Test func `the statements of a load on four threads are there, exactly`() throws {
      let (clients, rounds) = (6, 30)
      try Metrics.withMetrics(Self.settings) { sluice, port in
        _ = try onThreads(clients) { number in
          let client = try sluice.connect()
          for round in 0..<rounds {
            _ = try client.query("SELECT generate_series(1, \(round + 1))").checked()
            _ = try client.query("SELECT \(number) / 0")
            _ = try client.extended("SELECT $1::int + 1", ["\(round)"]).checked()
          }
          client.terminate()
          return 0
        }
        Self.ended(sluice, port, clients)
        let status = try Self.status(port)
        #expect(status["query_stats"] as? Bool == true)
        let runs = clients * rounds
        let expected = [
          ("select generate_series(?, ?)", 0, clients * rounds * (rounds + 1) / 2),
          ("select ? / ?", runs, 0), ("select $1::int + ?", 0, runs),
        ]
        for (fingerprint, errors, rows) in expected {
          let query = try Self.query(fingerprint, in: status)
          #expect(query["database"] as? String == "app" && query["user"] as? String == "app")
          #expect(query["calls"] as? Int == runs, "\(fingerprint)")
          #expect(query["errors"] as? Int == errors, "\(fingerprint)")
          #expect(query["rows"] as? Int == rows, "\(fingerprint)")
          let (total, mean) = (query["total"] as? Double ?? 0, query["mean"] as? Double ?? 0)
          #expect(total > 0 && total < 600 && mean > 0 && mean <= total, "\(fingerprint)")
          #expect((query["p99"] as? Double).map { $0 > 0 && $0 <= total } == true)
        }
        let totals = (status["queries"] as? [Object] ?? []).compactMap { $0["total"] as? Double }
        #expect(totals.count == 3 && totals == totals.sorted(by: >))
      }
    }

    @Test func `of more statements than are shown those that took the most time are`() throws {
      try Metrics.withMetrics(Self.settings) { sluice, port in
        let client = try sluice.connect()
        for number in 0..<70 { _ = try client.query("SELECT 1 AS column_\(number)").checked() }
        for _ in 0..<2 { _ = try client.query("SELECT pg_sleep(0.3)").checked() }
        client.terminate()
        Self.ended(sluice, port, 1)
        let queries = try #require(try Self.status(port)["queries"] as? [Object])
        #expect(queries.count == 50)
        #expect(queries.first?["fingerprint"] as? String == "select pg_sleep(?)")
        #expect(queries.first?["calls"] as? Int == 2)
      }
    }

    @Test func `without query_stats there are none, and it says that they are off`() throws {
      try Metrics.withMetrics(["default_pool_size": 1]) { sluice, port in
        let holder = try sluice.connect()
        let waiter = try sluice.connect()
        _ = try holder.query("BEGIN").checked()
        try waiter.send(Frame.query("SELECT 1"))
        var waits: [Object] = []
        expectEventually("one waits") {
          waits = (try? Self.status(port))?["waits"] as? [Object] ?? []
          return waits.count == 1
        }
        let holders = try #require(waits.first?["holders"] as? [Object])
        #expect(holders.count == 1 && holders.first?["query"] == nil)
        let status = try Self.status(port)
        #expect(status["query_stats"] as? Bool == false)
        #expect((status["queries"] as? [Object])?.isEmpty == true)
        holder.close()
      }
    }

    @Test func `who holds a server is shown with what it runs, or has run last`() throws {
      var settings = Self.settings
      settings["default_pool_size"] = 1
      try Metrics.withMetrics(settings) { sluice, port in
        let holder = try sluice.connect(parameters: ["application_name": "nightly"])
        _ = try holder.query("BEGIN").checked()
        _ = try holder.query("SELECT datname FROM pg_database WHERE oid = 77").checked()
        let waiter = try sluice.connect()
        try waiter.send(Frame.query("SELECT 1"))
        func shown() -> Object? {
          let waits = (try? Self.status(port))?["waits"] as? [Object]
          return (waits?.first?["holders"] as? [Object])?.first
        }
        expectEventually("it is named") {
          shown()?["query"] as? String == "select datname from pg_database where oid = ?"
        }
        #expect(shown()?["application"] as? String == "nightly")
        #expect(shown()?["state"] as? String == "idle in transaction")
        try holder.send(Frame.query("SELECT pg_sleep(60), 5"))
        expectEventually("it is what runs now") {
          shown()?["query"] as? String == "select pg_sleep(?), ?"
        }
        // Nothing is left running on the server.
        let canceller = try WireClient(to: sluice.endpoint)
        try canceller.send(Frame.cancel(holder.key))
        canceller.close()
        #expect(try holder.receiveUntilReady().errors.first?.sqlstate == "57014")
        holder.close()
      }
    }

    @Test(arguments: [true, false])
    func `slow and repeated statements are counted exactly`(isOn: Bool) throws {
      let change: (inout SluiceConfiguration) -> Void = {
        $0.tenancy = ["sources": ["startup:tenant"]]
        $0.tenantSettings = ["app.tenant_id": "{tenant}"]
        $0.users["app"] = ["password": "", "tenants": ["*"]]
      }
      let settings: SluiceConfiguration.Section = [
        "query_stats": .flag(isOn), "threads": 4, "log_min_duration": .number(1),
        "query_repeat_threshold": 5,
      ]
      let (clients, transactions) = (4, 3)
      try Metrics.withMetrics(settings, change) { sluice, port in
        _ = try onThreads(clients) { number in
          let client = try sluice.connect(
            parameters: ["application_name": "shop", "tenant": "acme"])
          for _ in 0..<transactions {
            _ = try client.query("BEGIN").checked()
            for row in 0..<8 {
              _ = try client.query("SELECT oid FROM pg_class WHERE oid = \(row)").checked()
            }
            _ = try client.query("COMMIT").checked()
          }
          _ = try client.query("SELECT pg_sleep(1.2)").checked()
          client.terminate()
          return 0
        }
        Self.ended(sluice, port, clients)
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        let labels = #"{database="app",user="app"}"#
        #expect(samples["sluice_slow_queries_total" + labels] == Double(clients))
        let repeats = isOn ? clients * transactions : 0
        #expect(samples["sluice_repeated_queries_total" + labels] == Double(repeats))
        guard isOn else { return }
        let query = try Self.query(
          "select oid from pg_class where oid = ?", in: try Self.status(port))
        #expect(query["repeats"] as? Int == repeats)
        #expect(query["repeat_application"] as? String == "shop")
        #expect(query["repeat_tenant"] as? String == "acme")
      }
    }

    @Test func `statements can be asked for while another table takes their place`() throws {
      var settings = Self.settings
      settings.merge(["admin_users": ["app"], "threads": 1, "query_stats_max": 20_000]) { $1 }
      try Metrics.withMetrics(settings) { sluice, port in
        let client = try sluice.connect()
        let admin = try sluice.connect(database: "pgbouncer")
        let isOver = Atomic(false)
        let pages = Background {
          var count = 0
          while !isOver.load(ordering: .relaxed), count < 100_000 {
            _ = try Self.status(port)
            count += 1
          }
          return count
        }
        let tables = Background {
          let asker = try sluice.connect(database: "pgbouncer")
          var count = 0
          while !isOver.load(ordering: .relaxed), count < 100_000 {
            _ = try asker.query("SHOW QUERIES").checked()
            count += 1
          }
          return count
        }
        for turn in 0..<8 {
          for start in stride(from: 0, to: 8_000, by: 100) {
            let texts = (start..<start + 100).map { Frame.query("SELECT 1 AS c\($0)") }
            try client.send(texts.flatMap(\.self))
            for _ in texts { _ = try client.receiveUntilReady().checked() }
          }
          _ = try admin.query("SET query_stats_max = \(20_001 + turn)").checked()
        }
        isOver.store(true, ordering: .relaxed)
        #expect(try pages.value() > 0 && tables.value() > 0)
        _ = try client.value("SELECT 'the last'")
        expectEventually("it goes on to count") {
          (try? admin.query(named: "select ?")?.figure("calls")) == 1
        }
        let last = try Self.query("select ?", in: try Self.status(port))
        #expect(last["calls"] as? Int == 1)
      }
    }

    /// Each of these has the marker as a literal or as a parameter, in one form or another.
    private static let texts = [
      "SELECT 'marker5ecret'", "SELECT E'a\\'marker5ecret', $$marker5ecret$$, $a$marker5ecret$a$",
      "SELECT 'marker5ecret'::int", "SELECT '{\"a\": \"marker5ecret\"}'::json ->> 'marker5ecret'",
      "SELECT 1 /* marker5ecret */ -- marker5ecret", "SELECT 'marker5ecret",
      "SET app.marker = 'marker5ecret'", "SELECT set_config('app.x', 'marker5ecret', false)",
      "DO $$ BEGIN RAISE WARNING 'marker5ecret'; END $$", "SELECT 735319999 + 0",
      "SELECT U&'marker5ecret' UESCAPE '!' WHERE 'x' IN ('marker5ecret', 'marker5ecret')",
      // Quotes that are missing, or that nobody has escaped.
      "SELECT 'it's marker5ecret'", "SELECT 'its' marker5ecret and' x'",
      "SELECT \"a, 'marker5ecret'",
      "ALTER ROLE app PASSWORD marker5ecret", String(repeating: "1;", count: 3_000),
    ]

    @Test(arguments: [nil, "acme"])
    func `no literal and no parameter is anywhere`(tenant: String?) throws {
      var settings = Self.settings
      settings["log_min_duration"] = .number(0.000001)
      settings["query_repeat_threshold"] = 3
      settings["default_pool_size"] = 1
      let change: (inout SluiceConfiguration) -> Void = {
        guard tenant != nil else { return }
        $0.tenancy = ["sources": ["user_suffix"]]
        $0.tenantSettings["app.tenant_id"] = "{tenant}"
      }
      try Metrics.withMetrics(settings, change) { sluice, port in
        let user = tenant.map { "app.\($0)" } ?? "app"
        let client = try sluice.connect(user: user)
        for text in Self.texts {
          for _ in 0..<4 { _ = try client.query(text) }
        }
        _ = try client.query("BEGIN").checked()
        for _ in 0..<6 {
          _ = try client.extended("SELECT $1::text, 'marker5ecret'", ["marker5ecret"]).checked()
        }
        let waiter = try sluice.connect(user: user)
        try waiter.send(Frame.query("SELECT 'marker5ecret'"))
        expectEventually("it waits for the one with the marker") {
          (try? HTTPAnswer.get("/status.json", port: port).body)?
            .contains(#""query":"select $1::text, ?""#) == true
        }
        let pages = try ["/metrics", "/status.json", "/status.json?history=1"].map {
          try HTTPAnswer.get($0, port: port).body
        }
        for page in pages {
          #expect(page.utf8.count > 1000)
          #expect(!page.contains("marker5ecret") && !page.contains("735319999"))
        }
        // It has looked: the statements, and the lines of the log, are there.
        #expect(pages[1].contains(#""fingerprint":"select ? + ?""#))
        #expect(pages[1].contains("repeated query (N+1)"))
        // Of a text that can't be read an error is counted, whatever stood in front of it.
        let cut = try Self.query("select ? ...", in: try Self.status(port))
        #expect((cut["errors"] as? Int ?? 0) >= 4)
        client.close()
      }
    }
  }
}
