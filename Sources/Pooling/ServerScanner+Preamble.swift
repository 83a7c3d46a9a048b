import PostgresWire

// The answers to preambles. Nothing is taken for granted here: what is none of the expected answers
// in their order, nor what may come at any time, is a violation. So a server whose answers have
// shifted against what was asked is found out before its next client is told any of them.
extension ServerScanner {
  /// A preamble goes to a settled server, whose last message has come whole.
  private func preambleHeader(
    _ bytes: RawSpan, at position: Int
  ) -> (type: UInt8, whole: Int)? {
    let type = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
    let length = UInt32(
      bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: position + 1, as: UInt32.self))
    let whole = Int(length) + 1
    guard remaining == 0, length >= 4, whole <= Self.wholeMessageLimit else { return nil }
    // A wrong length would be waited for.
    switch type {
    case ServerMessageType.parseComplete, ServerMessageType.bindComplete:
      return whole == 5 ? (type, whole) : nil
    case ServerMessageType.readyForQuery: return whole == 6 ? (type, whole) : nil
    case ServerMessageType.commandComplete:
      return whole <= 5 + PreambleTag.longest ? (type, whole) : nil
    default: return (type, whole)
    }
  }

  /// As `next`, within the answers to a preamble in front of a client's own query or batch.
  @inline(never)
  public mutating func nextOfPreamble(
    _ bytes: RawSpan, from start: Int, ledger: inout Ledger, replies: inout ReplyQueue
  ) -> ServerScan {
    let end = bytes.byteCount
    var position = start
    if ledger.preambleAnswers == 1, position < end {
      return preambleEnd(bytes, position, &ledger)
    }
    while end - position >= 5 {
      guard let (type, whole) = preambleHeader(bytes, at: position) else {
        return ServerScan(position: position, event: .violation)
      }
      guard whole <= end - position else { break }
      let body = ServerScan.Body(start: position + 5, count: whole - 5)
      switch type {
      case ServerMessageType.noticeResponse: position += whole
      case ServerMessageType.notificationResponse:
        return ServerScan(position: position + whole, event: .notification(body))
      case ServerMessageType.parameterStatus:
        return ServerScan(position: position + whole, event: .parameterStatus(body))
      case ServerMessageType.errorResponse:
        ledger.notePreambleFailed()
        ledger.errorReceived()
        replies.fail(batch: ledger.readyCount)
        return ServerScan(position: position + whole, event: .preambleFailed(body))
      default:
        guard type == ledger.nextPreambleAnswer,
          type != ServerMessageType.commandComplete
            || ledger.takesOfPreamble(PreambleTag(bytes, body))
        else { return ServerScan(position: position, event: .violation) }
        ledger.preambleAnswers -= 1
        position += whole
        if ledger.preambleAnswers == 1, position < end {
          return preambleEnd(bytes, position, &ledger)
        }
      }
    }
    return ServerScan(position: position, event: .drained)
  }

  /// All of the preamble is answered, and the client's own answer begins.
  private func preambleEnd(
    _ bytes: RawSpan, _ position: Int, _ ledger: inout Ledger
  ) -> ServerScan {
    let type = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
    guard type != ServerMessageType.readyForQuery else {
      return ServerScan(position: position, event: .violation)
    }
    ledger.preambleAnswers = 0
    return ServerScan(position: position, event: .preambleDone)
  }

  /// As `next`, within the answer to a query of the pooler's own all of whose answers count.
  mutating func nextOfCounted(
    _ bytes: RawSpan, from start: Int, ledger: inout Ledger
  ) -> ServerScan {
    let end = bytes.byteCount
    var position = start
    while end - position >= 5 {
      guard let (type, whole) = preambleHeader(bytes, at: position) else {
        return ServerScan(position: position, event: .violation)
      }
      guard whole <= end - position else { break }
      let body = ServerScan.Body(start: position + 5, count: whole - 5)
      switch type {
      case ServerMessageType.noticeResponse, ServerMessageType.rowDescription,
        ServerMessageType.dataRow:
        position += whole
      case ServerMessageType.notificationResponse:
        return ServerScan(position: position + whole, event: .notification(body))
      case ServerMessageType.parameterStatus:
        return ServerScan(position: position + whole, event: .parameterStatus(body))
      case ServerMessageType.errorResponse:
        ledger.countedAnswers = 0
        ledger.errorReceived()
        return ServerScan(position: position + whole, event: .errorResponse(body))
      case ServerMessageType.commandComplete:
        let isLast = ledger.countedAnswers == 2
        guard ledger.countedAnswers > 1, let tag = PreambleTag(bytes, body),
          isLast == (tag == .commit)
        else { return ServerScan(position: position, event: .violation) }
        ledger.countedAnswers -= 1
        position += whole
      case ServerMessageType.readyForQuery:
        let status = unsafe bytes.unsafeLoad(fromByteOffset: position + 5, as: UInt8.self)
        guard ledger.countedAnswers == 1, status == TransactionStatus.idle else {
          return ServerScan(position: position, event: .violation)
        }
        ledger.countedAnswers = 0
        _ = ledger.readyForQueryReceived(status)
        return ServerScan(position: position + 6, event: .ownReadyForQuery)
      default: return ServerScan(position: position, event: .violation)
      }
    }
    return ServerScan(position: position, event: .drained)
  }
}

extension Ledger {
  fileprivate mutating func notePreambleFailed() {
    // One more is owed than the preamble has answers.
    preambleProgress = preambleLength &+ 1 &- preambleAnswers
    preambleAnswers = 0
  }

  /// The type of the preamble's next answer.
  fileprivate var nextPreambleAnswer: UInt8 {
    if preambleForm == .prefix { return ServerMessageType.commandComplete }
    switch preambleAnswers % 3 {
    case 1: return ServerMessageType.parseComplete
    case 0: return ServerMessageType.bindComplete
    default: return ServerMessageType.commandComplete
    }
  }

  /// Whether it is the tag of the statement whose turn it is.
  fileprivate mutating func takesOfPreamble(_ tag: PreambleTag?) -> Bool {
    guard preambleForm == .aside else { return tag?.isOfSetting == true }
    defer { preambleIsBegun = true }
    if !preambleIsBegun { return tag == .begin }
    return preambleAnswers == 2 ? tag == .commit : tag?.isOfSetting == true
  }
}

/// The tag of a statement in a preamble.
private enum PreambleTag: String, CaseIterable {
  case begin = "BEGIN"
  case set = "SET"
  case reset = "RESET"
  /// Of a client's own setting, by set_config.
  case select = "SELECT 1"
  case commit = "COMMIT"

  /// With its zero.
  static let longest = 9

  var isOfSetting: Bool { self == .set || self == .reset }

  /// - Returns: nil: it is no such tag, whole and ended by a zero.
  init?(_ bytes: RawSpan, _ body: ServerScan.Body) {
    guard body.count >= 2, bytes.unsafeByte(body.start + body.count - 1) == 0 else { return nil }
    let text = (0..<body.count - 1).map { bytes.unsafeByte(body.start + $0) }
    self.init(rawValue: String(decoding: text, as: UTF8.self))
  }
}

extension RawSpan {
  fileprivate func unsafeByte(_ position: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: position, as: UInt8.self)
  }
}
