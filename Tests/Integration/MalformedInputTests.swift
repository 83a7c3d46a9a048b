import Testing

/// Bytes that no client should send, with a name for the report.
struct BadBytes: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  var testDescription: String { name }

  init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  private static func startup(_ length: Int, _ rest: [UInt8] = []) -> [UInt8] {
    Frame.int32(length) + rest
  }

  private static func message(_ type: Character, length: Int, _ body: [UInt8] = []) -> [UInt8] {
    [type.asciiValue!] + Frame.int32(length) + body
  }

  private static let version = Frame.int32(196_608)

  /// In place of a startup packet.
  static let beforeLogin = [
    BadBytes("length 0", startup(0)), BadBytes("length 3", startup(3)),
    BadBytes("length 4", startup(4)), BadBytes("length 7", startup(7, [0, 0, 0])),
    BadBytes("length 2^31", startup(1 << 31)), BadBytes("length 2^32 - 1", startup(0xFFFF_FFFF)),
    BadBytes("length 2^30", startup(1 << 30, version)),
    BadBytes("no parameters", startup(8, version)),
    BadBytes("only a terminator", startup(9, version + [0])),
    BadBytes(
      "no terminator", startup(17, version + Frame.string("user") + Array("app".utf8) + [1])),
    BadBytes("a name without a value", startup(14, version + Frame.string("user") + [0])),
    BadBytes("protocol 1.0", Frame.startup([("user", "app")], version: 1 << 16)),
    BadBytes("protocol 9.0", Frame.startup([("user", "app")], version: 9 << 16)),
    BadBytes("an empty user", Frame.startup([("user", ""), ("database", "app")])),
    BadBytes("HTTP", Array("GET / HTTP/1.1\r\nHost: here\r\n\r\n".utf8)),
    BadBytes("a Query", Frame.query("SELECT 1")),
    BadBytes("a short CancelRequest", Frame.int32(12) + Frame.int32(80_877_102) + [0, 0, 0, 0]),
    BadBytes("zeroes", [UInt8](repeating: 0, count: 4096)),
    BadBytes("ones", [UInt8](repeating: 255, count: 4096)),
  ]

  /// After ReadyForQuery.
  static let afterLogin = [
    BadBytes("Query of length 0", message("Q", length: 0)),
    BadBytes("Query of length 3", message("Q", length: 3)),
    BadBytes("Query of length 4", message("Q", length: 4)),
    BadBytes("Query of length 2^31", message("Q", length: 1 << 31)),
    BadBytes("Query of length 2^32 - 1", message("Q", length: 0xFFFF_FFFF)),
    BadBytes("Sync of length 3", message("S", length: 3)),
    BadBytes("Sync of length 2^31", message("S", length: 1 << 31)),
    BadBytes("Sync with a body", message("S", length: 8, [1, 2, 3, 4])),
    BadBytes("unknown type z", message("z", length: 4)),
    BadBytes("unknown type 0", [0] + Frame.int32(4)),
    BadBytes("unknown type 255", [255] + Frame.int32(4)),
    BadBytes("Query without NUL", Frame.message("Q", Array("SELECT 1".utf8))),
    BadBytes("Query with two strings", Frame.message("Q", Array("SELECT 1\0SELECT 2\0".utf8))),
    BadBytes("Parse without NUL", Frame.message("P", Array("name".utf8))),
    BadBytes("Parse without types", Frame.message("P", [0] + Frame.string("SELECT 1"))),
    BadBytes("Bind that is empty", Frame.message("B", [])),
    BadBytes(
      "Bind with a long value", Frame.message("B", [0, 0, 0, 0, 0, 1] + Frame.int32(1 << 30))),
    BadBytes("Bind of a missing statement", Frame.bind(statement: "missing")),
    BadBytes("Execute that is empty", Frame.message("E", [])),
    BadBytes("Describe of kind X", Frame.message("D", [88, 0])),
    BadBytes("Describe that is empty", Frame.message("D", [])),
    BadBytes("Close of kind X", Frame.message("C", [88, 0])),
    BadBytes("FunctionCall that is empty", Frame.message("F", [])),
    BadBytes("CopyData outside of COPY", Frame.copyData("stray")),
    BadBytes("CopyDone outside of COPY", Frame.copyDone),
    BadBytes("CopyFail outside of COPY", Frame.copyFail("stray")),
    BadBytes("a password", Frame.password("late")),
    BadBytes("a startup packet", Frame.startup([("user", "app"), ("database", "app")])),
  ]
}

extension Integration {
  @Suite(.serialized) struct MalformedInput {
    /// Sends the bytes and a Sync, says that no more follows, and reads all that comes.
    private static func answer(to bytes: [UInt8], from client: WireClient) throws -> Exchange {
      try client.send(bytes)
      client.halfClose()
      client.seconds = 5 * Patience.factor
      return try client.receive { _ in false }
    }

    /// Sends the bytes and reads up to so many ReadyForQuery before it says that no more follows.
    private static func answer(
      to bytes: [UInt8], from client: WireClient, readies: Int
    ) throws -> Exchange {
      try client.send(bytes)
      client.seconds = 5 * Patience.factor
      var exchange = Exchange()
      for _ in 0..<readies where !exchange.isClosed {
        let next = try client.receiveUntilReady()
        exchange.messages += next.messages
        exchange.isClosed = next.isClosed
      }
      if readies > 0 { client.halfClose() }
      let rest = try client.receive { _ in false }
      exchange.messages += rest.messages
      exchange.isClosed = rest.isClosed
      return exchange
    }

    /// Runs `body`; afterwards a good client is served and no memory was claimed.
    private static func withHealthySluice(
      _ version: PostgresVersion, _ settings: SluiceConfiguration.Section = [:],
      _ body: (SluiceProcess) throws -> Void
    ) throws {
      try withSluice(version, settings) { sluice in
        let good = try sluice.connect()
        #expect(try good.value("SELECT 1") == "1")
        let before = sluice.peakResidentKilobytes
        try body(sluice)
        #expect(try good.value("SELECT 'still'") == "still", "a client that was there")
        #expect(try sluice.connect().value("SELECT 'new'") == "new", "a client that came later")
        if Patience.measuresMemory {
          let growth = sluice.peakResidentKilobytes - before
          #expect(growth < 8 * 1024, "grew by \(growth) kB")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `bad bytes instead of a login are answered as by PostgreSQL`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try Self.withHealthySluice(version) { sluice in
        for bad in BadBytes.beforeLogin {
          let expected = try Self.answer(to: bad.bytes, from: WireClient(to: cluster.endpoint))
          let answer = try Self.answer(to: bad.bytes, from: WireClient(to: sluice.endpoint))
          #expect(answer.isClosed, "\(bad.name)")
          if let error = expected.errors.first, !StandIn.isOn {
            #expect(
              answer.errors.first?.sqlstate == error.sqlstate, "\(bad.name): \(error) \(answer)")
          }
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `bad bytes after a login are answered as by PostgreSQL`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      try Self.withHealthySluice(version) { sluice in
        for bad in BadBytes.afterLogin {
          let direct = try WireClient(to: cluster.endpoint)
          try direct.logIn(user: "app", database: "app")
          let expected = try Self.answer(to: bad.bytes + Frame.sync, from: direct)
          let answer = try Self.answer(
            to: bad.bytes + Frame.sync, from: sluice.connect(),
            readies: expected.types.count { $0 == "Z" })
          #expect(answer.isClosed, "\(bad.name)")
          if let error = expected.errors.first, !StandIn.isOn {
            #expect(
              answer.errors.first?.sqlstate == error.sqlstate, "\(bad.name): \(error) \(answer)")
          }
        }
      }
    }

    @Test func `bad bytes may come one at a time`() throws {
      try Self.withHealthySluice(.newest) { sluice in
        for bad in BadBytes.beforeLogin.filter({ $0.bytes.count < 100 }) {
          let client = try WireClient(to: sluice.endpoint)
          for byte in bad.bytes {
            // It may be closed before the last byte.
            if (try? client.send([byte])) == nil { break }
          }
          client.halfClose()
          #expect(client.isClosedByPeer(), "\(bad.name)")
        }
        for bad in BadBytes.afterLogin.filter({ $0.bytes.count < 100 }) {
          let client = try sluice.connect()
          for byte in bad.bytes + Frame.sync {
            if (try? client.send([byte])) == nil { break }
          }
          client.halfClose()
          #expect(client.isClosedByPeer(), "\(bad.name)")
        }
      }
    }

    /// A length is a claim: nothing may be allocated for it before the bytes come.
    @Test func `hundred clients that claim a gigabyte get no memory for it`() throws {
      let settings: SluiceConfiguration.Section = [
        "max_client_conn": 300, "default_pool_size": 2, "query_wait_timeout": 30,
      ]
      try withSluice(.newest, settings) { sluice in
        let before = sluice.peakResidentKilobytes
        var clients: [WireClient] = []
        for type in "QPBdpF" {
          for _ in 0..<16 {
            let client = try sluice.connect()
            try client.send([type.asciiValue!] + Frame.int32((1 << 30) - 1) + [0, 0])
            clients.append(client)
          }
        }
        for client in clients { client.close() }
        #expect(try sluice.connect().value("SELECT 1") == "1")
        if Patience.measuresMemory {
          #expect(sluice.peakResidentKilobytes - before < 8 * 1024)
        }
      }
    }

    @Test func `a half-closed connection ends and frees its server`() throws {
      try Self.withHealthySluice(.newest, ["default_pool_size": 1]) { sluice in
        for bytes in [
          [], Frame.query("SELECT 1"), Frame.query("BEGIN"),
          Array(Frame.query("SELECT").dropLast(2)),
          Frame.parse("SELECT 1"), Frame.query("COPY (SELECT 1) TO STDOUT"),
        ] {
          let client = try sluice.connect()
          try client.send(bytes)
          client.halfClose()
          #expect(client.isClosedByPeer())
        }
        let early = try WireClient(to: sluice.endpoint)
        early.halfClose()
        #expect(early.isClosedByPeer())
      }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `random bytes do no harm`(seed: UInt64) throws {
      var random = SplitMix(seed: seed)
      try Self.withHealthySluice(.newest, ["max_client_conn": 500]) { sluice in
        for round in 0..<60 {
          let client: WireClient
          if round % 3 == 0 {
            client = try WireClient(to: sluice.endpoint)
          } else {
            client = try sluice.connect()
          }
          var bytes: [UInt8] = []
          for _ in 0..<Int.random(in: 1...6, using: &random) {
            let type = Array("QPBEDCSHFdcfpX").randomElement(using: &random)!
            let body = (0..<Int.random(in: 0...40, using: &random)).map { _ in
              UInt8.random(in: 0...255, using: &random)
            }
            bytes += Frame.message(type, body)
            if Int.random(in: 0..<8, using: &random) == 0 { bytes.removeLast() }
          }
          try? client.send(bytes)
          client.halfClose()
          #expect(client.isClosedByPeer(), "seed \(seed) round \(round)")
        }
      }
    }
  }
}

/// A small random number generator that can be repeated (Vigna's SplitMix64).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
