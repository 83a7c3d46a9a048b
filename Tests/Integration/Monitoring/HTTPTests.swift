import Foundation
import Testing

extension Integration {
  /// The HTTP port against those who may not, do not or can not.
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no HTTP port")) struct HTTP {
    @Test func `what there is says what it is, and lets a browser do little with it`() throws {
      try Metrics.withMetrics { _, port in
        let types = [
          "/": "text/html; charset=utf-8", "/status.json": "application/json",
          "/metrics": "text/plain; version=0.0.4; charset=utf-8",
        ]
        for (path, type) in types {
          let answer = try HTTPAnswer.get(path, port: port)
          #expect(answer.status == 200)
          #expect(answer.headers["content-type"] == type)
          #expect(
            answer.headers["content-security-policy"]?.hasPrefix("default-src 'self';") == true)
          #expect(answer.headers["x-content-type-options"] == "nosniff")
          #expect(answer.headers["access-control-allow-origin"] == nil)
          let head = try HTTPAnswer.get(path, port: port, method: "HEAD")
          #expect(head.status == 200 && head.body.isEmpty)
          #expect(Int(head.headers["content-length"] ?? "").map { $0 > 0 } == true)
        }
        #expect(try HTTPAnswer.get("/none", port: port).status == 404)
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
          let answer = try HTTPAnswer.get("/metrics", port: port, method: method)
          #expect(answer.status == 405, "\(method)")
          #expect(answer.headers["allow"] == "GET, HEAD")
        }
      }
    }

    @Test func `the status is JSON with what the dashboard needs`() throws {
      try Metrics.withMetrics { sluice, port in
        let client = try sluice.connect()
        for _ in 0..<10 { _ = try client.value("SELECT 1") }
        var status: [String: Any] = [:]
        expectEventually("the history has a point with the queries") {
          let answer = try? HTTPAnswer.get("/status.json?history=1", port: port)
          let data = Data((answer?.body ?? "").utf8)
          status = (try? JSONSerialization.jsonObject(with: data) as? [String: Any]) ?? [:]
          let points = status["history"] as? [[String: Any]] ?? []
          return points.contains { $0["query_p99"] != nil && ($0["queries"] as? Double ?? 0) > 0 }
        }
        let names = [
          "version", "time", "started", "paused", "draining", "query_stats", "clients",
          "client_limit", "loops", "pools", "tenants", "waits", "queries", "problems", "history",
        ]
        #expect(names.filter { status[$0] == nil } == [])
        let pool = try #require((status["pools"] as? [[String: Any]])?.first)
        #expect(pool["database"] as? String == "app")
        #expect((pool["servers"] as? [String: Int])?["idle"] == 1)
        #expect(pool["queries_per_second"] as? Double ?? 0 > 0)
        let query = try #require(pool["query"] as? [String: Double])
        #expect(query["p50"].map { $0 > 0 && $0 < 10 } == true)
        let newest = try HTTPAnswer.get("/status.json", port: port).body
        #expect(newest.components(separatedBy: "query_p99").count <= 2)
      }
    }

    /// Reads each path as it is and compressed, as urllib does not by itself.
    private static let reader = """
      import gzip, http.client, sys
      connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=20)
      def get(path, method, **headers):
          connection.request(method, path, headers=headers)
          answer = connection.getresponse()
          return answer, answer.read()
      for path in ("/metrics", "/status.json?history=1", "/", "/dashboard.js"):
          head, _ = get(path, "HEAD", **{"Accept-Encoding": "gzip"})
          answer, body = get(path, "GET", **{"Accept-Encoding": "gzip, deflate"})
          plain, text = get(path, "GET")
          assert answer.status == head.status == plain.status == 200, path
          assert answer.headers["Content-Encoding"] == "gzip", path
          assert head.headers["Content-Encoding"] == "gzip", path
          assert plain.headers["Content-Encoding"] is None, path
          assert answer.headers["Content-Length"] == str(len(body)), path
          whole = gzip.decompress(body)
          assert len(body) < len(text) / 2, (path, len(body), len(text))
          if path.startswith("/metrics"):
              assert whole.split()[:20] == text.split()[:20], path
          elif path.startswith("/status"):
              assert whole[:1] == b"{" and whole[-1:] == b"}", path
          else:
              assert whole == text, path
      for path in ("/healthz", "/none"):
          answer, body = get(path, "GET", **{"Accept-Encoding": "gzip"})
          assert answer.headers["Content-Encoding"] is None, path
      print("read")
      """

    @Test func `who accepts gzip gets it, on one connection with who does not`() throws {
      try Metrics.withMetrics { sluice, port in
        let client = try sluice.connect()
        _ = try client.value("SELECT 1")
        expectEventually("there is a history", seconds: 30) {
          let path = "/status.json?history=1"
          return (try? HTTPAnswer.get(path, port: port).body.utf8.count).map { $0 > 1050 } == true
        }
        try Scratch.write(Self.reader, to: sluice.directory + "/read.py")
        let run = try Subprocess.run(
          ["/usr/bin/python3", sluice.directory + "/read.py", "\(port)"])
        #expect(run.standardOutput == "read\n", "\(run.standardError)")
      }
    }

    @Test func `with a password the pages want it, health checks do not`() throws {
      let settings: SluiceConfiguration.Section = [
        "metrics_user": "scraper", "metrics_password": "open: sesame",
      ]
      try Metrics.withMetrics(settings) { sluice, port in
        func status(_ path: String, _ credentials: String?) throws -> HTTPAnswer {
          let value = credentials.map { "Basic " + Data($0.utf8).base64EncodedString() } ?? ""
          return try HTTPAnswer.get(path, port: port, headers: ["Authorization": value])
        }
        for path in ["/", "/metrics", "/status.json", "/none"] {
          let answer = try status(path, nil)
          #expect(answer.status == 401)
          #expect(answer.headers["www-authenticate"]?.hasPrefix("Basic realm=") == true)
          for wrong in ["scraper:", "scraper:open", ":open: sesame", "x:open: sesame", ""] {
            #expect(try status(path, wrong).status == 401, "\(wrong)")
          }
        }
        #expect(try status("/metrics", "scraper:open: sesame").status == 200)
        for path in ["/healthz", "/livez", "/readyz"] {
          #expect(try status(path, nil).status == 200)
        }
        for garbage in [
          "Basic", "Basic !", "Bearer x", "Basic \(String(repeating: "A", count: 5000))",
        ] {
          let answer = try HTTPAnswer.get(
            "/metrics", port: port, headers: ["Authorization": garbage])
          #expect(answer.status == 401)
        }
        #expect(!sluice.log.contains("sesame"))
      }
    }

    @Test func `on loopback a foreign Host is refused, so that no name is led here`() throws {
      try Metrics.withMetrics { _, port in
        for host in ["127.0.0.1", "localhost", "LOCALHOST:\(port)", "[::1]:\(port)", "10.1.2.3:1"] {
          let answer = try HTTPAnswer.get("/status.json", port: port, headers: ["Host": host])
          #expect(answer.status == 200, "\(host)")
        }
        let foreign = [
          "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:\(port)",
          "127.0.0.1evil", "[evil]", "1.2.3",
        ]
        for host in foreign {
          let answer = try HTTPAnswer.get("/status.json", port: port, headers: ["Host": host])
          #expect(answer.status == 421, "\(host)")
          #expect(!answer.body.contains("version"))
        }
      }
    }

    private static let hasIPv6: Bool = {
      let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_addr = in6addr_loopback
      return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
        }
      }
    }()

    @Test(.enabled(if: hasIPv6, "there is no IPv6 here"))
    func `it may listen on an address of IPv6, and there alone`() throws {
      let address = "[::1]:\(try FreePort.next())"
      try Metrics.withMetrics(["metrics_listen": .text(address)]) { sluice, port in
        let script = """
          import sys, urllib.error, urllib.request
          print(urllib.request.urlopen(f"http://{sys.argv[1]}/metrics", timeout=20).status)
          foreign = {"Host": "evil.example"}
          try:
              page = urllib.request.Request(f"http://{sys.argv[1]}/", headers=foreign)
              urllib.request.urlopen(page, timeout=20)
          except urllib.error.HTTPError as error:
              print(error.code)
          """
        let run = try Subprocess.run(["/usr/bin/python3", "-c", script, address])
        #expect(run.standardOutput == "200\n421\n", "\(run.standardError)")
        #expect(sluice.log.contains("metrics on \(address)"))
        let same = try #require(UInt16(address.split(separator: ":").last ?? ""))
        #expect(throws: (any Error).self) { try HTTPAnswer.get("/metrics", port: same) }
      }
    }

    @Test func `with a certificate it talks TLS alone`() throws {
      let directory = try Scratch.directory("tls")
      defer { Scratch.remove(directory) }
      let files = try Certificate(in: directory)
      try Metrics.withMetrics(files.settings) { _, port in
        let text = try Certificate.metrics(files.certificate, port: port)
        let name = "sluice_metrics_certificate_expiry_timestamp_seconds"
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") })
        let expiry = try #require(Double(line.dropFirst(name.count + 1)))
        #expect(abs(expiry - Double(time(nil)) - 2 * 86_400) < 3600)
        let plain = Array("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        let answer = try HTTPAnswer.exchange(plain, port: port)
        #expect(!String(decoding: answer, as: UTF8.self).contains("200 OK"))
      }
    }

    @Test func `what it can not listen on or read is an error at the start`() throws {
      let taken = try FreePort.next()
      let listener = try Listener(port: taken)
      defer { listener.close() }
      let cases: [(SluiceConfiguration.Section, String)] = [
        (["metrics_listen": .text("127.0.0.1:\(taken)")], "metrics_listen: 127.0.0.1:\(taken): "),
        (["metrics_listen": "somewhere"], "takes host:port"),
        (["metrics_listen": "127.0.0.1:9", "metrics_user": "x"], "needs \"metrics_password\""),
        (
          [
            "metrics_listen": "127.0.0.1:9", "metrics_tls_cert_file": "/nowhere",
            "metrics_tls_key_file": "/nowhere",
          ], "metrics_tls_cert_file \"/nowhere\""
        ),
      ]
      for (settings, words) in cases {
        var configuration = SluiceConfiguration(try .shared(.newest))
        configuration.settings.merge(settings) { $1 }
        let sluice = try SluiceProcess(configuration, waits: false)
        expectEventually("it ends") { sluice.process.poll() != nil }
        #expect(sluice.process.poll() == .exited(1))
        #expect(sluice.log.contains(words), "\(sluice.log)")
        Scratch.remove(sluice.directory)
      }
    }

    @Test func `the password may come from a file or the environment's forms`() throws {
      let directory = try Scratch.directory("secret")
      defer { Scratch.remove(directory) }
      try Scratch.write("from a file\n", to: directory + "/password")
      chmod(directory, 0o755)
      chmod(directory + "/password", 0o644)
      let text = """
        metrics_listen = "127.0.0.1:9127"
        metrics_user = "x"
        metrics_password = { file = "\(directory)/password" }
        [databases.app]
        host = "127.0.0.1"
        """
      try Scratch.write(text, to: directory + "/sluice.toml")
      let path = directory + "/sluice.toml"
      let run = try Subprocess.run([try SluiceBinary.path(), "--print-config", path])
      #expect(run.succeeded, "\(run.standardError)")
      #expect(run.standardOutput.contains("metrics_password"))
      #expect(!run.standardOutput.contains("from a file"))
    }
  }
}
