/// CommandComplete's tag: `SELECT 5`, `INSERT 0 5`, `COMMIT`.
public enum CommandTag {
  /// The rows that it tells of.
  public static func rows(_ tag: Span<UInt8>) -> UInt64 {
    var end = tag.count
    while end > 0, tag[end - 1] == 0 { end -= 1 }
    var rows: UInt64 = 0
    var scale: UInt64 = 1
    while end > 0, tag[end - 1] &- 0x30 < 10, scale <= 1_000_000_000_000_000_000 {
      rows &+= UInt64(tag[end - 1] &- 0x30) &* scale
      scale = scale == 1_000_000_000_000_000_000 ? .max : scale * 10
      end -= 1
    }
    return rows
  }
}
