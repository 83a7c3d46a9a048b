import Glibc
import Testing

extension Integration {
  /// `tenants_query`: tenants that are in a table.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct TenantTableReading {
    private static func table(_ version: PostgresVersion? = nil) throws -> TenantTable {
      try TenantTable(.shared(version ?? .newest))
    }

    private static func expect(
      _ error: ServerError?, _ sqlstate: String, _ message: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(
        error?.sqlstate == sqlstate && error?.message.contains(message) == true,
        "\(String(describing: error))", sourceLocation: sourceLocation)
    }

    // MARK: what is in it

    @Test(arguments: PostgresVersion.available)
    func `a row overrides the settings of all, and the configuration overrides the row`(
      version: PostgresVersion
    ) throws {
      let table = try Self.table(version)
      try table.add("acme", plan: "gold {tenant}")
      try table.add("beta")
      try table.add("gamma", plan: "it's \\ 'quoted'")
      try table.add("own", plan: "gold")
      var configuration = try table.configuration()
      configuration.tenants["own"] = ["settings.\"app.plan\"": "configured"]
      try withSluice(configuration) { sluice in
        let expected = [
          "acme": "acme gold {tenant}", "beta": "beta none", "gamma": "gamma it's \\ 'quoted'",
          "own": "own configured",
        ]
        let clients = try expected.map { (try sluice.connect(tenant: $0), $1) }
        for _ in 0..<3 {
          for (client, expected) in clients { #expect(try client.whoAmI() == expected) }
        }
        #expect(try table.count("acme") == 1)
      }
    }

    @Test func `limits come from the row, and [tenants] wins over it`() throws {
      let table = try Self.table()
      try table.add("acme", clients: 1)
      try table.add("beta")
      try table.add("own", clients: 1)
      var configuration = try table.configuration(lifetime: 1)
      configuration.tenancy["max_client_connections"] = 2
      configuration.tenants["own"] = ["max_client_connections": 3]
      try withSluice(configuration) { (sluice) throws in
        var clients: [WireClient] = []
        for (tenant, most) in [("acme", 1), ("beta", 2), ("own", 3)] {
          for _ in 0..<most { clients.append(try sluice.connect(tenant: tenant)) }
          expectRefusal(
            try sluice.loginError(user: "app.\(tenant)"), names: "max_client_connections")
        }
        // A change counts once the row's lifetime is over; nobody has to do anything but come.
        try table.run("UPDATE tenant SET max_client_connections = 2 WHERE tenant = 'acme'")
        try expectEventually { try sluice.loginError(user: "app.acme") == nil }
      }
    }

    @Test(arguments: [
      ("SELECT 'acme' AS tenant, 'x' AS weight", "the column \"weight\" takes 1 to 1000"),
      ("SELECT 'acme' AS tenant, 0 AS weight", "the column \"weight\" takes 1 to 1000"),
      ("SELECT 'acme' AS tenant, -1 AS max_waiting_clients", "\"max_waiting_clients\" takes 0"),
      ("SELECT 'beta' AS tenant", "the column \"tenant\" is another tenant's"),
      ("SELECT 'x' AS \"app.other\"", "\"app.other\" is no setting of [tenancy.settings]"),
      ("SELECT 'x' AS role", "\"role\" is no setting of [tenancy.settings]"),
      ("SELECT 1 AS weight, 2 AS \"WEIGHT\"", "stands twice"),
      ("SELECT generate_series(1, 2) AS weight", "there are several"),
      ("SELECT generate_series(1, 1000000) AS weight", "there are several"),
      ("SELECT repeat('x', 20000) AS \"app.plan\"", "longer than"),
      ("SELECT '' AS dbname", "the column \"dbname\" takes 1 to 63 bytes"),
      ("SELECT repeat('x', 64) AS dbname", "the column \"dbname\" takes 1 to 63 bytes"),
      ("SELECT '' AS host", "the column \"host\" takes the name or the address of one host"),
      ("SELECT '/tmp' AS host", "\"host\" takes the name"),
      ("SELECT '@abstract' AS host", "\"host\" takes the name"),
      ("SELECT '../tmp' AS host", "\"host\" takes the name"),
      ("SELECT '127.0.0.1,127.0.0.2' AS host", "\"host\" takes the name"),
      ("SELECT '127.0.0.1 port=1' AS host", "\"host\" takes the name"),
      ("SELECT 'localhost' || chr(10) AS host", "\"host\" takes the name"),
      ("SELECT 0 AS port", "the column \"port\" takes 1 to 65535"),
      ("SELECT '5432; x' AS port", "the column \"port\" takes 1 to 65535"),
      ("SELECT repeat('x', 2000) AS \"app.plan\"", "\"app.plan\" has a value of more than 1024"),
    ])
    func `a row that can not be is refused`(sql: String, message: String) throws {
      let table = try Self.table()
      let configuration = try table.configuration(query: "\(sql) WHERE $1 = 'acme'")
      try withSluice(configuration) { sluice in
        Self.expect(try sluice.loginError(user: "app.acme"), "53400", message)
        Self.expect(
          try sluice.loginError(user: "app.nobody"), "28000", "there is no tenant \"nobody\"")
      }
    }

    // MARK: who is not in it

    @Test(arguments: PostgresVersion.available)
    func `whoever is not in it is refused, and the name is never part of the text`(
      version: PostgresVersion
    ) throws {
      let table = try Self.table(version)
      try table.add("acme")
      var configuration = try table.configuration(sources: ["startup:app.tenant_id"])
      configuration.tenancy["pattern"] = ".*"
      try withSluice(configuration) { sluice in
        for name in [
          "nobody", "x' OR '1' = '1", "acme'; DROP TABLE tenant; --", "$1", "\\", "acme ", "ACME",
        ] {
          for _ in 0..<3 {
            let error = try sluice.loginError(parameters: ["app.tenant_id": name])
            Self.expect(error, "28000", "there is no tenant \"\(name)\"")
          }
          let quoted = name.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "''")
          #expect(try table.count(quoted) == 1, "that there is none is known for a while")
        }
        #expect(try sluice.loginError(parameters: ["app.tenant_id": "acme"]) == nil)
      }
    }

    @Test func `whoever comes into it later is let in once that is over`() throws {
      let table = try Self.table()
      try withSluice(table.configuration(lifetime: 1)) { (sluice) throws in
        Self.expect(try sluice.loginError(user: "app.acme"), "28000", "there is no tenant")
        try table.add("acme", plan: "new")
        try expectEventually { try sluice.loginError(user: "app.acme") == nil }
        let client = try sluice.connect(tenant: "acme")
        #expect(try client.whoAmI() == "acme new")
        // And whoever leaves it ends.
        try table.run("DELETE FROM tenant")
        var ended: ServerError?
        try expectEventually {
          ended = try client.query("SELECT 1").errors.first
          return ended != nil
        }
        Self.expect(ended, "28000", "there is no tenant")
        #expect(ended?.severity == "FATAL")
        #expect(client.isClosedByPeer())
      }
    }

    @Test func `made-up tenants leave a bounded number behind`() throws {
      let table = try Self.table()
      try table.add("acme", plan: "gold")
      var configuration = try table.configuration()
      configuration.tenancy["tenants_query_limit"] = 20
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(tenant: "acme")
        #expect(try client.whoAmI() == "acme gold")
        func makeUp(_ numbers: Range<Int>) throws {
          _ = try onThreads(4) { thread in
            for number in numbers where number % 4 == thread {
              let error = try sluice.loginError(user: "app.invented\(number)")
              Self.expect(error, "28000", "there is no tenant")
            }
          }
        }
        try makeUp(0..<500)
        let before = sluice.status("VmRSS")
        try makeUp(500..<2_500)
        if Patience.measuresMemory { #expect(sluice.status("VmRSS") - before < 8_000) }
        Self.expect(try sluice.loginError(user: "app.invented0"), "28000", "there is no tenant")
        #expect(try table.count("invented0") == 2, "it was forgotten")
        #expect(try client.whoAmI() == "acme gold")
      }
    }

    // MARK: changes

    @Test(arguments: PostgresVersion.available, ["transaction", "session"])
    func `a change of the row is seen after its lifetime`(
      version: PostgresVersion, mode: String
    ) throws {
      let table = try Self.table(version)
      try table.add("acme", plan: "old")
      var configuration = try table.configuration(lifetime: 1)
      configuration.settings["pool_mode"] = .text(mode)
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(tenant: "acme")
        #expect(try client.whoAmI() == "acme old")
        try table.run("UPDATE tenant SET \"app.plan\" = 'new'")
        try expectEventually { try client.whoAmI() == "acme new" }
        #expect(try client.extended("SELECT current_setting('app.plan')").value == "new")
        // Long after it: it is asked for again, and the client waits for that.
        try table.run("UPDATE tenant SET \"app.plan\" = 'newest'")
        usleep(1_500_000)
        #expect(try client.whoAmI() == "acme newest")
        try table.run("UPDATE tenant SET \"app.plan\" = 'last'")
        usleep(1_500_000)
        try client.run("BEGIN")
        #expect(try client.whoAmI() == "acme last")
        try client.run("COMMIT")
      }
    }

    @Test func `a reload forgets what was read`() throws {
      let table = try Self.table()
      try table.add("acme", plan: "gold")
      var configuration = try table.configuration()
      try withSluice(configuration) { (sluice) throws in
        let client = try sluice.connect(tenant: "acme")
        #expect(try client.whoAmI() == "acme gold")
        for (query, expected) in [
          ("SELECT $1 AS tenant, 'silver' AS \"app.plan\"", "acme silver"),
          ("SELECT $1 AS tenant", "acme none"), (TenantTable.query, "acme gold"),
        ] {
          configuration.tenancy["tenants_query"] = .text(query)
          try sluice.rewrite(configuration)
          sluice.process.signal(SIGHUP)
          try expectEventually("\(query)") { try client.whoAmI() == expected }
        }
      }
    }
  }
}
