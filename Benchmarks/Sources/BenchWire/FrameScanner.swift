/// A run of bytes of one message's body, as much of it as the chunk held.
@frozen
public struct FramePiece {
  /// The message's type byte; 0 where its length was impossible.
  public let type: UInt8
  /// Where the piece starts within the body.
  public let bodyOffset: Int
  /// Where the piece starts within the chunk.
  public let start: Int
  public let count: Int
  /// True for the piece that ends the message.
  public let isLast: Bool

  @inlinable
  init(type: UInt8, bodyOffset: Int, start: Int, count: Int, isLast: Bool) {
    self.type = type
    self.bodyOffset = bodyOffset
    self.start = start
    self.count = count
    self.isLast = isLast
  }
}

/// Walks the messages of one direction of a connection, chunk by chunk, without keeping bodies.
///
/// Between two calls it is in one of two states: in a header of which `headerHave` (0 to 4) bytes
/// are known, or in a body (`headerHave` is 5) of which `remaining` bytes are still to come.
@frozen
public struct FrameScanner {
  @usableFromInline var headerHave: UInt8 = 0
  @usableFromInline var type: UInt8 = 0
  @usableFromInline var length: UInt32 = 0
  @usableFromInline var remaining = 0
  @usableFromInline var bodyOffset = 0

  @inlinable
  public init() {}

  /// The next piece, or nil when the chunk is used up.
  @inlinable
  public mutating func next(
    _ bytes: UnsafePointer<UInt8>, count: Int, position: inout Int
  ) -> FramePiece? {
    if headerHave != 5 {
      while headerHave < 5 {
        if position == count { return nil }
        let byte = bytes[position]
        position &+= 1
        if headerHave == 0 { type = byte } else { length = length << 8 | UInt32(byte) }
        headerHave &+= 1
      }
      bodyOffset = 0
      remaining = Int(length) - 4
      length = 0
      if remaining < 0 {
        remaining = 0
        type = 0
      }
    } else if position == count {
      return nil
    }
    let taken = min(remaining, count - position)
    if taken == 0 && remaining > 0 { return nil }
    let piece = FramePiece(
      type: type, bodyOffset: bodyOffset, start: position, count: taken,
      isLast: taken == remaining)
    position &+= taken
    bodyOffset &+= taken
    remaining &-= taken
    if remaining == 0 { headerHave = 0 }
    return piece
  }
}
