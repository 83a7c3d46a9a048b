import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct ProtocolVersion {
    private static let user = [("user", "app"), ("database", "app")]
    private static let options = [("_pq_.one", "x"), ("_pq_.two", "")]

    /// What a client is told of the version that it asks for, and how long its key is.
    private struct Told: Equatable {
      var types: String
      var negotiation: [UInt8]?
      var keyBytes: Int

      init(_ endpoint: Endpoint, minor: Int, _ options: [(String, String)]) throws {
        let client = try WireClient(to: endpoint)
        defer { client.close() }
        let exchange = try client.startUp(
          ProtocolVersion.user + options, version: 3 << 16 | minor
        ).checked()
        types = exchange.types
        negotiation = exchange.messages.first { $0.type == "v" }?.body
        keyBytes = client.key.count
        // What follows is spoken as before.
        #expect(try client.value("SELECT 1") == "1")
      }
    }

    private struct Case: Sendable, CustomTestStringConvertible {
      var minor: Int
      var hasOptions = false
      /// The minor version in NegotiateProtocolVersion; nil: it is not sent.
      var negotiated: Int?
      var keyBytes: Int
      var testDescription: String { "3.\(minor)\(hasOptions ? " with options" : "")" }
    }

    private static let cases = [
      Case(minor: 0, keyBytes: 8), Case(minor: 1, keyBytes: 8), Case(minor: 2, keyBytes: 36),
      Case(minor: 3, negotiated: 2, keyBytes: 36), Case(minor: 9999, negotiated: 2, keyBytes: 36),
      Case(minor: 0, hasOptions: true, negotiated: 0, keyBytes: 8),
      Case(minor: 1, hasOptions: true, negotiated: 1, keyBytes: 8),
      Case(minor: 2, hasOptions: true, negotiated: 2, keyBytes: 36),
      Case(minor: 9999, hasOptions: true, negotiated: 2, keyBytes: 36),
    ]

    @Test(arguments: PostgresVersion.available)
    func `versions are negotiated as PostgreSQL 18 does`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      try withSluice(version) { sluice in
        for item in Self.cases {
          let options = item.hasOptions ? Self.options : []
          let told = try Told(sluice.endpoint, minor: item.minor, options)
          #expect(told.types == (item.negotiated == nil ? "RKZ" : "vRKZ"), "\(item)")
          #expect(told.keyBytes == item.keyBytes, "\(item)")
          if let minor = item.negotiated {
            let names = options.flatMap { Frame.string($0.0) }
            let body = Frame.int32(3 << 16 | minor) + Frame.int32(options.count) + names
            #expect(told.negotiation == body, "\(item)")
          }
          if version.major >= 18 {
            #expect(
              try Told(cluster.endpoint, minor: item.minor, options) == told, "\(item), directly")
          }
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a long key cancels, and nothing but the whole of it`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        let client = try WireClient(to: sluice.endpoint)
        _ = try client.startUp(Self.user, version: 3 << 16 | 2).checked()
        try client.send(Frame.query("SELECT pg_sleep(0.5), 'slept'"))
        usleep(100_000)
        var wrong = client.key
        wrong[35] ^= 1
        for key in [wrong, Array(client.key.prefix(8)), client.key + [0]] {
          let asker = try WireClient(to: sluice.endpoint)
          try asker.send(Frame.cancel(key))
          #expect(asker.isClosedByPeer())
        }
        #expect(try client.receiveUntilReady().errors.isEmpty)
        try client.send(Frame.query("SELECT pg_sleep(30)"))
        usleep(100_000)
        let asker = try WireClient(to: sluice.endpoint)
        try asker.send(Frame.cancel(client.key))
        #expect(asker.isClosedByPeer())
        #expect(try client.receiveUntilReady().errors.first?.sqlstate == "57014")
        #expect(try client.value("SELECT 2") == "2")
      }
    }

    /// libpq 18 speaks 3.2 only if it is told to.
    @Test(.enabled(if: PostgresVersion.available.contains { $0.major >= 18 }))
    func `libpq speaks 3_2 and cancels`() throws {
      try withSluice(.newest) { sluice in
        let directory = try Scratch.directory("psql")
        let psql = try Subprocess(
          [
            try PostgresVersion.newest.bin + "/psql", "-X", "-c", "SELECT pg_sleep(31)",
            "host=127.0.0.1 port=\(sluice.port) user=app dbname=app sslmode=disable "
              + "min_protocol_version=3.2 max_protocol_version=latest",
          ], output: directory + "/out")
        try expectEventually {
          try PostgresCluster.shared(.newest).query(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(31)'"
          ).value == "1"
        }
        psql.signal(SIGINT)
        #expect(psql.wait(seconds: 10) == .exited(1))
        let output = Scratch.read(directory + "/out")
        #expect(output.contains("canceling statement due to user request"), "\(output)")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `encryption is refused once for each kind, in any order`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      let ssl = Frame.sslRequest
      let gss = Frame.gssRequest
      try withSluice(version) { sluice in
        for requests in [[ssl], [gss], [ssl, gss], [gss, ssl]] {
          let client = try WireClient(to: sluice.endpoint)
          for request in requests {
            try client.send(request)
            #expect(try client.receiveByte() == UInt8(ascii: "N"))
          }
          try client.logIn(user: "app", database: "app")
          #expect(try client.value("SELECT 1") == "1")
        }
        for requests in [[ssl, ssl], [gss, gss], [ssl, gss, ssl], [gss, ssl, ssl]] {
          // Over TCP a PostgreSQL that is built with GSS takes it up.
          let answers = try [cluster.unixEndpoint, sluice.endpoint].map { endpoint in
            let client = try WireClient(to: endpoint)
            for request in requests.dropLast() {
              try client.send(request)
              #expect(try client.receiveByte() == UInt8(ascii: "N"))
            }
            try client.send(requests[requests.count - 1])
            return try client.receiveUntilReady()
          }
          #expect(answers[1].isClosed)
          #expect(answers[1].errors.first?.sqlstate == answers[0].errors.first?.sqlstate)
          if version.major >= 18 {
            #expect(answers[1].errors.first?.message == answers[0].errors.first?.message)
          }
        }
      }
    }

    /// A claimed length is not waited for, and whoever asks to cancel is not answered.
    @Test func `a malformed cancel request ends without a word`() throws {
      func request(_ claimed: Int, _ rest: Int) -> [UInt8] {
        Frame.int32(claimed) + Frame.int32(80_877_102) + [UInt8](repeating: 1, count: rest)
      }
      try withSluice(.newest) { sluice in
        for bytes in [
          request(8, 0), request(12, 4), request(15, 7), request(269, 0), request(269, 261),
          request(10_000, 0), request(10_000, 100),
        ] {
          let client = try WireClient(to: sluice.endpoint)
          try client.send(bytes)
          let answer = try client.receiveUntilReady()
          #expect(answer.isClosed && answer.messages.isEmpty, "\(bytes.prefix(4))")
        }
        #expect(try sluice.connect().value("SELECT 1") == "1")
      }
    }
  }
}
