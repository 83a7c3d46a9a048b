import Glibc
import Testing

extension Integration {
  /// What an orchestrator asks.
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no health checks")) struct HealthChecks {
    private static func expect(
      _ path: String, _ port: UInt16, _ status: Int, _ text: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let answer = try HTTPAnswer.get(path, port: port)
      #expect(answer.status == status, "\(path)", sourceLocation: sourceLocation)
      #expect(answer.body == text + "\n", sourceLocation: sourceLocation)
    }

    @Test func `it is ready before the first client has come, if the server answers`() throws {
      try Metrics.withMetrics { _, port in
        try Self.expect("/healthz", port, 200, "ok")
        try Self.expect("/livez", port, 200, "ok")
        try Self.expect("/readyz", port, 200, "ok")
      }
    }

    @Test func `it lives but is not ready while no server can be reached, and is once one can`()
      throws
    {
      let cluster = try PostgresCluster(.newest)
      cluster.stop(SIGQUIT)
      let change: (inout SluiceConfiguration) -> Void = {
        $0.settings["server_login_retry"] = 1
        $0.databases["app"]!["port"] = .integer(Int(cluster.port))
      }
      try Metrics.withMetrics([:], change) { sluice, port in
        try Self.expect("/healthz", port, 200, "ok")
        try Self.expect("/readyz", port, 503, "no server can be reached")
        #expect(try sluice.loginError() != nil)
        try Self.expect("/readyz", port, 503, "no server can be reached")
        try cluster.start()
        expectEventually("it is ready") {
          (try? HTTPAnswer.get("/readyz", port: port).status) == 200
        }
        // The pool itself tries again once server_login_retry is over.
        expectEventually("a client gets in") {
          (try? sluice.connect().value("SELECT 1")) == "1"
        }
        cluster.stop(SIGQUIT)
        expectEventually("it is not ready") {
          (try? HTTPAnswer.get("/readyz", port: port).status) == 503
        }
        try Self.expect("/livez", port, 200, "ok")
      }
    }

    @Test func `PAUSE, SUSPEND and a shutdown make it unready`() throws {
      try Metrics.withMetrics(["admin_users": ["app"]]) { sluice, port in
        let client = try sluice.connect()
        _ = try client.value("SELECT 1")
        let console = try sluice.connect(database: "pgbouncer")
        try console.query("PAUSE")
        try Self.expect("/readyz", port, 503, "paused")
        #expect(try HTTPAnswer.get("/metrics", port: port).samples["sluice_paused"] == 1)
        try console.query("RESUME")
        try Self.expect("/readyz", port, 200, "ok")
        try console.query("PAUSE app")
        try Self.expect("/readyz", port, 503, "every database is paused or disabled")
        try console.query("RESUME app")
        try Self.expect("/readyz", port, 200, "ok")
        kill(sluice.process.pid, SIGTERM)
        expectEventually("it drains") {
          let answer = try? HTTPAnswer.get("/readyz", port: port)
          return answer?.status == 503 && answer?.body == "shutting down\n"
        }
        try Self.expect("/livez", port, 200, "ok")
        #expect(try HTTPAnswer.get("/metrics", port: port).samples["sluice_draining"] == 1)
        #expect(try client.value("SELECT 2") == "2")
      }
    }

    @Test func `one database of several is enough`() throws {
      let change: (inout SluiceConfiguration) -> Void = {
        $0.databases["away"] = [
          "host": "127.0.0.1", "port": .integer(Int((try? FreePort.next()) ?? 1)),
        ]
      }
      try Metrics.withMetrics([:], change) { _, port in
        try Self.expect("/readyz", port, 200, "ok")
      }
    }

    @Test func `what answers but is no PostgreSQL is no server`() throws {
      let place = try FreePort.next()
      let listener = try Listener(port: place)
      defer { listener.close() }
      let change: (inout SluiceConfiguration) -> Void = {
        $0.databases["app"]!["port"] = .integer(Int(place))
      }
      try Metrics.withMetrics([:], change) { _, port in
        try Self.expect("/readyz", port, 503, "no server can be reached")
      }
    }
  }
}
