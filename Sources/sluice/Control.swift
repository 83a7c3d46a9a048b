import Glibc
import Logging
import Logs
import Monitoring
import Proxy
import Settings

/// Does what signals ask for.
struct Control {
  let daemon: Daemon
  let service: Service
  let monitoring: MonitoringServer?
  let logger: Logger
  let log: LogOutput

  static let signals = [SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2]

  func handle(_ number: Int32) {
    switch number {
    case SIGHUP:
      logger.info("got SIGHUP, re-reading config")
      reload()
    case SIGTERM:
      shutDown(
        .waitForClients, "got SIGTERM, shutting down, waiting for all clients disconnect")
    case SIGINT:
      shutDown(
        .waitForServers,
        "got SIGINT, shutting down, waiting for all servers connections to be released")
    case SIGQUIT:
      logger.info("got SIGQUIT, fast exit")
      service.shutdown(.immediate)
    case SIGUSR1:
      logger.info("got SIGUSR1, pausing all activity")
      service.pause()
    case SIGUSR2:
      if service.isShuttingDown {
        logger.info("got SIGUSR2 while shutting down, ignoring")
      } else {
        logger.info("got SIGUSR2, continuing from PAUSE")
        service.resume()
      }
    default: break
    }
  }

  private func shutDown(_ mode: Service.ShutdownMode, _ text: String) {
    if service.isShuttingDown {
      logger.info("got another signal to shut down, fast exit")
      service.shutdown(.immediate)
    } else {
      logger.info("\(text)")
      service.shutdown(mode)
    }
  }

  /// - Returns: false: the configuration can't be used, and stays as it was.
  @discardableResult
  func reload() -> Bool {
    let result = SettingsLoader.load(path: daemon.path, environment: Environment.variables)
    for diagnostic in result.diagnostics {
      switch diagnostic.severity {
      case .error: logger.error("\(diagnostic)")
      case .warning: logger.warning("\(diagnostic)")
      }
    }
    guard let settings = result.settings, change(to: settings) == nil else {
      service.reloadFailed()
      logger.error("RELOAD failed: the configuration in effect stays as it was")
      return false
    }
    for name in service.reload(daemon.effective(settings)) {
      logger.warning("\(name) can't be changed by a reload: restart to have it take effect")
    }
    return true
  }

  /// Has what is around the service follow the settings.
  /// - Returns: why it can't; nothing has changed then.
  private func change(to settings: Settings) -> String? {
    do {
      let terms = try monitoring?.terms(for: settings)
      configureLog(settings)
      if let terms { monitoring?.apply(terms) }
      return nil
    } catch {
      logger.error("\(error)")
      return error.description
    }
  }

  /// As `change(to:)`, but files are not read again for a setting that is not about them.
  func set(_ settings: Settings) -> String? {
    if monitoring?.isServing(settings) == false { return change(to: settings) }
    configureLog(settings)
    return nil
  }

  /// Has lines go where the settings say. The file is opened anew, as it may have been renamed.
  private func configureLog(_ settings: Settings) {
    if !log.configure(Daemon.logging(settings)) {
      logger.error("can't write to logfile \"\(settings.logfile)\": logging where it was")
    }
  }
}
