import Admin
import Glibc
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Reactor
import Settings

/// Serves metrics, health checks and the dashboard over HTTP, on one thread of its own.
public final class MonitoringServer: Sendable {
  private let sockets: [Int32]
  /// What is listened on, for the log.
  public let addresses: [String]
  private let settings: Settings
  private let isLoopback: Bool
  private let tls: TLSConfiguration?
  private let logger: Logger
  private let running = Lock<(group: MultiThreadedEventLoopGroup, task: Task<Void, Never>)?>(nil)

  /// Opens the sockets and reads the certificate. Starts no thread.
  /// - Returns: nil where `metrics_listen` is empty.
  /// - Throws: ``MonitoringFailure`` with the setting and the way out.
  public init?(settings: Settings, logger: Logger) throws(MonitoringFailure) {
    if settings.metricsListen.isEmpty { return nil }
    guard let address = MetricsAddress(settings.metricsListen) else {
      throw MonitoringFailure("metrics_listen: \"\(settings.metricsListen)\" is no address")
    }
    self.settings = settings
    self.logger = logger
    isLoopback = address.isLoopback
    tls = try Self.tls(settings)
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

  private static func tls(_ settings: Settings) throws(MonitoringFailure) -> TLSConfiguration? {
    let (certificate, key) = (settings.metricsTlsCertFile, settings.metricsTlsKeyFile)
    if certificate.isEmpty { return nil }
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(certificate)
      guard !chain.isEmpty else {
        throw MonitoringFailure("metrics_tls_cert_file \"\(certificate)\" has no certificate")
      }
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
      configuration.minimumTLSVersion = .tlsv12
      configuration.applicationProtocols = ["http/1.1"]
      // Whether they belong together is found out here.
      _ = try NIOSSLContext(configuration: configuration)
      return configuration
    } catch let failure as MonitoringFailure {
      throw failure
    } catch {
      throw MonitoringFailure(
        "metrics_tls_cert_file \"\(certificate)\" with metrics_tls_key_file \"\(key)\": \(error)")
    }
  }

  /// Starts the thread, which serves until ``stop()``.
  public func start(_ source: any MetricsSource) {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let executor = LoopExecutor(group.any())
    let prober = ServerProber(group: group, executor: executor)
    let observatory = Observatory(
      source: source, prober: prober, executor: executor, tenants: settings.metricsTenants)
    let gate = Gate(
      user: settings.metricsUser, password: settings.metricsPassword.text,
      isLoopback: isLoopback)
    let pages = Pages(gate: gate, observatory: observatory)
    let task = Task(executorPreference: executor) {
      await self.serve(pages, source, observatory, executor.loop)
    }
    running.withLock { $0 = (group, task) }
  }

  /// Stops serving; what is under way is cut off. Returns once the thread is at its end.
  public func stop() {
    guard
      let (group, task) = running.withLock({ state in
        defer { state = nil }
        return state
      })
    else { return }
    task.cancel()
    try? group.syncShutdownGracefully()
  }

  // MARK: serving

  private func serve(
    _ pages: Pages, _ source: any MetricsSource, _ observatory: Observatory,
    _ loop: any EventLoop
  ) async {
    let executor = LoopExecutor(loop)
    let timer = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
      source.giveUpOnLateAnswers()
    }
    let sampler = loop.scheduleRepeatedTask(
      initialDelay: .zero, delay: .seconds(Int64(History.period))
    ) { _ in
      Task(executorPreference: executor) { await observatory.sample() }
    }
    let visitors = NIOLoopBound(Visitors(), eventLoop: loop)
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
    await withTaskGroup(of: Void.self) { group in
      for socket in sockets {
        group.addTask {
          guard let tls = self.tls else { return await self.accept(on: socket, http, loop) }
          do {
            await self.accept(on: socket, try TLSChannel(http, tlsConfiguration: tls), loop)
          } catch {
            self.logger.error("metrics_listen: TLS can't be set up: \(error)")
          }
        }
      }
    }
    timer.cancel()
    sampler.cancel()
  }

  private func accept<Child: ServerChildChannel>(
    on socket: Int32, _ child: Child, _ loop: any EventLoop
  ) async {
    // What visitors do wrong is no concern of the pooler's log.
    let quiet = Logger(label: "monitoring") { _ in SwiftLogNoOpLogHandler() }
    do {
      let server = try await ServerBootstrap(group: loop)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .bind(socket) { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ByteBound())
          }.flatMap { child.setup(channel: channel, logger: quiet) }
        }
      try await withThrowingDiscardingTaskGroup { group in
        try await server.executeThenClose { visits in
          for try await visit in visits {
            group.addTask { await child.handle(value: visit, logger: quiet) }
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
