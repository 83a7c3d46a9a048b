/// Texts that are too long to be looked at as a whole.
extension SQLText {
  /// Whether a piece from the middle of a text has something that ``isPlain(_:)`` would stop at.
  ///
  /// What spans two pieces is in neither, and a piece of 16 bytes or fewer is not looked at: who
  /// cuts a text looks at the seams too, with enough of both sides.
  public static func hasSuspect(_ piece: RawSpan) -> Bool {
    let end = piece.byteCount
    guard end > 16 else { return false }
    let last = end - 17
    var position = 0
    while true {
      let hits = words(suspects(block(piece, position), block(piece, position + 1)))
      if isSuspect(hits, piece, at: position) { return true }
      if position == last { return false }
      position = min(position + 16, last)
    }
  }

  private static func isSuspect(_ hits: SIMD2<UInt64>, _ piece: RawSpan, at position: Int) -> Bool {
    hits.x | hits.y != 0 && !areHarmless(hits, piece, at: position, and: position + 8)
  }
}
