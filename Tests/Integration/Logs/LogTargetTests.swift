import Glibc
import Testing

extension Integration {
  @Suite struct LogTargets {
    @Test func `a log that was renamed is begun anew on SIGHUP`() throws {
      let directory = try Scratch.directory("log")
      try withSluice(.newest, ["logfile": .text(directory + "/log")]) { sluice in
        _ = try sluice.connect()
        expectEventually { Scratch.read(directory + "/log").contains("login attempt") }
        rename(directory + "/log", directory + "/old")
        _ = try sluice.loginError(database: "while-renamed")
        expectEventually { Scratch.read(directory + "/old").contains("while-renamed") }
        sluice.process.signal(SIGHUP)
        expectEventually { Scratch.exists(directory + "/log") }
        _ = try sluice.loginError(database: "afterwards")
        expectEventually { Scratch.read(directory + "/log").contains("afterwards") }
        #expect(!Scratch.read(directory + "/old").contains("afterwards"))
      }
    }

    @Test(.disabled(if: StandIn.isOn, "PgBouncer ends"))
    func `a disk that is full stops no client, and what is lost is told of`() throws {
      let directory = try Scratch.directory("log")
      let path = directory + "/log"
      let settings: SluiceConfiguration.Section = [
        "logfile": .text(path), "log_rate_limit": 0, "verbose": 1,
      ]
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings.merge(settings) { $1 }
      try withSluice(configuration, arguments: ["-q"]) { sluice in
        // The limit on the size of files stands for the end of the disk: a write stops at it.
        let limit = Scratch.read(path).utf8.count + 1000
        try Self.limitFiles(of: sluice, to: "\(limit)")
        let client = try sluice.connect()
        for number in 0..<2500 {
          _ = try sluice.loginError(database: "nobody-\(number)")
          if number % 100 == 0 { #expect(try client.value("SELECT 1") == "1") }
        }
        #expect(Scratch.read(path).utf8.count == limit, "the last line is cut")
        try Self.limitFiles(of: sluice, to: "unlimited")
        expectEventually("it is told of") {
          Scratch.read(path).contains("log: logfile takes lines again; ")
        }
        let log = Scratch.read(path)
        let words = String(cString: strerror(EFBIG))
        #expect(log.contains("WARNING log: logfile takes no lines (\(words))"))
        let lost = try #require(log.firstMatch(of: /takes lines again; (\d+) are lost/))
        #expect(try #require(Int(lost.output.1)) > 0)
        let head = /[-0-9]{10} [0-9:.]+ \S+ \[\d+\] [A-Z]+\s/
        for line in log.split(separator: "\n") { #expect(line.prefixMatch(of: head) != nil) }
        _ = try sluice.loginError(database: "as-before")
        expectEventually { Scratch.read(path).contains("as-before") }
      }
    }

    private static func limitFiles(of sluice: SluiceProcess, to size: String) throws {
      let output = try Subprocess.run(
        ServerUser.prefix + [
          "prlimit", "--pid", "\(sluice.process.pid)", "--fsize=\(size):unlimited",
        ])
      #expect(output.succeeded, "\(output.standardError)")
    }

    @Test(.disabled(if: StandIn.isOn, "PgBouncer has no limit"))
    func `a storm of refused logins is told of in a few lines`() throws {
      let settings: SluiceConfiguration.Section = ["log_rate_limit": 5, "admin_users": ["app"]]
      try withSluice(.newest, settings) { sluice in
        let storm = 2000
        for _ in 0..<storm { _ = try sluice.loginError(database: "none") }
        let console = try sluice.connect(database: "pgbouncer")
        _ = try console.query("PAUSE app").checked()
        _ = try console.query("SHUTDOWN")
        #expect(sluice.process.wait(seconds: 10) == .exited(0))
        let lines = sluice.log.split(separator: "\n")
        let told = lines.filter { $0.contains("none/app@") }.count
        #expect(told < 1000)
        // Each has a warning and its end.
        let pattern =
          /WARNING (\d+) more lines like this in the last \d+ s: no such database \(log_rate/
        let reports = lines.compactMap { line -> Int? in
          line.firstMatch(of: pattern).flatMap { Int($0.output.1) }
        }
        #expect(told + reports.reduce(0, +) == 2 * storm)
        #expect(!reports.isEmpty)
        #expect(lines.contains { $0.hasSuffix(" PAUSE app") })
        #expect(lines.contains { $0.hasSuffix(" SHUTDOWN") })
        #expect(lines.last?.hasSuffix("server shutting down: the end") == true)
      }
    }

    /// Whether this process may have mounts of its own, and so a logger of its own.
    static let mayMount: Bool = {
      guard geteuid() == 0 else { return false }
      return (try? Subprocess.run(["unshare", "-m", "true"]).succeeded) == true
    }()

    @Test(.disabled(if: !mayMount, "a /dev of its own takes root; Tests/Logs has the rest"))
    func `syslog gets what PgBouncer sends it, and standard error too unless quiet`() throws {
      let directory = try Scratch.directory("syslog")
      let socket = try Datagrams(directory + "/socket")
      let script = """
        set -e; d=\(directory)/dev; mkdir -p $d; mount -t tmpfs -o mode=755 none $d
        for n in null zero random urandom full tty; do touch $d/$n; mount --bind /dev/$n $d/$n; done
        touch $d/log; mount --bind \(directory)/socket $d/log; mkdir $d/shm; chmod 1777 $d/shm
        mount --rbind $d /dev; exec "$@"
        """
      for isQuiet in [false, true] {
        var configuration = SluiceConfiguration(try .shared(.newest))
        configuration.settings["syslog"] = 1
        configuration.settings["syslog_facility"] = "local3"
        configuration.settings["syslog_ident"] = "sluice-test"
        let sluice = try SluiceProcess(
          configuration, arguments: isQuiet ? ["-q"] : [],
          wrapper: ["unshare", "-m", "sh", "-c", script, "sh"])
        defer { sluice.endAndCheck() }
        _ = try sluice.loginError(database: "none")
        var heard: [String] = []
        expectEventually("it is heard") {
          heard += socket.take()
          return heard.contains { $0.contains("closing because") }
        }
        let head = #"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d sluice-test\[\#(sluice.process.pid)\]: "#
        for (priority, text) in [
          (19 << 3 | 6, "process up: "),
          (19 << 3 | 4, "C-0x.*pooler error: no such database: none"),
          (19 << 3 | 6, "C-0x.*closing because: no such database: none \\(age=0s\\)"),
        ] {
          let pattern = try Regex("<\(priority)>\(head)\(text)")
          #expect(heard.contains { $0.prefixMatch(of: pattern) != nil }, "\(text): \(heard)")
        }
        #expect(sluice.log.contains("pooler error") == !isQuiet)
      }
    }
  }
}

/// A socket in the place of the system's logger.
private final class Datagrams {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw HarnessError("cannot bind \(path)") }
    chmod(path, 0o666)
  }

  deinit { close(descriptor) }

  /// What has come.
  func take() -> [String] {
    var texts: [String] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while texts.count < 10_000 {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count >= 0 else { break }
      texts.append(String(decoding: buffer[..<count], as: UTF8.self))
    }
    return texts
  }
}
