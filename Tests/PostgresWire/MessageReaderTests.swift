import PostgresWire
import TestSupport
import Testing

struct MessageReaderTests {
  private static let error = bytes(
    "SFATAL\0VFATAL\0C53300\0Mtoo many\0Ddetail\0Hhint\0Fa.c\0L12\0Rf\0\0")

  @Test func `an error's fields are read`() throws {
    let fields = try #require(ErrorFields.parse(Self.error))
    #expect(
      fields
        == ErrorFields(
          severity: "FATAL", sqlstate: "53300", message: "too many", detail: "detail",
          hint: "hint"))
  }

  @Test func `the severity is the one that is not translated`() {
    #expect(ErrorFields.parse(bytes("VERROR\0SFEHLER\0CXX000\0Mm\0\0"))?.severity == "ERROR")
    #expect(ErrorFields.parse(bytes("SFEHLER\0CXX000\0Mm\0\0"))?.severity == "FEHLER")
  }

  @Test func `an error in another encoding is repaired`() {
    let body = bytes("SERROR\0CXX000\0Mcaf") + [0xE9, 0, 0]
    #expect(ErrorFields.parse(body)?.message == "caf\u{FFFD}")
  }

  @Test func `an error that is cut short or too long is refused`() {
    for count in 0..<Self.error.count {
      #expect(ErrorFields.parse(Array(Self.error[..<count])) == nil)
    }
    #expect(ErrorFields.parse(Self.error + [0]) == nil)
    #expect(ErrorFields.parse(bytes("SERROR\0CXX000\0\0")) == nil)
    #expect(ErrorFields.parse(bytes("SERROR\0Mm\0\0")) == nil)
    #expect(ErrorFields.parse(bytes("CXX000\0Mm\0\0")) == nil)
  }

  @Test func `a parameter status is a name and a value`() throws {
    let status = try #require(ParameterStatus.parse(bytes("TimeZone\0UTC\0")))
    #expect(status.name == "TimeZone" && status.value == "UTC")
    #expect(ParameterStatus.parse(bytes("TimeZone\0\0"))?.value == "")
    for malformed in ["", "TimeZone", "TimeZone\0", "TimeZone\0UTC", "a\0b\0c", "\0b\0"] {
      #expect(ParameterStatus.parse(bytes(malformed)) == nil, "\(malformed.debugDescription)")
    }
  }

  @Test func `backend key data has a secret of 4 to 256 bytes`() {
    #expect(
      BackendKeyData.parse([0, 0, 1, 2, 5, 6, 7, 8])
        == CancelKey(processID: 258, secret: [5, 6, 7, 8]))
    #expect(BackendKeyData.parse(Array(repeating: 1, count: 260))?.secret.count == 256)
    for count in [0, 3, 4, 7, 261] {
      #expect(BackendKeyData.parse(Array(repeating: 1, count: count)) == nil)
    }
  }

  @Test func `a server's protocol version is read in either form`() {
    #expect(NegotiatedVersion.parse([0, 3, 0, 2, 0, 0, 0, 0]) == 2)
    #expect(NegotiatedVersion.parse([0, 3, 0, 0] + bigEndian(1) + bytes("_pq_.x\0")) == 0)
    #expect(NegotiatedVersion.parse([0, 0, 0, 1, 0, 0, 0, 0]) == 1)
    #expect(NegotiatedVersion.parse([0, 4, 0, 0, 0, 0, 0, 0]) == nil)
    for count in 0..<8 {
      #expect(NegotiatedVersion.parse(Array([0, 3, 0, 2, 0, 0, 0, 0].prefix(count))) == nil)
    }
  }

  @Test(
    arguments: [
      ([0, 0, 0, 0], .ok),
      ([0, 0, 0, 3], .cleartextPassword),
      ([0, 0, 0, 5, 1, 2, 3, 4], .md5Password(salt: [1, 2, 3, 4])),
      (
        [0, 0, 0, 10] + bytes("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
        .sasl(mechanisms: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])
      ),
      ([0, 0, 0, 11, 9], .saslContinue([9])),
      ([0, 0, 0, 12], .saslFinal([])),
      ([0, 0, 0, 7], .unsupported(code: 7)),
      ([255, 255, 255, 255, 1], .unsupported(code: 4_294_967_295)),
    ] as [([UInt8], AuthenticationRequest)])
  func `an authentication request is read`(body: [UInt8], request: AuthenticationRequest) {
    #expect(AuthenticationRequest.parse(body) == request)
  }

  @Test(
    arguments: [
      [], [0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 3, 1], [0, 0, 0, 5, 1, 2, 3],
      [0, 0, 0, 5, 1, 2, 3, 4, 5], [0, 0, 0, 10], [0, 0, 0, 10, 65], [0, 0, 0, 10, 65, 0],
      [0, 0, 0, 10, 65, 0, 0, 0],
    ] as [[UInt8]])
  func `a malformed authentication request is refused`(body: [UInt8]) {
    #expect(AuthenticationRequest.parse(body) == nil)
  }

  @Test func `a data row has values and NULLs`() {
    #expect(DataRow.parse([0, 0]) == [])
    #expect(
      DataRow.parse([0, 3, 0, 0, 0, 2, 65, 66, 255, 255, 255, 255, 0, 0, 0, 0])
        == [[65, 66], nil, []])
    let malformed: [[UInt8]] = [
      [], [0], [0, 1], [0, 0, 0], [0, 1, 0, 0, 0, 2, 65], [0, 1, 127, 255, 255, 255],
      [255, 255], [0, 1, 0, 0, 0, 1, 65, 66], [0, 1, 255, 255, 255, 254],
    ]
    for body in malformed { #expect(DataRow.parse(body) == nil, "\(body)") }
  }

  @Test func `no input traps a parser`() {
    var generator = SeededGenerator(seed: 1)
    let seeds: [[UInt8]] = [
      packet(3 << 16, bytes("user\0ann\0database\0shop\0\0")),
      packet(80_877_102, [0, 0, 0, 1, 2, 3, 4, 5]), Self.error, bytes("TimeZone\0UTC\0"),
      [0, 0, 0, 10] + bytes("SCRAM-SHA-256\0\0"), [0, 1, 0, 0, 0, 2, 65, 66],
    ]
    for _ in 0..<20_000 {
      var input = seeds.randomElement(using: &generator) ?? []
      for _ in 0..<Int.random(in: 0...4, using: &generator) where !input.isEmpty {
        let index = Int.random(in: 0..<input.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: input[index] = .random(in: 0...255, using: &generator)
        case 1: input.removeSubrange(index...)
        default: input.insert(.random(in: 0...255, using: &generator), at: index)
        }
      }
      if let parsed = try? StartupPacket.parse(input) {
        #expect(parsed.consumed <= input.count)
      }
      _ = ErrorFields.parse(input)
      _ = ParameterStatus.parse(input)
      _ = BackendKeyData.parse(input)
      _ = NegotiatedVersion.parse(input)
      _ = AuthenticationRequest.parse(input)
      if let row = DataRow.parse(input) { #expect(row.count * 4 <= input.count) }
      _ = try? OptionsParameter.parse(String(decoding: input, as: UTF8.self))
    }
  }
}
