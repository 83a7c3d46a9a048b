import Testing

extension Integration {
  /// Attempts on the rules that the preamble rests on: nothing runs between two transactions but
  /// behind one, and what is put behind a `SET` within its own transaction can't end that.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct IsolationRules {
    private static let me = "current_setting('app.tenant_id', true)"

    private func withTenants(
      _ version: PostgresVersion, _ settings: SluiceConfiguration.Section = [:],
      change: (inout SluiceConfiguration) -> Void = { _ in },
      _ body: (SluiceProcess, IsolationDatabase) throws -> Void
    ) throws {
      let database = try IsolationDatabase(
        version, tenants: 10, mark: "rules \(UInt32.random(in: 0 ... .max))")
      var configuration = database.tenancy(["default_pool_size": 1, "threads": 1])
      configuration.settings.merge(settings) { $1 }
      change(&configuration)
      try withSluice(configuration) { try body($0, database) }
      #expect(try database.foreignRows() == [])
    }

    /// All values in the answer that tell of a tenant.
    private func tenants(_ exchange: Exchange) -> Set<String> {
      Set(exchange.rows.flatMap { $0 }.map { $0 ?? "NULL" }.filter { $0 != "1" })
    }

    // MARK: ends of transactions within one message

    private static let endings = [
      "SELECT 1; ROLLBACK; SELECT \(me)", "SELECT 1;ROLLBACK;SELECT \(me)",
      "SELECT \(me)\n;\tROLLBACK\n;SELECT \(me)", "SELECT 1; COMMIT; SELECT \(me)",
      "WITH x AS (SELECT 1) SELECT * FROM x; ROLLBACK; SELECT \(me)",
      "VALUES (1); ABORT; VALUES (\(me))", "TABLE spare; END; SELECT \(me)",
      "INSERT INTO item (own, way) VALUES ('t1', 'x'); ROLLBACK; SELECT \(me)",
      "BEGIN; ROLLBACK; SELECT \(me)", "BEGIN; COMMIT; SELECT \(me); ROLLBACK; SELECT \(me)",
      "BEGIN; SELECT 1; COMMIT AND CHAIN; SELECT \(me); ROLLBACK AND CHAIN; SELECT \(me); COMMIT",
      "BEGIN; SAVEPOINT a; SELECT 1; ROLLBACK TO a; SELECT \(me); ROLLBACK; SELECT \(me)",
      "CALL settle('t1', 'call')", "SELECT 1; CALL settle('t1', 'call')",
      "DO $$BEGIN ROLLBACK; PERFORM public.witness('t1', 'do'); COMMIT; END$$",
      "SELECT 1; DO $$BEGIN ROLLBACK; PERFORM public.witness('t1', 'do'); END$$",
      "SELECT ';ROLLBACK;' = \(me), \(me); ROLLBACK; SELECT \(me)",
      "SELECT $a$;$a$ = \(me), \(me); ROLLBACK; SELECT \(me)",
      "/* SELECT */ ROLLBACK; SELECT \(me)", "/* ; */ SELECT 1; ROLLBACK; SELECT \(me)",
      "-- SELECT\nROLLBACK; SELECT \(me)", "SELECT 1 -- x\n; ROLLBACK; SELECT \(me)",
      "SELECT 1 /* /* */ ; */; ROLLBACK; SELECT \(me)", ";;SELECT 1;;ROLLBACK;;SELECT \(me)",
      "SELECT E'\\'; ROLLBACK; SELECT 1 --' = \(me), \(me)",
      "SET LOCAL standard_conforming_strings = off; SELECT '\\'; ROLLBACK; VALUES (\(me)) --'",
      "SELECT 1; VACUUM spare", "VACUUM spare", "SELECT 1/0; SELECT \(me)",
      "SELECT 1; SELECT 1/0", "SELECT \(me); SELEC",
      "INSERT INTO item (own, way) VALUES ('t1', NULL)",
      "PREPARE TRANSACTION 'x'", "SELECT 1; PREPARE TRANSACTION 'x'; SELECT \(me)",
      "COPY pile (own, way) FROM STDIN", "EXPLAIN ANALYZE SELECT witness('t1', 'explain')",
      "DISCARD ALL", "RESET ALL", "START TRANSACTION READ ONLY; SELECT \(me); END; SELECT \(me)",
    ]

    @Test(arguments: PostgresVersion.available, ["transaction", "session"])
    func `a simple query that ends transactions stays with its tenant`(
      version: PostgresVersion, mode: String
    ) throws {
      try withTenants(version, ["pool_mode": .text(mode)]) { sluice, _ in
        for text in Self.endings {
          // In session mode each has the only server for itself.
          let other = try sluice.connect(user: "app.t2")
          #expect(tenants(try other.query("SELECT \(Self.me)")) == ["t2"])
          if mode == "session" { other.terminate() }
          let client = try sluice.connect(user: "app.t1")
          for _ in 0..<2 {
            try client.send(Frame.query(text))
            if text.prefix(4) == "COPY" {
              _ = try client.receive { $0 == "G" || $0 == "Z" }
              try client.send(Frame.copyData("t1\tcopy\n") + Frame.copyDone)
            }
            let answer = try client.receiveUntilReady()
            // A plan is no tenant's.
            if text.hasPrefix("EXPLAIN") { continue }
            #expect(
              tenants(answer).subtracting(["f", "\\"]).isSubset(of: ["t1"]),
              "\(text): \(answer.rows)")
            if answer.isClosed || answer.status == "I" { continue }
            try client.query("ROLLBACK")
          }
          #expect(tenants(try client.query("SELECT \(Self.me)")) == ["t1"], "\(text)")
          client.terminate()
          other.terminate()
        }
      }
    }

    /// The same, a statement at a time, in one batch.
    @Test(arguments: PostgresVersion.available, ["named", "unnamed", "prepared"])
    func `a batch that ends transactions stays with its tenant`(
      version: PostgresVersion, way: String
    ) throws {
      let read = "SELECT \(Self.me)"
      let batches: [[String]] = [
        [read, "ROLLBACK", read], ["ROLLBACK", read], ["BEGIN", read, "COMMIT", read],
        ["BEGIN", "ROLLBACK AND CHAIN", read, "ROLLBACK", read],
        [read, "COMMIT", read, "ABORT", read],
        ["CALL settle('t1', 'batch')"], [read, "CALL settle('t1', 'batch')", read],
        ["VACUUM spare", read], [read, "VACUUM spare"], [read, "SELECT 1/0", read], ["", read],
        ["SAVEPOINT a", read], ["DISCARD ALL"], ["RESET ALL"],
        ["SELECT witness('t1', 'batch')", "SELECT 1/0"],
      ]
      try withTenants(version) { sluice, _ in
        for batch in batches {
          let other = try sluice.connect(user: "app.t2")
          let client = try sluice.connect(user: "app.t1")
          let names = batch.indices.map { way == "unnamed" ? "" : "s\($0)" }
          if way == "prepared" {
            let parses = zip(batch, names).flatMap { Frame.parse($0, name: $1) + Frame.sync }
            try client.send(parses)
            for _ in batch { #expect(try client.receiveUntilReady().errors.isEmpty) }
          }
          #expect(tenants(try other.query(read)) == ["t2"])
          var bytes: [UInt8] = []
          for (text, name) in zip(batch, names) {
            if way != "prepared" { bytes += Frame.parse(text, name: name) }
            bytes += Frame.bind(statement: name) + Frame.execute()
          }
          try client.send(bytes + Frame.sync)
          let answer = try client.receiveUntilReady()
          #expect(tenants(answer).isSubset(of: ["t1"]), "\(batch): \(answer.rows)")
          if answer.status != "I" { try client.query("ROLLBACK") }
          #expect(tenants(try other.query(read)) == ["t2"], "\(batch)")
          #expect(tenants(try client.query(read)) == ["t1"], "\(batch)")
          client.terminate()
          other.terminate()
        }
      }
    }

    // MARK: a preamble that fails

    /// The failed block of a preamble would be left by what the client has prepared before.
    @Test(
      arguments:
        PostgresVersion.available,
      ["named ROLLBACK", "unnamed ROLLBACK", "named COMMIT", "unnamed COMMIT"])
    func `no prepared statement leads out of a preamble that has failed`(
      version: PostgresVersion, way: String
    ) throws {
      let name = way.hasPrefix("named") ? "out" : ""
      let ending = way.hasSuffix("COMMIT") ? "COMMIT" : "ROLLBACK"
      let change: (inout SluiceConfiguration) -> Void = {
        $0.tenantSettings["role"] = "isolation_{tenant}"
      }
      try withTenants(version, change: change) { sluice, database in
        let cluster = database.cluster
        for tenant in ["t1", "t2"] {
          try cluster.query("DROP ROLE IF EXISTS isolation_\(tenant)")
          try cluster.query("CREATE ROLE isolation_\(tenant)")
          try cluster.query("GRANT isolation_\(tenant) TO app")
          let grants = "GRANT ALL ON ALL TABLES IN SCHEMA public TO isolation_\(tenant)"
          try cluster.query(grants, database: IsolationDatabase.name)
        }
        let client = try sluice.connect(user: "app.t1")
        try client.send(
          Frame.parse("SELECT witness('t1', 'out')", name: "read") + Frame.sync)
        #expect(try client.receiveUntilReady().errors.isEmpty)
        try client.send(Frame.parse(ending, name: name) + Frame.sync)
        #expect(try client.receiveUntilReady().errors.isEmpty)
        let other = try sluice.connect(user: "app.t2")
        #expect(tenants(try other.query("SELECT \(Self.me)")) == ["t2"])
        try cluster.query("ALTER ROLE isolation_t1 RENAME TO isolation_gone")
        defer { _ = try? cluster.query("ALTER ROLE isolation_gone RENAME TO isolation_t1") }
        try client.send(
          Frame.bind(statement: name) + Frame.execute() + Frame.bind(statement: "read")
            + Frame.execute() + Frame.sync)
        let answer = try client.receiveUntilReady()
        #expect(tenants(answer).isEmpty, "\(answer.rows)")
        #expect(!answer.errors.isEmpty)
        #expect(tenants(try other.query("SELECT \(Self.me)")) == ["t2"])
        for table in ["item", "seen"] {
          _ = try cluster.query("SELECT count(*) FROM \(table)", database: IsolationDatabase.name)
        }
      }
    }

    // MARK: what is not the preamble's

    @Test(arguments: PostgresVersion.available)
    func `an error of the client's own is told as such`(version: PostgresVersion) throws {
      try withTenants(version) { sluice, _ in
        let client = try sluice.connect(user: "app.t1")
        for text in ["SELECT 1 FROM WHERE", "SELECT missing", "SELECT * FROM missing"] {
          let direct = try IsolationRules.direct(version, text)
          for exchange in [try client.query(text), try client.extended(text)] {
            let error = try #require(exchange.errors.first)
            #expect(error.fields == direct.fields, "\(text): \(error)")
          }
        }
      }
    }

    private static func direct(_ version: PostgresVersion, _ text: String) throws -> ServerError {
      let client = try PostgresCluster.shared(version)
        .connect(user: "app", database: IsolationDatabase.name)
      defer { client.terminate() }
      return try #require(try client.query(text).errors.first)
    }

    @Test(arguments: PostgresVersion.available, ["transaction"])
    func `the unnamed statement outlives its transaction`(
      version: PostgresVersion, mode: String
    ) throws {
      let settings: SluiceConfiguration.Section =
        mode == "unmapped" ? ["max_prepared_statements": 0] : ["pool_mode": .text(mode)]
      try withTenants(version, settings) { sluice, _ in
        let client = try sluice.connect(user: "app.t1")
        try client.send(Frame.parse("SELECT \(Self.me)") + Frame.sync)
        #expect(try client.receiveUntilReady().errors.isEmpty)
        for _ in 0..<2 {
          try client.send(Frame.bind() + Frame.execute() + Frame.sync)
          let answer = try client.receiveUntilReady()
          #expect(answer.errors.isEmpty && answer.value == "t1", "\(answer)")
        }
      }
    }

    // MARK: clients that end while their preamble is made

    /// Nothing of such a preamble has been sent, and nothing answers it.
    @Test(arguments: PostgresVersion.available)
    func `a client that is ended in front of its first message leaves its server whole`(
      version: PostgresVersion
    ) throws {
      let long = String(repeating: "n", count: 5_000)
      let malformed: [[UInt8]] = [
        Frame.parse("SELECT 1", name: long), Frame.parse("COMMIT", name: long) + Frame.sync,
        Frame.message("P", [0x6e]), Frame.message("B", [0x6e]) + Frame.sync,
        Frame.message("Q", []), Frame.message("Q", [0x53]),
        Frame.message("D", [0x53, 0x6e]), Frame.message("C", []),
        Frame.parse("SELECT 1") + Frame.message("B", [0x6e]) + Frame.sync,
        Frame.parse("SELECT 1") + [0x21, 0, 0, 0, 4],
      ]
      try withTenants(version) { sluice, _ in
        for bytes in malformed {
          let other = try sluice.connect(user: "app.t2")
          let client = try sluice.connect(user: "app.t1")
          try client.send(bytes)
          _ = client.isReadable(within: 0.3)
          client.close()
          other.seconds = 5
          for _ in 0..<2 {
            let text = "\(bytes.prefix(20))"
            let answers = [
              try other.query("SELECT \(Self.me)"), try other.extended("SELECT \(Self.me)"),
            ]
            for answer in answers { #expect(answer.value == "t2", "\(text): \(answer)") }
            #expect(try other.query("BEGIN; SELECT \(Self.me); COMMIT").value == "t2", "\(text)")
          }
          other.terminate()
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a client with too many statements leaves its server whole`(
      version: PostgresVersion
    ) throws {
      try withTenants(version) { sluice, _ in
        let other = try sluice.connect(user: "app.t2")
        let client = try sluice.connect(user: "app.t1")
        let padding = String(repeating: " ", count: 95_000)
        for number in 0..<200 {
          try client.send(
            Frame.parse("SELECT \(number)\(padding)", name: "s\(number)") + Frame.sync)
          if try client.receiveUntilReady().isClosed { break }
          #expect(number < 190, "the client was to be ended")
        }
        other.seconds = 5
        for _ in 0..<2 {
          #expect(try other.query("SELECT \(Self.me)").value == "t2")
          #expect(try other.extended("SELECT \(Self.me)").value == "t2")
          #expect(try other.query("BEGIN; SELECT \(Self.me); COMMIT").value == "t2")
        }
      }
    }

    // MARK: statements that run alone

    /// Behind a preamble that shared their transaction they would be refused.
    @Test(arguments: PostgresVersion.available)
    func `what must run alone, or commits within, runs`(version: PostgresVersion) throws {
      try withTenants(version) { sluice, _ in
        let other = try sluice.connect(user: "app.t2")
        let client = try sluice.connect(user: "app.t1")
        for text in [
          "VACUUM item", "CREATE INDEX CONCURRENTLY alone ON item (own)",
          "REINDEX INDEX CONCURRENTLY alone", "DROP INDEX CONCURRENTLY alone",
          "CALL settle('t1', 'alone')", "DISCARD ALL",
          "DO $$BEGIN PERFORM public.witness('t1', 'alone'); COMMIT; "
            + "PERFORM public.witness('t1', 'alone'); ROLLBACK; END$$",
        ] {
          for message in [Frame.query(text), Frame.extended(text)] {
            #expect(tenants(try other.query("SELECT \(Self.me)")) == ["t2"])
            try client.send(message)
            let answer = try client.receiveUntilReady()
            #expect(answer.errors.isEmpty && answer.status == "I", "\(text): \(answer.errors)")
            // Not twice, or only as a simple query.
            if ["CREATE", "DROP", "DISCARD"].contains(where: text.hasPrefix) { break }
          }
        }
        #expect(tenants(try client.query("SELECT \(Self.me)")) == ["t1"])
      }
    }

    // MARK: batches that are sent once more

    @Test(arguments: PostgresVersion.available)
    func `a batch that is sent once more has its preamble again`(version: PostgresVersion) throws {
      try withTenants(version) { sluice, database in
        try database.cluster.query(
          "CREATE TABLE shape AS SELECT 1 AS a; GRANT SELECT ON shape TO app",
          database: IsolationDatabase.name)
        let other = try sluice.connect(user: "app.t2")
        let client = try sluice.connect(user: "app.t1")
        try client.send(
          Frame.parse("SELECT *, \(Self.me) FROM shape", name: "s") + Frame.sync)
        #expect(try client.receiveUntilReady().errors.isEmpty)
        let use =
          Frame.bind(statement: "s") + Frame.describePortal() + Frame.execute() + Frame.sync
        for number in 0..<4 {
          #expect(tenants(try other.query("SELECT \(Self.me)")) == ["t2"])
          try client.send(use)
          let answer = try client.receiveUntilReady()
          #expect(answer.rows.first?.last == "t1" || !answer.errors.isEmpty, "\(answer)")
          #expect(tenants(try other.query("SELECT \(Self.me)")) == ["t2"])
          try database.cluster.query(
            "ALTER TABLE shape ADD b\(number) int", database: IsolationDatabase.name)
        }
      }
    }
  }
}
