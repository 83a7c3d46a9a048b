import Testing

extension Integration {
  @Suite(.serialized) struct Copy {
    /// An empty table for each test; the superuser makes it, everyone may use it.
    private func makeTable(_ version: PostgresVersion) throws {
      try PostgresCluster.shared(version).query(
        """
        DROP TABLE IF EXISTS copied; CREATE TABLE copied (n int, t text);
        GRANT ALL ON copied TO app
        """, database: "app")
    }

    @Test(arguments: PostgresVersion.available)
    func `psql copies a hundred thousand rows in and out unchanged`(
      version: PostgresVersion
    ) throws {
      try makeTable(version)
      let directory = try Scratch.directory("copy")
      var rows = ""
      for number in 0..<100_000 { rows += "\(number)\trow number \(number)\n" }
      try Scratch.write(rows, to: directory + "/in")
      try withSluice(version) { sluice in
        let output = try Programs.psql(
          sluice.endpoint,
          [
            "\\copy copied FROM '\(directory)/in'", "SELECT count(*), sum(n) FROM copied",
            "\\copy (TABLE copied ORDER BY n) TO '\(directory)/out'",
          ])
        #expect(output.standardError == "")
        #expect(output.standardOutput == "100000|4999950000\n")
        #expect(Scratch.read(directory + "/out") == rows)
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a COPY with a bad row fails and the connection goes on`(
      version: PostgresVersion
    ) throws {
      try makeTable(version)
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        try client.send(Frame.query("COPY copied FROM STDIN"))
        #expect(try client.receive { $0 == "G" }.types == "G")
        try client.send(Frame.copyData("1\tgood\n") + Frame.copyData("bad\tbad\n"))
        for _ in 0..<1000 { try client.send(Frame.copyData("2\tlate\n")) }
        try client.send(Frame.copyDone)
        let answer = try client.receiveUntilReady()
        #expect(answer.types == "EZ")
        #expect(answer.errors.first?.sqlstate == "22P02")
        #expect(try client.value("SELECT count(*) FROM copied") == "0")
        #expect(try sluice.connect().value("SELECT 1") == "1")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a COPY that fails in the extended protocol skips to Sync`(
      version: PostgresVersion
    ) throws {
      try makeTable(version)
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        try client.send(Frame.parse("COPY copied FROM STDIN") + Frame.bind() + Frame.execute())
        try client.send(Frame.flush)
        #expect(try client.receive { $0 == "G" }.types == "12G")
        try client.send(Frame.copyData("bad\tbad\n") + Frame.copyDone + Frame.sync)
        let answer = try client.receiveUntilReady()
        #expect(answer.types == "EZ")
        #expect(answer.errors.first?.sqlstate == "22P02")
        #expect(try client.value("SELECT 'on'") == "on")
        #expect(try sluice.connect().value("SELECT 1") == "1")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `CopyFail ends a COPY with the client's reason`(version: PostgresVersion) throws {
      try makeTable(version)
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        try client.send(Frame.query("COPY copied FROM STDIN"))
        _ = try client.receive { $0 == "G" }
        try client.send(Frame.copyData("1\tone\n") + Frame.copyFail("changed my mind"))
        let answer = try client.receiveUntilReady()
        #expect(answer.errors.first?.sqlstate == "57014")
        #expect(answer.errors.first?.message.contains("changed my mind") == true)
        #expect(try client.value("SELECT count(*) FROM copied") == "0")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a client that dies in a COPY leaves no rows and no broken server`(
      version: PostgresVersion
    ) throws {
      try makeTable(version)
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        for _ in 0..<3 {
          let client = try sluice.connect()
          try client.send(Frame.query("COPY copied FROM STDIN"))
          _ = try client.receive { $0 == "G" }
          try client.send(Frame.copyData("1\tone\n"))
          client.reset()
          let next = try sluice.connect()
          #expect(try next.value("SELECT count(*) FROM copied") == "0")
        }
        let reader = try sluice.connect()
        try reader.send(Frame.query("COPY (SELECT generate_series(1, 1000000)) TO STDOUT"))
        _ = try reader.receive { $0 == "d" }
        reader.reset()
        #expect(try sluice.connect().value("SELECT 'next'") == "next")
      }
    }

    /// libpq cannot do this, other drivers do: everything up to Sync in one write.
    @Test(
      .disabled(if: StandIn.isOn, "old PgBouncers hang in it"), arguments: PostgresVersion.available
    )
    func `a fully pipelined extended COPY works`(version: PostgresVersion) throws {
      try makeTable(version)
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let rows = (0..<2000).flatMap { Frame.copyData("\($0)\trow\n") }
        let pipeline =
          Frame.parse("COPY copied FROM STDIN") + Frame.bind() + Frame.execute() + rows
          + Frame.copyDone + Frame.sync + Frame.extended("SELECT count(*) FROM copied")
        for (round, client) in [
          try PostgresCluster.shared(version).connect(user: "app", database: "app"),
          try sluice.connect(),
        ].enumerated() {
          try client.send(pipeline)
          let copy = try client.receiveUntilReady()
          #expect(copy.types == "12GCZ")
          #expect(copy.tags == ["COPY 2000"])
          #expect(try client.receiveUntilReady().value == "\(2000 * (round + 1))")
        }
        #expect(try sluice.connect().value("SELECT 1") == "1")
      }
    }

    /// PostgreSQL says CopyInResponse first and refuses the view then, with Sync still unread.
    @Test(arguments: PostgresVersion.available)
    func `a COPY into a view fails and its Sync is answered`(version: PostgresVersion) throws {
      try PostgresCluster.shared(version).query(
        "CREATE OR REPLACE VIEW viewed AS SELECT 1 AS n; GRANT ALL ON viewed TO app",
        database: "app")
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let copy = Frame.parse("COPY viewed FROM STDIN") + Frame.bind() + Frame.execute()
        try client.send(copy + Frame.sync)
        #expect(try client.receiveUntilReady().types == "12GEZ")
        #expect(try client.value("SELECT 'on'") == "on")
        client.terminate()
        #expect(try sluice.connect().value("SELECT 'next'") == "next")
      }
    }

    @Test(
      .disabled(if: StandIn.isOn, "old PgBouncers hang in it"), arguments: PostgresVersion.available
    )
    func `a pipelined COPY behind other queries works`(version: PostgresVersion) throws {
      try makeTable(version)
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let copy =
          Frame.parse("COPY copied FROM STDIN") + Frame.bind() + Frame.execute()
          + Frame.copyData("1\trow\n") + Frame.copyDone + Frame.sync
        try client.send(Frame.query("BEGIN") + copy + copy + Frame.query("COMMIT"))
        let answers = try (0..<4).map { _ in try client.receiveUntilReady().types }
        #expect(answers == ["CZ", "12GCZ", "12GCZ", "CZ"])
        #expect(try sluice.connect().value("SELECT count(*) FROM copied") == "2")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `COPY out in the extended protocol gives every row`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let answer = try client.extended("COPY (SELECT generate_series(1, 5000)) TO STDOUT")
        #expect(answer.messages.count { $0.type == "d" } == 5000)
        #expect(answer.tags == ["COPY 5000"])
        let both = try client.query(
          "COPY (SELECT 1) TO STDOUT; SELECT 2; COPY (SELECT 3) TO STDOUT")
        #expect(both.types == "HdcCTDCHdcCZ")
      }
    }
  }
}
