import Foundation
import Testing

extension Integration {
  /// What is exposed, against what was done.
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no metrics")) struct Metrics {
    private static let labels = #"database="app",user="app""#

    /// Runs Sluice with an HTTP port.
    static func withMetrics<Result>(
      _ settings: SluiceConfiguration.Section = [:],
      _ change: (inout SluiceConfiguration) -> Void = { _ in },
      _ body: (SluiceProcess, UInt16) throws -> Result
    ) throws -> Result {
      let port = try FreePort.next()
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings.merge(settings) { $1 }
      if configuration.settings["metrics_listen"] == nil {
        configuration.settings["metrics_listen"] = .text("127.0.0.1:\(port)")
      }
      change(&configuration)
      return try withSluice(configuration) { try body($0, port) }
    }

    @Test func `a load of a known size on four threads is counted exactly`() throws {
      let settings: SluiceConfiguration.Section = [
        "admin_users": ["app"], "threads": 4, "default_pool_size": 4,
      ]
      let (clients, rounds) = (8, 50)
      try Self.withMetrics(settings) { sluice, port in
        let errors = try onThreads(clients) { number -> Int in
          let client = try sluice.connect()
          for round in 0..<rounds {
            _ = try client.value("SELECT \(round)")
            try client.send(Frame.query("BEGIN"))
            _ = try client.receiveUntilReady()
            try client.send(Frame.query("SELECT 1/\(number % 2)"))
            _ = try client.receiveUntilReady()
            try client.send(Frame.query("ROLLBACK"))
            _ = try client.receiveUntilReady()
          }
          client.terminate()
          return number % 2 == 0 ? rounds : 0
        }.reduce(0, +)
        expectEventually("all have left") {
          let samples = try? HTTPAnswer.get("/metrics", port: port).samples
          let ends = samples?.filter { $0.key.hasPrefix("sluice_client_disconnects_total") }
          return ends?.values.reduce(0, +) == Double(clients)
        }
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        func value(_ name: String, _ more: String = "") -> Double? {
          samples["sluice_\(name){\(Self.labels)\(more)}"]
        }
        let (queries, transactions) = (Double(clients * rounds * 4), Double(clients * rounds * 2))
        #expect(value("queries_total") == queries)
        #expect(value("transactions_total") == transactions)
        #expect(value("query_seconds_count") == queries)
        #expect(value("transaction_seconds_count") == transactions)
        #expect(value("transaction_seconds_bucket", #",le="+Inf""#) == transactions)
        #expect(value("queue_wait_seconds_count") == value("server_assignments_total"))
        #expect(value("logins_total") == Double(clients))
        #expect(value("login_seconds_count") == Double(clients))
        #expect(value("server_errors_total", #",class="22""#) == Double(errors))
        let console = try sluice.connect(database: "pgbouncer")
        let row = try #require(try console.records("SHOW STATS WHERE database = 'app'").first)
        func figure(_ name: String) -> Double? { row[name].flatMap { $0 }.flatMap(Double.init) }
        #expect(value("received_bytes_total") == figure("total_received"))
        #expect(value("sent_bytes_total") == figure("total_sent"))
        let time = try #require(value("query_seconds_sum"))
        #expect(Int((time * 1_000_000).rounded()) == figure("total_query_time").map { Int($0) })
      }
    }

    @Test func `buckets are cumulative, and a query of a known length is in its bucket`() throws {
      try Self.withMetrics { sluice, port in
        let client = try sluice.connect()
        _ = try client.value("SELECT 1 FROM pg_sleep(0.3)")
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        func below(_ bound: String) -> Double {
          samples["sluice_query_seconds_bucket{\(Self.labels),le=\"\(bound)\"}"] ?? -1
        }
        #expect(below("0.262144") == 0)
        #expect(below("134.217728") == 1)
        #expect(below("+Inf") == 1)
        let bounds = samples.keys.filter { $0.hasPrefix("sluice_query_seconds_bucket") }
        #expect(bounds.count == 22)
      }
    }

    @Test func `who waits shows with the time, in the gauges and in the histogram`() throws {
      try Self.withMetrics(["default_pool_size": 1]) { sluice, port in
        let holder = try sluice.connect()
        let waiter = try sluice.connect()
        try holder.query("BEGIN")
        try waiter.send(Frame.query("SELECT 1"))
        expectEventually("one waits") {
          let samples = try? HTTPAnswer.get("/metrics", port: port).samples
          let waiting = samples?[#"sluice_pool_clients{\#(Self.labels),state="waiting"}"#]
          let oldest = samples?["sluice_pool_oldest_wait_seconds{\(Self.labels)}"] ?? 0
          return waiting == 1 && oldest > 0.2
        }
        let status = try HTTPAnswer.get("/status.json", port: port)
        #expect(status.body.contains(#""state":"idle in transaction""#))
        #expect(status.body.contains(#""client":"app/app@127.0.0.1:"#))
        try holder.query("COMMIT")
        _ = try waiter.receiveUntilReady().checked()
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        let total = samples["sluice_queue_wait_seconds_count{\(Self.labels)}"] ?? 0
        let short =
          samples[#"sluice_queue_wait_seconds_bucket{\#(Self.labels),le="0.131072"}"#] ?? 0
        #expect(total - short == 1)
      }
    }

    @Test func `failures are counted by their reasons`() throws {
      let change: (inout SluiceConfiguration) -> Void = {
        $0.settings["auth_type"] = "plain"
        $0.settings["server_login_retry"] = 1
        $0.users["app"] = ["password": "right"]
        $0.databases["nowhere"] = [
          "host": "127.0.0.1", "port": .integer(Int((try? FreePort.next()) ?? 1)),
        ]
      }
      try Self.withMetrics([:], change) { sluice, port in
        #expect(try sluice.loginError(password: "wrong") != nil)
        #expect(try sluice.loginError(database: "no\nsuch\"one", password: "right") != nil)
        #expect(try sluice.loginError(database: "nowhere", password: "right") != nil)
        let answer = try HTTPAnswer.get("/metrics", port: port)
        let samples = answer.samples
        for reason in ["authentication_failed", "no_such_database", "server_login_failed"] {
          #expect(samples["sluice_login_failures_total{reason=\"\(reason)\"}"] == 1)
        }
        let labels = #"database="nowhere",user="app""#
        let failures = samples["sluice_server_connect_failures_total{\(labels),reason=\"connect\"}"]
        #expect(failures.map { $0 >= 1 } == true)
        // What clients say is nobody's label, and no secret is told.
        #expect(!answer.body.contains("such\\\"one") && !answer.body.contains("right"))
      }
    }

    @Test func `what can be counted is there with 0 before its first time`() throws {
      let documentation = try String(
        contentsOfFile: #filePath.replacing(/Tests\/Integration.*/, with: "docs/metrics.md"),
        encoding: .utf8)
      try Self.withMetrics { sluice, port in
        let client = try sluice.connect()
        _ = try client.value("SELECT 1")
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        let counts = [
          "sluice_login_failures_total": 38, "sluice_client_disconnects_total": 38,
          "sluice_server_disconnects_total": 16, "sluice_server_connect_failures_total": 4,
          "sluice_log_lines_total": 6,
        ]
        for (name, count) in counts {
          let family = samples.filter { $0.key.hasPrefix(name + "{") }
          #expect(family.count == count, "\(name)")
          if name.contains("log_lines") { continue }
          #expect(family.values.allSatisfy { $0 == 0 }, "\(name)")
          for sample in family.keys {
            let reason = sample.firstMatch(of: /reason="([a-z_]+)"/).map { String($0.1) }
            #expect(documentation.contains("`\(reason ?? "")`"), "\(sample)")
          }
        }
        let own = samples.keys.filter { $0.contains(Self.labels) }
        #expect(documentation.contains("4 of the \(own.count) that a pool has"))
        #expect(try sluice.loginError(database: "none") != nil)
        let after = try HTTPAnswer.get("/metrics", port: port).samples
        #expect(after[#"sluice_login_failures_total{reason="no_such_database"}"#] == 1)
      }
    }

    @Test func `servers that end are counted by why`() throws {
      try Self.withMetrics { sluice, port in
        let client = try sluice.connect()
        let pid = try client.value("SELECT pg_backend_pid()")
        let other = try sluice.connect()
        try other.query("BEGIN")
        try other.send(Frame.query("SELECT pg_terminate_backend(\(pid ?? "0"))"))
        _ = try? other.receiveUntilReady()
        expectEventually("a server was lost") {
          let samples = try? HTTPAnswer.get("/metrics", port: port).samples
          return samples?[#"sluice_server_disconnects_total{reason="server_lost"}"#] == 1
        }
      }
    }

    @Test func `the loops tell how busy they are, here and in SHOW THREADS`() throws {
      try Self.withMetrics(["admin_users": ["app"]]) { sluice, port in
        let client = try sluice.connect()
        for _ in 0..<200 { _ = try client.value("SELECT 1") }
        expectEventually("both have been at work") {
          let samples = try? HTTPAnswer.get("/metrics", port: port).samples
          return ["turns_total", "busy_seconds_total", "longest_turn_seconds"].allSatisfy { name in
            (0..<2).allSatisfy { (samples?["sluice_loop_\(name){loop=\"\($0)\"}"] ?? 0) > 0 }
          }
        }
        let console = try sluice.connect(database: "pgbouncer")
        let rows = try console.records("SHOW THREADS")
        #expect(rows.count == 2)
        let times = rows.compactMap { $0["busy_us"].flatMap { $0 }.flatMap(Int.init) }
        #expect(times.count == 2 && times.reduce(0, +) > 0)
        for row in rows {
          let share = row["busy_percent"].flatMap { $0 }.flatMap(Int.init)
          #expect(share.map { (0...100).contains($0) } == true)
        }
      }
    }

    @Test func `connections that nobody accepts yet are counted`() throws {
      let settings: SluiceConfiguration.Section = [
        "admin_users": ["app"], "tcp_defer_accept": false, "listen_backlog": 16,
      ]
      try Self.withMetrics(settings) { sluice, port in
        let console = try sluice.connect(database: "pgbouncer")
        _ = try? console.send(Frame.query("SUSPEND"))
        _ = try? console.receiveUntilReady()
        let waiting = try (0..<5).map { _ in try sluice.endpoint.connect() }
        defer { for descriptor in waiting { close(descriptor) } }
        expectEventually("five wait") {
          let samples = try? HTTPAnswer.get("/metrics", port: port).samples
          return samples?["sluice_accept_backlog"] == 5
            && samples?["sluice_accept_backlog_limit"] == 16
        }
        #expect(try HTTPAnswer.get("/metrics", port: port).samples["sluice_paused"] == 1)
      }
    }

    @Test func `without the setting there is no thread and no port`() throws {
      try withSluice(.newest, ["threads": 1]) { sluice in
        _ = try sluice.connect().value("SELECT 1")
        #expect(sluice.status("Threads") <= 2)
      }
    }

    // MARK: formats

    /// Where scripts/install-prometheus has put its programs; empty: they could not be had.
    private static let programs = getenv("SLUICE_PROMETHEUS").map { String(cString: $0) } ?? ""

    @Test(.disabled(if: programs.isEmpty, "promtool could not be had"))
    func `promtool accepts the exposition`() throws {
      try Self.withMetrics { sluice, port in
        let client = try sluice.connect()
        try client.send(Frame.query("SELECT 1/0"))
        _ = try client.receiveUntilReady()
        _ = try sluice.loginError(database: "none")
        let text = try HTTPAnswer.get("/metrics", port: port)
        #expect(text.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        let path = sluice.directory + "/metrics.txt"
        try Scratch.write(text.body, to: path)
        let run = try Subprocess.run(
          ["/bin/sh", "-c", "'\(Self.programs)/promtool' check metrics < '\(path)'"])
        #expect(run.succeeded, "\(run.standardOutput)\(run.standardError)")
      }
    }

    /// Reads an exposition as strictly as OpenMetrics asks for.
    private static let reader = """
      import sys
      from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
      families = list(read(sys.stdin.read()))
      names = {sample.labels.get("database") for family in families for sample in family.samples}
      assert 'a "b" \\c # é{le="0"} 1' in names, names
      print(sum(len(family.samples) for family in families))
      """

    /// scripts/install-exporter brings the reader too; empty: it could not be had.
    private static let exporter = getenv("SLUICE_EXPORTER").map { String(cString: $0) } ?? ""

    @Test(.disabled(if: exporter.isEmpty, "prometheus_client could not be had"))
    func `a strict reader accepts the OpenMetrics text`() throws {
      // Clients choose the names of databases where any will do.
      let change: (inout SluiceConfiguration) -> Void = {
        $0.databases["*"] = $0.databases["app"]
        $0.databases["*"]?["dbname"] = "app"
        $0.tenancy = ["sources": ["startup:tenant"]]
        $0.tenantSettings = ["app.tenant_id": "{tenant}"]
        $0.users["app"] = ["password": "", "tenants": ["*"]]
      }
      try Self.withMetrics(["query_stats": true], change) { sluice, port in
        let client = try sluice.connect(
          database: #"a "b" \c # é{le="0"} 1"#, parameters: ["tenant": "other"])
        for _ in 0..<12 { _ = try client.value("SELECT 1") }
        try client.send(Frame.query("SELECT 1/0"))
        _ = try client.receiveUntilReady()
        let text = try HTTPAnswer.get(
          "/metrics", port: port,
          headers: ["Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"])
        #expect(text.headers["content-type"]?.hasPrefix("application/openmetrics-text") == true)
        #expect(text.body.hasSuffix("# EOF\n"))
        let path = sluice.directory + "/metrics.txt"
        try Scratch.write(text.body, to: path)
        try Scratch.write(Self.reader, to: sluice.directory + "/read.py")
        let command = "/usr/bin/python3 '\(sluice.directory)/read.py' < '\(path)'"
        let run = try Subprocess.run(["/bin/sh", "-c", command])
        #expect(run.succeeded, "\(run.standardError)")
        let count = Int(run.standardOutput.filter(\.isNumber)) ?? 0
        #expect(count == text.samples.count)
      }
    }
  }
}
