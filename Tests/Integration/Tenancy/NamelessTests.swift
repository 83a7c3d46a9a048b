import Testing

extension Integration {
  /// Clients that have named nobody, or nobody any longer, and that have prepared statements.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct Nameless {
    private static let read = "SELECT DISTINCT own FROM item"
    private static let call = "SELECT set_config('app.tenant_id', $1, true)"

    /// Binds and executes, with a Describe between as drivers have it.
    private func run(_ name: String, _ values: [String] = []) -> [UInt8] {
      Frame.bind(values.map { Array($0.utf8) }, statement: name, resultFormats: [1, 1])
        + Frame.describePortal() + Frame.execute()
    }

    private func isRefused(_ answer: Exchange) -> Bool {
      let error = answer.errors.first
      return answer.errors.count == 1 && answer.rows.isEmpty && error?.sqlstate == "42501"
        && error?.fields["M"] == "no tenant is named" && error?.fields["H"] != nil
    }

    @Test(arguments: TenantMode.places)
    func `what was prepared for a tenant is refused without one`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: true) { sluice in
        let client = try sluice.connect()
        _ = try client.query("SET app.tenant_id = 't1'").checked()
        for (name, text) in [
          ("r", Self.read), ("one", "SELECT $1::text"),
          ("w", "INSERT INTO item (own, way) VALUES ('t1', 'nameless')"),
          ("sp", "SAVEPOINT a"), ("d", "DO $$BEGIN END$$"), ("c", "CALL settle('t1', 'nameless')"),
        ] {
          #expect(try client.batch(Frame.parse(text, name: name)).errors.isEmpty)
        }
        for (name, text) in [("b", "BEGIN"), ("a", "ROLLBACK")] {
          #expect(try client.batch(Frame.parse(text, name: name)).errors.isEmpty)
        }
        #expect(try client.batch(Frame.parse(Self.read)).errors.isEmpty)
        _ = try client.query("RESET app.tenant_id").checked()
        // A simple query would end the unnamed statement.
        for isInBlock in [false, true] {
          for name in ["", "r", "one", "w", "sp", "d", "c", ""] {
            if isInBlock { #expect(try client.batch(run("b")).status == "T") }
            let answer = try client.batch(run(name, name == "one" ? ["x"] : []))
            #expect(isRefused(answer), "\(name), \(isInBlock): \(answer)")
            #expect(answer.status == (isInBlock ? "E" : "I"))
            if isInBlock { #expect(try client.batch(run("a")).status == "I") }
          }
        }
        let simple = try client.query("SELECT 1")
        #expect(isRefused(simple))
        // What follows in the batch is skipped, and what comes next is as it was.
        #expect(isRefused(try client.batch(run("r"), run("one", ["x"]))))
        _ = try client.query("SET app.tenant_id = 't2'").checked()
        #expect(try client.batch(Frame.bind(statement: "r") + Frame.execute()).rows == [["t2"]])
        client.terminate()
      }
    }

    @Test(arguments: TenantMode.places)
    func `a statement that begins, ends or names can be bound`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: true) { sluice in
        let client = try sluice.connect()
        _ = try client.query("SET app.tenant_id = 't1'").checked()
        for (name, text) in [
          ("b", "BEGIN"), ("c", "/* end */ COMMIT"), ("a", "ROLLBACK"), ("e", ""),
        ] {
          #expect(try client.batch(Frame.parse(text, name: name)).errors.isEmpty)
        }
        _ = try client.query("RESET app.tenant_id").checked()
        for round in 0..<6 {
          // Servers change without mapped statements; there they are prepared where they are used.
          func control(_ name: String, _ text: String) -> [UInt8] {
            (mode == .unmapped ? Frame.closeStatement(name) + Frame.parse(text, name: name) : [])
              + Frame.bind(statement: name) + Frame.execute()
          }
          let begun = try client.batch(control("b", "BEGIN"))
          #expect(begun.errors.isEmpty && begun.status == "T", "\(mode), \(round): \(begun)")
          let named = try client.batch(
            Frame.parse(Self.call) + Frame.bind(texts: ["t3"]) + Frame.execute())
          #expect(named.errors.isEmpty, "\(mode), \(round): \(named)")
          let read = try client.batch(Frame.parse(Self.read) + Frame.bind() + Frame.execute())
          #expect(read.rows == [["t3"]], "\(mode), \(round)")
          let ended = try client.batch(control(round % 2 == 0 ? "c" : "a", "COMMIT"))
          #expect(ended.errors.isEmpty && ended.status == "I", "\(mode), \(round): \(ended)")
          #expect(isRefused(try client.batch(Frame.bind() + Frame.execute())))
          #expect(try client.batch(control("e", "")).errors.isEmpty)
        }
        client.terminate()
      }
    }

    /// A name that is refused, or skipped, says nothing about what the server has under it.
    @Test(arguments: TenantMode.places)
    func `no name passes for another statement`(version: PostgresVersion, mode: TenantMode) throws {
      try mode.withTenants(version, isNamed: true) { sluice in
        let client = try sluice.connect()
        _ = try client.query("SET app.tenant_id = 't1'").checked()
        #expect(try client.batch(Frame.parse(Self.read, name: "s")).errors.isEmpty)
        #expect(try client.batch(Frame.parse(Self.read)).errors.isEmpty)
        let bind = Frame.bind(statement: "s") + Frame.execute()
        for isNamed in [true, false] {
          if !isNamed { _ = try client.query("RESET app.tenant_id").checked() }
          // The name is taken, also within a batch that fails before.
          let fails = Frame.bind(statement: "none") + Frame.execute()
          let answers = [
            try client.batch(Frame.parse("BEGIN", name: "s")),
            try client.batch(fails, Frame.parse("BEGIN", name: "s")),
            try client.batch(fails, Frame.parse("BEGIN")),
            try client.batch(fails, Frame.closeStatement("s"), Frame.parse("BEGIN", name: "s")),
          ]
          // Without mapped statements the first may have gone to a server that has none such.
          for answer in answers.dropFirst(mode == .unmapped ? 1 : 0) {
            #expect(answer.errors.count == 1, "\(answer)")
          }
        }
        if mode != .unmapped { #expect(isRefused(try client.batch(bind))) }
        #expect(try client.batch(Frame.bind() + Frame.execute()).rows.isEmpty)
        // By SQL, where names are the client's own.
        if mode == .session {
          _ = try client.query("SET app.tenant_id = 't1'").checked()
          for sql in ["DEALLOCATE ALL", "SELECT 1"] { _ = try client.query(sql).checked() }
          #expect(try client.batch(Frame.parse("BEGIN", name: "s")).errors.isEmpty)
          for sql in ["DEALLOCATE s", "PREPARE s AS \(Self.read)"] {
            _ = try client.query(sql).checked()
          }
          #expect(try client.batch(bind).rows == [["t1"]])
          _ = try client.query("RESET app.tenant_id").checked()
          #expect(isRefused(try client.batch(bind)))
        }
        client.terminate()
      }
    }
  }
}
