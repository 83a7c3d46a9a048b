/// CommandComplete's tag: `SELECT 5`, `INSERT 0 5`, `COMMIT`.
public enum CommandTag {
  /// The rows that a tag tells of.
  public static func rows(_ tag: RawSpan) -> UInt64 {
    var end = tag.byteCount
    while end > 0, byte(tag, end - 1) == 0 { end -= 1 }
    var start = end
    // No count has more digits.
    while start > 0, end - start < 19, byte(tag, start - 1) &- 0x30 < 10 { start -= 1 }
    var rows: UInt64 = 0
    for index in start..<end { rows = rows &* 10 &+ UInt64(byte(tag, index) &- 0x30) }
    return rows
  }

  private static func byte(_ tag: RawSpan, _ index: Int) -> UInt8 {
    unsafe tag.unsafeLoad(fromByteOffset: index, as: UInt8.self)
  }
}
