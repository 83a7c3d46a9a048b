/// A closer look at what `suspects` has found.
extension SQLText {
  /// Whether all suspects in a block's two halves are harmless.
  @usableFromInline
  static func areHarmless(
    _ hits: SIMD2<UInt64>, _ text: RawSpan, at offset: Int, and second: Int
  ) -> Bool {
    areHarmless(hits.x.littleEndian, text, at: offset)
      && areHarmless(hits.y.littleEndian, text, at: second)
  }

  /// The same for a text of at most eight bytes.
  @usableFromInline
  static func isShortHarmless(_ text: RawSpan, from start: Int) -> Bool {
    for index in start..<text.byteCount {
      switch byte(text, index) {
      case UInt8(ascii: ";"), UInt8(ascii: "&"):
        if !isHarmless(text, at: index) { return false }
      default: break
      }
    }
    return true
  }

  private static func areHarmless(_ hits: UInt64, _ text: RawSpan, at offset: Int) -> Bool {
    var rest = hits
    while rest != 0 {
      let index = rest.trailingZeroBitCount &>> 3
      if !isHarmless(text, at: offset &+ index) { return false }
      rest &= ~(0xff &<< UInt64(truncatingIfNeeded: 8 &* index))
    }
    return true
  }

  /// Names are compared up to an `i` only, which a byte above 0x7F may fold to: see `SQLName`.
  private static func isHarmless(_ text: RawSpan, at index: Int) -> Bool {
    switch byte(text, index) {
    case UInt8(ascii: "_"):
      switch lower(text, index &+ 1) {
      case UInt8(ascii: "a"):
        return !has("adv", text, at: index &+ 1) || has("advisory_xact", text, at: index &+ 1)
      case UInt8(ascii: "c"): return !has("set_conf", text, at: index &- 3)
      case UInt8(ascii: "s"):
        return !has("pg_sett", text, at: index &- 2) && !has("ts_stat", text, at: index &- 2)
      case UInt8(ascii: "r"): return !has("ts_rewr", text, at: index &- 2)
      case UInt8(ascii: "x"): return !has("query_to_xml", text, at: index &- 8)
      default: return true
      }
    case UInt8(ascii: "&"):
      return lower(text, index &- 1) != UInt8(ascii: "u")
        || lower(text, index &+ 1) != UInt8(ascii: "\"")
    case UInt8(ascii: ";"):
      for offset in index..<text.byteCount {
        let byte = byte(text, offset)
        // The text's end.
        if byte == 0 { return true }
        guard byte == UInt8(ascii: ";") || isSpace(byte) else { return false }
      }
      return true
    default: return !isTemporary(text, at: index &- 2)
    }
  }

  /// Whether the word temp or temporary, or a name with pg_temp in it, is at `index`.
  private static func isTemporary(_ text: RawSpan, at index: Int) -> Bool {
    guard has("temp", text, at: index) else { return false }
    let before = lower(text, index &- 1)
    if before == UInt8(ascii: "_") { return has("pg", text, at: index &- 3) }
    if isLetter(before) { return false }
    let behind = lower(text, index &+ 4)
    if behind == UInt8(ascii: "o") { return has("orary", text, at: index &+ 4) }
    return !isLetter(behind) && behind != UInt8(ascii: "_")
  }

  private static func isLetter(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }

  /// The byte at `index` with letters in lower case; zero outside of the text. Of what is no letter
  /// only `[ \ ] ^ @` and control characters change: nothing that is compared becomes another.
  private static func lower(_ text: RawSpan, _ index: Int) -> UInt8 {
    guard index >= 0, index < text.byteCount else { return 0 }
    let byte = byte(text, index)
    return byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  /// Whether `name` is at `index`, in whichever case.
  private static func has(_ name: StaticString, _ text: RawSpan, at index: Int) -> Bool {
    for offset in 0..<name.utf8CodeUnitCount
    where unsafe lower(text, index &+ offset) != name.utf8Start[offset] {
      return false
    }
    return true
  }

  /// Behind a comment at `start` and the space that follows; `start` where there is no comment, or
  /// one with another in it.
  @usableFromInline
  static func skippingComment(_ text: RawSpan, from start: Int) -> Int {
    let end = text.byteCount
    guard byte(text, start &+ 1) == UInt8(ascii: "*") else { return start }
    var position = start &+ 2
    while position &+ 1 < end {
      let first = byte(text, position)
      let second = byte(text, position &+ 1)
      if first == UInt8(ascii: "*"), second == UInt8(ascii: "/") {
        position &+= 2
        while position < end, isSpace(byte(text, position)) { position &+= 1 }
        return position
      }
      if first == UInt8(ascii: "/"), second == UInt8(ascii: "*") { return start }
      position &+= 1
    }
    return start
  }
}
