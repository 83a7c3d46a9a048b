import Testing

extension Integration {
  /// A driver that goes on binding its unnamed statement, whose place preambles take.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct Unnamed {
    private static let read = "SELECT DISTINCT own || $1 FROM item"

    private func bind(_ text: String) -> [UInt8] { Frame.bind(texts: [text]) + Frame.execute() }

    @Test(arguments: TenantMode.places)
    func `an unnamed statement outlasts its transaction`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: false) { sluice in
        let client = try sluice.connect(user: "app.t1")
        let other = try sluice.connect(user: "app.t2")
        let described = try client.batch(
          Frame.parse(Self.read, types: [25]) + Frame.describeStatement(""))
        #expect(described.errors.isEmpty)
        for round in 0..<5 {
          let answer = try client.batch(bind(" \(round)"))
          #expect(answer.rows == [["t1 \(round)"]], "\(answer)")
          // One more in the same batch, and one behind an error.
          #expect(try client.batch(bind("a"), bind("b")).rows == [["t1a"], ["t1b"]])
          #expect(try client.batch(Frame.bind(statement: "none")).sqlstate == "26000")
          #expect(try client.batch(Frame.bind()).sqlstate == "08P01")
          let again = try client.batch(Frame.describeStatement(""))
          #expect(
            again.messages.map(\.body) == described.messages.dropFirst().map(\.body), "\(again)")
          // Nobody else's.
          #expect(try other.batch(bind("x")).sqlstate == "26000")
          #expect(try other.batch(Frame.describeStatement("")).sqlstate == "26000")
        }
        // In a transaction, and after one that has failed.
        try client.send(
          Frame.parse("BEGIN", name: "") + Frame.bind() + Frame.execute() + Frame.sync)
        #expect(try client.receiveUntilReady().status == "T")
        #expect(try client.batch(Frame.parse(Self.read)).errors.isEmpty)
        #expect(try client.batch(bind("c")).rows == [["t1c"]])
        #expect(
          try client.batch(Frame.parse("SELECT 1 / 0", name: "z"), Frame.bind(statement: "z"))
            .status
            == "E")
        #expect(try client.batch(bind("d")).sqlstate == "25P02")
        try client.send(Frame.query("ROLLBACK"))
        _ = try client.receiveUntilReady().checked()
        // A simple query ends it, as in PostgreSQL.
        #expect(try client.batch(bind("e")).sqlstate == "26000")
        client.terminate()
        other.terminate()
      }
    }

    /// As PostgreSQL itself answers, message by message.
    @Test(arguments: TenantMode.places)
    func `an unnamed statement is answered as PostgreSQL does`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: false) { sluice in
        let direct = try PostgresCluster.shared(version).connect(
          user: "app", database: IsolationDatabase.name)
        _ = try direct.query("SET app.tenant_id = 't1'").checked()
        let client = try sluice.connect(user: "app.t1")
        let close = Frame.closeStatement("")
        let steps: [[UInt8]] = [
          Frame.parse("SELECT $1::int + 1", types: [23]), bind("1"), bind("x"), bind("2"),
          Frame.closePortal("p") + bind("3"), Frame.parse("SELEC"), bind("4"),
          Frame.parse("SELECT 'a' || $1") + bind("5") + Frame.describeStatement(""), bind("6"),
          Frame.flush, bind("7") + Frame.flush + bind("8"), Frame.query("SELECT 9"), bind("9"),
          Frame.parse("SELECT 10 || $1") + close, bind("10"), close + close,
          Frame.parse("SELECT 11 || $1", name: "n"), Frame.parse("SELECT 12 || $1"),
          Frame.parse("SELECT 13", name: "n"), bind("12"), Frame.closeStatement("n"), bind("13"),
          Frame.parse("COPY (SELECT 14) TO STDOUT") + Frame.bind() + Frame.execute(),
          Frame.bind() + Frame.execute(), Frame.query(""), bind("15"),
        ]
        for (number, step) in steps.enumerated() {
          let isQuery = step.first == UInt8(ascii: "Q")
          // Names are on one server where they are not mapped: here it is the only one.
          let answers = try [direct, client].map { connection in
            try connection.send(step + (isQuery ? [] : Frame.sync))
            let answer = try connection.receiveUntilReady()
            return answer.messages.filter { $0.type != "S" && $0.type != "E" }
              .map { "\($0.type) \($0.body)" } + [answer.sqlstate ?? "none"]
          }
          #expect(answers[0] == answers[1], "\(mode), step \(number)")
        }
        direct.terminate()
        client.terminate()
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `one that is too long to be kept is gone with its transaction`(
      version: PostgresVersion
    ) throws {
      for mode in [TenantMode.session, .unmapped] {
        try mode.withTenants(version, isNamed: false) { sluice in
          let client = try sluice.connect(user: "app.t1")
          let long = Self.read + " WHERE own <> '" + String(repeating: "x", count: 20_000) + "'"
          #expect(try client.batch(Frame.parse(long), bind("a"), bind("b")).rows.count == 2)
          #expect(try client.batch(bind("c")).sqlstate == "26000")
          let huge = Self.read + " WHERE own <> '" + String(repeating: "x", count: 200_000) + "'"
          #expect(try client.batch(Frame.parse(huge), bind("a")).rows == [["t1a"]])
          #expect(try client.batch(bind("c")).sqlstate == "26000")
          #expect(
            try client.batch(
              Frame.parse(huge, name: "h"), Frame.bind(texts: ["d"], statement: "h"),
              Frame.execute()
            )
            .rows == [["t1d"]])
          client.terminate()
        }
      }
    }
  }
}
