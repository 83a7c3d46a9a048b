import Testing

extension Integration {
  /// COPY FROM STDIN that fails, as libpq runs it in the extended protocol: with a Sync behind the
  /// Execute, which the server ignores if it is copying by then, and with another behind the data.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct FailedCopy {
    private static let pid = "SELECT pg_backend_pid()"
    private static let me = "SELECT current_setting('app.tenant_id')"

    private static func begin(_ sql: String) -> [UInt8] {
      Frame.parse(sql) + Frame.bind() + Frame.execute() + Frame.sync
    }

    /// - Parameter isSlow: the error is there before the data's end is sent.
    private func fail(_ client: WireClient, _ table: String, isSlow: Bool) throws -> Exchange {
      try client.send(Self.begin("COPY \(table) FROM STDIN"))
      #expect(try client.receive { $0 == "G" }.types == "12G")
      try client.send(Frame.copyData("bad\n"))
      var early = Exchange()
      if isSlow { early = try client.receive { $0 == "E" } }
      try client.send(Frame.copyData("late\n") + Frame.copyDone + Frame.sync)
      var answer = try client.receiveUntilReady()
      answer.messages = early.messages + answer.messages
      return answer
    }

    @Test(arguments: PostgresVersion.available, [false, true])
    func `a failed COPY costs nobody the server`(version: PostgresVersion, isSlow: Bool) throws {
      try PostgresCluster.shared(version).query(
        """
        DROP TABLE IF EXISTS failed_copy; CREATE TABLE failed_copy (n int);
        GRANT ALL ON failed_copy TO app
        """, database: "app")
      try withSluice(version, ["default_pool_size": 1, "threads": 1]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        let pid = try client.value(Self.pid)
        try client.send(Frame.parse("SELECT 'kept'", name: "kept") + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        for block in [false, true, false] {
          if block { try client.query("BEGIN") }
          let answer = try fail(client, "failed_copy", isSlow: isSlow)
          #expect(answer.types == "EZ")
          #expect(answer.errors.first?.sqlstate == "22P02")
          #expect(answer.status == (block ? "E" : "I"))
          if block { #expect(try client.query("ROLLBACK").types == "CZ") }
          #expect(try other.value(Self.pid) == pid)
          #expect(try client.value(Self.pid) == pid)
          try client.send(Frame.bind(statement: "kept") + Frame.execute() + Frame.sync)
          #expect(try client.receiveUntilReady().value == "kept")
        }
        #expect(try client.value("SELECT count(*) FROM failed_copy") == "0")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a failed COPY leaves the unnamed statement`(version: PostgresVersion) throws {
      try PostgresCluster.shared(version).query(
        """
        DROP TABLE IF EXISTS failed_copy; CREATE TABLE failed_copy (n int);
        GRANT ALL ON failed_copy TO app
        """, database: "app")
      for prepared in [0, 100] {
        let settings: SluiceConfiguration.Section = [
          "default_pool_size": 1, "threads": 1, "max_prepared_statements": .integer(prepared),
        ]
        try withSluice(version, settings) { sluice in
          let client = try sluice.connect()
          try client.send(Frame.parse("COPY failed_copy FROM STDIN", name: "copy") + Frame.sync)
          _ = try client.receiveUntilReady().checked()
          try client.send(Frame.parse("SELECT 'unnamed'") + Frame.sync)
          _ = try client.receiveUntilReady().checked()
          try client.send(Frame.bind(statement: "copy") + Frame.execute() + Frame.sync)
          #expect(try client.receive { $0 == "G" }.types == "2G")
          try client.send(Frame.copyData("bad\n") + Frame.copyDone + Frame.sync)
          #expect(try client.receiveUntilReady().types == "EZ")
          try client.send(Frame.bind() + Frame.execute() + Frame.sync)
          #expect(try client.receiveUntilReady().value == "unnamed")
        }
      }
    }

    @Test(arguments: PostgresVersion.available, ["transaction", "session"])
    func `a tenant's client goes on behind a failed COPY`(
      version: PostgresVersion, mode: String
    ) throws {
      let database = try IsolationDatabase(
        version, tenants: 4, mark: "failed copy \(UInt32.random(in: 0 ... .max))")
      let size = mode == "session" ? 2 : 1
      let configuration = database.tenancy([
        "pool_mode": .text(mode), "default_pool_size": .integer(size), "threads": 1,
      ])
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(user: "app.t1")
        let other = try sluice.connect(user: "app.t2")
        for (block, isSlow) in [(false, false), (true, false), (false, true), (true, true)] {
          #expect(try other.value(Self.me) == "t2")
          if block { try client.query("BEGIN") }
          #expect(try fail(client, "spare", isSlow: isSlow).types == "EZ")
          if block {
            #expect(try client.query(Self.me).errors.first?.sqlstate == "25P02")
            #expect(try client.query("ROLLBACK").types == "CZ")
          }
          #expect(try client.value(Self.me) == "t1")
          #expect(try client.extended(Self.me).value == "t1")
          #expect(try other.extended(Self.me).value == "t2")
        }
      }
      #expect(try database.foreignRows() == [])
    }

    private static let ready = Frame.message("Z", [0x49])

    /// What a server does that has failed before it has read the Sync: it answers that one, too.
    /// - Parameters:
    ///   - late: what comes at once behind the error and the ReadyForQuery.
    ///   - answer: to the question what is owed; nil: it dies.
    private func withFake(
      late: [UInt8] = [], _ answer: [UInt8]?, _ body: (SluiceProcess) throws -> Void
    ) throws {
      let ready = Self.ready
      let server = try FakeServer { connection, _ in
        try connection.welcome()
        while let message = try connection.receive() {
          switch message.type {
          case "Q":
            let text = message.strings().first ?? ""
            try connection.send(Frame.message("C", Frame.string(text)) + ready)
          case "C":
            guard let answer else { return }
            try connection.send(answer + ready)
          case "P": try connection.send(Frame.message("1", []))
          case "B": try connection.send(Frame.message("2", []))
          case "E": try connection.send(Frame.message("G", [0, 0, 0]))
          case "c":
            let fields = [("S", "ERROR"), ("V", "ERROR"), ("C", "22P02"), ("M", "bad row")]
            let error = fields.flatMap { Frame.string($0.0 + $0.1) } + [UInt8(0)]
            try connection.send(Frame.message("E", error) + ready + late)
          default: break
          }
        }
      }
      defer { server.close() }
      try withSluice(server.configuration(["default_pool_size": 1, "threads": 1]), body)
    }

    @Test func `the answer to a Sync that came late is not the next query's`() throws {
      let closed = Frame.message("3", [])
      for (late, answer) in [([], closed), ([], Self.ready + closed), (Self.ready, closed)] {
        try withFake(late: late, answer) { sluice in
          let client = try sluice.connect()
          for _ in 0..<3 {
            #expect(try fail(client, "x", isSlow: false).types == "EZ")
            #expect(!client.isReadable(within: 0.1))
            for text in ["SELECT 1", "SELECT 2"] {
              let answer = try client.query(text)
              #expect(answer.types == "CZ")
              #expect(answer.tags == [text])
            }
          }
          #expect(try sluice.connect().query("SELECT 3").tags == ["SELECT 3"])
          #expect(!client.isReadable(within: 0.1))
        }
      }
    }

    @Test func `a server that can't tell what it owes ends its client`() throws {
      let fields = [("S", "ERROR"), ("V", "ERROR"), ("C", "XX000"), ("M", "no answer")]
      let error = fields.flatMap { Frame.string($0.0 + $0.1) } + [UInt8(0)]
      try withFake(Frame.message("E", error)) { sluice in
        let client = try sluice.connect()
        #expect(try fail(client, "x", isSlow: false).types == "EZ")
        let last = try client.receiveUntilReady()
        #expect(last.isClosed)
        #expect(last.errors.first?.sqlstate == "08006")
        #expect(try sluice.connect().query("SELECT 1").tags == ["SELECT 1"])
      }
    }

    @Test func `a server that dies while it is asked ends its client`() throws {
      try withFake(nil) { sluice in
        let client = try sluice.connect()
        #expect(try fail(client, "x", isSlow: false).types == "EZ")
        let last = try client.receiveUntilReady()
        #expect(last.isClosed)
        #expect(last.errors.first?.sqlstate == "08006")
      }
    }
  }
}
