import Foundation
import Glibc
import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no JSON lines")) struct LogFormats {
    /// The lines of a log in JSON; those that are none are recorded as issues.
    static func objects(_ log: String) -> [[String: Any]] {
      log.split(separator: "\n").compactMap { line in
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        if object == nil { Issue.record("no JSON: \(line.prefix(300))") }
        return object
      }
    }

    @Test func `each line is JSON, and tells of its connection`() throws {
      let settings: SluiceConfiguration.Section = [
        "log_format": "json", "admin_users": ["app"], "stats_period": 1,
      ]
      try withSluice(.newest, settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        let id = try #require(
          try console.records("SHOW CLIENTS WHERE database = 'app'").first?["id"] ?? nil)
        let server = try #require(try console.records("SHOW SERVERS").first)
        client.terminate()
        _ = try console.query("RECONNECT app").checked()
        expectEventually("all is told") {
          sluice.log.contains("\"stats: ")
            && sluice.log.split(separator: "\n").filter { $0.contains("closing because") }.count > 1
        }
        let lines = Self.objects(sluice.log)
        for line in lines {
          #expect(line["pid"] as? Int == Int(sluice.process.pid))
          let time = try #require(line["time"] as? String)
          #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        }
        func line(_ text: String, _ cause: String) throws -> [String: Any] {
          try #require(
            lines.first {
              ($0["message"] as? String)?.contains(text) == true && $0["cause"] as? String == cause
            }, "\(text)")
        }
        for (text, cause) in [
          ("login attempt: db=app user=app tls=no", "login"),
          ("closing because: client close request", "client_closed"),
        ] {
          let line = try line("@127.0.0.1:\(try Self.port(of: id, lines)) \(text)", cause)
          #expect(line["level"] as? String == "info")
          #expect(line["database"] as? String == "app" && line["user"] as? String == "app")
          #expect(line["client_id"] as? Int == Int(id))
        }
        for (text, cause) in [
          ("new connection to server", "server_connection"), ("closing because: ", "server_closed"),
        ] {
          let line = try line(text, cause)
          #expect(line["database"] as? String == "app" && line["user"] as? String == "app")
          #expect(line["server_id"] as? Int == server["id"]?.flatMap { Int($0) })
          #expect(
            (line["server"] as? String)?.hasSuffix(":\((server["port"] ?? nil) ?? "")") == true)
        }
        #expect(try line("RECONNECT app", "command")["user"] as? String == "app")
      }
    }

    /// The port of the client with an id.
    private static func port(of id: String, _ lines: [[String: Any]]) throws -> Substring {
      let client = lines.first { $0["client_id"] as? Int == Int(id) }?["client"] as? String
      return try #require(client?.split(separator: ":").last)
    }

    @Test func `clients with hostile names don't break a line`() throws {
      let settings: SluiceConfiguration.Section = ["log_format": "json", "log_rate_limit": 0]
      try withSluice(.newest, settings) { sluice in
        let names = [
          "two\nlines", "\"},{\"level\":\"fatal", "\u{1}\u{1f}\u{7f}\u{9f}", "a\u{2028}b", "👩‍👩‍👧‍👦",
          "back\\slash", String(repeating: "long", count: 1000), "\u{202e}",
        ]
        for name in names { _ = try sluice.loginError(user: name, database: name) }
        // Bytes that are no UTF-8.
        let raw = try WireClient(to: sluice.endpoint)
        let body: [UInt8] =
          [0, 3, 0, 0] + Array("user".utf8) + [0, 0xff, 0xc3, 0x28, 0] + Array("database".utf8)
          + [0, 0xed, 0xa0, 0x80, 0, 0]
        try raw.send([0, 0, 0, UInt8(body.count + 4)] + body)
        _ = try raw.receive()
        expectEventually {
          sluice.log.split(separator: "\n").filter { $0.contains("closing because") }.count
            > names.count
        }
        let lines = Self.objects(sluice.log)
        let users = lines.compactMap { $0["user"] as? String }
        for name in names where name.utf8.count < 1000 {
          // A warning, and the end.
          #expect(users.filter { Array($0.utf8) == Array(name.utf8) }.count == 2, "\(name)")
        }
        #expect(users.contains { $0.hasPrefix("longlong") && $0.hasSuffix("...") })
        #expect(lines.contains { $0["cause"] as? String == "startup_refused" })
      }
    }

    @Test func `SET and a reload change the format`() throws {
      try withSluice(.newest, ["admin_users": ["app"]]) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        _ = try console.query("SET log_format = 'json'").checked()
        _ = try sluice.connect()
        expectEventually { sluice.log.contains("\"cause\":\"login\"") }
        sluice.process.signal(SIGHUP)
        let text = /[A-Z]+ \[\d+\] LOG C-0x[0-9a-f]+: pgbouncer\/app@\S+ RELOAD, re-reading config/
        expectEventually {
          _ = try? console.query("RELOAD")
          return sluice.log.contains(text)
        }
      }
    }

    @Test func `stats lines are PgBouncer's, each stats_period`() throws {
      try withSluice(.newest, ["stats_period": 1]) { sluice in
        let client = try sluice.connect()
        let pattern = try Regex(
          #" LOG stats: (\d+) xacts/s, (\d+) queries/s, (\d+) client parses/s, "#
            + #"(\d+) server parses/s, (\d+) binds/s, in (\d+) B/s, out (\d+) B/s, xact (\d+) us, "#
            + #"query (\d+) us, wait (\d+) us\n"#)
        expectEventually("two of them, one with what was done") {
          _ = try? client.value("SELECT 1")
          let found = sluice.log.matches(of: pattern)
          return found.count > 1 && found.contains { $0.output[1].substring != "0" }
        }
      }
      try withSluice(.newest, ["stats_period": 1, "log_stats": false]) { sluice in
        usleep(2_500_000)
        #expect(!sluice.log.contains("stats: "))
      }
    }
  }
}
