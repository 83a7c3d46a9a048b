import PostgresWire

/// Walks the frames of a logged-in client's bytes and tells how many of them go to its server.
///
/// Only headers are looked at; bodies stream. The scanner keeps no bytes: what it does not take (a
/// header that has not come whole, a message that must wait) its caller shows it again, with more.
public struct ClientScanner: Equatable, Sendable {
  /// Bytes of the last message's body that have still to come.
  @usableFromInline var remaining: UInt32 = 0
  /// The setting disable_pqexec: a simple Query ends the scan.
  public var refusesQuery = false

  public init() {}

  /// The last message that went to the server has not gone whole.
  @inlinable public var isMidMessage: Bool { remaining != 0 }

  /// Scans `bytes`, recording each message in `ledger`.
  /// - Parameters:
  ///   - maxPacketSize: the setting max_packet_size: the largest length a message may claim.
  ///   - inspection: which messages are left to be looked at by the caller.
  @inlinable
  public mutating func scan(
    _ bytes: RawSpan, ledger: inout Ledger, maxPacketSize: UInt32, inspection: Inspection = .none
  ) -> ClientScan {
    let end = bytes.byteCount
    var position = min(Int(remaining), end)
    remaining &-= UInt32(truncatingIfNeeded: position)
    var messages = 0
    // Loads are not checked again: the loop's condition, or the guard before them, has done it.
    while end &- position >= 5 {
      let type = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
      let length = UInt32(
        bigEndian: unsafe bytes.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position &+ 1, as: UInt32.self))
      if let stop = check(type, length, maxPacketSize) {
        return ClientScan(forward: position, messages: messages, stop: stop)
      }
      if inspection != .none, !Self.passes(bytes, type, at: position, length, inspection) {
        return ClientScan(forward: position, messages: messages, stop: .inspect)
      }
      guard ledger.clientSends(type) else {
        return ClientScan(forward: position, messages: messages, stop: .mustWait)
      }
      messages &+= 1
      let whole = Int(length) &+ 1
      let here = min(whole, end &- position)
      position &+= here
      remaining = UInt32(truncatingIfNeeded: whole &- here)
    }
    return ClientScan(forward: position, messages: messages, stop: .drained)
  }

  /// Which messages the caller looks at itself.
  public enum Inspection: UInt8, Sendable {
    /// None: the client has its server for itself.
    case none
    /// Those that name statements, and queries that could change their session.
    case sessions
    /// Those that name statements, and all queries.
    case queries
    /// Every one.
    case all
  }

  /// Whether a message may go to the server as it is.
  @inlinable @inline(__always)
  static func passes(
    _ bytes: RawSpan, _ type: UInt8, at position: Int, _ length: UInt32, _ inspection: Inspection
  ) -> Bool {
    if inspection == .all { return false }
    switch type {
    case ClientMessageType.query:
      if inspection == .queries { return false }
      let end = position &+ 1 &+ Int(length)
      return end <= bytes.byteCount && length > 4
        && SQLText.isPlain(bytes.extracting(position &+ 5..<end &- 1))
    case ClientMessageType.parse, ClientMessageType.bind, ClientMessageType.describe,
      ClientMessageType.close:
      return false
    default: return true
    }
  }

  /// A message whose header the caller has looked at goes to the server.
  /// - Parameters:
  ///   - whole: its bytes, header included.
  ///   - here: how many of them have come.
  public mutating func pass(whole: Int, here: Int) {
    remaining = UInt32(truncatingIfNeeded: whole - min(whole, here))
  }

  /// What ends the scan in front of this message, if anything does.
  @inlinable @inline(__always)
  public func check(
    _ type: UInt8, _ length: UInt32, _ maxPacketSize: UInt32
  ) -> ClientScan.Stop? {
    switch type {
    case ClientMessageType.query, ClientMessageType.parse, ClientMessageType.bind,
      ClientMessageType.functionCall, ClientMessageType.copyData, ClientMessageType.copyFail:
      // PostgreSQL takes less than 1 GB in one of these (PQ_LARGE_MESSAGE_LIMIT).
      guard length >= 4 && length < 0x3fff_ffff && length <= maxPacketSize else {
        return .invalidLength
      }
      return refusesQuery && type == ClientMessageType.query ? .refusedQuery : nil
    case ClientMessageType.execute, ClientMessageType.sync, ClientMessageType.describe,
      ClientMessageType.close, ClientMessageType.flush, ClientMessageType.copyDone:
      // And 10,000 bytes in one of these (PQ_SMALL_MESSAGE_LIMIT).
      if length >= 4 && length <= 10_000 && length <= maxPacketSize { return nil }
      return .invalidLength
    case ClientMessageType.terminate: return .terminate
    default: return .invalidType(type)
    }
  }
}

/// What a scan of a client's bytes found.
public struct ClientScan: Equatable, Sendable {
  /// How many bytes, from the first, go to the server.
  public var forward: Int
  /// How many messages begin in them.
  public var messages: Int
  /// Why the scan ended there.
  public var stop: Stop

  public enum Stop: Equatable, Sendable {
    /// All is taken, but perhaps for a header that has not come whole.
    case drained
    /// Too many replies are outstanding: what follows waits until some have come.
    case mustWait
    /// What follows is the caller's to look at.
    case inspect
    /// The client says goodbye.
    case terminate
    /// A simple Query, where those are refused.
    case refusedQuery
    /// A message claims a length that PostgreSQL refuses.
    case invalidLength
    /// A message that no client sends.
    case invalidType(UInt8)
  }

  @inlinable
  init(forward: Int, messages: Int, stop: Stop) {
    self.forward = forward
    self.messages = messages
    self.stop = stop
  }
}
