import Glibc
import Testing

/// A running Sluice with a configuration of its own.
final class SluiceProcess: Sendable {
  enum Format: Sendable {
    case toml
    case ini
  }

  let process: Subprocess
  let port: UInt16
  let directory: String
  let format: Format

  /// Starts it; unless told otherwise, waits until it accepts connections.
  /// - Parameter wrapper: what runs it, and is root where the tests are.
  init(
    _ configuration: SluiceConfiguration, arguments: [String] = [], format: Format = .toml,
    port: UInt16? = nil, waits: Bool = true, wrapper: [String] = []
  ) throws {
    self.port = try port ?? FreePort.next()
    self.format = format
    directory = try Scratch.directory("s")
    try Self.write(configuration, format, port: self.port, directory)
    process = try Subprocess(
      wrapper + ServerUser.prefix + [try SluiceBinary.path()] + arguments
        + [Self.path(format, in: directory)],
      environment: SluiceBinary.environment, output: directory + "/out",
      errors: directory + "/log")
    Watchdog.shared.say("process", "\(process.pid)")
    if waits { try waitUntilReady() }
  }

  deinit {
    process.end(SIGKILL)
    Watchdog.shared.say("ended", "\(process.pid)")
  }

  var endpoint: Endpoint { .tcp(port) }
  var unixEndpoint: Endpoint { .unix("\(directory)/.s.PGSQL.\(port)") }
  var configurationPath: String { Self.path(format, in: directory) }
  /// What it wrote to stderr, and to stdout behind it.
  var log: String { Scratch.read(directory + "/log") + Scratch.read(directory + "/out") }

  func waitUntilReady() throws {
    let ready = eventually(seconds: 10) {
      if process.poll() != nil { return true }
      guard let descriptor = try? endpoint.connect() else { return false }
      close(descriptor)
      return true
    }
    guard ready, process.poll() == nil else {
      throw HarnessError("Sluice is not ready (\(String(describing: process.poll()))): \(log)")
    }
  }

  /// A logged-in client.
  func connect(
    user: String = "app", database: String = "app", parameters: [String: String] = [:],
    password: String? = nil, over endpoint: Endpoint? = nil
  ) throws -> WireClient {
    let client = try WireClient(to: endpoint ?? self.endpoint)
    try client.logIn(user: user, database: database, parameters: parameters, password: password)
    return client
  }

  /// The error that a login ends with; nil if it succeeds.
  func loginError(
    user: String = "app", database: String = "app", parameters: [String: String] = [:],
    password: String? = nil
  ) throws -> ServerError? {
    let client = try WireClient(to: endpoint)
    defer { client.close() }
    return try client.startUp(
      [("user", user), ("database", database)] + parameters.sorted { $0.key < $1.key },
      password: password
    ).errors.first
  }

  /// Writes a new configuration; SIGHUP makes it count.
  func rewrite(_ configuration: SluiceConfiguration) throws {
    try Self.write(configuration, format, port: port, directory)
  }

  /// A figure of /proc/PID/status, such as VmHWM, in kilobytes.
  func status(_ name: String) -> Int {
    for line in Scratch.read("/proc/\(process.pid)/status").split(separator: "\n")
    where line.hasPrefix(name + ":") {
      return Int(line.filter(\.isNumber)) ?? 0
    }
    return 0
  }

  /// The highest resident memory so far, in kilobytes.
  var peakResidentKilobytes: Int { status("VmHWM") }

  static func path(_ format: Format, in directory: String) -> String {
    directory + (format == .ini || StandIn.isOn ? "/pgbouncer.ini" : "/sluice.toml")
  }

  private static func write(
    _ configuration: SluiceConfiguration, _ format: Format, port: UInt16, _ directory: String
  ) throws {
    var configuration = configuration
    configuration.settings["listen_port"] = .integer(Int(port))
    if configuration.settings["unix_socket_dir"] == nil {
      configuration.settings["unix_socket_dir"] = .text(directory)
    }
    if StandIn.isOn { StandIn.adapt(&configuration) }
    let path = path(format, in: directory)
    if path.hasSuffix(".ini") {
      let list = directory + "/userlist.txt"
      try Scratch.write(configuration.userList(), to: list, mode: 0o600)
      try Scratch.write(configuration.ini(userList: list), to: path, mode: 0o600)
    } else {
      try Scratch.write(configuration.toml(), to: path, mode: 0o600)
    }
  }
}

/// Runs Sluice in front of the shared cluster of that version, and ends it. That it neither crashed
/// nor made a sanitizer speak is checked each time.
func withSluice<Result>(
  _ version: PostgresVersion, _ settings: SluiceConfiguration.Section = [:],
  database: SluiceConfiguration.Section = [:], users: [String: SluiceConfiguration.Section] = [:],
  _ body: (SluiceProcess) throws -> Result
) throws -> Result {
  var configuration = SluiceConfiguration(try .shared(version))
  configuration.settings.merge(settings) { $1 }
  configuration.databases["app"]!.merge(database) { $1 }
  configuration.users.merge(users) { $1 }
  return try withSluice(configuration, body)
}

/// The same with any configuration.
func withSluice<Result>(
  _ configuration: SluiceConfiguration, arguments: [String] = [],
  format: SluiceProcess.Format = .toml, _ body: (SluiceProcess) throws -> Result
) throws -> Result {
  let sluice = try SluiceProcess(configuration, arguments: arguments, format: format)
  defer { sluice.endAndCheck() }
  do {
    return try body(sluice)
  } catch {
    Issue.record("\(error); end of Sluice's log:\n\(sluice.log.suffix(2000))")
    throw error
  }
}

extension SluiceProcess {
  /// Ends it at once, and records an issue if it had crashed or if a sanitizer found something.
  func endAndCheck() {
    let ending = process.poll() ?? process.end(StandIn.isOn ? SIGTERM : SIGQUIT)
    if case .killed(let signal) = ending {
      // Where it says why, or else its last words.
      let lines = log.split(separator: "\n")
      let start = lines.firstIndex { $0.contains("Fatal error") || $0.hasPrefix("***") }
      let words = lines[(start ?? max(0, lines.count - 30))...].prefix(30)
      Issue.record("Sluice was killed by signal \(signal):\n\(words.joined(separator: "\n"))")
    }
    if log.contains("Sanitizer") {
      Issue.record("a sanitizer found something:\n\(log.prefix(6000))")
    }
    Scratch.remove(directory)
  }
}
