import Admin
import NIOCore
import NIOPosix

/// Tries whether a PostgreSQL server answers: it is asked whether it speaks TLS, which it answers
/// before any login and without a line in its log.
actor ServerProber {
  private let group: any EventLoopGroup
  private let executor: LoopExecutor
  private var last: (places: [ServerPlace], health: Health, at: NIODeadline)?
  private var underWay: (places: [ServerPlace], task: Task<Health, Never>)?

  /// How long an answer holds.
  private static var goodTime: TimeAmount { .seconds(5) }
  private static var badTime: TimeAmount { .seconds(1) }
  /// How long it holds while servers are tried again.
  private static var oldestTime: TimeAmount { .seconds(10) }
  private static var timeout: TimeAmount { .seconds(3) }

  init(group: any EventLoopGroup, executor: LoopExecutor) {
    self.group = group
    self.executor = executor
  }

  /// Good as soon as one of them answers.
  func health(of places: [ServerPlace]) async -> Health {
    let known = last?.places == places ? last : nil
    let age = known.map { NIODeadline.now() - $0.at }
    if let known, let age, age < (known.health == .good ? Self.goodTime : Self.badTime) {
      return known.health
    }
    if let underWay, underWay.places == places {
      // Who asks meanwhile does not wait as well: many would fill all places for connections.
      if let known, let age, age < Self.oldestTime { return known.health }
      return await underWay.task.value
    }
    let group = group
    let task = Task(executorPreference: executor) { await Self.tryAll(places, group) }
    underWay = (places, task)
    let health = await task.value
    underWay = nil
    last = (places, health, .now())
    return health
  }

  private static func tryAll(_ places: [ServerPlace], _ group: any EventLoopGroup) async -> Health {
    await withTaskGroup(of: Bool.self) { tasks in
      for place in places {
        tasks.addTask { await answers(place, group) }
      }
      for await answers in tasks where answers {
        tasks.cancelAll()
        return .good
      }
      return .bad("no server can be reached")
    }
  }

  private static func answers(_ place: ServerPlace, _ group: any EventLoopGroup) async -> Bool {
    let loop = group.any()
    let answer = loop.makePromise(of: Bool.self)
    let bootstrap = ClientBootstrap(group: loop).connectTimeout(timeout)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(TLSQuestion(answer))
        }
      }
    let connected: EventLoopFuture<any Channel>
    if let path = place.unixPath {
      connected = bootstrap.connect(unixDomainSocketPath: path)
    } else if let address = try? SocketAddress(ipAddress: place.host, port: place.port) {
      connected = bootstrap.connect(to: address)
    } else {
      connected = bootstrap.connect(host: place.host, port: place.port)
    }
    connected.whenFailure { _ in answer.succeed(false) }
    let timer = loop.scheduleTask(in: timeout) { answer.succeed(false) }
    let doesAnswer = (try? await answer.futureResult.get()) ?? false
    timer.cancel()
    connected.whenSuccess { $0.close(promise: nil) }
    return doesAnswer
  }
}

/// Sends an SSLRequest and looks at the first byte that comes back.
private final class TLSQuestion: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let answer: EventLoopPromise<Bool>

  init(_ answer: EventLoopPromise<Bool>) { self.answer = answer }

  func channelActive(context: ChannelHandlerContext) {
    let request: [UInt8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: request)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    let byte = bytes.readInteger(as: UInt8.self)
    answer.succeed(byte == UInt8(ascii: "S") || byte == UInt8(ascii: "N"))
  }

  func channelInactive(context: ChannelHandlerContext) { answer.succeed(false) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.succeed(false)
    context.close(promise: nil)
  }
}
