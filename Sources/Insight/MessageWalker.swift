import PostgresWire

/// Walks the messages that a client has sent to its server, and gives those whole that tell of
/// statements, or as much of them as matters.
///
/// It sees only what has gone to the server, and all of it. Bodies stream; of a message that comes
/// in pieces what matters is kept.
public struct MessageWalker: Sendable {
  /// Bytes of a message that matter: a text, and the name in front of it.
  @inlinable static var longestText: Int { 17_408 }
  @inlinable static var longestOther: Int { 2_100 }

  public struct Message: Equatable, Sendable {
    public var type: UInt8
    /// Where its body stands in what was walked; nil: it is in `kept`.
    public var body: Range<Int>?

    @inlinable
    init(type: UInt8, body: Range<Int>?) {
      self.type = type
      self.body = body
    }
  }

  @usableFromInline var type: UInt8 = 0
  /// Bytes of the body that have still to come, and how many of them are to be kept.
  @usableFromInline var remaining = 0
  private var wanted = 0
  @usableFromInline var header: [UInt8] = []
  public private(set) var kept: [UInt8] = []

  public init() {}

  /// Gives back what a long message took.
  public mutating func forget() {
    if kept.capacity > 2_048 { kept = [] }
  }

  /// It is between two messages.
  @inlinable public var isAtStart: Bool { remaining == 0 && header.isEmpty }

  /// The next message that tells of statements, and has come to its end.
  /// - Parameter position: where to go on, and where the walk has come to.
  @inlinable
  public mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) -> Message? {
    while position < bytes.count {
      guard isAtStart, bytes.count &- position >= 5 else {
        if goOn(bytes, &position) { return Message(type: type, body: nil) }
        continue
      }
      let raw = unsafe bytes.bytes
      // The condition above keeps both loads within the bytes.
      let next = unsafe raw.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
      let length = UInt32(
        bigEndian: unsafe raw.unsafeLoadUnaligned(
          fromUncheckedByteOffset: position &+ 1, as: UInt32.self))
      let count = length < 4 ? 0 : Int(length) &- 4
      position &+= 5
      guard count <= bytes.count &- position else {
        begin(next, count)
        continue
      }
      let start = position
      position &+= count
      if Self.isWanted(next) {
        return Message(type: next, body: start..<start &+ min(count, Self.limit(next)))
      }
    }
    return nil
  }

  /// A message comes that is not whole yet.
  @usableFromInline @inline(never)
  mutating func begin(_ type: UInt8, _ count: Int) {
    self.type = type
    remaining = count
    wanted = Self.isWanted(type) ? min(count, Self.limit(type)) : 0
    kept.removeAll(keepingCapacity: true)
  }

  /// Takes more of a message that comes in pieces.
  /// - Returns: whether it has come to its end, and is wanted.
  @usableFromInline @inline(never)
  mutating func goOn(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
    if remaining == 0 {
      header.append(bytes[position])
      position &+= 1
      guard header.count == 5 else { return false }
      let length = header.dropFirst().reduce(0) { $0 << 8 | Int($1) }
      begin(header[0], max(0, length - 4))
      header.removeAll(keepingCapacity: true)
      return remaining == 0 && Self.isWanted(type)
    }
    let here = min(remaining, bytes.count &- position)
    keep(bytes, position..<position &+ min(here, wanted))
    position &+= here
    remaining &-= here
    return remaining == 0 && Self.isWanted(type)
  }

  private mutating func keep(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    for index in range { kept.append(bytes[index]) }
    wanted &-= range.count
  }

  /// Query, Parse, Bind, Execute, Sync, Close and FunctionCall: a bit for each, `@` the lowest.
  @inlinable static var wantedTypes: UInt32 { 0x000b_006c }

  @inlinable @inline(__always)
  static func isWanted(_ type: UInt8) -> Bool {
    let bit = type &- 0x40
    return bit < 32 && wantedTypes &>> UInt32(bit) & 1 != 0
  }

  @inlinable
  static func limit(_ type: UInt8) -> Int {
    type == ClientMessageType.query || type == ClientMessageType.parse
      ? longestText : longestOther
  }
}
