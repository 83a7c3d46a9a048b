import PostgresWire

/// Walks the frames of a server's bytes and stops where its caller must act.
///
/// Bodies stream; only ParameterStatus and ErrorResponse (when it is not very long) are waited for
/// whole. Like ``ClientScanner`` it keeps no bytes. One call's range is either all for the client
/// or all an answer to the pooler's own query, since that changes only at a ReadyForQuery, where it
/// stops.
public struct ServerScanner: Equatable, Sendable {
  @usableFromInline var remaining: UInt32 = 0
  /// The type of the message that has ended a statement, while ends are watched, and its rows; 0:
  /// none has come since somebody looked. A further one is an event.
  public var endType: UInt8 = 0
  public internal(set) var endRows: UInt64 = 0

  /// The longest message that is waited for whole, header included.
  @inlinable public static var wholeMessageLimit: Int { 16_384 }

  public init() {}

  /// The last message has not come whole.
  @inlinable public var isMidMessage: Bool { remaining != 0 }

  /// Scans `bytes` from `start` to the next event.
  /// - Parameter replies: what is owed of the extended messages that need care.
  @inlinable
  public mutating func next(
    _ bytes: RawSpan, from start: Int, ledger: inout Ledger, replies: inout ReplyQueue
  ) -> ServerScan {
    if ledger.isAnsweringOwn { return nextOwn(bytes, from: start, ledger: &ledger) }
    if ledger.owesPreamble {
      return nextOfPreamble(bytes, from: start, ledger: &ledger, replies: &replies)
    }
    let end = bytes.byteCount
    let rest = min(Int(remaining), end &- start)
    var position = start &+ rest
    remaining &-= UInt32(truncatingIfNeeded: rest)
    // Loads are not checked again: the loop's condition, or the guard before them, has done it.
    while end &- position >= 5 {
      let type = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
      let length = UInt32(
        bigEndian: unsafe bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position &+ 1, as: UInt32.self))
      guard length >= 4 && length < 0x8000_0000 else {
        return ServerScan(position: position, event: .violation)
      }
      let whole = Int(length) &+ 1
      if type == ServerMessageType.readyForQuery {
        guard length == 5 else { return ServerScan(position: position, event: .violation) }
        guard end &- position >= 6 else { break }
        let status = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position &+ 5, as: UInt8.self)
        let event: ServerScan.Event
        switch ledger.readyForQueryReceived(status) {
        case .client: event = .readyForQuery
        case .own: event = .ownReadyForQuery
        case .late: event = .lateReadyForQuery
        case .unexpected: event = .violation
        }
        if !replies.isEmpty, !replies.endBatches(before: ledger.readyCount), !ledger.isTainted {
          return ServerScan(position: position, event: .violation)
        }
        return ServerScan(position: position &+ 6, event: event)
      }
      if Self.isSpecial(type) || (!ledger.watches.isEmpty && Self.isWatched(type, ledger.watches)) {
        guard
          let event = special(
            type, bytes, at: position, whole: whole, &ledger, &replies)
        else { break }
        if event != .passing {
          return ServerScan(
            position: event == .violation ? position : position &+ whole, event: event)
        }
      } else if Self.isCompletion(type), !replies.isEmpty {
        let event = completion(type, whole: whole, ledger, &replies)
        if event != .passing {
          return ServerScan(
            position: event == .violation ? position : position &+ whole, event: event)
        }
      }
      let here = min(whole, end &- position)
      position &+= here
      remaining = UInt32(truncatingIfNeeded: whole &- here)
    }
    return ServerScan(position: position, event: .drained)
  }

  /// Messages of which more than the header counts.
  @inlinable @inline(__always)
  static func isSpecial(_ type: UInt8) -> Bool {
    switch type {
    case ServerMessageType.parameterStatus, ServerMessageType.errorResponse,
      ServerMessageType.copyIn, ServerMessageType.copyBoth, ServerMessageType.authentication,
      ServerMessageType.backendKeyData, ServerMessageType.negotiateProtocolVersion:
      true
    default: false
    }
  }

  @inlinable
  static func isWatched(_ type: UInt8, _ watches: Ledger.Watches) -> Bool {
    switch type {
    case ServerMessageType.commandComplete:
      watches.contains(.tags) || watches.contains(.ends)
    case ServerMessageType.emptyQueryResponse, ServerMessageType.portalSuspended:
      watches.contains(.ends)
    case ServerMessageType.notificationResponse: watches.contains(.notifications)
    case ServerMessageType.noticeResponse: watches.contains(.notices)
    case ServerMessageType.rowDescription, ServerMessageType.noData,
      ServerMessageType.parameterDescription:
      watches.contains(.descriptions)
    default: false
    }
  }

  /// ParseComplete, BindComplete, CloseComplete: `1`, `2`, `3`.
  @inlinable @inline(__always)
  static func isCompletion(_ type: UInt8) -> Bool {
    type &- ServerMessageType.parseComplete <= 2
  }

  @inlinable @inline(__always)
  func completion(
    _ type: UInt8, whole: Int, _ ledger: Ledger, _ replies: inout ReplyQueue
  ) -> ServerScan.Event {
    // Of a server that is not trusted nobody knows what an error has made it skip.
    if ledger.isTainted {
      replies.skip(to: type)
      if replies.isEmpty { return .passing }
    }
    guard whole == 5, let entry = replies.pop() else { return .violation }
    switch (entry.kind, type) {
    case (.bind, ServerMessageType.bindComplete),
      (.parseUnnamed, ServerMessageType.parseComplete):
      return .passing
    case (.parse, ServerMessageType.parseComplete),
      (.ownParse, ServerMessageType.parseComplete),
      (.ownParseUnnamed, ServerMessageType.parseComplete),
      (.close, ServerMessageType.closeComplete),
      (.ownClose, ServerMessageType.closeComplete),
      (.closeForParse, ServerMessageType.closeComplete):
      return .completed(entry)
    default: return .violation
    }
  }

  /// As `next`, within the answer to the pooler's own query: every message that tells something is
  /// an event of its own.
  @usableFromInline @inline(never)
  mutating func nextOwn(
    _ bytes: RawSpan, from start: Int, ledger: inout Ledger
  ) -> ServerScan {
    if ledger.countedAnswers != 0 { return nextOfCounted(bytes, from: start, ledger: &ledger) }
    let end = bytes.byteCount
    let rest = min(Int(remaining), end - start)
    var position = start + rest
    remaining -= UInt32(rest)
    while end - position >= 5 {
      let type = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
      let length = UInt32(
        bigEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: position + 1, as: UInt32.self))
      guard length >= 4 && length < 0x8000_0000 else {
        return ServerScan(position: position, event: .violation)
      }
      let whole = Int(length) + 1
      let isHere = whole <= end - position
      let body = ServerScan.Body(start: position + 5, count: whole - 5)
      if !isHere && whole <= Self.wholeMessageLimit { break }
      guard isHere else {
        // Too long to tell anything. Whoever needs a row will miss it; all else must not be missed.
        if Self.isSpecial(type) || type == ServerMessageType.readyForQuery {
          return ServerScan(position: position, event: .violation)
        }
        remaining = UInt32(whole - (end - position))
        position = end
        break
      }
      position += whole
      switch type {
      case ServerMessageType.readyForQuery:
        guard length == 5 else { return ServerScan(position: position, event: .violation) }
        let status = unsafe bytes.unsafeLoad(fromByteOffset: position - 1, as: UInt8.self)
        if ledger.isRecounting {
          ledger.doubtfulReadyReceived(status)
          continue
        }
        _ = ledger.readyForQueryReceived(status)
        return ServerScan(position: position, event: .ownReadyForQuery)
      case ServerMessageType.parameterStatus:
        return ServerScan(position: position, event: .parameterStatus(body))
      case ServerMessageType.errorResponse:
        ledger.recountFailed()
        ledger.errorReceived()
        return ServerScan(position: position, event: .errorResponse(body))
      case ServerMessageType.closeComplete: ledger.recountAnswered()
      case ServerMessageType.dataRow:
        return ServerScan(position: position, event: .ownRow(body))
      case ServerMessageType.parseComplete, ServerMessageType.parameterDescription,
        ServerMessageType.rowDescription, ServerMessageType.noData:
        return ServerScan(position: position, event: .ownAnswer(type, body))
      case ServerMessageType.copyIn, ServerMessageType.copyBoth, ServerMessageType.authentication,
        ServerMessageType.backendKeyData, ServerMessageType.negotiateProtocolVersion:
        return ServerScan(position: position, event: .violation)
      default: continue
      }
    }
    return ServerScan(position: position, event: .drained)
  }

  /// The event of a special message; nil while it has still to come whole.
  @usableFromInline @inline(never)
  mutating func special(
    _ type: UInt8, _ bytes: RawSpan, at position: Int, whole: Int, _ ledger: inout Ledger,
    _ replies: inout ReplyQueue
  ) -> ServerScan.Event? {
    let isHere = whole <= bytes.byteCount - position
    let body = ServerScan.Body(start: position + 5, count: whole - 5)
    switch type {
    case ServerMessageType.parameterStatus:
      guard whole <= Self.wholeMessageLimit else { return .violation }
      return isHere ? .parameterStatus(body) : nil
    case ServerMessageType.errorResponse:
      if !isHere && whole <= Self.wholeMessageLimit { return nil }
      ledger.errorReceived()
      // Where the count of batches can't be trusted, the order still can, as long as the client
      // waits for answers.
      replies.fail(
        batch: ledger.isTainted ? replies.oldestBatch ?? ledger.readyCount : ledger.readyCount)
      return isHere ? .errorResponse(body) : .passing
    case ServerMessageType.copyIn, ServerMessageType.copyBoth:
      ledger.copyInReceived()
      // Batches are counted by their Syncs, and the server has ignored some.
      if ledger.hasDoubtfulSyncs && !replies.isEmpty { ledger.distrust() }
      return .passing
    case ServerMessageType.commandComplete:
      if !isHere && whole <= Self.wholeMessageLimit { return nil }
      guard isHere else { return .passing }
      if endType == 0, ledger.watches.contains(.ends), !ledger.watches.contains(.tags) {
        endType = type
        endRows = CommandTag.rows(bytes.extracting(body.start..<body.start + body.count))
        return .passing
      }
      return .commandComplete(body)
    case ServerMessageType.emptyQueryResponse, ServerMessageType.portalSuspended:
      guard whole == 5 else { return .violation }
      if endType != 0 { return .statementEnd(type) }
      endType = type
      endRows = 0
      return .passing
    case ServerMessageType.notificationResponse:
      if !isHere && whole <= Self.wholeMessageLimit { return nil }
      return isHere ? .notification(body) : .passing
    case ServerMessageType.noticeResponse:
      if !isHere && whole <= Self.wholeMessageLimit { return nil }
      return isHere ? .notice(body) : .passing
    case ServerMessageType.rowDescription, ServerMessageType.noData,
      ServerMessageType.parameterDescription:
      if !isHere && whole <= Self.wholeMessageLimit { return nil }
      guard let entry = replies.described(type) else { return .passing }
      return isHere ? .described(entry, type, body) : .passing
    default:
      // A login message after the login.
      return .violation
    }
  }
}

/// What a scan of a server's bytes found.
public struct ServerScan: Equatable, Sendable {
  /// Where the scan ended: behind the message that is the event.
  public var position: Int
  public var event: Event

  /// Where a message's body lies in the scanned bytes.
  public struct Body: Equatable, Sendable {
    public var start: Int
    public var count: Int

    public init(start: Int, count: Int) {
      self.start = start
      self.count = count
    }
  }

  public enum Event: Equatable, Sendable {
    /// Nothing to act on; only within a scan.
    case passing
    /// All is taken, but perhaps for a message that has to come whole first.
    case drained
    /// A client's query is answered. The ledger tells whether more is owed.
    case readyForQuery
    /// The pooler's own query is answered.
    case ownReadyForQuery
    /// A Sync is answered that a COPY was taken to have ignored, behind the one behind it.
    case lateReadyForQuery
    case parameterStatus(Body)
    case errorResponse(Body)
    /// A row of the answer to the pooler's own query.
    case ownRow(Body)
    /// Only while the ledger says that tags are watched, or the ends of statements.
    case commandComplete(Body)
    /// EmptyQueryResponse or PortalSuspended; only while the ledger says that ends are watched.
    case statementEnd(UInt8)
    /// A NotificationResponse; only while the ledger says that they are watched.
    case notification(Body)
    /// The answer to a Describe, or the first part of it: its entry, and which message it is.
    case described(ReplyQueue.Entry, UInt8, Body)
    /// What answers a Parse or a Describe of the pooler's own task: which message.
    case ownAnswer(UInt8, Body)
    /// A NoticeResponse; only while the ledger says that they are watched.
    case notice(Body)
    /// All that answers a preamble has come.
    case preambleDone
    /// The preamble has failed, and nothing of the client's has run.
    case preambleFailed(Body)
    /// ParseComplete or CloseComplete, which end where the scan did: the entry that it answers.
    case completed(ReplyQueue.Entry)
    /// The server does not speak the protocol: its connection can't be used any longer.
    case violation
  }

  @inlinable
  init(position: Int, event: Event) {
    self.position = position
    self.event = event
  }
}
