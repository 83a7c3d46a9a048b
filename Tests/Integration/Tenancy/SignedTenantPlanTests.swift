import Testing

extension Integration {
  /// How often `sluice.tenant()` is called, by what is planned, and how it is installed.
  @Suite(.serialized) struct SignedTenantPlans {
    private static let versions = PostgresVersion.available

    /// How many calls of `sluice.tenant()` a statement makes in this process.
    private func calls(_ statement: String, _ client: WireClient) throws -> Int {
      // What earlier transactions counted may not have been flushed: the difference counts.
      let counter =
        "SELECT coalesce(sum(calls), 0) FROM pg_stat_xact_user_functions WHERE funcname = 'tenant'"
      _ = try client.query("BEGIN").checked()
      let before = Int(try client.value(counter) ?? "") ?? 0
      _ = try client.query(statement).checked()
      let after = Int(try client.value(counter) ?? "") ?? 0
      _ = try client.query("ROLLBACK").checked()
      return after - before
    }

    private func explain(_ statement: String, _ client: WireClient) throws -> String {
      try client.query("EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF) " + statement).checked()
        .rows.compactMap { $0[0] }.joined(separator: "\n")
    }

    private static let statements = [
      "SELECT * FROM docs", "SELECT count(*) FROM docs", "SELECT * FROM docs WHERE id = 2",
      "SELECT * FROM docs WHERE id < 500 AND body LIKE '%'", "SELECT * FROM docs ORDER BY body",
      "UPDATE docs SET body = body", "DELETE FROM docs WHERE id > 10",
    ]

    @Test(arguments: versions)
    func `a policy with a sub-select calls once a statement, and once to check an update`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      try database.query("ALTER DATABASE \(database.name) SET track_functions = 'all'")
      let client = try database.session(of: "acme")
      for statement in Self.statements {
        let expected = statement.hasPrefix("UPDATE") ? 2 : 1
        let count = try calls(statement, client)
        #expect(count == expected, "\(count) calls: \(statement)")
      }
      let insert = "INSERT INTO docs SELECT n, 'acme', '' FROM generate_series(10000, 10999) AS n"
      #expect(try calls(insert, client) == 1)
      _ = try client.query("PREPARE p AS SELECT * FROM docs").checked()
      for _ in 0..<8 { #expect(try calls("EXECUTE p", client) == 1) }
      let plan = try explain("SELECT * FROM docs WHERE id = 2", client)
      #expect(plan.contains("Index Scan using docs_pkey") && plan.contains("InitPlan 1"))
    }

    @Test(arguments: versions)
    func `a policy without one calls once a row, and once to plan`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      try database.query("ALTER DATABASE \(database.name) SET track_functions = 'all'")
      try database.query("ALTER POLICY tenant ON docs USING (tenant_id = sluice.tenant())")
      let client = try database.session(of: "acme")
      #expect(try calls("SELECT * FROM docs WHERE id = 2", client) == 2)
      // An index on the tenant's column saves it, as long as it is used.
      #expect(try calls("SELECT * FROM docs", client) < 10)
      _ = try client.query("SET enable_indexscan = off; SET enable_bitmapscan = off").checked()
      #expect(try calls("SELECT * FROM docs", client) > 2000)
    }

    @Test(arguments: versions)
    func `parallel workers know the tenant`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      for form in ["(SELECT sluice.tenant())", "sluice.tenant()"] {
        try database.query("ALTER POLICY tenant ON docs USING (tenant_id = \(form))")
        let client = try database.session()
        for setting in [
          "parallel_setup_cost = 0", "parallel_tuple_cost = 0", "min_parallel_table_scan_size = 0",
          "enable_indexscan = off", "enable_bitmapscan = off", "enable_indexonlyscan = off",
          "parallel_leader_participation = off",
        ] {
          _ = try client.query("SET \(setting)").checked()
        }
        let token = try database.token("acme")
        _ = try client.query("BEGIN; SET LOCAL sluice.token = '\(token)'").checked()
        let plan = try explain("SELECT count(*) FROM docs", client)
        #expect(plan.contains("Workers Launched: "), "\(plan)")
        #expect(!plan.contains("Workers Launched: 0"), "\(plan)")
        #expect(try client.value("SELECT count(*) FROM docs") == "1000")
        _ = try client.query("COMMIT").checked()
        #expect(try client.query("SELECT count(*) FROM docs").sqlstate == "42501")
      }
    }

    @Test(arguments: versions)
    func `a prepared plan takes the tenant of the moment`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      for form in ["(SELECT sluice.tenant())", "sluice.tenant()"] {
        try database.query("ALTER POLICY tenant ON docs USING (tenant_id = \(form))")
        let client = try database.session(of: "acme")
        _ = try client.query("PREPARE p AS SELECT DISTINCT tenant_id FROM docs").checked()
        for round in 0..<14 {
          let tenant = round % 2 == 0 ? "acme" : "globex"
          _ = try client.set(token: database.token(tenant)).checked()
          #expect(try client.query("EXECUTE p").checked().rows == [[tenant]])
        }
        _ = try client.query("SET sluice.token = ''").checked()
        #expect(try client.query("EXECUTE p").sqlstate == "42501")
      }
    }

    @Test(arguments: versions)
    func `installing again keeps the secrets and what depends on the function`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      let client = try database.session(of: "acme")
      try database.install()
      try database.install()
      #expect(try client.value("SELECT count(*) FROM docs") == "1000")
      #expect(throws: ServerError.self) { try database.install(as: "tenancy_app") }
      #expect(try client.value("SELECT count(*) FROM docs") == "1000")
    }

    @Test(arguments: versions)
    func `a schema that another role made is not installed into`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version, isInstalled: false)
      let client = try database.session()
      _ = try client.query("CREATE SCHEMA sluice; GRANT ALL ON SCHEMA sluice TO PUBLIC").checked()
      let error = #expect(throws: ServerError.self) { try database.install() }
      #expect(error?.message == "the schema sluice, or something in it, belongs to tenancy_app")
      #expect(
        try database.query(
          "SELECT count(*) FROM pg_class WHERE relnamespace = 'sluice'::regnamespace"
        ).value == "0")
    }

    @Test(arguments: versions)
    func `default privileges do not open the secrets`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version, isInstalled: false)
      for privileges in [
        "ALL ON TABLES TO PUBLIC", "ALL ON TABLES TO tenancy_app",
        "ALL ON SCHEMAS TO tenancy_app", "ALL ON FUNCTIONS TO tenancy_app",
      ] {
        try database.query(
          "ALTER DEFAULT PRIVILEGES FOR ROLE tenancy_owner GRANT \(privileges)")
      }
      try database.install()
      try database.addSecret(SignedDatabase.keyID, SignedDatabase.secret)
      let client = try database.session(of: "acme")
      #expect(try client.value("SELECT sluice.tenant()") == "acme")
      for statement in [
        "TABLE sluice.secrets", "DELETE FROM sluice.secrets", "CREATE TABLE sluice.t (a int)",
        "SELECT sluice.set_secret('k9', repeat('x', 40))", "SELECT sluice.drop_secret('k1')",
      ] {
        #expect(try client.query(statement).sqlstate == "42501", "\(statement)")
      }
    }
  }
}
