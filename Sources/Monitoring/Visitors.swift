import NIOCore
import NIOHTTPTypes

/// The connections that there are. Only the event loop touches them.
///
/// There is room for so many. Who comes beyond that takes the place of who has been idle longest,
/// so that connections which do nothing keep nobody out.
final class Visitors {
  private var visitors: [Visitor] = []

  static var limit: Int { 100 }

  func enter(_ visitor: Visitor) {
    visitors.append(visitor)
    guard visitors.count > Self.limit else { return }
    let last = visitors.first { !$0.isServed } ?? visitor
    last.close()
  }

  func leave(_ visitor: Visitor) { visitors.removeAll { $0 === visitor } }

  func closeAll() {
    for visitor in visitors { visitor.close() }
  }

  /// It has been served, and stands behind the others.
  func rest(_ visitor: Visitor) {
    leave(visitor)
    visitors.append(visitor)
  }
}

/// Watches over one connection: it must make its requests and take its answers in time, and a
/// request is short.
final class Visitor: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let visitors: Visitors
  private var channel: (any Channel)?
  private var timer: Scheduled<Void>?
  private(set) var isServed = false
  private var hasFailed = false

  init(_ visitors: Visitors) { self.visitors = visitors }

  /// For a request, and for taking the answer to it; a scraper comes again within the first.
  private static var requestTime: TimeAmount { .seconds(75) }
  private static var answerTime: TimeAmount { .seconds(20) }
  /// For being told what was wrong.
  private static var errorTime: TimeAmount { .seconds(1) }

  func handlerAdded(context: ChannelHandlerContext) {
    channel = context.channel
    wait(Self.requestTime, context)
    visitors.enter(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) { leave() }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head:
      isServed = true
      wait(Self.answerTime, context)
    case .body, .end: break
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) {
      // Its last bytes have gone when this is fulfilled.
      let promise = promise ?? context.eventLoop.makePromise()
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      promise.futureResult.whenComplete { _ in
        let (visitor, context) = bound.value
        visitor.served(context)
      }
      context.write(data, promise: promise)
    } else {
      context.write(data, promise: promise)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    hasFailed = true
    wait(Self.errorTime, context)
    context.fireErrorCaught(error)
  }

  private func served(_ context: ChannelHandlerContext) {
    guard timer != nil, !hasFailed else { return }
    isServed = false
    wait(Self.requestTime, context)
    visitors.rest(self)
  }

  private func wait(_ time: TimeAmount, _ context: ChannelHandlerContext) {
    timer?.cancel()
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }

  private func leave() {
    timer?.cancel()
    timer = nil
    visitors.leave(self)
  }

  func close() { channel?.close(promise: nil) }
}

@available(*, unavailable)
extension Visitor: Sendable {}

/// Ends a connection that sends more than requests can be long: in front of what takes the bytes
/// apart.
final class ByteBound: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private var bytes = 0
  private var turnBytes: NIODeadline = .now()

  /// Bytes in a period.
  private static var limit: Int { 65_536 }
  private static var period: TimeAmount { .seconds(5) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let now = NIODeadline.now()
    if now - turnBytes > Self.period {
      bytes = 0
      turnBytes = now
    }
    bytes += unwrapInboundIn(data).readableBytes
    guard bytes <= Self.limit else { return context.close(promise: nil) }
    context.fireChannelRead(data)
  }
}

@available(*, unavailable)
extension ByteBound: Sendable {}
