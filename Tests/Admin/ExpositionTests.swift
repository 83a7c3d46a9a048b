import Testing

@testable import Admin

@Suite struct Expositions {
  private static func pool() -> PoolMetrics {
    var pool = PoolMetrics(database: "a\"b\\c\nd", user: "ü")
    pool.traffic.queries = 7
    pool.queries.add(1000, times: 7)
    pool.connectFailures = ["connect": 2]
    pool.oldestWait = 1_500_000
    return pool
  }

  private static func text(_ format: Exposition.Format) -> String {
    var snapshot = MetricsSnapshot()
    snapshot.version = "1.2"
    snapshot.pools = [pool()]
    snapshot.loops = [LoopMetrics(loop: 0)]
    snapshot.clientEnds = ["client_closed": 3]
    return Exposition.text(
      snapshot, tenants: [TenantMetrics(name: "t")], process: ProcessFigures(),
      certificateExpiry: 1_800_000_000, format)
  }

  private static let labels = #"database="a\"b\\c\nd",user="ü""#

  @Test(arguments: [Exposition.Format.prometheus, .openMetrics])
  func `label values are escaped, and values are exact`(format: Exposition.Format) {
    let lines = Self.text(format).split(separator: "\n")
    #expect(lines.contains("sluice_queries_total{\(Self.labels)} 7"))
    #expect(lines.contains("sluice_pool_oldest_wait_seconds{\(Self.labels)} 1.5"))
    #expect(lines.contains("sluice_query_seconds_bucket{\(Self.labels),le=\"0.000512\"} 0"))
    #expect(lines.contains("sluice_query_seconds_bucket{\(Self.labels),le=\"0.001024\"} 7"))
    #expect(lines.contains("sluice_query_seconds_bucket{\(Self.labels),le=\"+Inf\"} 7"))
    #expect(lines.contains("sluice_query_seconds_sum{\(Self.labels)} 0.007"))
    #expect(lines.contains("sluice_query_seconds_count{\(Self.labels)} 7"))
    #expect(lines.contains("sluice_client_disconnects_total{reason=\"client_closed\"} 3"))
    #expect(lines.contains("sluice_build_info{version=\"1.2\"} 1"))
  }

  @Test func `Prometheus text describes samples by their names`() {
    let lines = Self.text(.prometheus).split(separator: "\n")
    #expect(lines.contains("# TYPE sluice_queries_total counter"))
    #expect(lines.contains("# TYPE sluice_build_info gauge"))
    #expect(!lines.contains { $0.hasPrefix("# UNIT") || $0.hasPrefix("# EOF") })
  }

  @Test func `OpenMetrics text describes families, tells units and ends`() {
    let text = Self.text(.openMetrics)
    let lines = text.split(separator: "\n")
    #expect(lines.contains("# TYPE sluice_queries counter"))
    #expect(lines.contains("# TYPE sluice_build info"))
    #expect(lines.contains("# UNIT sluice_query_seconds seconds"))
    #expect(lines.contains("# UNIT sluice_received_bytes bytes"))
    #expect(text.hasSuffix("\n# EOF\n"))
  }

  @Test func `every family is described once, and has the samples of no other`() {
    let text = Self.text(.prometheus)
    let families = MetricFamily.groups.flatMap(\.families)
    #expect(Set(families.map(\.name)).count == families.count)
    var current = ""
    var described: [String] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        current = String(line.split(separator: " ")[2])
        described.append(current)
      } else if !line.hasPrefix("#") {
        let name = String(line.prefix { $0 != "{" && $0 != " " })
        let endings = ["", "_bucket", "_sum", "_count"]
        #expect(endings.contains { name == current + $0 }, "\(name) stands in \(current)")
      }
    }
    #expect(described.count == families.count)
    #expect(Set(described) == Set(families.map(\.sampleName)))
  }

  @Test(
    arguments: [
      (0, "0.0"), (1, "0.000001"), (1_000_000, "1.0"), (134_217_728, "134.217728"),
      (1_500_000, "1.5"),
    ] as [(UInt64, String)])
  func `microseconds are seconds without a rounding`(microseconds: UInt64, text: String) {
    #expect(Exposition.seconds(microseconds) == text)
  }
}
