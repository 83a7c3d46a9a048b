import Admin
import Glibc
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Reactor
import Settings
import Synchronization

/// Serves metrics, health checks and the dashboard over HTTP, on one thread of its own.
public final class MonitoringServer: Sendable {
  private let sockets: [Int32]
  /// What is listened on, for the log.
  public let addresses: [String]
  private let isLoopback: Bool
  private let terms: Lock<MonitoringTerms>
  private let logger: Logger
  private let running = Lock<Running?>(nil)

  private struct Running: Sendable {
    let group: MultiThreadedEventLoopGroup
    let executor: LoopExecutor
    let observatory: Observatory
    let visitors: NIOLoopBoundBox<Visitors>
    var task: Task<Void, Never>?
  }

  /// Opens the sockets and reads the certificate. Starts no thread.
  /// - Returns: nil where `metrics_listen` is empty.
  /// - Throws: ``MonitoringFailure`` with the setting and the way out.
  public init?(settings: Settings, logger: Logger) throws(MonitoringFailure) {
    if settings.metricsListen.isEmpty { return nil }
    guard let address = MetricsAddress(settings.metricsListen) else {
      throw MonitoringFailure("metrics_listen: \"\(settings.metricsListen)\" is no address")
    }
    self.logger = logger
    isLoopback = address.isLoopback
    terms = Lock(try MonitoringTerms(settings, isLoopback: isLoopback))
    (sockets, addresses) = try Self.listen(address, backlog: Visitors.limit)
  }

  private static func listen(
    _ address: MetricsAddress, backlog: Int
  ) throws(MonitoringFailure) -> ([Int32], [String]) {
    let resolved: [Reactor.SocketAddress]
    do {
      resolved = try Reactor.SocketAddress.resolve(
        host: address.host, port: address.port, isPassive: true)
    } catch {
      throw MonitoringFailure("metrics_listen: \(error)")
    }
    var sockets: [Int32] = []
    var names: [String] = []
    for one in resolved {
      do {
        sockets.append(try Socket.listen(on: one, backlog: backlog, reusePort: false))
        names.append("\(one)")
      } catch  where error.code == EAFNOSUPPORT && resolved.count > 1 {
        // `*` names IPv6 also where the machine has none.
      } catch {
        for socket in sockets { close(socket) }
        throw MonitoringFailure(
          "metrics_listen: \(one): \(error.reason): is another process there already?")
      }
    }
    return (sockets, names)
  }

  /// Starts the thread, which serves until ``stop()``.
  public func start(_ source: any MetricsSource) {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let executor = LoopExecutor(group.any())
    let observatory = Observatory(
      source: source, prober: ServerProber(group: group, executor: executor), executor: executor,
      tenants: terms.withLock { $0.tenants })
    let pages = Pages(terms: { self.terms.withLock { $0 } }, observatory: observatory)
    let visitors = NIOLoopBoundBox.makeBoxSendingValue(Visitors(), eventLoop: executor.loop)
    var running = Running(
      group: group, executor: executor, observatory: observatory, visitors: visitors)
    running.task = Task(executorPreference: executor) { [running] in
      await self.serve(pages, source, running)
    }
    self.running.withLock { [running] in $0 = running }
  }

  /// Stops serving; what is under way is cut off. Returns once the thread is at its end.
  public func stop() {
    guard
      let running = running.withLock({ state in
        defer { state = nil }
        return state
      })
    else { return }
    running.task?.cancel()
    try? running.group.syncShutdownGracefully()
  }

  // MARK: reloading

  /// Whether these settings change nothing here.
  public func isServing(_ settings: Settings) -> Bool {
    terms.withLock { $0.wanted } == MonitoringTerms.Wanted(settings)
  }

  /// What a reload would change, read and checked; nothing has changed yet.
  /// - Throws: ``MonitoringFailure`` with the setting.
  public func terms(for settings: Settings) throws(MonitoringFailure) -> MonitoringTerms {
    try MonitoringTerms(settings, isLoopback: isLoopback)
  }

  /// Has the next request, and the next connection, be served so.
  public func apply(_ fresh: MonitoringTerms) {
    let wasEncrypted = terms.withLock { terms in
      defer { terms = fresh }
      return terms.tls != nil
    }
    guard let running = running.withLock({ $0 }) else { return }
    Task(executorPreference: running.executor) {
      await running.observatory.show(tenants: fresh.tenants)
    }
    if wasEncrypted == (fresh.tls != nil) { return }
    // A connection that stays open would stay as it was.
    running.executor.loop.execute { running.visitors.value.closeAll() }
  }

  // MARK: serving

  private func serve(
    _ pages: Pages, _ source: any MetricsSource, _ running: Running
  ) async {
    let (executor, loop) = (running.executor, running.executor.loop)
    let timer = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
      source.giveUpOnLateAnswers()
    }
    let sampler = loop.scheduleRepeatedTask(
      initialDelay: .zero, delay: .seconds(Int64(History.period))
    ) { _ in
      Task(executorPreference: executor) { await running.observatory.sample() }
    }
    let visitors = running.visitors
    var limits = HTTP1Channel.Configuration.DecoderConfiguration()
    limits.maxHeaderFieldSize = 8192
    limits.maxHeaderListSize = 16_384
    limits.maxHeaderFieldCount = 64
    let http = HTTP1Channel(
      responder: { request, writer, _ in
        let response = await pages.respond(to: request)
        try await writer.write(response: response.head, body: response.body)
      },
      configuration: .init(
        additionalChannelHandlers: [Visitor(visitors.value)], httpDecoderConfiguration: limits))
    let door = Door(http: http, tls: { self.terms.withLock { $0.tls } })
    await withTaskGroup(of: Void.self) { group in
      for socket in sockets {
        group.addTask { await self.accept(on: socket, door, loop) }
      }
    }
    timer.cancel()
    sampler.cancel()
  }

  private func accept(on socket: Int32, _ door: Door, _ loop: any EventLoop) async {
    // What visitors do wrong is no concern of the pooler's log.
    let quiet = Logger(label: "monitoring") { _ in SwiftLogNoOpLogHandler() }
    do {
      let server = try await ServerBootstrap(group: loop)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .bind(socket) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ByteBound())
          }.flatMap { door.setup(channel: channel, logger: quiet) }
        }
      try await withThrowingDiscardingTaskGroup { group in
        try await server.executeThenClose { visits in
          for try await visit in visits {
            group.addTask { await door.handle(value: visit, logger: quiet) }
          }
        }
      }
    } catch is CancellationError {
    } catch {
      if !Task.isCancelled { logger.error("metrics_listen: \(error)") }
    }
  }
}

/// Why metrics can't be served.
public struct MonitoringFailure: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
