/// Texts that may stand behind another statement in one simple query.
extension SQLText {
  /// Whether the text begins with SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or TABLE.
  ///
  /// A text for which both this and ``isPlain(_:)`` hold is one statement that neither begins, ends
  /// nor chains a transaction and that runs in a transaction block as it does outside of one. A `;`
  /// is nowhere in it but at its end. A statement may be put in front of it: nothing that it ends
  /// with, or fails to end, reaches what is in front. `SELECT ... INTO t` is data here: it too runs
  /// in a block.
  @inlinable
  public static func isData(_ text: RawSpan) -> Bool {
    let start = beginning(text)
    let count = text.byteCount &- start
    let lower = loadShort(text, from: start, count: min(count, 8)) | 0x2020_2020_2020_2020
    let length = dataKeywordLength(lower)
    if length == 0 || length > count { return false }
    return length == count || !isNameByte(byte(text, start &+ length))
  }

  /// - Parameter lower: eight bytes, letters in lower case, the first the lowest.
  @inlinable @inline(__always)
  static func dataKeywordLength(_ lower: UInt64) -> Int {
    switch lower & 0xffff_ffff_ffff {
    case 0x74_6365_6c65_73: return 6  // select
    case 0x74_7265_736e_69: return 6  // insert
    case 0x65_7461_6470_75: return 6  // update
    case 0x65_7465_6c65_64: return 6  // delete
    case 0x73_6575_6c61_76: return 6  // values
    default: break
    }
    switch lower & 0xff_ffff_ffff {
    case 0x65_6772_656d: return 5  // merge
    case 0x65_6c62_6174: return 5  // table
    default: return lower & 0xffff_ffff == 0x6874_6977 ? 4 : 0  // with
    }
  }

  /// What goes on with a name or a keyword.
  @inlinable @inline(__always)
  static func isNameByte(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "$") || byte >= 0x80
  }
}
