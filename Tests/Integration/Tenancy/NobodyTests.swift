import Testing

extension Integration {
  /// Clients that come to act for nobody without a new transaction, or that hide it.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct Nobody {
    private static let me = "SELECT 'as ' || coalesce(current_setting('app.tenant_id', true), '')"
    private static let local = "SELECT set_config('app.tenant_id', $1, true)"
    private static let session = "SELECT set_config('app.tenant_id', $1, false)"

    /// A step is answered up to its last ReadyForQuery.
    private typealias Script = (name: String, steps: [[UInt8]])

    private static func run(
      _ sql: String, _ values: [[UInt8]?] = [], name: String = "", portal: String = ""
    ) -> [UInt8] {
      Frame.parse(sql, name: name) + bind(values, name: name, portal: portal)
        + Frame.execute(portal: portal)
    }

    private static func bind(
      _ values: [[UInt8]?] = [], name: String = "", portal: String = ""
    ) -> [UInt8] {
      Frame.bind(values, statement: name, portal: portal)
    }

    private static func q(_ texts: String...) -> [[UInt8]] { texts.map(Frame.query) }
    private static func value(_ text: String) -> [[UInt8]?] { [Array(text.utf8)] }

    /// Plays a script.
    /// - Returns: the answer to its last step.
    private func play(_ steps: [[UInt8]], _ client: WireClient) throws -> Exchange {
      var answer = Exchange()
      for step in steps {
        do { try client.send(step) } catch { return answer }
        answer = try client.receiveUntilReady()
        if answer.isClosed { return answer }
      }
      return answer
    }

    private func expectRefused(
      _ scripts: [Script], _ version: PostgresVersion, _ mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: true) { sluice in
        for script in scripts {
          let client = try sluice.connect()
          let answer = try play(script.steps, client)
          let isRun = answer.rows.contains { $0.first??.hasPrefix("as ") == true }
          #expect(!isRun, "\(mode), \(script.name): \(answer) \(answer.rows)")
          #expect(
            answer.isClosed || answer.sqlstate != nil, "\(mode), \(script.name): \(answer)")
          if answer.isClosed {
            client.close()
            continue
          }
          // It is none the worse for that.
          _ = try client.query("ROLLBACK")
          _ = try client.query("SET app.tenant_id = 't3'").checked()
          #expect(try client.value(Self.me) == "as t3", "\(mode), \(script.name)")
          client.terminate()
        }
      }
    }

    @Test(arguments: TenantMode.places)
    func `who names nobody is refused at once`(version: PostgresVersion, mode: TenantMode) throws {
      let me = Self.me
      let begin = Frame.query("BEGIN")
      let named = Frame.query("SET app.tenant_id = 't1'")
      let local = Self.run(Self.local, Self.value("t2"))
      var scripts: [Script] = []
      let ways: [(String, [UInt8])] = [
        ("RESET", Frame.query("RESET app.tenant_id")),
        ("SET LOCAL", Frame.query("SET LOCAL app.tenant_id = ''")),
        ("DEFAULT", Frame.query("SET LOCAL app.tenant_id TO DEFAULT")),
        ("call", Frame.query("SELECT set_config('app.tenant_id', '', true)")),
        ("bound", Self.run(Self.local, Self.value("")) + Frame.sync),
        ("NULL", Self.run(Self.local, [nil]) + Frame.sync),
        ("bound for the session", Self.run(Self.session, Self.value("")) + Frame.sync),
      ]
      for (name, way) in ways {
        for isNamed in [false, true] {
          let before = (isNamed ? [named] : []) + [begin]
          scripts.append(("\(name), \(isNamed)", before + [way, Frame.query(me)]))
          scripts.append(("\(name), \(isNamed), bound", before + [way, Self.run(me) + Frame.sync]))
          scripts.append(
            (
              "\(name), \(isNamed), behind another",
              before + [local + Frame.sync, way]
                + Self.q(me)
            ))
        }
      }
      for (name, call) in [("local", Self.local), ("session", Self.session)] {
        for value in [Self.value(""), [nil]] {
          let batch = Self.run(call, value) + Self.run(me) + Frame.sync
          scripts.append(("\(name), one batch", [batch]))
          scripts.append(("\(name), one batch, named", [named, batch]))
        }
      }
      try expectRefused(scripts, version, mode)
    }

    @Test(arguments: TenantMode.places)
    func `what was bound before is not run by nobody`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      let named = Frame.query("SET app.tenant_id = 't1'")
      let begin = Frame.query("BEGIN")
      let bound = Frame.parse(Self.me) + Self.bind(portal: "p")
      let none = Self.run(Self.local, Self.value(""), portal: "n")
      let execute = Frame.execute(portal: "p") + Frame.sync
      try expectRefused(
        [
          ("a portal", [named, begin, bound + Frame.sync, none + Frame.sync, execute]),
          ("a portal of the batch", [named, begin, bound + none + execute]),
          (
            "a portal, a query between",
            [named, begin, bound + Frame.sync] + Self.q("SET LOCAL app.tenant_id = ''")
              + [execute]
          ),
          (
            "the unnamed portal",
            [
              named, begin, Frame.parse(Self.me) + Self.bind() + Frame.sync,
              Frame.parse(Self.local, name: "l") + Self.bind(Self.value(""), portal: "n")
                + Frame.execute(portal: "n") + Frame.sync,
              Frame.flush + Frame.execute() + Frame.sync,
            ]
          ),
          (
            "a naming of nobody, later",
            [
              named, begin,
              Frame.parse(Self.local) + Self.bind(Self.value(""), portal: "n")
                + Frame.sync,
              Self.run(Self.local, Self.value("t2")) + Frame.sync,
              Frame.execute(portal: "n") + Frame.sync, Self.run(Self.me) + Frame.sync,
            ]
          ),
        ], version, mode)
    }

    @Test(arguments: TenantMode.places)
    func `a name for the transaction ends with it`(version: PostgresVersion, mode: TenantMode)
      throws
    {
      let local = "SET LOCAL app.tenant_id = 't1'"
      let call = Self.run(Self.local, Self.value("t1"))
      let read = Self.run(Self.me) + Frame.sync
      let begin = Frame.query("BEGIN")
      var scripts: [Script] = []
      for end in ["COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "/* */ End Work And Chain"] {
        scripts += [
          ("\(end), simple", Self.q("BEGIN", local, end, Self.me)),
          ("\(end), within a text", Self.q("BEGIN", local, "SELECT 1; \(end); \(Self.me)")),
          ("\(end), extended", [begin, call + Frame.sync, Self.run(end) + Frame.sync, read]),
          ("\(end), one batch", [Self.run("BEGIN") + call + Self.run(end) + read]),
          (
            "\(end), prepared",
            [
              Frame.parse(end, name: "c") + Frame.sync, begin, call + Frame.sync,
              Self.bind(name: "c") + Frame.execute() + Frame.sync, read,
            ]
          ),
          (
            "\(end), EXECUTE",
            [Frame.parse(end, name: "c") + Frame.sync, begin, call + Frame.sync]
              + Self.q("EXECUTE c", Self.me)
          ),
          (
            "\(end), EXECUTE, extended",
            [
              Frame.parse(end, name: "c") + Frame.sync, begin, call + Frame.sync,
              Self.run("EXECUTE c") + read,
            ]
          ),
          (
            "\(end), EXECUTE, prepared",
            [
              Frame.parse(end, name: "c") + Frame.sync,
              Frame.parse("EXECUTE c", name: "x") + Frame.sync, begin, call + Frame.sync,
              Self.bind(name: "x") + Frame.execute() + Frame.sync, read,
            ]
          ),
          (
            "\(end), bound before",
            [
              begin,
              Frame.parse(end) + Self.bind(portal: "p") + call + Frame.execute(portal: "p")
                + read,
            ]
          ),
          (
            "\(end), bound before, in batches",
            [
              begin, Frame.parse(end) + Self.bind(portal: "p") + Frame.sync, call + Frame.sync,
              Frame.execute(portal: "p") + Frame.sync, read,
            ]
          ),
        ]
        // In session mode the RESET is refused.
        guard mode != .session else { continue }
        scripts.append(
          (
            "\(end), behind a RESET",
            Self.q(
              "SET app.tenant_id = 't1'", "BEGIN", "RESET app.tenant_id",
              "SET LOCAL app.tenant_id = 't2'", end, Self.me)
          ))
      }
      try expectRefused(scripts, version, mode)
    }

    @Test(arguments: TenantMode.places)
    func `a name that is bound and not run is none`(version: PostgresVersion, mode: TenantMode)
      throws
    {
      let read = Self.run(Self.me)
      let bound = Frame.parse(Self.local) + Self.bind(Self.value("t1"))
      let other = Frame.parse(Self.local) + Self.bind(Self.value("t1"), portal: "p")
      try expectRefused(
        [
          ("unnamed portal", [bound + read + Frame.sync]),
          ("portal", [other + read + Frame.sync]),
          ("described", [other + Frame.describePortal("p") + read + Frame.sync]),
          ("another is run", [Self.run("BEGIN") + other + Frame.execute() + read + Frame.sync]),
          ("in a block", Self.q("BEGIN") + [bound + Frame.sync, read + Frame.sync]),
          ("in a block, simple", Self.q("BEGIN") + [other + Frame.sync] + Self.q(Self.me)),
          (
            "prepared",
            [
              Frame.parse(Self.me, name: "r") + Frame.sync,
              bound + Self.bind(name: "r") + Frame.execute() + Frame.sync,
            ]
          ),
        ], version, mode)
    }

    @Test(arguments: TenantMode.places)
    func `a cursor that was held is not read by nobody`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      let hold = Self.q(
        "SET app.tenant_id = 't1'", "BEGIN", "DECLARE c CURSOR WITH HOLD FOR \(Self.me)", "COMMIT",
        "RESET app.tenant_id")
      let execute = Frame.execute(portal: "c") + Frame.sync
      try expectRefused(
        [
          ("Execute", hold + [execute]),
          ("behind a Flush", hold + [Frame.flush + execute]),
          ("behind BEGIN", hold + [Self.run("BEGIN") + execute]),
          ("behind BEGIN alone", hold + Self.q("BEGIN") + [execute]),
          ("behind a Bind", hold + [Frame.parse("BEGIN") + Self.bind() + execute]),
          ("behind a Describe", hold + [Frame.describePortal("c") + execute]),
          ("behind a refusal", hold + [Self.run("SELECT 1") + Frame.sync, execute]),
          ("FETCH", hold + Self.q("FETCH ALL FROM c")),
        ], version, mode)
    }

    @Test(arguments: TenantMode.places)
    func `who names somebody goes on`(version: PostgresVersion, mode: TenantMode) throws {
      try mode.withTenants(version, isNamed: true) { sluice in
        let client = try sluice.connect()
        func name(_ tenant: String) -> [UInt8] { Self.run(Self.local, Self.value(tenant)) }
        for way in [Frame.query("SET LOCAL app.tenant_id = 't1'"), name("t1") + Frame.sync] {
          for read in [Frame.query(Self.me), Self.run(Self.me) + Frame.sync] {
            let answer = try play(
              Self.q("BEGIN") + [way] + Self.q("SAVEPOINT a", "SELECT 1/0", "ROLLBACK TO a")
                + [read], client)
            #expect(answer.rows == [["as t1"]], "\(mode): \(answer)")
            _ = try client.query("ROLLBACK TO SAVEPOINT a").checked()
            #expect(try client.value(Self.me) == "as t1")
            let end = try client.query("SELECT 1; COMMIT")
            #expect(end.errors.isEmpty, "\(end)")
            #expect(try client.query(Self.me).sqlstate == "42501")
          }
        }
        // Two transactions in one batch.
        let twice = ["t1", "t2"].flatMap {
          Self.run("BEGIN") + name($0) + Self.run(Self.me) + Self.run("COMMIT")
        }
        let answer = try client.batch(twice)
        #expect(answer.errors.isEmpty, "\(mode): \(answer)")
        #expect(answer.rows.filter { $0[0]?.hasPrefix("as") == true } == [["as t1"], ["as t2"]])
        // A transaction about nothing but the RESET.
        if mode != .session {
          _ = try client.query("SET app.tenant_id = 't1'").checked()
          for sql in ["BEGIN", "RESET app.tenant_id", "COMMIT"] {
            #expect(try client.query(sql).errors.isEmpty)
          }
          #expect(try client.query(Self.me).sqlstate == "42501")
        }
        // Somebody's cursor is read on.
        for sql in [
          "SET app.tenant_id = 't1'", "BEGIN", "DECLARE c CURSOR WITH HOLD FOR \(Self.me)",
          "COMMIT",
        ] { _ = try client.query(sql).checked() }
        #expect(try client.query("FETCH c").rows == [["as t1"]])
        _ = try client.query("CLOSE c").checked()
        client.terminate()
      }
    }
  }
}
