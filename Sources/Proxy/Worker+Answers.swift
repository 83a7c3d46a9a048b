import Admin
import CLinux
import Pooling
import PostgresWire
import Reactor

// What a server has answered, as its client is to see it.
extension Worker {
  /// Takes a message that no client is to see out of the answer, or makes it what the client
  /// expects.
  /// - Parameter end: behind the message, which has no body.
  /// - Returns: where the answer begins now.
  func present(_ entry: ReplyQueue.Entry, _ start: Int, _ end: Int) -> Int {
    switch entry.kind {
    case .closeForParse:
      scratch.storeBytes(
        of: ServerMessageType.parseComplete, toByteOffset: end - 5, as: UInt8.self)
      return start
    case .ownParse, .ownParseUnnamed, .ownClose:
      memmove(scratch + start + 5, scratch + start, end - 5 - start)
      return start + 5
    case .parse, .parseUnnamed, .bind, .close, .planChange, .describeStatement, .describePortal:
      return start
    }
  }

  /// An error of a client's statement: what it means for prepared statements.
  /// - Returns: the message as the client is to see it, where that differs.
  func errorForClient(
    _ server: ServerPointer, _ bytes: UnsafeRawBufferPointer, _ body: ServerScan.Body
  ) -> [UInt8]? {
    guard let session = server.pointee.client?.pointee.session else { return nil }
    if session.pointee.retrySerial != 0, retries(server, session, Array(bytes[body.range])) {
      return []
    }
    session.pointee.sawError = true
    session.pointee.channels?.doubt()
    if isMadeToFail(server, Array(bytes[body.range])) {
      failed(server, [], isTold: true)
      return planChangeMessage()
    }
    guard
      server.pointee.replies.hasFailed || session.pointee.statements.count != 0
        || server.pointee.prefixLength != 0
    else { return nil }
    let error = Array(bytes[body.range])
    // The names are asked for first: the failure may be that the client has no such statement.
    let renamed = withClientsName(error, server)
    if server.pointee.replies.hasFailed { failed(server, error) }
    let length = server.pointee.prefixLength
    let moved = length == 0 ? nil : withoutPrefix(renamed ?? error, length)
    guard let renamed = moved ?? renamed else { return nil }
    var writer = MessageWriter()
    writer.message(ServerMessageType.errorResponse, body: renamed)
    return writer.bytes
  }

  /// Sends what is in front of a message, and another in its place.
  /// - Returns: where the answer goes on.
  func replace(
    _ before: Range<Int>, by message: [UInt8], _ server: ServerPointer, behind end: Int
  ) -> Int {
    guard let client = server.pointee.client, client.pointee.phase == .active else { return end }
    if !before.isEmpty {
      _ = client.pointee.stream.send(engine, scratch + before.lowerBound, count: before.count)
      client.pointee.traffic.pointee.counters.sent &+= UInt64(before.count)
    }
    send(message, to: client)
    return end
  }
}
