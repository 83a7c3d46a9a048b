import PostgresWire

extension ServerScanner {
  /// As `next`, within the answers to a preamble. Nothing is taken for granted: what is none of its
  /// answers, nor what may come at any time, is a violation.
  @inline(never)
  public mutating func nextOfPreamble(
    _ bytes: RawSpan, from start: Int, ledger: inout Ledger, replies: inout ReplyQueue
  ) -> ServerScan {
    let end = bytes.byteCount
    var position = start
    // A preamble goes to a settled server, whose last message has come whole.
    guard remaining == 0 else { return ServerScan(position: position, event: .violation) }
    while end - position >= 5 {
      let type = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
      let length = UInt32(
        bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: position + 1, as: UInt32.self))
      let whole = Int(length) + 1
      guard length >= 4, whole <= Self.wholeMessageLimit else {
        return ServerScan(position: position, event: .violation)
      }
      guard whole <= end - position else { break }
      let body = ServerScan.Body(start: position + 5, count: whole - 5)
      switch type {
      case ServerMessageType.parseComplete, ServerMessageType.bindComplete,
        ServerMessageType.commandComplete:
        ledger.preambleAnswers -= 1
        position += whole
        if ledger.preambleAnswers == 0 {
          return ServerScan(position: position, event: .preambleDone)
        }
      case ServerMessageType.noticeResponse: position += whole
      case ServerMessageType.notificationResponse:
        return ServerScan(position: position + whole, event: .notification(body))
      case ServerMessageType.parameterStatus:
        return ServerScan(position: position + whole, event: .parameterStatus(body))
      case ServerMessageType.errorResponse:
        ledger.preambleAnswers = 0
        ledger.errorReceived()
        replies.fail(batch: ledger.readyCount)
        return ServerScan(position: position + whole, event: .preambleFailed(body))
      default: return ServerScan(position: position, event: .violation)
      }
    }
    return ServerScan(position: position, event: .drained)
  }
}
