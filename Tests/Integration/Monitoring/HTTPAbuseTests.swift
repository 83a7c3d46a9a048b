import Foundation
import Glibc
import Testing

extension Integration {
  /// Whoever reaches the HTTP port can not harm the pooler by it.
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no HTTP port")) struct HTTPAbuse {
    private static func expectAlive(
      _ sluice: SluiceProcess, _ port: UInt16, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let client = try sluice.connect()
      #expect(try client.value("SELECT 1") == "1", sourceLocation: sourceLocation)
      let status = try HTTPAnswer.get("/metrics", port: port).status
      #expect(status == 200, sourceLocation: sourceLocation)
    }

    @Test func `malformed requests end their connections`() throws {
      let requests: [[UInt8]] = [
        Array("\r\n\r\n".utf8), Array("nonsense\r\n\r\n".utf8), [0x16, 0x03, 0x01, 0, 5, 1, 2, 3],
        Array("GET / HTTP/9.9\r\n\r\n".utf8), Array("GET\r\n\r\n".utf8),
        Array("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".utf8),
        Array("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".utf8),
        Array("GET / HTTP/1.1\r\nHost: a\r\n bad: folded\r\n\0: x\r\n\r\n".utf8),
        Array(repeating: 0, count: 5000),
        // To the pooler's other port this would be a login.
        [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f],
      ]
      try Metrics.withMetrics { sluice, port in
        for request in requests {
          let connection = try HTTPConnection(port: port)
          try connection.send(request)
          shutdown(connection.descriptor, Int32(SHUT_WR))
          let answer = try connection.readToEnd()
          #expect(!String(decoding: answer, as: UTF8.self).contains(" 200 "))
        }
        try Self.expectAlive(sluice, port)
      }
    }

    @Test func `requests without an end are cut off`() throws {
      let filler = Array(repeating: UInt8(ascii: "a"), count: 20_000_000)
      let starts = [
        "GET /", "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\n",
        "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
      ]
      try Metrics.withMetrics { sluice, port in
        let before = sluice.peakResidentKilobytes
        for start in starts {
          let connection = try HTTPConnection(port: port)
          try connection.send(Array(start.utf8))
          #expect(try connection.send(filler) < filler.count, "\(start)")
        }
        if Patience.measuresMemory {
          #expect(sluice.peakResidentKilobytes - before < 40_000)
        }
        try Self.expectAlive(sluice, port)
      }
    }

    @Test func `a thousand idle connections keep nobody out`() throws {
      try Metrics.withMetrics { sluice, port in
        let idle = try (0..<1000).map { _ in try HTTPConnection(port: port) }
        try Self.expectAlive(sluice, port)
        expectEventually("most are closed") {
          idle.filter(\.isClosedByServer).count >= 850
        }
        try Self.expectAlive(sluice, port)
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        #expect((samples["process_open_fds"] ?? .infinity) < 300)
      }
    }

    @Test func `many requests on one connection, sent at once, are all answered`() throws {
      try Metrics.withMetrics { _, port in
        let one = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        let last = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        let all = String(repeating: one, count: 99) + last
        let answer = try HTTPAnswer.exchange(Array(all.utf8), port: port)
        let text = String(decoding: answer, as: UTF8.self)
        #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 101)
      }
    }

    @Test func `a long answer comes whole, one after the other`() throws {
      let change: (inout SluiceConfiguration) -> Void = {
        $0.tenancy = ["sources": ["user_suffix"]]
        $0.tenantSettings["app.tenant_id"] = "{tenant}"
      }
      try Metrics.withMetrics(["metrics_tenants": 10_000], change) { sluice, port in
        let name = String(repeating: "long-", count: 10)
        for number in 0..<900 {
          let client = try sluice.connect(tenant: name + "\(number)")
          _ = try client.value("SELECT 1")
          client.terminate()
        }
        // More often than such may be on their way.
        for _ in 0..<12 {
          let answer = try HTTPAnswer.get("/metrics", port: port)
          #expect(answer.status == 200)
          #expect(answer.headers["content-length"] == "\(answer.body.utf8.count)")
          #expect(answer.body.utf8.count > 1 << 20 && answer.body.hasSuffix("\n"))
        }
      }
    }

    @Test func `scrapes from many at once share their look at the loops`() throws {
      try Metrics.withMetrics(["threads": 4]) { sluice, port in
        let clients = try (0..<50).map { _ in try sluice.connect() }
        let statuses = try onThreads(16) { _ in
          try (0..<10).map { _ in try HTTPAnswer.get("/metrics", port: port).status }
        }
        #expect(statuses.flatMap { $0 }.allSatisfy { $0 == 200 })
        for client in clients { #expect(try client.value("SELECT 1") == "1") }
      }
    }
  }
}
