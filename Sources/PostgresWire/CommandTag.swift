/// CommandComplete's tag: `SELECT 5`, `INSERT 0 5`, `COMMIT`.
public enum CommandTag {
  /// The rows that a tag tells of.
  public static func rows(_ tag: RawSpan) -> UInt64 {
    var end = tag.byteCount
    if end > 0, byte(tag, end &- 1) == 0 { end &-= 1 }
    var rows: UInt64 = 0
    var scale: UInt64 = 1
    var digits = 0
    // No count has more digits.
    while digits < end, digits < 19 {
      let digit = byte(tag, end &- 1 &- digits) &- 0x30
      guard digit < 10 else { break }
      rows &+= UInt64(digit) &* scale
      scale &*= 10
      digits &+= 1
    }
    return rows
  }

  @inline(__always)
  private static func byte(_ tag: RawSpan, _ index: Int) -> UInt8 {
    unsafe tag.unsafeLoad(fromByteOffset: index, as: UInt8.self)
  }
}
