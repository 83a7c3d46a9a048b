/// Texts that are too long to be looked at as a whole.
extension SQLText {
  /// Whether a piece from the middle of a text has something that ``isPlain(_:)`` would stop at.
  ///
  /// What spans two pieces is in neither: whoever cuts a text looks at the seams too.
  public static func hasSuspect(_ piece: RawSpan) -> Bool {
    let end = piece.byteCount
    guard end > 16 else {
      let (low, high) = loadShort(piece, from: 0, count: end)
      let next = SIMD2<UInt64>(low &>> 8 | high &<< 56, high &>> 8)
      let hits = suspects(bytes(SIMD2<UInt64>(low, high)), bytes(next))
      return hits.x | hits.y != 0 && !areHarmless(hits, piece, at: 0)
    }
    let last = end - 17
    var position = 0
    while true {
      let hits = suspects(block(piece, position), block(piece, position + 1))
      if hits.x | hits.y != 0, !areHarmless(hits, piece, at: position) { return true }
      if position == last { return false }
      position = min(position + 16, last)
    }
  }
}
