import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// Has each connection speak HTTP, over TLS where the terms of the moment say so.
struct Door: ServerChildChannel {
  let http: HTTP1Channel
  let tls: @Sendable () -> NIOSSLContext?

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    guard let context = tls() else { return http.setup(channel: channel, logger: logger) }
    return channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
    }.flatMap { http.setup(channel: channel, logger: logger) }
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async {
    await http.handle(value: value, logger: logger)
  }
}
