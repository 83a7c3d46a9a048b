import Testing

extension Integration {
  /// `set_config` whose parameters tell what it sets, as ORMs send it: what it does is decided when
  /// it is bound.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct BoundTenants {
    private static let me = "SELECT current_setting('app.tenant_id', true)"
    private static let call = "SELECT set_config($1, $2, $3) AS told"

    private func withTenants(
      _ version: PostgresVersion, _ body: (SluiceProcess) throws -> Void
    ) throws {
      let database = try IsolationDatabase(
        version, tenants: 4, mark: "bound \(UInt32.random(in: 0 ... .max))")
      var configuration = database.tenancy(["default_pool_size": 1, "threads": 1])
      configuration.users["app"] = ["password": "", "tenants": ["t*", "nobody"]]
      configuration.tenancy = ["sources": ["set"], "fallback_tenant": "nobody"]
      try withSluice(configuration, body)
      #expect(try database.foreignRows() == [])
    }

    /// Binds the call that has been prepared under the name, and what reads the tenant behind it.
    private func say(
      _ client: WireClient, _ statement: String, _ values: [[UInt8]?], formats: [Int] = []
    ) throws -> Exchange {
      try client.send(
        Frame.bind(values, statement: statement, formats: formats) + Frame.describePortal()
          + Frame.execute() + Frame.sync)
      return try client.receiveUntilReady()
    }

    private func texts(_ values: String...) -> [[UInt8]?] { values.map { Array($0.utf8) } }

    private func prepare(_ client: WireClient, _ name: String, types: [Int] = []) throws {
      try client.send(
        Frame.parse(Self.call, name: name, types: types) + Frame.describeStatement(name)
          + Frame.sync)
      let answer = try client.receiveUntilReady().checked()
      let types = answer.messages.first { $0.type == "t" }?.body
      // text, text, bool: as PostgreSQL has them.
      #expect(types == [0, 3, 0, 0, 0, 25, 0, 0, 0, 25, 0, 0, 0, 16])
    }

    @Test(arguments: PostgresVersion.available)
    func `a tenant is named by parameters alone`(version: PostgresVersion) throws {
      try withTenants(version) { sluice in
        let other = try sluice.connect()
        let client = try sluice.connect()
        try prepare(client, "s")
        for number in 0..<3 {
          let tenant = "t\(number)"
          let said = try say(client, "s", texts("app.tenant_id", tenant, "false"))
          #expect(said.value == tenant)
          #expect(said.messages.first { $0.type == "T" }?.strings(from: 2).first == "told")
          #expect(try other.value(Self.me) == "nobody")
          #expect(try client.value(Self.me) == tenant)
        }
        // A transaction's own, with the flag in binary.
        try client.query("BEGIN")
        let local = [Array("APP.Tenant_ID".utf8), Array("t3".utf8), [1]]
        #expect(try say(client, "s", local, formats: [0, 0, 1]).value == "t3")
        #expect(try client.value(Self.me) == "t3")
        try client.query("COMMIT")
        #expect(try client.value(Self.me) == "t2")
        // One that is rolled back.
        try client.query("BEGIN")
        #expect(try say(client, "s", texts("app.tenant_id", "t1", "f")).value == "t1")
        try client.query("ROLLBACK")
        #expect(try client.value(Self.me) == "t2")
        #expect(try other.value(Self.me) == "nobody")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `other settings follow the client`(version: PostgresVersion) throws {
      try withTenants(version) { sluice in
        let other = try sluice.connect()
        let client = try sluice.connect()
        try client.query("SET app.tenant_id = 't1'")
        try prepare(client, "s")
        #expect(try say(client, "s", texts("app.user_id", "it's", "false")).value == "it's")
        #expect(try say(client, "s", texts("statement_timeout", "9s", "true")).value == "9s")
        #expect(try say(client, "s", texts("no_such", "1", "false")).errors[0].sqlstate == "42704")
        for _ in 0..<2 {
          let mine = "SELECT current_setting('app.user_id', true)"
          #expect(try other.value(mine) ?? "" == "")
          #expect(try client.value(mine) == "it's")
          #expect(try client.value("SHOW statement_timeout") == "0")
          #expect(try client.value(Self.me) == "t1")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `what it may not, or what can't be told, is refused`(version: PostgresVersion) throws {
      try withTenants(version) { sluice in
        let client = try sluice.connect()
        try client.query("SET app.tenant_id = 't1'")
        for name in ["", "s"] {
          let attempts: [[[UInt8]?]] = [
            texts("app.tenant_id", "globex", "false"), texts("app.tenant_id", "t2'", "true"),
            texts("search_path", "odd", "false"), texts("WORK_MEM", "1MB", "true"),
            texts("app.tenant_id", "t2", "maybe"), texts("app.tenant_id", "t2", "1"),
            texts("app.ünicode", "x", "false"), texts("app.user_id", "Jürgen", "false"),
            [Array("app.tenant_id".utf8), nil, Array("false".utf8)],
            [nil, Array("t2".utf8), Array("false".utf8)],
            [Array("app.tenant_id".utf8), Array("t2".utf8), nil],
            [Array("app.tenant_id".utf8), [0xFF, 0x74], Array("t".utf8)],
          ]
          for (number, attempt) in attempts.enumerated() {
            if name.isEmpty || number == 0 {
              try client.send(Frame.parse(Self.call, name: name) + Frame.sync)
              #expect(try client.receiveUntilReady().errors.isEmpty)
            }
            let answer = try say(client, name, attempt)
            // work_mem is a tenant's own where any tenant has it.
            #expect(answer.errors.first?.sqlstate == "42501", "\(number): \(answer)")
            #expect(try client.value(Self.me) == "t1", "\(number)")
          }
        }
        let executed = try client.query("EXECUTE s('app.tenant_id', 't2', false)")
        #expect(executed.errors.first?.sqlstate == "42501")
        #expect(try client.value(Self.me) == "t1")
        // A Bind that does not fit is the server's to refuse.
        #expect(try say(client, "s", texts("app.tenant_id")).errors.first?.sqlstate == "08P01")
        #expect(try client.value(Self.me) == "t1")
      }
    }

    @Test(
      arguments: PostgresVersion.available,
      ["SELECT set_config('search_path', $1, $2)", "SELECT set_config($2 || '', $1, true), $3"])
    func `a refusal can be bound with the values that were meant for the statement`(
      version: PostgresVersion, text: String
    ) throws {
      try withTenants(version) { sluice in
        let client = try sluice.connect()
        _ = try client.query("SET app.tenant_id = 't1'").checked()
        for name in ["", "s"] {
          for types in [[], [25], [705, 16], [0, 0, 23]] {
            let values = text.contains("$3") ? texts("a", "true", "3") : texts("a", "true")
            guard types.count <= values.count else { continue }
            try client.send(
              Frame.parse(text, name: name, types: types)
                + Frame.bind(values, statement: name) + Frame.execute()
                + Frame.closeStatement(name) + Frame.sync)
            let errors = try client.receiveUntilReady().errors
            #expect(errors.map(\.sqlstate) == ["42501"])
            #expect(errors.first?.fields["H"] != nil)
            try client.send(Frame.closeStatement(name) + Frame.sync)
            _ = try client.receiveUntilReady()
          }
        }
        #expect(try client.value(Self.me) == "t1")
      }
    }
  }
}
