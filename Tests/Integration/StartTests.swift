import Glibc
import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "this is about how Sluice starts")) struct Starts {
    @Test func `who can connect can send signals, and finds the pidfile`() throws {
      for _ in 0..<8 {
        let directory = try Scratch.directory("start")
        var configuration = SluiceConfiguration(try .shared(.newest))
        configuration.settings["pidfile"] = .text(directory + "/pid")
        let sluice = try SluiceProcess(configuration, waits: false)
        let deadline = Deadline(seconds: 20)
        var descriptor: Int32 = -1
        // No pause: the moment is short.
        while descriptor < 0 && !deadline.isOver {
          descriptor = (try? sluice.endpoint.connect()) ?? -1
        }
        sluice.process.signal(SIGUSR2)
        sluice.process.signal(SIGINT)
        #expect(
          Scratch.read(directory + "/pid") == "\(sluice.process.pid)\n" || Self.hasEnded(sluice))
        close(descriptor)
        #expect(sluice.process.wait(seconds: 10) == .exited(0), "\(sluice.log)")
        #expect(!Scratch.exists(directory + "/pid"))
      }
    }

    private static func hasEnded(_ sluice: SluiceProcess) -> Bool {
      sluice.log.contains("the end")
    }

    @Test func `-d tells of a port in use, and leaves no pidfile`() throws {
      let directory = try Scratch.directory("start")
      let port = try FreePort.next()
      let taken = try Listener(port: port)
      defer { taken.close() }
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["pidfile"] = .text(directory + "/pid")
      configuration.settings["logfile"] = .text(directory + "/log")
      let sluice = try SluiceProcess(configuration, arguments: ["-d"], port: port, waits: false)
      #expect(sluice.process.wait(seconds: 10) == .exited(1))
      #expect(sluice.log.contains("\(port)"))
      #expect(!Scratch.exists(directory + "/pid"))
    }

    @Test func `-d returns once clients can connect`() throws {
      let directory = try Scratch.directory("start")
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["pidfile"] = .text(directory + "/pid")
      // No logfile: syslog will do.
      configuration.settings["syslog"] = 1
      let sluice = try SluiceProcess(configuration, arguments: ["-d"], waits: false)
      #expect(sluice.process.wait(seconds: 10) == .exited(0), "\(sluice.log)")
      let daemon = try #require(pid_t(Scratch.read(directory + "/pid").filter(\.isNumber)))
      Watchdog.shared.say("process", "\(daemon)")
      #expect(daemon != sluice.process.pid)
      #expect(try sluice.connect().value("SELECT 1") == "1")
      kill(daemon, SIGINT)
      expectEventually { !Scratch.exists(directory + "/pid") }
      Watchdog.shared.say("ended", "\(daemon)")
    }

    @Test(arguments: [1, 3])
    func `the console's clients don't keep it from ending`(_ threads: Int) throws {
      let settings: SluiceConfiguration.Section = [
        "admin_users": ["app"], "threads": .integer(threads),
      ]
      try withSluice(.newest, settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let other = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        #expect(try console.query("SHUTDOWN WAIT_FOR_CLIENTS").checked().tags == ["SHUTDOWN"])
        usleep(500_000)
        #expect(try client.value("SELECT 1") == "1")
        #expect(try other.records("SHOW CLIENTS WHERE database = 'app'").count == 1)
        client.terminate()
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
        #expect(console.isClosedByPeer())
      }
    }
  }
}
