import Glibc
import Testing

extension Integration {
  /// Clients that say themselves which tenant they act for, by a login that may not act for all.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct Naming {
    private typealias Level = ForgingDatabase.Level
    private static let call = "SELECT set_config('app.tenant_id', $1, false)"

    /// acme and apex, for which the login may act, and globex.
    private func withTenants(
      _ version: PostgresVersion, _ level: ForgingDatabase.Level,
      _ settings: SluiceConfiguration.Section = [:],
      _ body: (SluiceProcess, ForgingDatabase, SluiceConfiguration) throws -> Void
    ) throws {
      let database = try ForgingDatabase(version, level)
      try database.run(
        "INSERT INTO docs SELECT n, 'apex', 'of apex' FROM generate_series(60, 70) AS n")
      var configuration = database.configuration(settings, sources: ["set"])
      configuration.users["app"]?["tenants"] = ["a*"]
      configuration.tenantSettings["app.copy"] = "of {tenant}"
      try withSluice(configuration) { try body($0, database, configuration) }
      #expect(try database.foreignWrites().isEmpty)
    }

    /// Whose rows a client sees now; nil: none, but an error.
    private func tenants(_ client: WireClient) throws -> Set<String>? {
      let answer = try client.query("SELECT tenant_id FROM public.docs")
      return answer.errors.isEmpty ? Set(answer.rows.compactMap { $0[0] }) : nil
    }

    @Test(
      arguments: PostgresVersion.available,
      [
        (Level.plain, "transaction"), (.signed, "transaction"), (.signed, "session"),
        (.signed, "unmapped"),
      ])
    func `each way names whom the login may act for, and nobody else`(
      version: PostgresVersion, place: (level: ForgingDatabase.Level, mode: String)
    ) throws {
      let settings: SluiceConfiguration.Section =
        place.mode == "unmapped"
        ? ["max_prepared_statements": 0] : ["pool_mode": .text(place.mode)]
      try withTenants(version, place.level, settings) { sluice, _, _ in
        for way in NamingWay.allCases {
          let client = try sluice.connect()
          for tenant in ["acme", "apex", "globex", "acme", "globex"] {
            let answer = try way.name(tenant, client)
            let seen = try tenants(client)
            let trace = "\(way), \(tenant): \(answer)"
            #expect(seen?.contains("globex") != true, "\(trace)")
            if tenant != "globex", place.mode == "transaction" || answer.errors.isEmpty {
              #expect(seen == [tenant], "\(trace)")
            } else if way.hasParameter, place.mode != "transaction" {
              let sqlstate = answer.errors.first?.sqlstate ?? ""
              #expect(["42501", "26000"].contains(sqlstate), "\(trace)")
              // Without a name it is bound as with mapped statements.
              #expect(
                !way.isUnnamed || place.mode == "session" || tenant == "globex", "\(trace)")
            } else {
              #expect(answer.errors.first?.sqlstate == "42501", "\(trace)")
            }
            if way.isLocal { _ = try client.query("ROLLBACK") }
          }
          client.terminate()
        }
      }
    }

    // MARK: as PostgreSQL answers

    /// A driver asks for the statement, then binds it with the formats that it likes.
    @Test(arguments: PostgresVersion.available, ForgingDatabase.Level.allCases)
    func `a statement that names the tenant is answered as PostgreSQL does`(
      version: PostgresVersion, level: ForgingDatabase.Level
    ) throws {
      let texts = [
        Self.call, "SELECT pg_catalog.set_config('app.tenant_id', $1::text, true) AS \"Of Mine\"",
        "SELECT set_config('app.tenant_id', CAST($1 AS text), false) x",
      ]
      try withTenants(version, level) { sluice, database, _ in
        let direct = try database.base.cluster.connect(
          user: "tenancy_app", database: database.base.name)
        let client = try sluice.connect()
        for text in texts {
          for (name, types, formats) in [
            ("n", [], []), ("n", [25], [0]), ("n", [1043], [1]), ("", [], [1]), ("", [25], []),
          ] as [(String, [Int], [Int])] {
            let messages = [
              Frame.closeStatement(name) + Frame.parse(text, name: name, types: types)
                + Frame.describeStatement(name) + Frame.sync,
              Frame.parse("BEGIN", name: "") + Frame.bind() + Frame.execute()
                + (name.isEmpty ? Frame.parse(text, types: types) : [])
                + Frame.bind(
                  [Array("apex".utf8)], statement: name, portal: "p", formats: formats,
                  resultFormats: formats) + Frame.describePortal("p")
                + Frame.execute(portal: "p") + Frame.closePortal("p") + Frame.sync,
              Frame.query("COMMIT"),
            ]
            for message in messages {
              let answers = try [direct, client].map { connection in
                try connection.send(message)
                let answer = try connection.receiveUntilReady()
                return answer.messages.filter { $0.type != "S" }.map { "\($0.type) \($0.body)" }
              }
              #expect(answers[0] == answers[1], "\(text), \(name), \(formats)")
            }
          }
          #expect(try client.value("SHOW app.copy") == "of apex")
        }
        direct.terminate()
        client.terminate()
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a batch goes on as whom it has named`(version: PostgresVersion) throws {
      try withTenants(version, .signed) { sluice, _, _ in
        let client = try sluice.connect()
        _ = try client.query("SET app.tenant_id = 'acme'").checked()
        try client.send(
          Frame.parse(Self.call, name: "n")
            + Frame.parse("SELECT DISTINCT tenant_id FROM docs", name: "r") + Frame.sync)
        _ = try client.receiveUntilReady().checked()
        let read = Frame.bind(statement: "r") + Frame.execute()
        func name(_ tenant: String) -> [UInt8] {
          Frame.bind([Array(tenant.utf8)], statement: "n") + Frame.execute()
        }
        try client.send(name("apex") + read + name("acme") + read + Frame.sync)
        let answer = try client.receiveUntilReady().checked()
        #expect(answer.rows == [["apex"], ["apex"], ["acme"], ["acme"]])
        try client.send(name("apex") + read + name("globex") + read + Frame.sync)
        let refused = try client.receiveUntilReady()
        #expect(refused.rows == [["apex"], ["apex"]] && refused.sqlstate == "42501")
        // It has been rolled back.
        #expect(try tenants(client) == ["acme"])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `NULL, no value and too many name nobody else`(version: PostgresVersion) throws {
      try withTenants(version, .signed) { sluice, _, _ in
        for name in ["", "n"] {
          for values in [[nil], [[]], [], [nil, nil], [Array("globex".utf8), nil]] as [[[UInt8]?]] {
            let client = try sluice.connect()
            _ = try client.query("SET app.tenant_id = 'apex'").checked()
            try client.send(
              Frame.parse(Self.call, name: name)
                + Frame.bind(values, statement: name, formats: values.isEmpty ? [] : [0])
                + Frame.execute() + Frame.sync)
            let answer = try client.receiveUntilReady()
            // NULL and an empty name bring back whom the login came to: nobody.
            let seen = try tenants(client)
            #expect(
              seen == (answer.errors.isEmpty ? nil : ["apex"]), "\(values): \(answer)")
            client.terminate()
          }
        }
      }
    }

    // MARK: what changes meanwhile

    @Test(arguments: PostgresVersion.available)
    func `what was prepared is asked again when it is bound`(version: PostgresVersion) throws {
      try withTenants(version, .signed) { sluice, _, configuration in
        let client = try sluice.connect()
        _ = try client.query("SET app.tenant_id = 'acme'").checked()
        let texts = [
          ("n", Self.call), ("s", "SET app.tenant_id = 'apex'"),
          ("t", "SELECT set_config('app.tenant_id', 'apex', false)"), ("", Self.call),
        ]
        for (name, text) in texts {
          try client.send(Frame.parse(text, name: name) + Frame.sync)
          _ = try client.receiveUntilReady().checked()
        }
        var changed = configuration
        changed.users["app"]?["tenants"] = ["acme"]
        try sluice.rewrite(changed)
        kill(sluice.process.pid, SIGHUP)
        expectEventually {
          (try? sluice.connect().query("SET app.tenant_id = 'apex'"))?.sqlstate != nil
        }
        for (name, text) in texts.reversed() {
          let values = text == Self.call ? [Array("apex".utf8)] : []
          try client.send(Frame.bind(values, statement: name) + Frame.execute() + Frame.sync)
          #expect(try client.receiveUntilReady().sqlstate == "42501", "\(name)")
          #expect(try tenants(client) == ["acme"], "\(name)")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `no statement on a shared server has a token in it`(version: PostgresVersion) throws {
      try withTenants(version, .signed, ["default_pool_size": 1]) { sluice, _, _ in
        let other = try sluice.connect()
        for way in NamingWay.allCases {
          let client = try sluice.connect()
          #expect(try way.name("apex", client).errors.isEmpty, "\(way)")
          #expect(try tenants(client) == ["apex"])
          if way.isLocal { _ = try client.query("COMMIT") }
          _ = try other.query("SET app.tenant_id = 'acme'").checked()
          for question in [
            "SELECT statement FROM pg_prepared_statements", "SELECT statement FROM pg_cursors",
          ] {
            let answer = try other.query(question).checked()
            #expect(!answer.text.contains("v1."), "\(way): \(answer.rows)")
          }
          // What is left without a name is nobody else's.
          try other.send(Frame.bind() + Frame.execute() + Frame.sync)
          #expect(try other.receiveUntilReady().sqlstate == "26000", "\(way)")
          #expect(try tenants(other) == ["acme"])
          client.terminate()
        }
      }
    }
  }
}
