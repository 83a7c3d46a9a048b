import Foundation
import Testing

@testable import Admin

/// docs/metrics.md follows the families. With `UPDATE_DOCS=1` in the environment this writes its
/// table anew instead of failing.
@Suite struct MetricsDocumentationTests {
  @Test func `docs/metrics.md has every family as it is`() throws {
    var wanted: [String] = []
    for group in MetricFamily.groups {
      wanted += [
        "### \(group.title)", "", "| metric | type | labels | meaning |", "|---|---|---|---|",
      ]
      for family in group.families {
        let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
        let columns = ["`\(family.sampleName)`", family.kind.rawValue, labels, family.help]
        wanted.append("| \(columns.joined(separator: " | ")) |")
      }
      wanted.append("")
    }
    wanted.removeLast()
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/metrics.md")
    var lines = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "\n")
    let begin = try #require(lines.firstIndex(of: "<!-- begin metrics -->"))
    let end = try #require(lines.firstIndex(of: "<!-- end metrics -->"))
    if ProcessInfo.processInfo.environment["UPDATE_DOCS"] != nil {
      lines.replaceSubrange(begin + 1..<end, with: wanted)
      try lines.joined(separator: "\n").write(to: url, atomically: false, encoding: .utf8)
    } else {
      #expect(Array(lines[(begin + 1)..<end]) == wanted, "UPDATE_DOCS=1 writes the table anew")
    }
  }
}
