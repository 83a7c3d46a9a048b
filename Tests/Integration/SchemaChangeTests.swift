import Glibc
import PostgresWire
import Testing

extension Integration {
  /// Prepared statements whose results get another shape.
  @Suite struct SchemaChanges {
    private static let table =
      "DROP TABLE IF EXISTS reshaped; CREATE TABLE reshaped (a int);"
      + "INSERT INTO reshaped VALUES (1)"

    private func exchange(_ client: WireClient, _ bytes: [UInt8]) throws -> Exchange {
      try client.send(bytes)
      return try client.receiveUntilReady()
    }

    /// Prepares as a driver does that remembers what it was told.
    private func prepare(_ client: WireClient, _ name: String, _ sql: String) throws -> Exchange {
      try exchange(
        client, Frame.parse(sql, name: name) + Frame.describeStatement(name) + Frame.sync)
    }

    private func call(_ client: WireClient, _ name: String) throws -> Exchange {
      try exchange(client, Frame.bind(texts: [], statement: name) + Frame.execute() + Frame.sync)
    }

    /// As libpq does: it asks for the columns each time.
    private func callDescribed(_ client: WireClient, _ name: String) throws -> Exchange {
      try exchange(
        client,
        Frame.bind(texts: [], statement: name) + Frame.describePortal() + Frame.execute()
          + Frame.sync)
    }

    private func isPlanChange(_ exchange: Exchange) -> Bool {
      exchange.errors.first?.sqlstate == "0A000"
        && exchange.errors.first?.message == "cached plan must not change result type"
    }

    @Test(arguments: PostgresVersion.available)
    func `a change made elsewhere is told to who knew the old shape, once, and to nobody else`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let newcomer = try sluice.connect()
        let direct = try PostgresCluster.shared(version).connect(database: "app")
        try client.query(Self.table)
        let parse = Frame.parse("SELECT * FROM reshaped", name: "all") + Frame.sync
        _ = try exchange(client, parse)
        #expect(try callDescribed(client, "all").rows == [["1"]])
        try direct.query("ALTER TABLE reshaped ADD b int DEFAULT 2")
        // The server has it in the old shape, which the newcomer has never heard of.
        _ = try exchange(newcomer, parse)
        let changed = try callDescribed(newcomer, "all")
        #expect(changed.types == "2TDCZ")
        #expect(changed.rows == [["1", "2"]])
        #expect(isPlanChange(try callDescribed(client, "all")))
        #expect(try callDescribed(client, "all").rows == [["1", "2"]])
        try direct.query("ALTER TABLE reshaped DROP b")
        try client.query("BEGIN")
        #expect(isPlanChange(try callDescribed(client, "all")))
        #expect(try callDescribed(client, "all").errors.first?.sqlstate == "25P02")
        try client.query("ROLLBACK")
        for _ in 0..<3 { #expect(try callDescribed(client, "all").rows == [["1"]]) }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `who remembers the columns is told once, on a server that lacks the statement too`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.query(Self.table)
        #expect(try prepare(client, "all", "SELECT * FROM reshaped").types == "1tTZ")
        _ = try prepare(client, "one", "SELECT a FROM reshaped")
        #expect(try call(client, "all").rows == [["1"]])
        // The client's next statement comes to the other server, which has prepared nothing.
        try other.query("ALTER TABLE reshaped ADD b int DEFAULT 2")
        try other.query("BEGIN")
        let told = try call(client, "all")
        #expect(isPlanChange(told))
        #expect(told.types == "EZ")
        try other.query("COMMIT")
        for _ in 0..<4 {
          #expect(try call(client, "all").rows == [["1", "2"]])
          #expect(try call(client, "one").rows == [["1"]])
        }
        try other.query("ALTER TABLE reshaped DROP b")
        try client.query("BEGIN")
        let inside = try call(client, "all")
        #expect(isPlanChange(inside))
        #expect(inside.status == "E")
        try client.query("ROLLBACK")
        #expect(try call(client, "all").rows == [["1"]])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a statement behind BEGIN in one batch is looked at too`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.query(Self.table)
        _ = try prepare(client, "all", "SELECT * FROM reshaped")
        try other.query("ALTER TABLE reshaped ADD b int DEFAULT 2")
        let begin = Frame.parse("BEGIN") + Frame.bind(texts: []) + Frame.execute()
        let batch = Frame.bind(texts: [], statement: "all") + Frame.execute() + Frame.sync
        let told = try exchange(client, begin + batch)
        #expect(told.types == "12CEZ")
        #expect(isPlanChange(told))
        try client.query("ROLLBACK")
        #expect(try exchange(client, begin + batch).rows == [["1", "2"]])
        try client.query("COMMIT")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a change of what a statement does not use is not told`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let clients = try (0..<3).map { _ in try sluice.connect() }
        try clients[0].query(Self.table)
        for client in clients {
          _ = try prepare(client, "one", "SELECT a FROM reshaped")
          _ = try prepare(client, "none", "UPDATE reshaped SET a = a")
        }
        for round in 0..<3 {
          try clients[round].query("ALTER TABLE reshaped ADD c\(round) int")
          for client in clients {
            #expect(try call(client, "one").rows == [["1"]])
            #expect(try call(client, "none").tags == ["UPDATE 1"])
          }
        }
        // What a parameter is counts too.
        _ = try prepare(clients[1], "given", "SELECT a FROM reshaped WHERE a = $1")
        try clients[0].query("ALTER TABLE reshaped ALTER a TYPE bigint")
        #expect(
          isPlanChange(
            try exchange(
              clients[1],
              Frame.bind(texts: ["1"], statement: "given") + Frame.execute() + Frame.sync)))
        // What can't be prepared any longer fails as PostgreSQL has it.
        try clients[0].query("ALTER TABLE reshaped DROP a")
        #expect(try call(clients[2], "one").errors.first?.sqlstate == "42703")
        #expect(try call(clients[2], "one").errors.first?.sqlstate == "42703")
        #expect(try clients[2].query("SELECT 1").value == "1")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a client that skips over the error is told by its next use`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        try client.query(Self.table)
        _ = try prepare(client, "all", "SELECT * FROM reshaped")
        _ = try prepare(client, "fails", "SELECT 1 / (a - a) FROM reshaped")
        try client.query("ALTER TABLE reshaped ADD b int DEFAULT 2")
        let first = Frame.bind(texts: [], statement: "fails") + Frame.execute()
        let second = Frame.bind(texts: [], statement: "all") + Frame.execute() + Frame.sync
        let skipped = try exchange(client, first + second)
        #expect(skipped.errors.map(\.sqlstate) == ["22012"], "\(skipped.types) \(skipped.rows)")
        #expect(isPlanChange(try call(client, "all")))
        #expect(try call(client, "all").rows == [["1", "2"]])
      }
    }

    @Test(.disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
    func `behind a batch that is sent once more there is room for all that was read`() throws {
      let version = try PostgresVersion.newest
      var configuration = SluiceConfiguration(try .shared(version))
      configuration.settings["default_pool_size"] = 1
      configuration.tenancy = ["sources": ["user_suffix"]]
      configuration.tenantSettings["app.tenant_id"] = "{tenant}"
      try withSluice(configuration) { sluice in
        let direct = try PostgresCluster.shared(version).connect(database: "app")
        let parse = Frame.parse("SELECT * FROM reshaped", name: "all") + Frame.sync
        let client = try sluice.connect(tenant: "acme")
        try client.query(Self.table)
        _ = try exchange(client, parse)
        let first = try callDescribed(client, "all")
        #expect(first.rows == [["1"]], "\(first)")
        let newcomer = try sluice.connect(user: "app.acme", over: sluice.unixEndpoint)
        _ = try exchange(newcomer, parse)
        try direct.query("BEGIN; ALTER TABLE reshaped ADD b int DEFAULT 2")
        let batch =
          Frame.bind(texts: [], statement: "all") + Frame.describePortal() + Frame.execute()
          + Frame.sync
        try newcomer.send(batch)
        expectEventually("it waits for the table") {
          let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
          return (try? direct.value(waiting)) == "1"
        }
        // A socket's buffer is read at once, whose end stands right at the end of the loop's.
        let length = 131_072 - 6 - "SELECT length('')".utf8.count
        sluice.process.signal(SIGSTOP)
        let long = "SELECT length('" + String(repeating: "x", count: length) + "')"
        try newcomer.send(Frame.query(long))
        sluice.process.signal(SIGCONT)
        // It is read before the batch is answered.
        usleep(200_000)
        try direct.query("COMMIT")
        let changed = try newcomer.receiveUntilReady()
        #expect(changed.types == "2TDCZ" && changed.rows == [["1", "2"]], "\(changed)")
        #expect(try newcomer.receiveUntilReady().checked().value == "\(length)")
        direct.terminate()
      }
    }
  }
}
