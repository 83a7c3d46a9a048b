/// A text that is too long to be looked at as a whole: its beginning has been, and what follows is
/// as it goes by, in pieces of any length.
///
/// What spans two pieces is seen at their seam. Blanks do not count there: a `;` is looked at
/// together with what stands behind the blanks that follow it, however many pieces these fill.
public struct LongText: Sendable {
  /// Longer than anything that is looked for.
  private static let seam = 32

  /// The end of what has gone by, without the blanks behind it.
  private var tail: [UInt8] = []

  public init() {}

  public init(beginning: RawSpan) { keep(beginning) }

  /// Whether the next piece has something that ``SQLText/isPlain(_:)`` would stop at.
  public mutating func hasSuspect(_ piece: RawSpan) -> Bool {
    var start = 0
    while start < piece.byteCount, SQLText.isSpace(SQLText.byte(piece, start)) { start += 1 }
    let rest = piece.extracting(start..<piece.byteCount)
    let seam = tail + Self.bytes(rest.extracting(0..<min(Self.seam, rest.byteCount)))
    let isSuspect = unsafe SQLText.hasSuspect(seam.span.bytes) || SQLText.hasSuspect(piece)
    keep(piece)
    return isSuspect
  }

  private mutating func keep(_ piece: RawSpan) {
    var end = piece.byteCount
    while end > 0, SQLText.isSpace(SQLText.byte(piece, end - 1)) { end -= 1 }
    let last = Self.bytes(piece.extracting(max(0, end - Self.seam)..<end))
    tail = Array((tail + last).suffix(Self.seam))
  }

  private static func bytes(_ span: RawSpan) -> [UInt8] {
    unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}
