import PostgresWire

/// Walks the messages that a client has sent to its server, and gives those whole that tell of
/// statements, or as much of them as matters.
///
/// It sees only what has gone to the server, and all of it. Bodies stream; of a message that comes
/// in pieces what matters is kept.
public struct MessageWalker: Sendable {
  /// Bytes of a message that matter: a text, and the name in front of it.
  static let longestText = Normaliser.longestText + 1_024
  static let longestOther = 2_100

  public struct Message: Equatable, Sendable {
    public var type: UInt8
    /// Where its body stands in what was walked; nil: it is in `kept`.
    public var body: Range<Int>?
  }

  private var type: UInt8 = 0
  /// Bytes of the body that have still to come, and how many of them are to be kept.
  private var remaining = 0
  private var wanted = 0
  private var header: [UInt8] = []
  public private(set) var kept: [UInt8] = []

  public init() {}

  /// Gives back what a long message took.
  public mutating func forget() {
    if kept.capacity > 2_048 { kept = [] }
  }

  /// It is between two messages.
  public var isAtStart: Bool { remaining == 0 && header.isEmpty && wanted == 0 }

  /// The next message that tells of statements, and has come to its end.
  /// - Parameter position: where to go on, and where the walk has come to.
  public mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) -> Message? {
    while position < bytes.count {
      if remaining > 0 {
        let here = min(remaining, bytes.count &- position)
        keep(bytes, position..<position &+ min(here, wanted))
        position &+= here
        remaining &-= here
        if remaining == 0, Self.isWanted(type) { return Message(type: type, body: nil) }
        continue
      }
      guard readHeader(bytes, &position) else { return nil }
      let start = position
      if !Self.isWanted(type) { continue }
      if remaining <= bytes.count &- start {
        position = start &+ remaining
        let body = start..<start &+ min(remaining, Self.limit(type))
        remaining = 0
        return Message(type: type, body: body)
      }
      kept.removeAll(keepingCapacity: true)
      wanted = min(remaining, Self.limit(type))
    }
    return nil
  }

  private mutating func keep(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    for index in range { kept.append(bytes[index]) }
    wanted &-= range.count
  }

  /// - Returns: false: it has not come whole.
  private mutating func readHeader(_ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
    if bytes.count &- position >= 5, header.isEmpty {
      let raw = unsafe bytes.bytes
      // The condition keeps both loads within the bytes.
      type = unsafe raw.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
      let length = unsafe raw.unsafeLoadUnaligned(
        fromUncheckedByteOffset: position &+ 1, as: UInt32.self)
      remaining = Int(UInt32(bigEndian: length))
      position &+= 5
    } else {
      while header.count < 5, position < bytes.count {
        header.append(bytes[position])
        position &+= 1
      }
      guard header.count == 5 else { return false }
      type = header[0]
      remaining = header.dropFirst().reduce(0) { $0 << 8 | Int($1) }
      header.removeAll(keepingCapacity: true)
    }
    remaining = max(0, remaining - 4)
    wanted = 0
    return true
  }

  private static func isWanted(_ type: UInt8) -> Bool {
    switch type {
    case ClientMessageType.query, ClientMessageType.parse, ClientMessageType.bind,
      ClientMessageType.execute, ClientMessageType.sync, ClientMessageType.close,
      ClientMessageType.functionCall:
      true
    default: false
    }
  }

  private static func limit(_ type: UInt8) -> Int {
    type == ClientMessageType.query || type == ClientMessageType.parse
      ? longestText : longestOther
  }
}
