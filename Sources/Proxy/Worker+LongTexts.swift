import Pooling
import PostgresWire

// Texts that are too long to be looked at as a whole.
extension Worker {
  /// A text that is longer than what is looked at as a whole: its beginning is, and the rest as it
  /// goes by.
  /// - Parameter from: where the text begins.
  func inspectLongText(
    _ message: InspectedMessage, from: Int, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer, _ isUnconfirmed: Bool
  ) -> Inspected {
    guard message.here > Self.inspectedLimit / 2 else { return .incomplete }
    if isUnconfirmed { return .held }
    guard server.pointee.ledger.hasRoom else { return .held }
    guard let isPlain = beginLongText(message, from: from, client, session) else { return .ended }
    guard server.pointee.ledger.clientSends(message.type) else { return .held }
    if !isPlain { suspectText(client, session) }
    outbox.append(scratch + message.start, count: message.here)
    if message.type == ClientMessageType.query { forgetUnnamed(client, session) }
    return .sent
  }

  /// Looks at the beginning of a long text, and has the rest looked at.
  /// - Returns: whether it is plain so far; nil: a client with a tenant may not send it, and has
  ///   ended.
  func beginLongText(
    _ message: InspectedMessage, from: Int, _ client: ClientPointer, _ session: SessionPointer
  ) -> Bool? {
    let isPlain = SQLText.isPlain(bytes(from, message.end).bytes)
    if let tenant = client.pointee.tenant, !tenant.pointee.isExempt,
      !isPlain || tenant.pointee.isRead
    {
      endClient(client, .textTooLong)
      return nil
    }
    session.pointee.longText = LongText(beginning: bytes(from, message.end).bytes)
    client.pointee.isSendingText = true
    return isPlain
  }

  /// Looks at the next piece of a long text, which goes by.
  /// - Returns: false: the client has ended.
  @inline(never)
  func watchText(_ client: ClientPointer, _ count: Int) -> Bool {
    guard let session = client.pointee.session else { return true }
    let piece = UnsafeRawBufferPointer(start: scratch, count: count)
    if session.pointee.longText.hasSuspect(piece.bytes) {
      // It has not come whole, so nothing of it has run.
      if client.pointee.tenant?.pointee.isExempt == false {
        endClient(client, .textTooLong)
        return false
      }
      suspectText(client, session)
    }
    if !client.pointee.scanner.isMidMessage { client.pointee.isSendingText = false }
    return true
  }
}
