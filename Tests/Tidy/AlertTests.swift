import Foundation
import Testing

/// The alerts, their tests, their runbook and Grafana's dashboard belong together.
@Suite struct Alerts {
  private static func text(_ path: String) -> String {
    SourceTree.files.first { $0.path == path }?.text ?? ""
  }

  private static let rules = text("deploy/prometheus/sluice.rules.yml")
  private static let runbook = text("docs/runbook.md")

  private struct Alert {
    let name: String
    let body: Substring
  }

  private static let alerts: [Alert] = rules.components(separatedBy: "- alert: ").dropFirst()
    .map { text in Alert(name: String(text.prefix { !$0.isNewline }), body: text[...]) }

  /// A heading as an address names it.
  private static func anchor(_ heading: Substring) -> String {
    heading.lowercased().filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" }
      .replacingOccurrences(of: " ", with: "-")
  }

  private static let sections = Set(
    runbook.split(separator: "\n").filter { $0.hasPrefix("## ") }.map { anchor($0.dropFirst(3)) })

  @Test func `every alert has a severity, a summary, a description and a section of the runbook`()
    throws
  {
    #expect(Self.alerts.count >= 15)
    for alert in Self.alerts {
      for key in ["severity: ", "summary: ", "description: "] {
        #expect(alert.body.contains(key), "\(alert.name) has no \(key)")
      }
      let severity = try #require(alert.body.firstMatch(of: /severity: (\w+)/)).1
      #expect(["critical", "warning", "info"].contains(severity), "\(alert.name)")
      let section = alert.body.firstMatch(of: /runbook: docs\/runbook\.md#([a-z-]+)\n/)?.1
      #expect(Self.sections.contains(section.map(String.init) ?? ""), "\(alert.name)")
      #expect(
        Self.isInTable(alert.name, severity: String(severity)),
        "\(alert.name) is not in the runbook's table with its severity")
    }
  }

  @Test func `the runbook's table names alerts that exist, and every section is used`() {
    let names = Set(Self.alerts.map(\.name))
    for match in Self.runbook.matches(of: /`(Sluice\w+)`/) {
      #expect(names.contains(String(match.1)), "\(match.1)")
    }
    for section in Self.sections {
      #expect(Self.rules.contains("runbook.md#\(section)\n"), "no alert leads to \(section)")
    }
  }

  @Test func `every alert is tested, calm and caused`() {
    let tests = Self.text("deploy/prometheus/sluice.rules.test.yml")
    for alert in Self.alerts {
      for kind in ["calm", "cause"] {
        #expect(tests.contains("name: \"\(alert.name): \(kind)\""), "\(alert.name): \(kind)")
      }
    }
  }

  @Test func `Grafana's panels have room and ids of their own`() throws {
    let data = Data(Self.text("deploy/grafana/sluice.json").utf8)
    let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let panels = try #require(dashboard["panels"] as? [[String: Any]])
    #expect(panels.count > 20)
    var ids: Set<Int> = []
    var taken: Set<[Int]> = []
    for panel in panels {
      let title = panel["title"] as? String ?? ""
      #expect(!title.isEmpty)
      #expect(ids.insert(try #require(panel["id"] as? Int)).inserted, "\(title)")
      let place = try #require(panel["gridPos"] as? [String: Int])
      let (x, y) = (place["x"] ?? 0, place["y"] ?? 0)
      #expect(x + (place["w"] ?? 0) <= 24, "\(title)")
      for row in y..<y + (place["h"] ?? 0) {
        for column in x..<x + (place["w"] ?? 0) {
          #expect(taken.insert([column, row]).inserted, "\(title) lies on another panel")
        }
      }
    }
  }

  private static func isInTable(_ alert: String, severity: String) -> Bool {
    runbook.split(separator: "\n").contains { line in
      line.hasPrefix("|") && line.contains("`\(alert)`") && line.contains("| \(severity) |")
    }
  }
}
