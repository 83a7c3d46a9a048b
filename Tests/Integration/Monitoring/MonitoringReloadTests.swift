import Foundation
import Testing

extension Integration {
  /// What of the HTTP port changes without a restart.
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no HTTP port")) struct MonitoringReload {
    /// Runs Sluice with an HTTP port; the last argument of the body has the settings changed, by
    /// these on top of the first ones, and a reload.
    private static func withReloads(
      _ settings: SluiceConfiguration.Section = [:],
      _ body: (SluiceProcess, UInt16, (SluiceConfiguration.Section) throws -> Void) throws -> Void
    ) throws {
      let port = try FreePort.next()
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings.merge([
        "metrics_listen": .text("127.0.0.1:\(port)"), "admin_users": ["app"],
      ]) { $1 }
      configuration.settings.merge(settings) { $1 }
      try withSluice(configuration) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        try body(sluice, port) { more in
          var changed = configuration
          changed.settings.merge(more) { $1 }
          try sluice.rewrite(changed)
          _ = try console.query("RELOAD")
        }
      }
    }

    private static func status(
      _ port: UInt16, _ credentials: String? = nil, _ path: String = "/metrics"
    ) throws -> Int {
      let value = credentials.map { "Basic " + Data($0.utf8).base64EncodedString() } ?? ""
      return try HTTPAnswer.get(path, port: port, headers: ["Authorization": value]).status
    }

    @Test func `a password is asked for, changed and no longer asked for`() throws {
      try Self.withReloads { sluice, port, reload in
        #expect(try Self.status(port) == 200)
        // A connection that stays open is asked from its next request on.
        let kept = try HTTPConnection(port: port)
        let request = Array("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        try kept.send(request)
        expectEventually("it is answered") { kept.isReadable }
        try reload(["metrics_user": "scraper", "metrics_password": "open: sesame"])
        #expect(try Self.status(port) == 401)
        #expect(try Self.status(port, "scraper:open: sesame") == 200)
        #expect(try Self.status(port, nil, "/readyz") == 200)
        let last = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        try kept.send(Array(last.utf8))
        let answers = String(decoding: try kept.readToEnd(), as: UTF8.self)
        #expect(answers.hasPrefix("HTTP/1.1 200 OK") && answers.contains("HTTP/1.1 401 "))
        try reload(["metrics_user": "scraper", "metrics_password": "another"])
        #expect(try Self.status(port, "scraper:open: sesame") == 401)
        #expect(try Self.status(port, "scraper:another") == 200)
        // One without the other is refused as a whole.
        try reload(["metrics_user": "scraper"])
        #expect(try Self.status(port) == 401)
        #expect(try Self.status(port, "scraper:another") == 200)
        try reload([:])
        #expect(try Self.status(port) == 200)
        #expect(!sluice.log.contains("sesame") && !sluice.log.contains("another"))
      }
    }

    @Test func `SIGHUP reads a renewed certificate, and turns TLS on and off`() throws {
      let directory = try Scratch.directory("renewal")
      defer { Scratch.remove(directory) }
      let files = try Certificate(in: directory)
      let first = directory + "/first.pem"
      try Scratch.write(Scratch.read(files.certificate), to: first)
      try Self.withReloads { sluice, port, reload in
        #expect(try Self.status(port) == 200)
        let kept = try HTTPConnection(port: port)
        try kept.send(Array("GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8))
        expectEventually("it is answered") { kept.isReadable }
        try reload(files.settings)
        #expect(try Certificate.isServed(first, port: port))
        _ = try kept.readToEnd()
        #expect(kept.isClosedByServer, "it would go on without TLS")
        let plain = Array("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        let answer = String(
          decoding: try HTTPAnswer.exchange(plain, port: port), as: UTF8.self)
        #expect(!answer.contains("200 OK"))
        _ = try Certificate(in: directory)
        sluice.process.signal(SIGHUP)
        try expectEventually("the new one is served") {
          try Certificate.isServed(files.certificate, port: port)
        }
        #expect(try !Certificate.isServed(first, port: port))
        try reload([:])
        #expect(try Self.status(port) == 200)
      }
    }

    @Test func `a certificate that can not be read leaves all as it was`() throws {
      let directory = try Scratch.directory("broken")
      defer { Scratch.remove(directory) }
      let files = try Certificate(in: directory)
      let first = directory + "/first.pem"
      try Scratch.write(Scratch.read(files.certificate), to: first)
      try Self.withReloads(files.settings) { sluice, port, reload in
        #expect(try Certificate.isServed(first, port: port))
        try Scratch.write("no certificate", to: files.certificate)
        try reload(["metrics_user": "u", "metrics_password": "p"])
        #expect(sluice.log.contains("metrics_tls_cert_file \"\(files.certificate)\""))
        #expect(sluice.log.contains("RELOAD failed"))
        // The password is none yet, as the certificate is the old one.
        #expect(try Certificate.isServed(first, port: port))
        // What has nothing to do with it can be set all the same.
        let console = try sluice.connect(database: "pgbouncer")
        _ = try console.query("SET verbose = 1").checked()
        let new = try Certificate(in: directory)
        try reload([:])
        #expect(try Certificate.isServed(new.certificate, port: port))
      }
    }

    @Test func `the number of tenants with figures of their own changes both ways`() throws {
      let port = try FreePort.next()
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings.merge([
        "metrics_listen": .text("127.0.0.1:\(port)"), "metrics_tenants": 4,
        "admin_users": ["app"],
      ]) { $1 }
      configuration.tenancy = ["sources": ["user_suffix"]]
      configuration.tenantSettings["app.tenant_id"] = "{tenant}"
      try withSluice(configuration) { sluice in
        for number in 0..<6 {
          _ = try sluice.connect(tenant: "t\(number)").value("SELECT 1")
        }
        func transactions() throws -> [String: Double] {
          try HTTPAnswer.get("/metrics", port: port).samples.filter {
            $0.key.hasPrefix("sluice_tenant_transactions_total{")
          }
        }
        #expect(try transactions().count == 5)
        let console = try sluice.connect(database: "pgbouncer")
        for (limit, count) in [(2, 3), (5, 6), (0, 1)] {
          configuration.settings["metrics_tenants"] = .integer(limit)
          try sluice.rewrite(configuration)
          _ = try console.query("RELOAD").checked()
          let now = try transactions()
          #expect(now.count == count, "\(limit)")
          #expect(now[#"sluice_tenant_transactions_total{tenant="other"}"#] != nil)
        }
      }
    }

    @Test func `a new address waits for a restart, and that is said`() throws {
      try Self.withReloads { sluice, port, reload in
        let other = try FreePort.next()
        try reload(["metrics_listen": .text("127.0.0.1:\(other)"), "metrics_tenants": 7])
        #expect(sluice.log.contains("metrics_listen can't be changed by a reload"))
        #expect(!sluice.log.contains("metrics_tenants can't be changed"))
        #expect(try Self.status(port) == 200)
        #expect(throws: (any Error).self) { try Self.status(other) }
      }
    }

    @Test func `SET does not make half of a password`() throws {
      try Self.withReloads { sluice, port, _ in
        let console = try sluice.connect(database: "pgbouncer")
        let refused = try console.query("SET metrics_user = 'scraper'")
        #expect(refused.errors.contains { $0.message.contains("need each other") })
        #expect(try Self.status(port) == 200)
        _ = try console.query("SET metrics_tenants = 3").checked()
        let shown = try console.records("SHOW CONFIG")
        #expect(shown.first { $0["key"] == "metrics_user" }?["value"] == "")
        #expect(shown.first { $0["key"] == "metrics_tenants" }?["value"] == "3")
      }
    }
  }
}
