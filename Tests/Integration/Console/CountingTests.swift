import Testing

extension Integration {
  /// SHOW STATS against what the clients count themselves.
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct Counting {
    /// What one client has done and seen since its login.
    private struct Count: Sendable {
      var transactions = 0
      var queries = 0
      var sent = 0
      var received = 0
      var parses = 0
      var binds = 0

      static func + (left: Count, right: Count) -> Count {
        Count(
          transactions: left.transactions + right.transactions,
          queries: left.queries + right.queries, sent: left.sent + right.sent,
          received: left.received + right.received, parses: left.parses + right.parses,
          binds: left.binds + right.binds)
      }
    }

    private static let rounds = 60

    /// A client that counts what it does.
    private final class Counter {
      let client: WireClient
      var count = Count()

      init(_ client: WireClient) { self.client = client }

      func send(_ bytes: [UInt8], answers: Int = 1) throws {
        try client.send(bytes)
        count.sent += bytes.count
        for _ in 0..<answers {
          let exchange = try client.receiveUntilReady()
          count.received += exchange.messages.reduce(0) { $0 + $1.body.count + 5 }
          count.queries += 1
          if exchange.status == "I" { count.transactions += 1 }
        }
      }
    }

    /// Queries of every kind, errors and pipelines among them.
    private static func load(_ client: WireClient, _ number: Int) throws -> Count {
      let counter = Counter(client)
      try counter.send(Frame.parse("SELECT $1::int + \(number)", name: "s\(number)") + Frame.sync)
      counter.count.parses += 1
      for round in 0..<rounds {
        try counter.send(Frame.query("SELECT \(round)"))
        try counter.send(Frame.query("BEGIN"))
        try counter.send(Frame.query("SELECT repeat('x', \(round * 997))"))
        try counter.send(Frame.query("SELECT 1/0"))
        try counter.send(Frame.query("ROLLBACK"))
        let batch =
          Frame.bind(texts: ["\(round)"], statement: "s\(number)") + Frame.execute() + Frame.sync
        try counter.send(batch)
        counter.count.binds += 1
        // Sent at once, answered one after the other.
        try counter.send(Frame.query("SELECT 1") + batch + Frame.query("SELECT 2"), answers: 3)
        counter.count.binds += 1
        try counter.send(Frame.extended("SELECT $1::text", ["\(round)"]))
      }
      try counter.send(Frame.query("SELECT generate_series(1, 20000)"))
      return counter.count
    }

    @Test(arguments: ["transaction", "session"])
    func `a load of a known size on four threads is counted exactly`(mode: String) throws {
      let settings: SluiceConfiguration.Section = [
        "admin_users": ["app"], "threads": 4, "pool_mode": .text(mode), "default_pool_size": 4,
      ]
      try withSluice(.newest, settings) { sluice in
        let counts = try onThreads(8) { number in
          var count = Count()
          // Some come and go, some stay.
          for visit in 0..<2 {
            let client = try sluice.connect()
            count = try count + Self.load(client, number * 2 + visit)
            client.terminate()
          }
          return count
        }
        let total = counts.reduce(Count(), +)
        let console = try sluice.connect(database: "pgbouncer")
        let row = try #require(try console.records("SHOW STATS WHERE database = 'app'").first)
        func figure(_ name: String) -> Int { row[name].flatMap { $0 }.flatMap(Int.init) ?? -1 }
        #expect(figure("total_query_count") == total.queries)
        #expect(figure("total_xact_count") == total.transactions)
        #expect(figure("total_received") == total.sent)
        #expect(figure("total_sent") == total.received)
        #expect(figure("total_client_login_count") == 16)
        if mode == "transaction" {
          #expect(figure("total_client_parse_count") == total.parses)
          #expect(figure("total_bind_count") == total.binds)
          #expect(figure("total_server_parse_count") >= total.parses)
          #expect(figure("total_server_assignment_count") >= total.transactions / 3)
        } else {
          #expect(figure("total_server_assignment_count") == 16)
        }
        #expect(figure("total_query_time") > 0)
        #expect(figure("total_xact_time") >= figure("total_query_time"))
      }
    }

    @Test func `the time waited for a server is counted`() throws {
      let settings: SluiceConfiguration.Section = ["admin_users": ["app"], "default_pool_size": 1]
      try withSluice(.newest, settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let holder = try sluice.connect()
        let waiter = try sluice.connect()
        try holder.query("BEGIN")
        try waiter.send(Frame.query("SELECT 1"))
        expectEventually("it has waited for a while") {
          let row = try? console.records("SHOW POOLS WHERE database = 'app'").first
          return (row?["maxwait_us"]).flatMap { $0 }.flatMap { Int($0) }.map { $0 > 200_000 }
            == true
        }
        try holder.query("COMMIT")
        _ = try waiter.receiveUntilReady().checked()
        let row = try console.records("SHOW STATS_TOTALS WHERE database = 'app'").first
        let waited = (row?["wait_time"]).flatMap { $0 }.flatMap { Int($0) } ?? 0
        #expect(waited > 200_000 && waited < 60_000_000)
      }
    }

    @Test func `averages are of the last period, and logged`() throws {
      let settings: SluiceConfiguration.Section = ["admin_users": ["app"], "stats_period": 1]
      try withSluice(.newest, settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        expectEventually("there is an average") {
          for _ in 0..<20 { _ = try? client.value("SELECT 1") }
          let row = try? console.records("SHOW STATS_AVERAGES WHERE database = 'app'").first
          return (row?["xact_count"]).flatMap { $0 }.flatMap { Int($0) }.map { $0 > 0 } == true
        }
        expectEventually("it is logged") { sluice.log.contains(" stats: ") }
        #expect(sluice.log.contains(" xacts/s, "))
      }
    }
  }
}
