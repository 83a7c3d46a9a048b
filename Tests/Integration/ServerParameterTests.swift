import Glibc
import Testing

extension Integration {
  /// What logins are told of the server.
  @Suite(.serialized) struct ServerParameter {
    /// A server that reports parameters when it is asked for them, before its answer or after it.
    private static func reporting() throws -> FakeServer {
      try FakeServer { connection, _ in
        try connection.welcome(parameters: [
          ("server_version", "18.0"), ("in_hot_standby", "on"), ("is_superuser", "off"),
          ("default_transaction_read_only", "off"), ("TimeZone", "UTC"),
        ])
        while let query = try connection.receive(), query.type == "Q" {
          let words = query.strings()[0].split(separator: " ").map(String.init)
          let answer = Frame.message("C", Frame.string("SELECT 0")) + Frame.message("Z", [0x49])
          guard words.count == 3 else {
            // A query of the pooler's own.
            try connection.send(answer)
            continue
          }
          let report = Frame.message("S", Frame.string(words[1]) + Frame.string(words[2]))
          try connection.send(words[0] == "before" ? report + answer : answer)
          guard words[0] == "after" else { continue }
          usleep(50_000)
          try connection.send(report)
        }
      }
    }

    /// Whether logins come to be told so.
    private static func isTold(
      _ sluice: SluiceProcess, _ name: String, _ value: String, seconds: Double = 5
    ) throws -> Bool {
      try eventually(seconds: seconds) {
        let client = try sluice.connect()
        defer { client.terminate() }
        return client.parameters[name] == value
      }
    }

    @Test(arguments: ["before", "after"])
    func `a promotion is told to later logins`(time: String) throws {
      let server = try Self.reporting()
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let client = try sluice.connect()
        #expect(client.parameters["in_hot_standby"] == "on")
        try client.query("\(time) in_hot_standby off")
        #expect(try Self.isTold(sluice, "in_hot_standby", "off"))
        #expect(server.packets.count == 1, "no other server was opened")
      }
    }

    @Test(arguments: [
      "is_superuser on", "default_transaction_read_only on", "TimeZone Asia/Tokyo",
    ])
    func `what a client brings about is not told to others`(report: String) throws {
      let server = try Self.reporting()
      defer { server.close() }
      try withSluice(server.configuration(["default_pool_size": 1])) { sluice in
        let client = try sluice.connect()
        try client.query("before \(report)")
        let words = report.split(separator: " ").map(String.init)
        #expect(client.parameters[words[0]] == words[1])
        #expect(try !Self.isTold(sluice, words[0], words[1], seconds: 0.3))
      }
    }

    @Test func `what an idle server reports is its own`() throws {
      let server = try Self.reporting()
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let client = try sluice.connect()
        try client.query("after default_transaction_read_only on")
        #expect(try Self.isTold(sluice, "default_transaction_read_only", "on"))
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `logins are told what the server itself tells`(version: PostgresVersion) throws {
      let direct = try PostgresCluster.shared(version).connect(user: "app", database: "app")
      try withSluice(version) { sluice in
        for _ in 0..<2 {
          let client = try sluice.connect()
          #expect(client.parameters == direct.parameters)
          #expect(try client.value("SELECT 1") == "1")
        }
      }
    }

    /// A new server replaces what an older one said.
    @Test func `a newly opened server's parameters count`() throws {
      let server = try FakeServer { connection, _ in
        try connection.welcome(parameters: [
          ("server_version", "18.0"), ("session_authorization", "\(connection.descriptor)"),
        ])
        try connection.serveQueries()
      }
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let first = try sluice.connect()
        let before = first.parameters["session_authorization"] ?? ""
        try first.query("BEGIN")
        let second = try sluice.connect()
        #expect(second.parameters["session_authorization"] == before)
        try second.query("BEGIN")
        let third = try sluice.connect()
        #expect(third.parameters["session_authorization"] != before)
      }
    }
  }
}
