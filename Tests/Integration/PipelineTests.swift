import Testing

extension Integration {
  @Suite(.serialized) struct Pipelining {
    @Test(arguments: PostgresVersion.available)
    func `a thousand Syncs in flight come back in order`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        try client.send((0..<1000).flatMap { Frame.extended("SELECT $1::int", ["\($0)"]) })
        for number in 0..<1000 {
          let answer = try client.receiveUntilReady()
          #expect(answer.value == "\(number)")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `an error in a pipeline skips to its Sync and no further`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let failing =
          Frame.parse("SELECT 1/0") + Frame.bind() + Frame.execute()
          + Frame.parse("SELECT 'skipped'") + Frame.bind() + Frame.execute() + Frame.sync
        for _ in 0..<50 {
          try client.send(Frame.extended("SELECT 1") + failing + Frame.extended("SELECT 3"))
          #expect(try client.receiveUntilReady().value == "1")
          let failed = try client.receiveUntilReady()
          // PostgreSQL computes the constant when it plans, which is at Bind.
          #expect(failed.types == "1EZ")
          #expect(failed.errors.first?.sqlstate == "22012")
          #expect(try client.receiveUntilReady().value == "3")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `simple queries behind one another are answered one by one`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        try client.send(
          Frame.query("SELECT 1") + Frame.query("nonsense") + Frame.query("") + Frame.query("BEGIN")
            + Frame.query("SELECT 2") + Frame.extended("SELECT 3") + Frame.query("COMMIT")
            + Frame.query("SELECT 4"))
        let answers = try (0..<8).map { _ in try client.receiveUntilReady() }
        #expect(answers.map(\.value) == ["1", nil, nil, nil, "2", "3", nil, "4"])
        #expect(answers.map(\.status) == ["I", "I", "I", "T", "T", "T", "I", "I"])
        #expect(answers[1].errors.first?.sqlstate == "42601")
        #expect(answers[2].types == "IZ")
      }
    }

    /// Only when nothing is owed any more may another client have the server.
    @Test(arguments: PostgresVersion.available)
    func `pipelines of many clients never mix on one server`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        _ = try onThreads(16) { thread in
          let client = try sluice.connect()
          for round in 0..<20 {
            let texts = (0..<10).map { "\(thread)-\(round)-\($0)" }
            try client.send(texts.flatMap { Frame.extended("SELECT $1::text", [$0]) })
            for text in texts {
              let answer = try client.receiveUntilReady()
              #expect(answer.value == text)
            }
          }
          client.terminate()
        }
      }
    }

    @Test(.disabled(if: StandIn.isOn, "PgBouncer refuses a startup packet in pieces"))
    func `bytes that come one at a time make the same messages`() throws {
      try withSluice(.newest) { sluice in
        let client = try WireClient(to: sluice.endpoint)
        for byte in Frame.startup([("user", "app"), ("database", "app")]) {
          try client.send([byte])
        }
        #expect(try client.receiveUntilReady().status == "I")
        for byte in Frame.extended("SELECT $1::text", ["slowly"]) + Frame.query("SELECT 2") {
          try client.send([byte])
        }
        #expect(try client.receiveUntilReady().value == "slowly")
        #expect(try client.receiveUntilReady().value == "2")
      }
    }

    @Test func `a startup packet and a query in one write both count`() throws {
      try withSluice(.newest) { sluice in
        let client = try WireClient(to: sluice.endpoint)
        try client.send(
          Frame.startup([("user", "app"), ("database", "app")]) + Frame.query("SELECT 'early'"))
        #expect(try client.receiveUntilReady().status == "I")
        #expect(try client.receiveUntilReady().value == "early")
      }
    }
  }
}
