import PostgresWire
import Testing

@testable import Admin

@Suite struct ConsoleSessionTests {
  /// A connection whose commands are answered at once.
  private struct Room {
    var session: ConsoleSession
    var ran: [ConsoleCommand] = []
    var outcome: ConsoleOutcome = .done

    init(isAdmin: Bool = true) { session = ConsoleSession(isAdmin: isAdmin) }

    /// Sends messages; the types of what comes back, and its bytes.
    mutating func send(_ build: (inout MessageWriter) -> Void) -> (types: String, bytes: [UInt8]) {
      var writer = MessageWriter()
      build(&writer)
      var out: [UInt8] = []
      var rest = writer.bytes[...]
      while !rest.isEmpty {
        let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
        let isKnown = session.receive(rest.first!, Array(rest.dropFirst(5).prefix(length - 4)))
        #expect(isKnown)
        rest = rest.dropFirst(length + 1)
        for _ in 0..<1_000 where session.state != .ready {
          if case .busy(let command) = session.state {
            ran.append(command)
            session.complete(outcome)
          }
          out += session.output()
        }
        out += session.output()
      }
      return (Self.types(out), out)
    }

    static func types(_ bytes: [UInt8]) -> String {
      var types = ""
      var rest = bytes[...]
      while let type = rest.first {
        types.append(Character(Unicode.Scalar(type)))
        let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(length + 1)
      }
      return types
    }
  }

  private static let version = ConsoleOutcome.table(ConsoleTable(.version, [["Sluice 1"]]))

  @Test func `a simple query is answered`() {
    var room = Room()
    room.outcome = Self.version
    let (types, bytes) = room.send { $0.query("SHOW VERSION") }
    #expect(types == "TDCZ")
    var expected = MessageWriter()
    expected.rowDescription([.text("version")])
    expected.dataRow(["Sluice 1"])
    expected.commandComplete("SHOW")
    expected.readyForQuery(status: UInt8(ascii: "I"))
    #expect(bytes == expected.bytes)
  }

  @Test func `several commands of a query are run in turn, up to an error`() {
    var room = Room()
    room.outcome = Self.version
    #expect(room.send { $0.query("SHOW VERSION; SHOW VERSION") }.types == "TDCTDCZ")
    #expect(room.ran.count == 2)
    room.outcome = .failed(.needsDatabase)
    #expect(room.send { $0.query("PAUSE; RELOAD") }.types == "EZ")
    #expect(room.ran.count == 3)
    #expect(room.send { $0.query("") }.types == "IZ")
    #expect(room.send { $0.query("SHOW HELP") }.types == "NCZ")
    #expect(room.send { $0.query("nonsense") }.types == "EZ")
  }

  @Test func `the extended protocol works, named and unnamed, described either way`() {
    var room = Room()
    room.outcome = Self.version
    #expect(
      room.send {
        $0.parse(query: "SHOW VERSION")
        $0.bind()
        $0.describe(.portal)
        $0.execute()
        $0.sync()
      }.types == "12TDCZ")
    #expect(
      room.send {
        $0.parse(name: "s", query: "SHOW VERSION")
        $0.describe(.statement, name: "s")
        $0.sync()
      }.types == "1tTZ")
    for _ in 0..<2 {
      #expect(
        room.send {
          $0.bind(portal: "p", statement: "s")
          $0.execute(portal: "p")
          $0.sync()
        }.types == "2DCZ")
    }
    #expect(
      room.send {
        $0.close(.statement, name: "s")
        $0.bind(statement: "s")
        $0.execute()
        $0.sync()
      }.types == "3EZ")
    room.outcome = .done
    #expect(
      room.send {
        $0.parse(query: "RELOAD")
        $0.bind()
        $0.describe(.portal)
        $0.execute()
        $0.sync()
      }.types == "12nCZ")
  }

  @Test func `an error passes over what follows up to the Sync`() {
    var room = Room()
    room.outcome = .failed(.noSuchDatabase("x"))
    #expect(
      room.send {
        $0.parse(query: "PAUSE x")
        $0.bind()
        $0.execute()
        $0.bind()
        $0.execute()
        $0.sync()
      }.types == "12EZ")
    #expect(room.ran.count == 1)
    #expect(room.send { $0.parse(query: "PAUSE; RESUME") }.types == "E")
    #expect(room.send { $0.query("RELOAD") }.types == "", "no Sync has come")
    #expect(room.send { $0.sync() }.types == "Z")
  }

  @Test func `a portal gives its rows in portions`() {
    var room = Room()
    let rows = (0..<5).map { [ConsoleValue.text("\($0)"), .integer($0)] }
    room.outcome = .table(ConsoleTable(.totals, rows))
    #expect(
      room.send {
        $0.parse(query: "SHOW TOTALS")
        $0.bind()
        $0.execute(maximumRows: 2)
        $0.execute(maximumRows: 2)
        $0.execute(maximumRows: 2)
        $0.sync()
      }.types == "12DDsDDsDCZ")
    #expect(room.ran.count == 1)
  }

  @Test func `a portal that has given all its rows keeps none, and has no more`() {
    var room = Room()
    room.outcome = .table(ConsoleTable(.totals, [["a", 1], ["b", 2]]))
    let answer = room.send {
      $0.parse(query: "SHOW TOTALS")
      $0.bind()
      $0.execute()
      $0.execute()
      $0.execute(maximumRows: 1)
      $0.sync()
    }
    #expect(answer.types == "12DDCCCZ" && room.ran.count == 1)
  }

  @Test func `commands of a query, and portals, are few`() {
    var room = Room()
    let most = String(repeating: "SHOW HELP;", count: ConsoleParser.mostCommands)
    #expect(room.send { $0.query(most) }.types.filter { $0 == "N" }.count == 100)
    #expect(room.send { $0.query(most + "SHOW HELP") }.types == "EZ")
    let answer = room.send {
      $0.query("BEGIN")
      $0.parse(query: "SHOW VERSION")
      for number in 0..<20 { $0.bind(portal: "p\(number)") }
      $0.sync()
    }
    #expect(answer.types == "CZ1" + String(repeating: "2", count: 16) + "EZ")
  }

  @Test func `long tables are written in pieces`() {
    var session = ConsoleSession(isAdmin: false)
    var writer = MessageWriter()
    writer.query("SHOW TOTALS")
    _ = session.receive(UInt8(ascii: "Q"), Array(writer.bytes.dropFirst(5)))
    let rows = (0..<1_000).map { [ConsoleValue.text("\($0)"), .integer($0)] }
    session.complete(.table(ConsoleTable(.totals, rows)))
    var pieces: [String] = []
    while session.state == .sending, pieces.count < 100 {
      pieces.append(Room.types(session.output()))
    }
    #expect(pieces.count > 3)
    #expect(pieces.joined() == "T" + String(repeating: "D", count: 1_000) + "CZ")
  }

  @Test func `binary results are described as such`() {
    var room = Room()
    room.outcome = .table(ConsoleTable(.totals, [["a", 7]]))
    // Bind of the unnamed statement with all results in binary.
    let body: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 1]
    let (types, bytes) = room.send {
      $0.parse(query: "SHOW TOTALS")
      $0.message(ClientMessageType.bind, body: body)
      $0.describe(.portal)
      $0.execute()
      $0.sync()
    }
    #expect(types == "12TDCZ")
    var expected = MessageWriter()
    expected.rowDescription([.text("name"), .numeric("value")], formats: [1])
    expected.dataRow(bytes: [[97], [0, 1, 0, 0, 0, 0, 0, 0, 0, 7]])
    #expect(bytes.dropFirst(10).starts(with: expected.bytes))
  }

  @Test func `who may only look is refused the rest`() {
    var room = Room(isAdmin: false)
    #expect(room.send { $0.query("RELOAD") }.types == "EZ")
    #expect(room.send { $0.query("SHOW FDS") }.types == "EZ")
    #expect(room.ran.isEmpty)
  }

  @Test func `who asks for the columns of older versions gets them behind the others`() {
    var room = Room()
    room.session = ConsoleSession(isAdmin: true, hasOldColumns: true)
    let names = ShowTable.stats.columns.map(\.name)
    let row: [ConsoleValue] = ["app"] + (1...24).map { .integer($0) }
    room.outcome = .table(ConsoleTable(.stats, [row]))
    let (types, bytes) = room.send {
      $0.parse(query: "SHOW STATS")
      $0.bind()
      $0.describe(.portal)
      $0.execute()
      $0.sync()
    }
    #expect(types == "12TDCZ")
    var expected = MessageWriter()
    let old = ["total_requests", "avg_req", "avg_query"]
    expected.rowDescription([.text("database")] + (names.dropFirst() + old).map { .numeric($0) })
    expected.dataRow(row.map(\.string) + ["3", "15", "19"])
    #expect(bytes.dropFirst(10).starts(with: expected.bytes))
  }

  @Test func `a driver's transactions are taken note of`() {
    var room = Room()
    #expect(room.send { $0.query("BEGIN") }.bytes.last == UInt8(ascii: "T"))
    #expect(room.send { $0.query("COMMIT") }.bytes.last == UInt8(ascii: "I"))
  }

  @Test func `malformed messages are errors, and no message ends the session`() {
    var room = Room()
    let bodies: [[UInt8]] = [
      [], [0], [1], [0, 0], [0, 0, 255], [255, 255, 255, 255], [83, 0, 9],
    ]
    for type in "PBDEC".utf8 {
      for body in bodies {
        _ = room.send {
          $0.message(type, body: body)
          $0.sync()
        }
      }
    }
    room.outcome = Self.version
    #expect(room.send { $0.query("SHOW VERSION") }.types == "TDCZ")
    let isKnown = room.session.receive(UInt8(ascii: "d"), [])
    #expect(!isKnown)
  }
}
