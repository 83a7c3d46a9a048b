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
    var low: UInt64 = 0
    var high: UInt64 = 0
    while position < count {
      high = high << 8 | low >> 56
      low = low << 8 | UInt64(unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self))
      position &+= 1
    }
    state = Self.fold(low ^ first, high ^ state)
    return Self.fold(state ^ first, second)
  }

  public func hash(_ bytes: [UInt8]) -> UInt64 { unsafe hash(bytes.span.bytes) }

  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (high, low) = left.multipliedFullWidth(by: right)
    return high ^ low
  }
}
