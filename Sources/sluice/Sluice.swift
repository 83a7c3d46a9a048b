import ArgumentParser
import Glibc
import Logging
import Proxy
import Reactor
import Settings

/// The command line.
@main
struct Sluice: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sluice",
    abstract: "A PostgreSQL connection pooler for multi-tenant services.",
    discussion: """
      CONFIG is a TOML file, or a pgbouncer.ini if its name ends in .ini.

      Signals: HUP reads the configuration anew, USR1 pauses, USR2 resumes, TERM leaves once all \
      clients have gone, INT once all servers are free, QUIT at once.
      """)

  @Flag(name: [.short, .customLong("daemon")], help: "Run in the background; needs logfile.")
  var daemon = false

  @Flag(name: .shortAndLong, help: "Do not log to the terminal.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Log more; may be given several times.")
  var verbose: Int

  @Option(name: .shortAndLong, help: "Become this user; a must where it is started as root.")
  var user: String?

  @Flag(name: [.customShort("V"), .customLong("version")], help: "Show the version.")
  var showsVersion = false

  @Flag(help: "Say what is wrong with the configuration, and exit: 0 if nothing is.")
  var check = false

  @Flag(help: "Show the settings in effect and where each came from, and exit.")
  var printConfig = false

  @Argument(help: "The configuration file.")
  var config: String?

  /// Usage errors exit with 1, as PgBouncer's do.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as StartFailure {
      Terminal.complain("sluice: \(failure.description)")
      Glibc.exit(1)
    } catch {
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      if !text.isEmpty {
        if code == .success { Terminal.say(text) } else { Terminal.complain(text) }
      }
      Glibc.exit(code == .success ? 0 : 1)
    }
  }

  func run() throws {
    if showsVersion {
      Terminal.say(Version.text)
      return
    }
    guard let config else {
      throw StartFailure("no configuration file is named: sluice [options] CONFIG (see --help)")
    }
    let settings = try loadSettings(config)
    if check {
      Terminal.say("\(config): the configuration is fine")
      return
    }
    if printConfig {
      Terminal.say(settings.printable())
      return
    }
    try Daemon(command: self, path: config, settings: settings).run()
  }

  /// Reads the configuration, and tells of all that is wrong with it.
  private func loadSettings(_ path: String) throws -> Settings {
    let result = SettingsLoader.load(path: path, environment: Environment.variables)
    for diagnostic in result.diagnostics { Terminal.complain(diagnostic.description) }
    guard let settings = result.settings else {
      throw StartFailure("the configuration can't be used")
    }
    return settings
  }
}

/// Why the program can't start.
struct StartFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The process's environment.
enum Environment {
  static var variables: [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text).split(separator: "=", maxSplits: 1)
      if pair.count == 2 { variables[String(pair[0])] = String(pair[1]) }
      entry += 1
    }
    return variables
  }
}
