import Pooling
import PostgresWire
import Reactor
import Settings

// A COPY of the extended protocol has failed, and nobody knows whether its server had ignored the
// Sync behind it, or still answers that. Before the client goes on, the server is asked.
extension Worker {
  /// Whether a client's server is asked. Its ReadyForQuery that comes late is then none of the
  /// client's, whether it comes before the question is sent or after.
  private func recounts(_ client: ClientPointer) -> Bool {
    client.pointee.mode != .session || client.pointee.tenant != nil
  }

  /// Has the server close a statement that there is not: what it still owes comes before the answer
  /// to that. An empty query would end the client's unnamed statement.
  /// - Returns: false where nobody needs to know, or it can't be told.
  func recount(_ client: ClientPointer, _ server: ServerPointer) -> Bool {
    guard client.pointee.phase == .active, server.pointee.replies.isEmpty,
      !client.pointee.scanner.isMidMessage, recounts(client)
    else { return false }
    client.pointee.phase = .preparing
    beginTask(.recount, on: server)
    var writer = MessageWriter()
    // Serials begin at one.
    writer.close(.statement, name: String(decoding: StatementName.make(0), as: UTF8.self))
    writer.sync()
    send(writer.bytes, to: server)
    return true
  }

  /// The server has answered.
  /// - Returns: whether it is still the same client's.
  func recounted(
    _ client: ClientPointer, _ server: ServerPointer, _ error: ErrorFields?
  ) -> Bool {
    client.pointee.phase = .active
    if let error {
      serverLost(server, "what the server owes could not be told: \(error.message)")
      return false
    }
    if client.pointee.isHeld { resumeHeld(client, server) }
    guard client.pointee.server == server else { return false }
    if server.pointee.ledger.isClean { settle(client, server) }
    guard client.pointee.server == server else { return false }
    if client.pointee.stream.isReadable { list(client) }
    return true
  }

  /// The server has answered a Sync that it was taken to have ignored.
  /// - Parameter start: where the answer begins that the client has still to be sent.
  /// - Returns: where it begins now.
  func noteLate(_ server: ServerPointer, _ start: Int, _ end: Int) -> Int {
    guard let client = server.pointee.client, recounts(client) else { return start }
    // ReadyForQuery has six bytes.
    return replace(start..<end - 6, by: [], server, behind: end)
  }
}
