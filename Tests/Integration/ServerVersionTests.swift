import Glibc
import Testing

/// How a server refuses a protocol version that it does not know.
struct VersionRefusal: Sendable, CustomTestStringConvertible {
  var sqlstate: String
  var message: String
  var testDescription: String { message }
}

extension Integration {
  @Suite(.serialized) struct ServerVersion {
    private static let refusals = [
      VersionRefusal(
        sqlstate: "0A000",
        message: "unsupported frontend protocol 3.2: server supports 2.0 to 3.0"),
      VersionRefusal(sqlstate: "08P01", message: "bad packet header"),
    ]

    @Test(arguments: refusals)
    func `a server that refuses 3_2 is asked for 3_0, and the next time at once`(
      refusal: VersionRefusal
    ) throws {
      let server = try FakeServer { connection, packet in
        if packet[3] != 0 { return try connection.refuse(refusal.sqlstate, refusal.message) }
        try connection.welcome()
        try connection.serveQueries()
      }
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let first = try sluice.connect()
        #expect(try first.query("BEGIN").tags == ["BEGIN"])
        #expect(server.versions == ["3.2", "3.0"])
        let second = try sluice.connect()
        #expect(try second.query("BEGIN").tags == ["BEGIN"])
        #expect(server.versions == ["3.2", "3.0", "3.0"])
      }
    }

    @Test func `a server that refuses any version is not asked for ever`() throws {
      let server = try FakeServer { connection, _ in
        try connection.refuse("0A000", "unsupported frontend protocol")
      }
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let error = try sluice.loginError()
        #expect(error?.message == "unsupported frontend protocol")
        #expect(server.versions == ["3.2", "3.0"])
      }
    }

    @Test func `another refusal is not taken for one of the version`() throws {
      let server = try FakeServer { connection, _ in
        try connection.refuse("28000", "no pg_hba.conf entry for this version of the packet")
      }
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let error = try sluice.loginError()
        #expect(error?.sqlstate == "28000")
        #expect(server.versions == ["3.2"])
      }
    }

    @Test(arguments: [[0, 3, 0, 0], [0, 3, 0, 1], [0, 0, 0, 0]] as [[UInt8]])
    func `a server may negotiate down without another connection`(version: [UInt8]) throws {
      let server = try FakeServer { connection, _ in
        try connection.send(Frame.message("v", version + Frame.int32(0)))
        try connection.welcome()
        try connection.serveQueries()
      }
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let client = try sluice.connect()
        #expect(try client.query("SELECT 1").tags == ["SELECT 1"])
        #expect(server.versions == ["3.2"])
      }
    }

    @Test(arguments: [[0, 3, 0, 3], [0, 4, 0, 0], [0, 3]] as [[UInt8]])
    func `a server can't negotiate up`(version: [UInt8]) throws {
      let server = try FakeServer { connection, _ in
        try connection.send(Frame.message("v", version + Frame.int32(0)))
        try connection.welcome()
        try connection.serveQueries()
      }
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let error = try sluice.loginError()
        #expect(error?.message.contains("a protocol version that it was not offered") == true)
      }
    }

    @Test(arguments: [4, 32, 256])
    func `a server's key is used in its whole length`(secretBytes: Int) throws {
      let key = Frame.int32(77) + (0..<secretBytes).map { UInt8(truncatingIfNeeded: $0) }
      let server = try FakeServer { connection, packet in
        guard packet[1] == 3 else { return }
        try connection.welcome(key: key)
        guard try connection.receive()?.type == "Q" else { return }
        _ = connection.isReadable(within: 3)
        try connection.serveQueries()
      }
      defer { server.close() }
      try withSluice(server.configuration()) { sluice in
        let client = try sluice.connect()
        try client.send(Frame.query("SELECT pg_sleep(30)"))
        usleep(50_000)
        let asker = try WireClient(to: sluice.endpoint)
        try asker.send(Frame.cancel(client.key))
        #expect(asker.isClosedByPeer())
        #expect(server.packets.last == Frame.int32(80_877_102) + key)
      }
    }
  }
}
