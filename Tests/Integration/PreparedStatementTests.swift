import Testing

extension Integration {
  @Suite(.serialized) struct PreparedStatements {
    private static func call(_ name: String, _ values: [String] = []) -> [UInt8] {
      Frame.bind(texts: values, statement: name) + Frame.execute() + Frame.sync
    }

    private func prepare(_ client: WireClient, _ name: String, _ sql: String) throws -> Exchange {
      try client.send(Frame.parse(sql, name: name) + Frame.sync)
      return try client.receiveUntilReady()
    }

    @discardableResult
    private func call(
      _ client: WireClient, _ name: String, _ values: [String] = []
    ) throws -> Exchange {
      try client.send(Self.call(name, values))
      return try client.receiveUntilReady()
    }

    @Test(arguments: PostgresVersion.available)
    func `the same name means each client's own statement on shared servers`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let clients = try (0..<6).map { _ in try sluice.connect() }
        for (number, client) in clients.enumerated() {
          // Two of a kind, so that texts are shared too.
          #expect(
            try prepare(client, "S_1", "SELECT \(number / 2) + $1::int").types == "1Z")
        }
        for round in 0..<5 {
          for (number, client) in clients.enumerated() {
            let answer = try call(client, "S_1", ["\(round)"])
            #expect(answer.types == "2DCZ")
            #expect(answer.value == "\(number / 2 + round)")
          }
        }
        #expect(
          Int(try clients[0].value("SELECT count(*) FROM pg_prepared_statements") ?? "")! <= 3)
      }
    }

    @Test(arguments: ["EXECUTE \"a", "EXPLAIN EXECUTE \"a", "DEALLOCATE \"a", "EXECUTE \"a\"\""])
    func `a name without an end is the server's to refuse`(text: String) throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        try client.send(Frame.parse("SELECT 1", name: "a") + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        #expect(try client.query(text).errors.first?.sqlstate == "42601")
        #expect(try client.extended(text, []).errors.first?.sqlstate == "42601")
        #expect(try client.value("SELECT 1") == "1")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a failed Parse leaves its name free, also in a pipeline`(version: PostgresVersion) throws
    {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let failed = try prepare(client, "s", "SELEC 1")
        #expect(failed.types == "EZ")
        #expect(failed.errors.first?.sqlstate == "42601")
        let missing = try call(client, "s")
        #expect(missing.errors.first?.sqlstate == "26000")
        #expect(missing.errors.first?.message == "prepared statement \"s\" does not exist")
        // Skipped behind an error, used in the next batch, then taken for another text.
        try client.send(
          Frame.parse("SELECT 1/0") + Frame.bind() + Frame.execute()
            + Frame.parse("SELECT 'skipped'", name: "s") + Frame.sync
            + Self.call("s") + Frame.parse("SELECT 'second'", name: "s") + Self.call("s"))
        #expect(try client.receiveUntilReady().errors.first?.sqlstate == "22012")
        #expect(try client.receiveUntilReady().errors.first?.sqlstate == "26000")
        let last = try client.receiveUntilReady()
        #expect(last.types == "12DCZ")
        #expect(last.value == "second")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `what a client sends after it saw an error is skipped up to its Sync`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        _ = try prepare(client, "kept", "SELECT 'kept'")
        try client.send(Frame.parse("SELEC 1", name: "s") + Frame.flush)
        #expect(try client.receive { $0 == "E" }.errors.first?.sqlstate == "42601")
        // The name is free again, and what is done with it here comes to nothing.
        try client.send(
          Frame.parse("SELECT 'skipped'", name: "s") + Self.call("s")
            + Frame.parse("SELECT 'second'", name: "s") + Self.call("s") + Self.call("kept"))
        #expect(try client.receiveUntilReady().types == "Z")
        let second = try client.receiveUntilReady()
        #expect(second.types == "12DCZ")
        #expect(second.value == "second")
        #expect(try client.receiveUntilReady().value == "kept")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a statement too long to be kept never gives way`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1, "max_prepared_statements": 2]) { sluice in
        let client = try sluice.connect()
        let comment = String(repeating: "x", count: 300_000)
        #expect(try prepare(client, "long", "SELECT 'long' /* \(comment) */").types == "1Z")
        for number in 0..<5 {
          #expect(try prepare(client, "s\(number)", "SELECT \(number)").types == "1Z")
        }
        #expect(try call(client, "long").value == "long")
        #expect(try call(client, "s0").value == "0")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a name that is taken is refused with the client's name`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        _ = try prepare(client, "mine", "SELECT 'first'")
        let again = try prepare(client, "mine", "SELECT 'second'")
        #expect(again.types == "EZ")
        #expect(again.errors.first?.sqlstate == "42P05")
        #expect(again.errors.first?.message == "prepared statement \"mine\" already exists")
        #expect(try call(client, "mine").value == "first")
        try client.send(
          Frame.closeStatement("mine") + Frame.parse("SELECT 'third'", name: "mine")
            + Self.call("mine"))
        #expect(try client.receiveUntilReady().types == "312DCZ")
        #expect(try call(client, "mine").value == "third")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `more statements than a server may have take turns`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1, "max_prepared_statements": 3]) { sluice in
        let client = try sluice.connect()
        for number in 0..<10 { _ = try prepare(client, "s\(number)", "SELECT \(number)") }
        // All in one batch, and then one at a time in another order.
        try client.send(
          (0..<10).flatMap { Frame.bind(statement: "s\($0)") + Frame.execute() } + Frame.sync)
        let all = try client.receiveUntilReady()
        #expect(all.types == String(repeating: "2DC", count: 10) + "Z")
        #expect(all.rows.map { $0[0] } == (0..<10).map { "\($0)" })
        for round in 0..<30 {
          #expect(try call(client, "s\(round * 7 % 10)").value == "\(round * 7 % 10)")
        }
        #expect(
          try client.value("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql") == "3")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `an unnamed statement follows its client and is nobody else's`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        _ = try prepare(client, "", "SELECT 'mine'")
        let stolen = try call(other, "")
        #expect(stolen.types == "EZ")
        #expect(stolen.errors.first?.sqlstate == "26000")
        #expect(try other.extended("SELECT 'other'").value == "other")
        #expect(try call(client, "").value == "mine")
        #expect(try call(client, "").value == "mine")
        // A simple query ends it, as PostgreSQL has it.
        try client.query("SELECT 1")
        #expect(try call(client, "").errors.first?.sqlstate == "26000")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `DEALLOCATE and DISCARD ALL take a client's names away and no other's`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        for name in ["a", "b", "c"] {
          _ = try prepare(client, name, "SELECT '\(name)'")
          _ = try prepare(other, name, "SELECT '\(name)'")
        }
        #expect(try client.query("DEALLOCATE a").tags == ["DEALLOCATE"])
        #expect(try call(client, "a").errors.first?.sqlstate == "26000")
        #expect(try call(other, "a").value == "a")
        #expect(try client.query("DEALLOCATE a").errors.first?.sqlstate == "26000")
        #expect(try call(client, "b").value == "b")
        #expect(try client.query("DEALLOCATE ALL").tags == ["DEALLOCATE ALL"])
        #expect(try call(client, "b").errors.first?.sqlstate == "26000")
        #expect(try call(other, "b").value == "b")
        _ = try prepare(client, "b", "SELECT 'again'")
        #expect(try call(client, "b").value == "again")
        #expect(try client.query("DISCARD ALL").tags == ["DISCARD ALL"])
        #expect(try call(client, "b").errors.first?.sqlstate == "26000")
        #expect(try call(other, "c").value == "c")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `Describe tells of a mapped statement, and messages in pieces are the same`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let bytes =
          Frame.parse("SELECT $1::int AS n", name: "d") + Frame.describeStatement("d")
          + Frame.bind(texts: ["7"], statement: "d") + Frame.describePortal() + Frame.execute()
          + Frame.sync
        for byte in bytes { try client.send([byte]) }
        let answer = try client.receiveUntilReady()
        #expect(answer.types == "1tT2TDCZ")
        #expect(answer.value == "7")
        let stranger = try sluice.connect()
        try stranger.send(Frame.describeStatement("d") + Frame.sync)
        #expect(try stranger.receiveUntilReady().errors.first?.sqlstate == "26000")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `nobody can bind the pooler's own names`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let thief = try sluice.connect()
        _ = try prepare(client, "secret", "SELECT 'secret'")
        let name = try #require(try client.value("SELECT name FROM pg_prepared_statements"))
        #expect(name.hasPrefix("SLUICE_"))
        #expect(try call(thief, name).errors.first?.sqlstate == "26000")
        try thief.send(Frame.describeStatement(name) + Frame.sync)
        #expect(try thief.receiveUntilReady().errors.first?.sqlstate == "26000")
        try thief.send(Frame.closeStatement(name) + Frame.sync)
        #expect(try thief.receiveUntilReady().types == "3Z")
        #expect(try call(client, "secret").value == "secret")
        // By SQL its user may, as PostgreSQL's own sessions may; nobody else loses by it.
        try thief.query("DEALLOCATE \"\(name)\"")
        #expect(try call(client, "secret").value == "secret")
      }
    }

    @Test func `a Parse too long to be kept works and keeps its server`() throws {
      try withSluice(.newest, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        let padding = String(repeating: "x", count: 300_000)
        #expect(try prepare(client, "long", "SELECT length('\(padding)')").types == "1Z")
        for _ in 0..<3 { #expect(try call(client, "long").value == "300000") }
        let unnamed = try client.extended("SELECT length('\(padding)')")
        #expect(unnamed.value == "300000")
        let other = try sluice.connect()
        for _ in 0..<3 {
          #expect(try other.value("SELECT count(*) FROM pg_prepared_statements") == "0")
        }
        #expect(try client.query("DISCARD ALL").tags == ["DISCARD ALL"])
        #expect(try call(client, "long").errors.first?.sqlstate == "26000")
      }
    }

    @Test func `without tracking, statements are the server's`() throws {
      try withSluice(.newest, ["default_pool_size": 1, "max_prepared_statements": 0]) { sluice in
        let client = try sluice.connect()
        _ = try prepare(client, "raw", "SELECT 'raw'")
        #expect(try client.value("SELECT name FROM pg_prepared_statements") == "raw")
        #expect(try call(client, "raw").value == "raw")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `many clients with many statements on few servers never mix`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 3, "max_prepared_statements": 7]) { sluice in
        _ = try onThreads(12) { thread in
          let client = try sluice.connect()
          var names: [String: String] = [:]
          for round in 0..<150 {
            let name = "s\((thread * 5 + round * round) % 8)"
            let text = "\((thread + round * 7) % 15)"
            if let known = names[name] {
              #expect(try call(client, name, ["!"]).value == known + "!")
              if round % 3 == 0 {
                try client.send(Frame.closeStatement(name) + Frame.sync)
                #expect(try client.receiveUntilReady().types == "3Z")
                names[name] = nil
              }
            } else {
              #expect(try prepare(client, name, "SELECT '\(text)' || $1::text").types == "1Z")
              names[name] = text
            }
          }
          client.terminate()
        }
      }
    }
  }
}
