import CLinux
import Glibc
import Logging
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
    let log = LogOutput(toTerminal: !command.quiet && !command.daemon)
    guard log.open(settings.logfile) else {
      throw StartFailure("can't write to logfile \"\(settings.logfile)\"")
    }
    if command.daemon && settings.logfile.isEmpty {
      throw StartFailure("--daemon needs a logfile in the configuration")
    }
    signal(SIGPIPE, SIG_IGN)
    let logger = makeLogger(log)
    let monitoring: MonitoringServer?
    do {
      monitoring = try MonitoringServer(settings: settings, logger: logger)
    } catch {
      throw StartFailure(error.description)
    }
    let service: Service
    do {
      service = try Service(settings: effective(settings), logger: logger)
    } catch {
      throw StartFailure(error.description)
    }
    if command.daemon {
      let result = cl_daemonize()
      guard result == 0 else {
        throw StartFailure("can't go into the background: \(SystemError.reason(-result))")
      }
    }
    try PidFile.write(settings.pidfile)
    defer { PidFile.remove(settings.pidfile) }
    for address in service.addresses { logger.info("listening on \(address)") }
    for address in monitoring?.addresses ?? [] { logger.info("metrics on \(address)") }
    logger.info(
      "process up: \(Version.text), \(service.loopCount) loops, \(path)")
    let control = Control(daemon: self, service: service, logger: logger, log: log)
    do {
      let source = try SignalSource(Control.signals)
      // Behind the signals: its thread must not take any.
      monitoring?.start(service)
      defer { monitoring?.stop() }
      try service.run(
        signals: source, handle: { control.handle($0) }, reload: { control.reload() })
    } catch let error as SystemError {
      throw StartFailure("can't take signals: \(error)")
    } catch let error as ServiceError {
      throw StartFailure(error.description)
    }
    logger.info("server shutting down: the end")
    guard service.isRunning else { return }
    // What libraries give back at exit would be taken from under a loop that is still at work.
    PidFile.remove(settings.pidfile)
    _exit(0)
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
