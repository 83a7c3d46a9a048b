import CLinux
import Glibc
import Logging
import Logs
import Monitoring
import Proxy
import Reactor
import Settings

/// The process around the service: privileges, pidfile, log, signals, the end.
struct Daemon {
  let command: Sluice
  let path: String
  let settings: Settings

  func run() throws {
    raiseOpenFileLimit()
    try dropPrivileges()
    try PidFile.check(settings.pidfile)
    if command.daemon && settings.logfile.isEmpty && !settings.syslog {
      throw StartFailure("--daemon needs a logfile in the configuration, or syslog")
    }
    let isOnTerminal = !command.quiet && !command.daemon
    let log = LogOutput(terminal: isOnTerminal ? STDERR_FILENO : nil, state: LogState())
    guard log.configure(Self.logging(settings)) else {
      throw StartFailure("can't write to logfile \"\(settings.logfile)\"")
    }
    signal(SIGPIPE, SIG_IGN)
    // A file that has reached its limit is as a full disk.
    signal(SIGXFSZ, SIG_IGN)
    var foreground: Int32?
    if command.daemon {
      let result = cl_background()
      guard result >= 0 else {
        throw StartFailure("can't go into the background: \(SystemError.reason(-result))")
      }
      foreground = result
    }
    // Who can connect may send signals, and may look for the pidfile.
    let signals: SignalSource
    do {
      signals = try SignalSource(Control.signals)
    } catch {
      throw StartFailure("can't take signals: \(error)")
    }
    try PidFile.write(settings.pidfile)
    defer { PidFile.remove(settings.pidfile) }
    let logger = makeLogger(log)
    let monitoring: MonitoringServer?
    do {
      monitoring = try MonitoringServer(settings: settings, logger: logger)
    } catch {
      throw StartFailure(error.description)
    }
    let service: Service
    do {
      service = try Service(settings: effective(settings), logger: logger, log: log.state)
    } catch {
      throw StartFailure(error.description)
    }
    if let foreground {
      let result = cl_detach(foreground)
      guard result == 0 else {
        throw StartFailure("can't go into the background: \(SystemError.reason(-result))")
      }
    }
    for address in service.addresses { logger.info("listening on \(address)") }
    for address in monitoring?.addresses ?? [] { logger.info("metrics on \(address)") }
    logger.info(
      "process up: \(Version.text), \(service.loopCount) loops, \(path)")
    try run(service, monitoring, signals, logger, log)
    logger.info("server shutting down: the end")
    _ = log.flush()
    guard service.isRunning else { return }
    // What libraries give back at exit would be taken from under a loop that is still at work.
    PidFile.remove(settings.pidfile)
    _exit(0)
  }

  private func run(
    _ service: Service, _ monitoring: MonitoringServer?, _ signals: SignalSource,
    _ logger: Logger, _ log: LogOutput
  ) throws {
    // Its thread takes no signals, which are blocked by now.
    monitoring?.start(service)
    defer { monitoring?.stop() }
    let control = Control(
      daemon: self, service: service, monitoring: monitoring, logger: logger, log: log)
    do {
      try service.run(
        signals: signals, handle: { control.handle($0) }, reload: { control.reload() },
        settingsChange: { control.set($0) },
        ticked: {
          for text in log.flush() { logger.warning("\(text)") }
        })
    } catch {
      throw StartFailure(error.description)
    }
  }

  static func logging(_ settings: Settings) -> LogOutput.Configuration {
    var configuration = LogOutput.Configuration()
    configuration.isJSON = settings.logFormat == .json
    configuration.path = settings.logfile
    if settings.syslog {
      configuration.syslog = LogOutput.Syslog(
        facility: settings.syslogFacility.code, ident: settings.syslogIdent)
    }
    return configuration
  }

  /// The settings with what the command line says on top.
  func effective(_ settings: Settings) -> Settings {
    guard command.verbose > 0 else { return settings }
    let origin = SettingOrigin.commandLine
    let level = String(max(settings.verbose, command.verbose))
    return (try? settings.setting("verbose", to: level, origin: origin)) ?? settings
  }

  private func makeLogger(_ log: LogOutput) -> Logger {
    var logger = Logger(label: "sluice") { _ in LineLogHandler(output: log) }
    // What is logged is decided by the setting verbose, which a reload may change.
    logger.logLevel = .trace
    return logger
  }

  /// What the pools may need besides the clients.
  private static var spareFiles: Int { 200 }

  private func raiseOpenFileLimit() {
    let pools = max(1, settings.databases.count) * (settings.defaultPoolSize + 1)
    let wanted = UInt64(settings.maxClientConn + pools + Self.spareFiles)
    let limit = OpenFileLimit.raise(to: wanted)
    if limit < wanted {
      Terminal.complain(
        "sluice: warning: max_client_conn = \(settings.maxClientConn) may need \(wanted) open "
          + "files, but the limit is \(limit): raise it (ulimit -n, LimitNOFILE) or lower "
          + "max_client_conn")
    }
  }

  private func dropPrivileges() throws {
    let user = command.user ?? settings.user
    if user.isEmpty {
      if geteuid() == 0 {
        throw StartFailure(
          "Sluice should not run as root: name a user with -u, or with the setting user")
      }
      return
    }
    guard geteuid() == 0 else { return }
    let result = cl_become(user)
    guard result == 0 else {
      throw StartFailure("can't become user \"\(user)\": \(SystemError.reason(-result))")
    }
    if geteuid() == 0 { throw StartFailure("Sluice should not run as root") }
  }
}
