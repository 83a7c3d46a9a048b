import Glibc
import Logging
import Logs
import Proxy
import Settings

/// Does what signals ask for.
struct Control {
  let daemon: Daemon
  let service: Service
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
    guard let settings = result.settings else {
      service.reloadFailed()
      logger.error("RELOAD failed: the configuration in effect stays as it was")
      return false
    }
    for name in service.reload(daemon.effective(settings)) {
      logger.warning("\(name) can't be changed by a reload: restart to have it take effect")
    }
    configureLog(settings)
    return true
  }

  /// Has lines go where the settings say. The file is opened anew, as it may have been renamed.
  func configureLog(_ settings: Settings) {
    if !log.configure(Daemon.logging(settings)) {
      logger.error("can't write to logfile \"\(settings.logfile)\": logging where it was")
    }
  }
}
