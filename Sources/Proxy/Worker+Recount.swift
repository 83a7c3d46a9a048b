import Pooling
import Reactor
import Settings

// A COPY of the extended protocol has failed, and nobody knows whether its server had ignored the
// Sync behind it, or still answers that. Before the client goes on, the server is asked.
extension Worker {
  /// Has the server answer an empty query: what it still owes comes before that.
  /// - Returns: false where nobody needs to know, or it can't be told.
  func recount(_ client: ClientPointer, _ server: ServerPointer) -> Bool {
    guard client.pointee.phase == .active, server.pointee.replies.isEmpty,
      !client.pointee.scanner.isMidMessage,
      client.pointee.mode != .session || client.pointee.tenant != nil
    else { return false }
    client.pointee.phase = .preparing
    startTask(.recount, "", on: server)
    return true
  }

  /// The server has answered.
  /// - Returns: whether it is still the same client's.
  func recounted(_ client: ClientPointer, _ server: ServerPointer) -> Bool {
    client.pointee.phase = .active
    if client.pointee.isHeld { resumeHeld(client, server) }
    guard client.pointee.server == server else { return false }
    if server.pointee.ledger.isClean { settle(client, server) }
    guard client.pointee.server == server else { return false }
    if client.pointee.stream.isReadable { list(client) }
    return true
  }
}
