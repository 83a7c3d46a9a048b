import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Signals {
    private static let old = "PgBouncer ends at once on SIGTERM before 1.23"

    private static func refusesConnections(_ sluice: SluiceProcess) -> Bool {
      guard let descriptor = try? sluice.endpoint.connect() else { return true }
      close(descriptor)
      return false
    }

    @Test(.disabled(if: StandIn.isOn, "\(old)"))
    func `SIGTERM closes the door and waits for the clients`() throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        sluice.process.signal(SIGTERM)
        expectEventually("TCP is closed") { Self.refusesConnections(sluice) }
        for number in 0..<5 {
          #expect(try client.value("SELECT \(number)") == "\(number)")
          usleep(100_000)
        }
        #expect(sluice.process.poll() == nil, "a client is still there")
        client.terminate()
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
        #expect(!Scratch.exists("\(sluice.directory)/.s.PGSQL.\(sluice.port)"))
      }
    }

    @Test func `SIGINT closes the door and waits for the servers`() throws {
      try withSluice(.newest, ["default_pool_size": 2]) { sluice in
        let idle = try sluice.connect()
        #expect(try idle.value("SELECT 1") == "1")
        let busy = try sluice.connect()
        try busy.query("BEGIN")
        sluice.process.signal(SIGINT)
        if !StandIn.isOn {
          expectEventually("TCP is closed") { Self.refusesConnections(sluice) }
        }
        for number in 0..<5 {
          #expect(try busy.value("SELECT \(number)") == "\(number)")
          usleep(100_000)
        }
        #expect(sluice.process.poll() == nil, "a transaction is still open")
        #expect(try busy.query("COMMIT").status == "I")
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
      }
    }

    @Test(.disabled(if: StandIn.isOn, "\(old)"), arguments: [SIGTERM, SIGINT])
    func `a second signal ends it in spite of clients`(signal: Int32) throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        try client.query("BEGIN")
        sluice.process.signal(signal)
        usleep(300_000)
        #expect(sluice.process.poll() == nil)
        sluice.process.signal(signal)
        let ending = sluice.process.wait(seconds: 5)
        #expect(ending != nil)
        #expect(client.isClosedByPeer())
      }
    }

    @Test(.disabled(if: StandIn.isOn, "PgBouncer 1.18 dumps core"))
    func `SIGQUIT ends it at once`() throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        try client.query("BEGIN")
        sluice.process.signal(SIGQUIT)
        guard case .exited = sluice.process.wait(seconds: 3) else {
          Issue.record("it did not exit: \(String(describing: sluice.process.poll()))")
          return
        }
      }
    }

    @Test func `SIGUSR1 holds queries back until SIGUSR2`() throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        sluice.process.signal(SIGUSR1)
        usleep(500_000)
        try client.send(Frame.query("SELECT 2"))
        #expect(!client.isReadable(within: 0.5))
        sluice.process.signal(SIGUSR2)
        #expect(try client.receiveUntilReady().value == "2")
      }
    }

    @Test(.disabled(if: StandIn.isOn, "\(old)"))
    func `SIGUSR2 during a shutdown is ignored and logged`() throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        sluice.process.signal(SIGTERM)
        usleep(300_000)
        sluice.process.signal(SIGUSR2)
        expectEventually { sluice.log.contains("got SIGUSR2 while shutting down, ignoring") }
        #expect(try client.value("SELECT 1") == "1")
        client.terminate()
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
      }
    }

    @Test func `the pidfile holds the process id as long as it runs`() throws {
      let directory = try Scratch.directory("pid")
      let path = directory + "/sluice.pid"
      try withSluice(.newest, ["pidfile": .text(path)]) { (sluice) throws in
        let text = Scratch.read(path).filter { !$0.isWhitespace }
        #expect(text == "\(sluice.process.pid)")
        sluice.process.signal(SIGINT)
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
        #expect(!Scratch.exists(path))
      }
    }

    @Test func `the log goes to logfile`() throws {
      let directory = try Scratch.directory("log")
      let path = directory + "/sluice.log"
      try withSluice(.newest, ["logfile": .text(path)]) { (sluice) throws in
        #expect(try sluice.connect().value("SELECT 1") == "1")
        expectEventually { Scratch.read(path).contains("app/app@127.0.0.1:") }
      }
    }
  }
}
