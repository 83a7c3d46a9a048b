import Admin
import CLinux
import Glibc
import Logging
import Logs
import Pooling
import Reactor
import Settings
import Synchronization

/// The pooler as its executable sees it: started, told what to do, waited for.
public final class Service: Sendable {
  let pooler: Pooler
  private let running: Pooler.Counter
  private let listeners: [ListenerBox]

  private struct ListenerBox: Sendable {
    let fd: Int32
    let address: SocketAddress
    let path: String
  }

  /// Opens the sockets to listen on, and all else that can fail.
  /// - Parameter log: what is known of the log that `logger` writes.
  /// - Throws: ``ServiceError`` with what is wrong and the way out.
  public init(
    settings: Settings, logger: Logger, log: LogState = LogState()
  ) throws(ServiceError) {
    let loops = settings.threads > 0 ? settings.threads : Self.coreCount
    do {
      pooler = try Pooler(settings: settings, loops: loops, logger: logger, log: log)
    } catch {
      throw ServiceError("can't start: \(error)")
    }
    listeners = try Listener.openAll(settings).map {
      ListenerBox(fd: $0.fd, address: $0.address, path: $0.path)
    }
    running = Pooler.Counter()
  }

  /// The addresses that are listened on, for the log.
  public var addresses: [String] {
    listeners.map { $0.path.isEmpty ? $0.address.description : $0.path }
  }

  public var loopCount: Int { pooler.loopCount }

  /// How many cores this process may use.
  public static var coreCount: Int { max(1, Int(cl_core_count())) }

  /// Runs the loops until the service has ended: the first on the calling thread, the others each
  /// on one of its own. With one loop the process has one thread, which spares the kernel work at
  /// every call.
  /// - Parameters:
  ///   - signals: signals that the first loop takes.
  ///   - handle: what to do about one; called on the calling thread.
  ///   - reload: reads the configuration anew, for the console; also called there. False: it can't
  ///     be used.
  ///   - settingsChange: told of what the console's SET makes of the settings, before it is in
  ///     effect; there, too. It gives why it can't be.
  ///   - ticked: called there ten times a second.
  /// - Throws: ``ServiceError`` where the kernel gives no thread or descriptor.
  public func run(
    signals: SignalSource, handle: @escaping (Int32) -> Void, reload: @escaping () -> Bool,
    settingsChange: @escaping (Settings) -> String? = { _ in nil },
    ticked: @escaping () -> Void = {}
  ) throws(ServiceError) {
    do throws(SystemError) {
      let first = try Worker(
        id: 0, pooler: pooler,
        listeners: listeners.map { Listener(fd: $0.fd, address: $0.address, path: $0.path) })
      first.signals = (signals, handle)
      first.rereadsConfiguration = reload
      first.settingsChange = settingsChange
      first.ticked = ticked
      for loop in 1..<max(1, pooler.loopCount) {
        let ticket = WorkerTicket(loop: Int32(loop), pooler: pooler)
        running.add(1)
        try Thread.start(name: "loop \(loop)") { [running] in
          ticket.run()
          running.add(-1)
        }
      }
      first.run()
    } catch {
      throw ServiceError("can't start: \(error)")
    }
    for _ in 0..<500 where running.count > 0 { usleep(10_000) }
  }

  /// What a thread needs to become a loop.
  private struct WorkerTicket: Sendable {
    let loop: Int32
    let pooler: Pooler

    func run() {
      do {
        try Worker(id: loop, pooler: pooler, listeners: []).run()
      } catch {
        pooler.logger.critical("loop \(loop) can't start: \(error)")
        exit(1)
      }
    }
  }

  /// A loop has not come to its end yet, though ``run(signals:handle:reload:)`` has.
  public var isRunning: Bool { running.count > 0 }

  // MARK: the log

  /// The last lines of the level warning or worse, the newest first. Any thread may ask.
  public func recentProblems() -> [LogProblem] { pooler.log.problems.all }

  /// Log lines by level since the start.
  public var logLineCounts: [(level: String, lines: Int)] { pooler.log.lineCounts }

  /// Log lines that `log_rate_limit` has left out, and those that nothing took.
  public var suppressedLogLines: Int { pooler.log.limiter.suppressed.count }
  public var lostLogLines: Int { pooler.log.lost.count }

  // MARK: commands

  /// Takes over a new configuration.
  /// - Returns: settings that only a restart can change and that keep their old value.
  public func reload(_ settings: Settings) -> [String] {
    let old = pooler.settings
    pooler.lastReload.withLock { $0 = (Clock.wallSeconds, true) }
    pooler.reload(settings.keepingUnreloadable(of: old))
    return settings.changesNeedingRestart(from: old)
  }

  /// The configuration could not be read anew; the one in effect stays.
  public func reloadFailed() { pooler.lastReload.withLock { $0.isSuccessful = false } }

  public func pause() { pooler.pause() }

  public func resume() {
    let wasSuspended = pooler.isSuspended
    pooler.resume()
    if wasSuspended { pooler.broadcast(.goOnReading) }
  }

  /// How a shutdown goes about it.
  public enum ShutdownMode: Sendable {
    case immediate
    case waitForServers
    case waitForClients
  }

  public var isShuttingDown: Bool { pooler.isShuttingDown }

  public func shutdown(_ mode: ShutdownMode) {
    switch mode {
    case .immediate: pooler.shutDown(.immediate)
    case .waitForServers: pooler.shutDown(.waitForServers)
    case .waitForClients: pooler.shutDown(.waitForClients)
    }
  }
}
