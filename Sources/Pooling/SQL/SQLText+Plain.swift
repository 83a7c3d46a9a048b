/// The hot path: most queries can be told to be harmless without reading them as SQL.
///
/// A text is plain if its first word is that of a statement that leaves the session alone, if it is
/// one statement, and if nothing in it, be it in a string or in a comment, looks like what could
/// reach the session from within such a statement:
///
/// | what                              | is found by its |
/// |-----------------------------------|-----------------|
/// | pg_advisory_..., not _xact_       | `_a`            |
/// | set_config                        | `_c`            |
/// | UPDATE pg_settings                | `_s`            |
/// | ts_stat, ts_rewrite, query_to_xml | `_s` `_r` `_x`  |
/// | INTO TEMP, CREATE TEMP, pg_temp   | `mp`            |
/// | a name written as U&"..."         | `&`             |
/// | a further statement               | `;`             |
///
/// As all bytes are looked at, neither quotes nor comments nor an encoding can hide anything.
extension SQLText {
  /// True if the text surely has none of `SessionEffects`, but perhaps `exitsTransaction`.
  @inlinable
  public static func isPlain(_ text: RawSpan) -> Bool {
    let end = text.byteCount
    let start = beginning(text)
    let count = end &- start
    if count <= 8 {
      let word = loadShort(text, from: start, count: count)
      return beginsPlainly(word) && (!hasSymbol(word) || isShortHarmless(text, from: start))
    }
    let word = unsafe text.unsafeLoadUnaligned(fromUncheckedByteOffset: start, as: UInt64.self)
    guard beginsPlainly(UInt64(littleEndian: word)) else { return false }
    if count <= 16 {
      // Two halves, which overlap. Each looks one byte ahead, as all blocks do.
      let last = end &- 9
      let bytes = SIMD16(lowHalf: half(text, start), highHalf: half(text, last))
      let next = SIMD16(lowHalf: half(text, start &+ 1), highHalf: half(text, last &+ 1))
      let hits = words(suspects(bytes, next))
      return hits.x | hits.y == 0 || areHarmless(hits, text, at: start, and: last)
    }
    // The last block overlaps the one before it.
    let last = end &- 17
    var position = start
    while last &- position >= 32 {
      let first = suspects(block(text, position), block(text, position &+ 1))
      let second = suspects(block(text, position &+ 16), block(text, position &+ 17))
      let either = words(first .| second)
      if either.x | either.y != 0 {
        guard areHarmless(words(first), text, at: position, and: position &+ 8),
          areHarmless(words(second), text, at: position &+ 16, and: position &+ 24)
        else { return false }
      }
      position &+= 32
    }
    while true {
      let hits = words(suspects(block(text, position), block(text, position &+ 1)))
      if hits.x | hits.y != 0,
        !areHarmless(hits, text, at: position, and: position &+ 8)
      {
        return false
      }
      if position == last { return true }
      position = min(position &+ 16, last)
    }
  }

  /// Behind space and one comment.
  @inlinable @inline(__always)
  static func beginning(_ text: RawSpan) -> Int {
    let end = text.byteCount
    var start = 0
    while start < end, isSpace(byte(text, start)) { start &+= 1 }
    if end &- start >= 2, byte(text, start) == UInt8(ascii: "/") {
      start = skippingComment(text, from: start)
    }
    return start
  }

  @inlinable @inline(__always)
  static func byte(_ text: RawSpan, _ offset: Int) -> UInt8 {
    unsafe text.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  @inlinable @inline(__always)
  static func block(_ text: RawSpan, _ offset: Int) -> SIMD16<UInt8> {
    unsafe text.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: SIMD16<UInt8>.self)
  }

  @inlinable @inline(__always)
  static func half(_ text: RawSpan, _ offset: Int) -> SIMD8<UInt8> {
    unsafe text.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: SIMD8<UInt8>.self)
  }

  @inlinable @inline(__always)
  static func words(_ mask: SIMDMask<SIMD16<Int8>>) -> SIMD2<UInt64> {
    unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
  }

  @inlinable @inline(__always)
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte &- 0x09 < 5 }

  /// At most eight bytes, the first the lowest; zeros behind them.
  @inlinable @inline(__always)
  static func loadShort(_ text: RawSpan, from start: Int, count: Int) -> UInt64 {
    if count == 8 {
      return UInt64(
        littleEndian: unsafe text.unsafeLoadUnaligned(
          fromUncheckedByteOffset: start, as: UInt64.self))
    }
    if count >= 4 {
      let low = unsafe text.unsafeLoadUnaligned(
        fromUncheckedByteOffset: start, as: UInt32.self)
      let high = unsafe text.unsafeLoadUnaligned(
        fromUncheckedByteOffset: start &+ count &- 4, as: UInt32.self)
      let shift = UInt64(truncatingIfNeeded: 8 &* (count &- 4))
      return UInt64(UInt32(littleEndian: low)) | UInt64(UInt32(littleEndian: high)) &<< shift
    }
    var word: UInt64 = 0
    for offset in 0..<count {
      word |= UInt64(byte(text, start &+ offset)) &<< UInt64(truncatingIfNeeded: 8 &* offset)
    }
    return word
  }

  /// Whether one of the eight bytes is `;` or `&`. A keyword in front, no name fits in with it.
  @inlinable @inline(__always)
  static func hasSymbol(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let semicolon = word ^ 0x3b3b_3b3b_3b3b_3b3b
    let ampersand = word ^ 0x2626_2626_2626_2626
    // A byte that is zero borrows; the highest bit tells, and of one without it only.
    let zeros = ((semicolon &- ones) & ~semicolon) | ((ampersand &- ones) & ~ampersand)
    return zeros & 0x8080_8080_8080_8080 != 0
  }

  /// Whether the text begins with the keyword of a statement that leaves the session alone. No
  /// keyword that begins another statement begins with one of these.
  /// - Parameter word: the text's first eight bytes, the first the lowest.
  @inlinable @inline(__always)
  static func beginsPlainly(_ word: UInt64) -> Bool {
    let lower = word | 0x2020_2020_2020_2020
    if lower & 0xffff_ffff_ffff == 0x74_6365_6c65_73 { return true }  // select
    return isPlainKeyword(lower)
  }

  /// - Parameter lower: eight bytes, letters in lower case, the first the lowest.
  @usableFromInline
  static func isPlainKeyword(_ lower: UInt64) -> Bool {
    switch UInt8(truncatingIfNeeded: lower) {
    case UInt8(ascii: "a"):
      return begins(lower, "analyz") || begins(lower, "analys") || begins(lower, "abort")
    case UInt8(ascii: "b"): return begins(lower, "begin")
    case UInt8(ascii: "c"):
      return begins(lower, "commit") || begins(lower, "copy") || begins(lower, "call")
        || begins(lower, "checkpoi")
    case UInt8(ascii: "d"): return begins(lower, "delete")
    case UInt8(ascii: "e"):
      return begins(lower, "end")
    case UInt8(ascii: "f"): return begins(lower, "fetch")
    case UInt8(ascii: "g"): return begins(lower, "grant")
    case UInt8(ascii: "i"): return begins(lower, "insert")
    case UInt8(ascii: "l"): return begins(lower, "lock")
    case UInt8(ascii: "m"): return begins(lower, "merge") || begins(lower, "move")
    case UInt8(ascii: "n"): return begins(lower, "notify")
    case UInt8(ascii: "r"):
      return begins(lower, "rollback") || begins(lower, "release") || begins(lower, "revoke")
    case UInt8(ascii: "s"):
      return begins(lower, "savepoin") || begins(lower, "start") || begins(lower, "show")
    case UInt8(ascii: "t"): return begins(lower, "table") || begins(lower, "truncate")
    case UInt8(ascii: "u"): return begins(lower, "update")
    case UInt8(ascii: "v"): return begins(lower, "values") || begins(lower, "vacuum")
    case UInt8(ascii: "w"): return begins(lower, "with")
    default: return false
    }
  }

  /// - Parameter keyword: at most eight bytes.
  @inline(__always)
  private static func begins(_ lower: UInt64, _ keyword: StaticString) -> Bool {
    var wanted: UInt64 = 0
    var mask: UInt64 = 0
    for index in 0..<keyword.utf8CodeUnitCount {
      wanted |= UInt64(unsafe keyword.utf8Start[index]) &<< UInt64(8 &* index)
      mask |= 0xff &<< UInt64(8 &* index)
    }
    return lower & mask == wanted
  }

  /// Which bytes are to be looked at closely.
  /// - Parameter next: the bytes that follow those of `bytes`.
  @inlinable @inline(__always)
  static func suspects(
    _ bytes: SIMD16<UInt8>, _ next: SIMD16<UInt8>
  ) -> SIMDMask<SIMD16<Int8>> {
    let lower = next | all(0x20)
    // What follows `_`: a c q s, p r x z.
    let letters = ((lower | all(0x12)) .== all(0x73)) .| ((lower | all(0x0a)) .== all(0x7a))
    let names = (bytes .== all(0x5f)) .& letters
    let temporary = ((bytes | all(0x20)) .== all(0x6d)) .& (lower .== all(0x70))
    let symbols = (bytes .== all(0x3b)) .| (bytes .== all(0x26))
    return names .| temporary .| symbols
  }

  /// The operators of vectors with a scalar are not compiled to instructions on vectors.
  @inlinable @inline(__always)
  static func all(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }
}
