import PostgresWire
import Testing

/// What `write` puts into an empty writer.
private func written(_ write: (inout MessageWriter) -> Void) -> [UInt8] {
  var writer = MessageWriter()
  write(&writer)
  return writer.bytes
}

struct MessageWriterTests {
  @Test func `server messages have PostgreSQL's bytes`() {
    #expect(written { $0.authenticationOk() } == bytes("R") + [0, 0, 0, 8, 0, 0, 0, 0])
    #expect(
      written { $0.authenticationCleartextPassword() } == bytes("R") + [0, 0, 0, 8, 0, 0, 0, 3])
    #expect(
      written { $0.authenticationMD5Password(salt: [1, 2, 3, 4]) }
        == bytes("R") + [0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4])
    #expect(
      written { $0.authenticationSASL(mechanisms: ["SCRAM-SHA-256"]) }
        == bytes("R") + [0, 0, 0, 23, 0, 0, 0, 10] + bytes("SCRAM-SHA-256\0\0"))
    #expect(
      written { $0.parameterStatus(name: "a", value: "b") }
        == bytes("S") + [0, 0, 0, 8] + bytes("a\0b\0"))
    #expect(
      written { $0.backendKeyData(CancelKey(processID: 1, secret: [5, 6, 7, 8])) }
        == bytes("K") + [0, 0, 0, 12, 0, 0, 0, 1, 5, 6, 7, 8])
    #expect(written { $0.readyForQuery(status: 0x49) } == bytes("Z") + [0, 0, 0, 5, 0x49])
    #expect(written { $0.emptyQueryResponse() } == bytes("I") + [0, 0, 0, 4])
    #expect(
      written { $0.commandComplete("SHOW") } == bytes("C") + [0, 0, 0, 9] + bytes("SHOW\0"))
    #expect(
      written { $0.negotiateProtocolVersion(minorVersion: 2, unrecognised: ["_pq_.x"]) }
        == bytes("v") + [0, 0, 0, 19, 0, 3, 0, 2, 0, 0, 0, 1] + bytes("_pq_.x\0"))
  }

  @Test func `an error is written with both severities`() {
    var writer = MessageWriter()
    writer.errorResponse(
      severity: "FATAL", sqlstate: "08P01", message: "no", detail: nil, hint: "try")
    #expect(
      onlyBody(writer, type: ServerMessageType.errorResponse)
        == bytes("SFATAL\0VFATAL\0C08P01\0Mno\0Htry\0\0"))
  }

  @Test func `a table is written in text format`() {
    #expect(
      written { $0.rowDescription([.text("a"), .bigint("b")]) }
        == bytes("T") + [0, 0, 0, 46, 0, 2]
        + bytes("a\0") + [0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]
        + bytes("b\0") + [0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 8, 255, 255, 255, 255, 0, 0])
    #expect(
      written { $0.dataRow(["x", nil, ""]) }
        == bytes("D") + [0, 0, 0, 19, 0, 3, 0, 0, 0, 1, 0x78, 255, 255, 255, 255, 0, 0, 0, 0])
  }

  @Test func `client messages have PostgreSQL's bytes`() {
    #expect(written { $0.sslRequest() } == packet(80_877_103))
    #expect(
      written { $0.startup(parameters: [StartupParameter(name: "user", value: "ann")]) }
        == packet(3 << 16, bytes("user\0ann\0\0")))
    #expect(
      written { $0.cancelRequest(CancelKey(processID: 9, secret: [1, 2, 3, 4])) }
        == packet(80_877_102, [0, 0, 0, 9, 1, 2, 3, 4]))
    #expect(written { $0.password(bytes("pw")) } == bytes("p") + [0, 0, 0, 7] + bytes("pw\0"))
    #expect(
      written { $0.saslInitialResponse(mechanism: "M", data: [7, 8]) }
        == bytes("p") + [0, 0, 0, 12] + bytes("M\0") + [0, 0, 0, 2, 7, 8])
    #expect(written { $0.saslResponse([7, 0]) } == bytes("p") + [0, 0, 0, 6, 7, 0])
    #expect(written { $0.query("x") } == bytes("Q") + [0, 0, 0, 6] + bytes("x\0"))
    #expect(
      written { $0.parse(name: "s", query: "q", parameterTypes: [25]) }
        == bytes("P") + [0, 0, 0, 14] + bytes("s\0q\0") + [0, 1, 0, 0, 0, 25])
    #expect(
      written { $0.bind(statement: "s", parameters: [bytes("v"), nil]) }
        == bytes("B") + [0, 0, 0, 22] + bytes("\0s\0")
        + [0, 0, 0, 2, 0, 0, 0, 1, 0x76, 255, 255, 255, 255, 0, 0])
    #expect(
      written { $0.describe(.statement, name: "s") }
        == bytes("D") + [0, 0, 0, 7] + bytes("Ss\0"))
    #expect(written { $0.close(.portal) } == bytes("C") + [0, 0, 0, 6] + bytes("P\0"))
    #expect(
      written { $0.execute(maximumRows: 3) } == bytes("E") + [0, 0, 0, 9, 0, 0, 0, 0, 3])
    #expect(
      written {
        $0.flush()
        $0.sync()
        $0.terminate()
      } == bytes("H") + [0, 0, 0, 4] + bytes("S") + [0, 0, 0, 4] + bytes("X") + [0, 0, 0, 4])
  }

  @Test func `what is written is read back`() throws {
    var startup = MessageWriter()
    let parameters = [
      StartupParameter(name: "user", value: "ann"), StartupParameter(name: "x", value: ""),
    ]
    startup.startup(parameters: parameters)
    #expect(
      try StartupPacket.parse(startup.bytes)?.packet
        == .startup(StartupMessage(majorVersion: 3, minorVersion: 0, parameters: parameters)))

    var report = MessageWriter()
    report.noticeResponse(
      severity: "NOTICE", sqlstate: "00000", message: "m\u{E9}", detail: "d", hint: "h")
    let body = try #require(onlyBody(report, type: ServerMessageType.noticeResponse))
    #expect(
      ErrorFields.parse(body)
        == ErrorFields(
          severity: "NOTICE", sqlstate: "00000", message: "m\u{E9}", detail: "d", hint: "h"))
  }

  @Test func `NULs in strings do not break the framing`() throws {
    #expect(written { $0.query("DELETE\0 WHERE") } == written { $0.query("DELETE WHERE") })
    #expect(
      written { $0.parameterStatus(name: "a\0b", value: "\0") }
        == written { $0.parameterStatus(name: "ab", value: "") })
    #expect(
      written { $0.errorResponse(severity: "ERROR", sqlstate: "X", message: "a\0\0Cb") }
        == written { $0.errorResponse(severity: "ERROR", sqlstate: "X", message: "aCb") })
    #expect(written { $0.password([0, 1, 0]) } == written { $0.password([1]) })
    #expect(
      written {
        $0.startup(parameters: [
          StartupParameter(name: "\0", value: "x"), StartupParameter(name: "u\0", value: "\0v"),
        ])
      } == packet(3 << 16, bytes("u\0v\0\0")))
    #expect(
      written { $0.authenticationSASL(mechanisms: ["", "\0", "A"]) }
        == bytes("R") + [0, 0, 0, 11, 0, 0, 0, 10] + bytes("A\0\0"))
  }
}
