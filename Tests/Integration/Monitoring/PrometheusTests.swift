import Foundation
import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no metrics")) struct Prometheus {
    /// Where scripts/install-prometheus has put its programs; empty: they could not be had.
    private static let programs = getenv("SLUICE_PROMETHEUS").map { String(cString: $0) } ?? ""

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
      try String(contentsOf: root.appendingPathComponent("deploy/" + path), encoding: .utf8)
    }

    private static func promtool(_ arguments: String...) throws {
      let run = try Subprocess.run([programs + "/promtool"] + arguments)
      #expect(run.succeeded, "\(run.standardOutput)\(run.standardError)")
    }

    @Test(.disabled(if: programs.isEmpty, "promtool could not be had"))
    func `promtool accepts the configuration and the rules, and their tests pass`() throws {
      let directory = Self.root.path + "/deploy/prometheus/"
      try Self.promtool("check", "config", directory + "prometheus.yml")
      try Self.promtool(
        "check", "rules", "--lint=all", "--lint-fatal", directory + "sluice.rules.yml")
      try Self.promtool("test", "rules", directory + "sluice.rules.test.yml")
    }

    /// Each expression of Grafana's dashboard, as it is once its variables are chosen.
    private static func expressions() throws -> [String] {
      let data = Data(try text("grafana/sluice.json").utf8)
      let dashboard = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let panels = try #require(dashboard["panels"] as? [[String: Any]])
      let targets = panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }
      return targets.compactMap { $0["expr"] as? String }.map { expression in
        expression.replacingOccurrences(of: "$__rate_interval", with: "1m")
          .replacing(/\$(instance|database|user)/) { _ in ".*" }
      }
    }

    @Test(.disabled(if: programs.isEmpty, "promtool could not be had"))
    func `promtool reads every expression of Grafana's dashboard`() throws {
      let expressions = try Self.expressions()
      #expect(expressions.count > 40)
      var rules = "groups:\n- name: grafana\n  rules:\n"
      for (index, expression) in expressions.enumerated() {
        rules += "  - record: panel:\(index)\n    expr: >-\n      \(expression)\n"
      }
      let directory = try Scratch.directory("rules")
      defer { Scratch.remove(directory) }
      try Scratch.write(rules, to: directory + "/rules.yml")
      try Self.promtool("check", "rules", directory + "/rules.yml")
    }

    /// What the names of the exposition end in, once a counter or a histogram has a sample.
    private static let endings = ["_bucket", "_sum", "_count"]

    @Test func `every metric of the rules and of Grafana's dashboard is one that Sluice has`()
      throws
    {
      let port = try FreePort.next()
      try withSluice(.newest, ["metrics_listen": .text("127.0.0.1:\(port)")]) { sluice in
        let client = try sluice.connect()
        _ = try client.value("SELECT 1")
        let text = try HTTPAnswer.get("/metrics", port: port).body
        let known = Set(text.matches(of: /# TYPE (\S+)/).map { String($0.1) })
        #expect(known.count > 20)
        let used =
          try Self.text("prometheus/sluice.rules.yml") + Self.expressions().joined(separator: "\n")
        var count = 0
        for match in used.matches(of: /\b(?:sluice|process)_[a-z0-9_]+/) {
          var name = String(match.0)
          for ending in Self.endings where name.hasSuffix(ending) && !known.contains(name) {
            name.removeLast(ending.count)
          }
          count += 1
          #expect(known.contains(name), "\(match.0)")
        }
        #expect(count > 60)
      }
    }
  }
}
