import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct CommandLine {
    private static let younger = "not an option of PgBouncer"

    private static func run(_ arguments: [String], asRoot: Bool = false) throws
      -> Subprocess.Output
    {
      try Subprocess.run(
        (asRoot ? [] : ServerUser.prefix) + [try SluiceBinary.path()] + arguments,
        environment: SluiceBinary.environment, seconds: 15)
    }

    /// A configuration file in a directory of its own.
    private static func file(_ text: String, _ name: String = "sluice.toml") throws -> String {
      let path = try Scratch.directory("cli") + "/" + name
      try Scratch.write(text, to: path)
      return path
    }

    private static func goodFile() throws -> String {
      if StandIn.isOn {
        return try file("[pgbouncer]\nlisten_port = \(FreePort.next())\n", "pgbouncer.ini")
      }
      return try file(good())
    }

    private static func good() throws -> String {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["listen_port"] = .integer(Int(try FreePort.next()))
      configuration.settings["unix_socket_dir"] = ""
      return configuration.toml()
    }

    @Test(arguments: ["-V", "--version"])
    func `the version is told`(option: String) throws {
      let output = try Self.run([option])
      #expect(output.succeeded)
      #expect(output.standardOutput.contains { $0.isNumber })
    }

    @Test(arguments: ["-h", "--help"])
    func `help names the options`(option: String) throws {
      let output = try Self.run([option])
      #expect(output.succeeded)
      for name in ["--daemon", "--quiet", "--verbose", "--user", "--version", "--help"] {
        #expect(output.standardOutput.contains(name), "\(name)")
      }
    }

    @Test(arguments: [["--no-such-option"], [], ["/tmp/there-is-no-such-file.toml"]])
    func `a wrong command line exits with 1 and says why`(arguments: [String]) throws {
      let output = try Self.run(arguments)
      #expect(output.ending == .exited(1))
      #expect((output.standardError + output.standardOutput).isEmpty == false)
    }

    @Test(.disabled(if: StandIn.isOn, "\(younger)"))
    func `--check accepts a good configuration and does not start`() throws {
      let output = try Self.run(["--check", Self.file(Self.good())])
      #expect(output.succeeded, "\(output.standardError)")
    }

    @Test(
      .disabled(if: StandIn.isOn, "\(younger)"),
      arguments: [
        ("listen_prot = 6432\n", ["listen_prot", "listen_port", ":1"]),
        ("\nmax_client_conn = \"many\"\n", ["max_client_conn", ":2"]),
        ("pool_mode = \"transactional\"\n", ["pool_mode", "transaction", ":1"]),
        ("listen_port = \n", [":1"]),
      ])
    func `--check says what is wrong and where`(text: String, words: [String]) throws {
      let path = try Self.file(text)
      let output = try Self.run(["--check", path])
      #expect(output.ending == .exited(1))
      for word in words + [path] {
        #expect((output.standardError + output.standardOutput).contains(word), "\(word)")
      }
      #expect(try Self.run([path]).ending == .exited(1), "nor does it start")
    }

    @Test(.disabled(if: StandIn.isOn, "\(younger)"))
    func `--print-config shows what is in force and hides secrets`() throws {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["default_pool_size"] = 77
      configuration.settings["unix_socket_dir"] = ""
      configuration.users["app"] = ["password": "very-secret"]
      configuration.databases["app"]!["password"] = "also-secret"
      let output = try Self.run(["--print-config", Self.file(configuration.toml())])
      #expect(output.succeeded, "\(output.standardError)")
      #expect(output.standardOutput.contains("default_pool_size"))
      #expect(output.standardOutput.contains("77"))
      #expect(output.standardOutput.contains("server_idle_timeout"), "defaults too")
      #expect(!output.standardOutput.contains("-secret"))
    }

    @Test(.disabled(if: ServerUser.other == nil, "the tests do not run as root"))
    func `root must name a user to become`() throws {
      let output = try Self.run([Self.goodFile()], asRoot: true)
      #expect(output.ending == .exited(1))
      #expect((output.standardError + output.standardOutput).contains("root"))
    }

    @Test(.disabled(if: ServerUser.other == nil || StandIn.isOn, "the tests do not run as root"))
    func `-u makes root that user`() throws {
      let user = try #require(ServerUser.other)
      let path = try Self.file(Self.good())
      let log = path + ".log"
      let process = try Subprocess(
        [try SluiceBinary.path(), "-u", user.name, path], output: log)
      Watchdog.shared.say("process", "\(process.pid)")
      defer { process.end(SIGQUIT) }
      expectEventually {
        Scratch.read("/proc/\(process.pid)/status").contains("Uid:\t\(user.uid)\t\(user.uid)\t")
      }
      #expect(process.poll() == nil, "\(Scratch.read(log))")
    }

    @Test func `a port in use exits with 1 and names the port`() throws {
      let port = try FreePort.next()
      let taken = try Listener(port: port)
      defer { taken.close() }
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["unix_socket_dir"] = ""
      let sluice = try SluiceProcess(configuration, port: port, waits: false)
      #expect(sluice.process.wait(seconds: 10) == .exited(1))
      #expect(sluice.log.contains("\(port)"))
    }

    @Test func `a pidfile in use exits with 1`() throws {
      let path = try Scratch.directory("pid") + "/sluice.pid"
      try withSluice(.newest, ["pidfile": .text(path)]) { sluice in
        var configuration = SluiceConfiguration(try .shared(.newest))
        configuration.settings["pidfile"] = .text(path)
        let second = try SluiceProcess(configuration, waits: false)
        #expect(second.process.wait(seconds: 10) == .exited(1))
        #expect(try sluice.connect().value("SELECT 1") == "1", "the first one goes on")
      }
    }

    @Test func `-d leaves a daemon behind`() throws {
      let directory = try Scratch.directory("d")
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["pidfile"] = .text(directory + "/pid")
      configuration.settings["logfile"] = .text(directory + "/log")
      let sluice = try SluiceProcess(configuration, arguments: ["-d"], waits: false)
      #expect(sluice.process.wait(seconds: 10) == .exited(0), "\(sluice.log)")
      var text = ""
      expectEventually("it writes its pidfile") {
        text = Scratch.read(directory + "/pid").filter(\.isNumber)
        return !text.isEmpty
      }
      let daemon = try #require(pid_t(text), "no pidfile: \(Scratch.read(directory + "/log"))")
      Watchdog.shared.say("process", "\(daemon)")
      expectEventually("it listens") {
        (try? sluice.connect().value("SELECT 1")) == "1"
      }
      kill(daemon, SIGINT)
      expectEventually("it ends and removes its pidfile") {
        !Scratch.exists(directory + "/pid")
      }
      Watchdog.shared.say("ended", "\(daemon)")
    }
  }
}
