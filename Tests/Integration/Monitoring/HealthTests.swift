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

    // MARK: a loop that hangs

    /// Stops one thread of a process, the one of this name, until it is ended itself.
    private static let stopper = """
      import ctypes, glob, os, sys, time
      process, name = sys.argv[1:3]
      thread = [int(path.split("/")[4]) for path in glob.glob(f"/proc/{process}/task/*/comm")
                if open(path).read().strip() == name][0]
      call = ctypes.CDLL(None).ptrace
      call.argtypes = [ctypes.c_long] * 4
      seize, interrupt = 0x4206, 0x4207
      if call(seize, thread, 0, 0) or call(interrupt, thread, 0, 0):
          sys.exit("it may not")
      os.waitpid(thread, 0x40000000)
      print("stopped", flush=True)
      time.sleep(60)
      """

    /// Stops a thread. End what this gives to have it go on.
    private static func stop(_ thread: String, of process: pid_t) throws -> Subprocess? {
      let directory = try Scratch.directory("stop")
      defer { Scratch.remove(directory) }
      let output = directory + "/output"
      let stopper = try Subprocess(
        ["/usr/bin/python3", "-c", Self.stopper, "\(process)", thread], output: output)
      let deadline = Deadline(seconds: 20 * Patience.factor)
      while !deadline.isOver, stopper.poll() == nil {
        if Scratch.read(output).contains("stopped") { return stopper }
        usleep(10_000)
      }
      stopper.signal(SIGKILL)
      return nil
    }

    /// Not everywhere may one process stop another's thread.
    private static let canStop: Bool = {
      guard let sleeper = try? Subprocess(["sleep", "60"]) else { return false }
      defer { sleeper.signal(SIGKILL) }
      usleep(100_000)
      let stopper = try? stop("sleep", of: sleeper.pid)
      stopper?.signal(SIGKILL)
      return stopper != nil
    }()

    @Test(.enabled(if: canStop, "one may not stop a thread here"))
    func `a loop that hangs is named, and the others answer`() throws {
      try Metrics.withMetrics(["threads": 3]) { sluice, port in
        try Self.expect("/livez", port, 200, "ok")
        let stopper = try #require(try Self.stop("loop 1", of: sluice.process.pid))
        defer { stopper.signal(SIGKILL) }
        expectEventually("it is noticed", seconds: 20) {
          (try? HTTPAnswer.get("/livez", port: port).status) == 503
        }
        for path in ["/livez", "/healthz", "/readyz"] {
          try Self.expect(path, port, 503, "loops that do not turn: 1")
        }
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        #expect(samples[#"sluice_loop_turns_total{loop="0"}"#] != nil)
        #expect(samples[#"sluice_loop_turns_total{loop="1"}"#] == nil)
        let status = try HTTPAnswer.get("/status.json", port: port).body
        #expect(status.contains(#""silent_loops":[1]"#))
        stopper.signal(SIGKILL)
        expectEventually("it lives again") {
          (try? HTTPAnswer.get("/livez", port: port).status) == 200
        }
        try Self.expect("/readyz", port, 200, "ok")
      }
    }
  }
}
