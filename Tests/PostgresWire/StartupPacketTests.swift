import PostgresWire
import Testing

private let protocol30: UInt32 = 3 << 16

struct Refusal: CustomTestStringConvertible, Sendable {
  var packet: [UInt8]
  var error: StartupError
  var testDescription: String { "\(error): \(packet.prefix(24))" }
}

struct StartupPacketTests {
  @Test func `a startup packet gives its parameters in order`() throws {
    let rest = bytes("user\0ann\0database\0shop\0application_name\0caf\u{E9}\0\0")
    let parsed = try #require(try StartupPacket.parse(packet(protocol30, rest) + [1, 2, 3]))
    #expect(parsed.consumed == 8 + rest.count)
    guard case .startup(let message) = parsed.packet else {
      Issue.record("not a startup message")
      return
    }
    #expect(message.majorVersion == 3)
    #expect(message.minorVersion == 0)
    #expect(message.user == "ann")
    #expect(message.database == "shop")
    #expect(message.parameters.map(\.name) == ["user", "database", "application_name"])
    #expect(message["application_name"] == "caf\u{E9}")
    #expect(message["options"] == nil)
  }

  @Test func `of a repeated parameter the last wins and both are kept`() throws {
    let rest = bytes("user\0ann\0user\0bob\0database\0\0\0")
    let parsed = try #require(try StartupPacket.parse(packet(protocol30, rest)))
    guard case .startup(let message) = parsed.packet else {
      Issue.record("not a startup message")
      return
    }
    #expect(message.user == "bob")
    #expect(message.parameters.count == 3)
    #expect(message.database == nil)
  }

  @Test func `a newer minor version is left to negotiation`() throws {
    let rest = bytes("user\0ann\0_pq_.shiny\0on\0\0")
    let parsed = try #require(try StartupPacket.parse(packet(protocol30 | 9999, rest)))
    guard case .startup(let message) = parsed.packet else {
      Issue.record("not a startup message")
      return
    }
    #expect(message.minorVersion == 9999)
    #expect(message.protocolOptions == ["_pq_.shiny"])
    #expect(message.spokenMinorVersion == 2)
    #expect(message.needsNegotiation)
  }

  @Test(arguments: [(0, 0, false), (1, 1, false), (2, 2, false), (3, 2, true), (9999, 2, true)])
  func `a minor version is spoken as it is asked for, up to the newest`(
    asked: Int, spoken: Int, isNegotiated: Bool
  ) {
    let message = StartupMessage(majorVersion: 3, minorVersion: asked, parameters: [])
    #expect(message.spokenMinorVersion == spoken)
    #expect(message.needsNegotiation == isNegotiated)
  }

  @Test func `an unknown protocol option is negotiated at any version`() {
    let option = StartupParameter(name: "_pq_.x", value: "")
    let message = StartupMessage(majorVersion: 3, minorVersion: 0, parameters: [option])
    #expect(message.spokenMinorVersion == 0)
    #expect(message.needsNegotiation)
  }

  @Test(arguments: [269, 300, 10_000] as [UInt32])
  func `a cancel request that is too long is refused before its bytes arrive`(length: UInt32) {
    let start = bigEndian(length) + bigEndian(80_877_102)
    for count in 0..<8 {
      #expect(throws: Never.self) { try StartupPacket.parse(Array(start[..<count])) }
    }
    #expect(throws: StartupError.invalidCancelLength) { try StartupPacket.parse(start) }
  }

  @Test func `requests are told apart by their code`() throws {
    let ssl = try #require(try StartupPacket.parse(packet(80_877_103)))
    let gss = try #require(try StartupPacket.parse(packet(80_877_104)))
    #expect(ssl.packet == .sslRequest && ssl.consumed == 8)
    #expect(gss.packet == .gssEncryptionRequest && gss.consumed == 8)
  }

  @Test(arguments: [4, 32, 256])
  func `a cancel request carries its key`(secretBytes: Int) throws {
    let secret = (0..<secretBytes).map { UInt8(truncatingIfNeeded: $0) }
    let request = packet(80_877_102, bigEndian(77) + secret)
    let parsed = try #require(try StartupPacket.parse(request))
    #expect(parsed.packet == .cancelRequest(CancelKey(processID: 77, secret: secret)))
    #expect(parsed.consumed == 12 + secretBytes)
  }

  @Test(arguments: [
    packet(protocol30, bytes("user\0ann\0database\0shop\0\0")),
    packet(80_877_103), packet(80_877_104), packet(80_877_102, [0, 0, 0, 1, 2, 3, 4, 5]),
  ])
  func `byte by byte a packet is complete at its last byte`(whole: [UInt8]) throws {
    for count in 0..<whole.count {
      #expect(try StartupPacket.parse(Array(whole[..<count])) == nil)
    }
    let parsed = try #require(try StartupPacket.parse(whole))
    #expect(parsed.consumed == whole.count)
  }

  @Test func `a startup packet shorter than eight bytes is refused`() {
    for length in UInt32(0)..<8 {
      #expect(throws: StartupError.invalidLength) { try StartupPacket.parse(bigEndian(length)) }
    }
  }

  @Test(arguments: [10_001, 0x0100_0000, 0xFFFF_FFFF] as [UInt32])
  func `a length above ten thousand is refused before its bytes arrive`(length: UInt32) {
    #expect(throws: StartupError.invalidLength) { try StartupPacket.parse(bigEndian(length)) }
  }

  @Test func `a packet of ten thousand bytes is taken`() throws {
    let value = String(repeating: "x", count: 10_000 - 8 - "user\0ann\0y\0\0\0".utf8.count)
    let whole = packet(protocol30, bytes("user\0ann\0y\0\(value)\0\0"))
    #expect(whole.count == 10_000)
    #expect(try StartupPacket.parse(whole)?.consumed == 10_000)
  }

  @Test func `a TLS handshake is recognised at its first byte`() {
    #expect(throws: StartupError.directTLS) { try StartupPacket.parse([0x16]) }
    #expect(throws: StartupError.directTLS) {
      try StartupPacket.parse([0x16, 0x03, 0x01, 0x02, 0x00])
    }
  }

  @Test(arguments: [
    Refusal(packet: packet(protocol30), error: .invalidLayout),
    Refusal(packet: packet(protocol30, [0]), error: .noUser),
    Refusal(packet: packet(protocol30, bytes("user\0\0\0")), error: .noUser),
    Refusal(packet: packet(protocol30, bytes("database\0d\0\0")), error: .noUser),
    Refusal(packet: packet(protocol30, bytes("user\0ann\0")), error: .invalidLayout),
    Refusal(packet: packet(protocol30, bytes("user\0ann")), error: .invalidLayout),
    Refusal(packet: packet(protocol30, bytes("user\0")), error: .invalidLayout),
    Refusal(packet: packet(protocol30, bytes("user\0ann\0\0x")), error: .invalidLayout),
    Refusal(packet: packet(protocol30, bytes("user\0ann\0\0\0")), error: .invalidLayout),
    Refusal(
      packet: packet(protocol30, bytes("user\0") + [0xE9] + bytes("\0\0")), error: .invalidUTF8),
    Refusal(
      packet: packet(protocol30, [0xC0, 0xAF] + bytes("\0x\0user\0a\0\0")), error: .invalidUTF8),
    Refusal(
      packet: packet(2 << 16, bytes("user\0ann\0\0")),
      error: .unsupportedProtocol(major: 2, minor: 0)),
    Refusal(
      packet: packet(4 << 16 | 1, bytes("user\0ann\0\0")),
      error: .unsupportedProtocol(major: 4, minor: 1)),
    Refusal(packet: packet(80_877_105), error: .unsupportedProtocol(major: 1234, minor: 5681)),
    Refusal(packet: packet(80_877_103, [0]), error: .invalidLength),
    Refusal(packet: packet(80_877_102), error: .invalidCancelLength),
    Refusal(packet: packet(80_877_102, [0, 0, 0, 1, 2, 3, 4]), error: .invalidCancelLength),
    Refusal(
      packet: packet(80_877_102, Array(repeating: 1, count: 4 + 257)),
      error: .invalidCancelLength),
  ])
  func `a malformed packet is refused with its reason`(refusal: Refusal) {
    #expect(throws: refusal.error) { try StartupPacket.parse(refusal.packet) }
  }

  @Test func `refusals have PostgreSQL's texts and codes`() {
    let version = StartupError.unsupportedProtocol(major: 2, minor: 0)
    #expect(version.message == "unsupported frontend protocol 2.0: server supports 3.0 to 3.2")
    #expect(version.sqlstate == "0A000")
    #expect(StartupError.noUser.sqlstate == "28000")
    #expect(
      StartupError.noUser.message == "no PostgreSQL user name specified in startup packet")
    #expect(StartupError.invalidLength.message == "invalid length of startup packet")
    #expect(StartupError.invalidLength.sqlstate == "08P01")
    #expect(
      StartupError.invalidLayout.message
        == "invalid startup packet layout: expected terminator as last byte")
  }

  @Test func `a cancel key does not show its secret`() {
    let key = CancelKey(processID: 5, secret: [201, 202, 203, 204])
    #expect(!"\(key) \(String(reflecting: key))".contains("20"))
  }
}
