import Pooling
import Testing

/// Long texts, cut into pieces at every place.
@Suite struct LongTextTests {
  private static let start = "SELECT '" + String(repeating: "x", count: 40) + "'"
  private static let blanks = String(repeating: " \n\t", count: 30)

  /// Whether any piece but the first has a suspect, which isn't plain either as a whole.
  private func hasSuspect(_ pieces: [[UInt8]]) -> Bool {
    guard let first = pieces.first, isPlain(first) else { return true }
    var text = first.withUnsafeBytes { LongText(beginning: $0.bytes) }
    return pieces.dropFirst().map { piece in
      piece.withUnsafeBytes { text.hasSuspect($0.bytes) }
    }.contains(true)
  }

  @Test(arguments: [
    "; SET a.b = 1", ";\(blanks)SET a.b = 1", ";\(blanks);\(blanks)ROLLBACK\(blanks)",
    ", set_config('a.b', 'c', false)", ";;;;\(blanks);/**/RESET ALL",
  ])
  func `what is behind a piece's end is seen wherever that is`(_ end: String) {
    let bytes = Array((Self.start + end).utf8)
    for first in Self.start.utf8.count..<bytes.count {
      #expect(hasSuspect([Array(bytes[..<first]), Array(bytes[first...])]), "\(first)")
      for length in [1, 2, 7, 33] {
        var pieces = [Array(bytes[..<first])]
        for from in stride(from: first, to: bytes.count, by: length) {
          pieces.append(Array(bytes[from..<min(from + length, bytes.count)]))
        }
        #expect(hasSuspect(pieces), "\(first), \(length)")
      }
    }
  }

  @Test(arguments: [
    "", " -- x", ";", ";\(blanks)", ";\(blanks);\u{0}", "\(blanks), b FROM t;\u{0}",
  ])
  func `one plain statement has no suspect`(_ end: String) {
    let bytes = Array((Self.start + end).utf8)
    for first in Self.start.utf8.count..<bytes.count {
      #expect(!hasSuspect([Array(bytes[..<first]), Array(bytes[first...])]), "\(first)")
    }
  }
}
