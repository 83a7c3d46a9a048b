import Glibc
import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct Exporter {
    /// Where scripts/install-exporter has unpacked it; empty: it could not be had.
    private static let home = getenv("SLUICE_EXPORTER").map { String(cString: $0) } ?? ""

    /// One answer over HTTP; nil while nobody listens.
    private static func scrape(_ port: UInt16) -> String? {
      guard let client = try? WireClient(to: .tcp(port), seconds: 5) else { return nil }
      defer { client.close() }
      let request = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n"
      guard (try? client.send(Array(request.utf8))) != nil else { return nil }
      var text: [UInt8] = []
      while let byte = try? client.receiveByte(), text.count < 1 << 20 { text.append(byte) }
      return String(decoding: text, as: UTF8.self)
    }

    /// It asks for columns that PgBouncer had before 1.8 and 1.24.
    @Test(.disabled(if: home.isEmpty, "prometheus-pgbouncer-exporter could not be had"))
    func `Debian's prometheus-pgbouncer-exporter works with the columns of older versions`() throws
    {
      let settings: SluiceConfiguration.Section = ["stats_users": ["app"]]
      try withSluice(.newest, settings) { sluice in
        let client = try sluice.connect()
        for _ in 0..<7 { _ = try client.value("SELECT 1") }
        let port = try FreePort.next()
        let exporter = try Subprocess(
          [
            "/usr/bin/python3", Self.home + "/usr/bin/prometheus-pgbouncer-exporter", "--host",
            "127.0.0.1", "--port", "\(port)", "--pgbouncer-host", "127.0.0.1",
            "--pgbouncer-port", "\(sluice.port)", "--pgbouncer-user", "app",
          ],
          environment: [
            "PGOPTIONS": "-c old_columns=on", "PGSSLMODE": "disable",
            "PYTHONPATH": Self.home + "/usr/lib/python3/dist-packages",
          ],
          output: sluice.directory + "/exporter")
        defer { exporter.end(SIGTERM) }
        expectEventually("it tells what the console tells", seconds: 20) {
          let text = Self.scrape(port) ?? ""
          return text.contains("pgbouncer_requests_total{database=\"app\"} 7.0")
            && text.contains("pgbouncer_used_clients 2.0")
        }
        let text = Self.scrape(port) ?? ""
        #expect(text.contains("pgbouncer_active_clients{database=\"app\",user=\"app\"} 1.0"))
        #expect(text.contains("pgbouncer_pool_size{database=\"app\"} 20.0"))
        #expect(text.contains("pgbouncer_reserve_pool{database=\"app\"} 0.0"))
        if text.isEmpty { Issue.record("\(Scratch.read(sluice.directory + "/exporter"))") }
      }
    }
  }
}
