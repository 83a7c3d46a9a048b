/// Hashes bytes under a secret key, so that nobody who does not know the key can choose texts whose
/// hashes are equal. 64 bits: among a million texts an equal pair is a chance of one in 30 million.
///
/// Blocks of 16 bytes are multiplied into 128 bits and folded, as wyhash does. Not for secrets.
public struct KeyedHash: Sendable {
  private let first: UInt64
  private let second: UInt64

  public init(_ first: UInt64, _ second: UInt64) {
    self.first = first | 1
    self.second = second | 1
  }

  public func hash(_ bytes: RawSpan) -> UInt64 {
    let count = bytes.byteCount
    var state = second ^ UInt64(truncatingIfNeeded: count)
    var position = 0
    while count &- position >= 16 {
      // The loop's condition keeps both loads within the bytes.
      let low = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self)
      let high = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: position &+ 8, as: UInt64.self)
      state = Self.fold(low ^ first, high ^ state)
      position &+= 16
    }
    let (low, high) = Self.tail(bytes, position, count)
    state = Self.fold(low ^ first, high ^ state)
    return Self.fold(state ^ first, second)
  }

  public func hash(_ bytes: [UInt8]) -> UInt64 { unsafe hash(bytes.span.bytes) }

  /// Fewer than 16 bytes: two words that overlap where there are eight or more.
  private static func tail(_ bytes: RawSpan, _ start: Int, _ end: Int) -> (UInt64, UInt64) {
    let count = end &- start
    // Each branch's condition keeps its loads within the bytes.
    if count >= 8 {
      return (
        unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self),
        unsafe bytes.unsafeLoadUnaligned(fromByteOffset: end &- 8, as: UInt64.self)
      )
    }
    if count >= 4 {
      return (
        UInt64(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self)),
        UInt64(unsafe bytes.unsafeLoadUnaligned(fromByteOffset: end &- 4, as: UInt32.self))
      )
    }
    var low: UInt64 = 0
    for position in start..<end {
      low = low << 8 | UInt64(unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self))
    }
    return (low, 0)
  }

  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (high, low) = left.multipliedFullWidth(by: right)
    return high ^ low
  }
}
