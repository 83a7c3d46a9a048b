import Glibc
import Testing

extension Integration {
  /// Where the table of tenants gives no answer, nothing runs; while it does not yet, only those
  /// wait who need it.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct TenantTableFaults {
    private static let silence = "the table of tenants gives no answer"

    private static func expectSilence(
      _ error: ServerError?, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(
        error?.sqlstate == "53400" && error?.message == silence, "\(String(describing: error))",
        sourceLocation: sourceLocation)
    }

    // MARK: faults

    @Test(arguments: PostgresVersion.available)
    func `without the table nobody goes on beyond the lifetime`(version: PostgresVersion) throws {
      let table = try TenantTable(.shared(version))
      try table.add("acme", plan: "gold")
      try table.add("beta")
      try withSluice(table.configuration(lifetime: 2)) { sluice in
        let client = try sluice.connect(tenant: "acme")
        let idle = try sluice.connect(tenant: "acme")
        #expect(try client.whoAmI() == "acme gold")
        try table.run("ALTER TABLE tenant RENAME TO gone")
        // Of those who are there nothing is lost as long as their row holds.
        Self.expectSilence(try sluice.loginError(user: "app.beta"))
        var ended: ServerError?
        try expectEventually {
          let answer = try client.query("SELECT current_setting('app.plan')")
          ended = answer.errors.first
          if ended == nil { #expect(answer.value == "gold") }
          return ended != nil
        }
        Self.expectSilence(ended)
        #expect(ended?.severity == "FATAL")
        #expect(client.isClosedByPeer())
        for text in ["SELECT 1", "BEGIN"] {
          let waiting = text == "BEGIN" ? try? sluice.connect(tenant: "acme") : idle
          if let waiting { Self.expectSilence(try waiting.query(text).errors.first) }
        }
        #expect(sluice.log.contains("tenants_query failed: SQLSTATE 42P01"))
        try table.run("ALTER TABLE gone RENAME TO tenant")
        try expectEventually { try sluice.loginError(user: "app.beta") == nil }
        try expectEventually { try sluice.loginError(user: "app.acme") == nil }
        #expect(try sluice.connect(tenant: "acme").whoAmI() == "acme gold")
      }
    }

    @Test func `without its server nobody new comes in, and those who are there go on`() throws {
      let own = try PostgresCluster(.newest)
      let table = try TenantTable(own)
      try table.add("acme", plan: "gold")
      try table.add("beta", plan: "silver")
      try withSluice(table.configuration(pool: .shared(.newest))) { (sluice) throws in
        let client = try sluice.connect(tenant: "acme")
        own.stop(SIGINT)
        for _ in 0..<3 { Self.expectSilence(try sluice.loginError(user: "app.beta")) }
        #expect(try client.whoAmI() == "acme gold")
        #expect(try sluice.connect(tenant: "acme").whoAmI() == "acme gold")
        try own.start()
        try expectEventually(seconds: 20) { try sluice.loginError(user: "app.beta") == nil }
        #expect(try sluice.connect(tenant: "beta").whoAmI() == "beta silver")
      }
    }

    @Test func `a connection that has died is not missed`() throws {
      let table = try TenantTable(.shared(.newest))
      for number in 0..<5 { try table.add("t\(number)", plan: "p\(number)") }
      try withSluice(table.configuration()) { (sluice) throws in
        for number in 0..<5 {
          #expect(try sluice.connect(tenant: "t\(number)").whoAmI() == "t\(number) p\(number)")
          let killed = try table.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
              + "WHERE application_name = 'sluice tenants'")
          #expect(killed.rows.count == 1)
        }
        // Even amid a question, on a connection that has answered another.
        #expect(try sluice.loginError(user: "app.nobody") != nil)
        let slow = try WireClient(to: sluice.endpoint)
        try table.whileShut {
          try slow.send(Frame.startup([("user", "app.slow"), ("database", "app")]))
          try expectEventually {
            try table.run(
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                + "WHERE application_name = 'sluice tenants' AND state = 'active'"
            ).rows.count == 1
          }
        }
        let answer = try slow.receiveUntilReady()
        #expect(answer.errors.first?.message == "there is no tenant \"slow\"")
        #expect(try sluice.connect(tenant: "t1").whoAmI() == "t1 p1")
      }
    }

    /// It accepts, and never says a word.
    @Test func `a server that does not answer refuses whoever waits for it`() throws {
      let port = try FreePort.next()
      let silent = try Listener(port: port)
      defer { silent.close() }
      let table = try TenantTable(.shared(.newest))
      var configuration = try table.configuration()
      configuration.databases["directory"]?["port"] = .integer(Int(port))
      configuration.settings["server_connect_timeout"] = 1
      try withSluice(configuration) { sluice in
        Self.expectSilence(try sluice.loginError(user: "app.acme"))
      }
    }

    // MARK: waiting

    /// One loop: whoever waits blocks nobody on it.
    @Test(arguments: PostgresVersion.available)
    func `whoever waits for a row blocks nobody else`(version: PostgresVersion) throws {
      let table = try TenantTable(.shared(version))
      for name in ["acme", "beta", "slow", "slower", "slowest"] { try table.add(name) }
      var configuration = try table.configuration(sources: ["user_suffix", "set"])
      configuration.settings["threads"] = 1
      try withSluice(configuration) { sluice in
        let other = try sluice.connect(tenant: "acme")
        #expect(try other.whoAmI() == "acme none")
        let login = try WireClient(to: sluice.endpoint)
        try table.whileShut {
          try login.send(Frame.startup([("user", "app.slow"), ("database", "app")]))
          for _ in 0..<20 { #expect(try other.whoAmI() == "acme none") }
          #expect(!login.isReadable(within: 0.2))
        }
        #expect(try login.receiveUntilReady().errors.isEmpty)
        #expect(try login.whoAmI() == "slow none")
        // In a SET between transactions, and what is behind it.
        let client = try sluice.connect()
        try table.whileShut {
          try client.send(Frame.query("SET app.tenant_id = 'slower'") + Frame.query("SELECT 'x'"))
          for _ in 0..<20 { #expect(try other.whoAmI() == "acme none") }
          #expect(!client.isReadable(within: 0.2))
        }
        #expect(try client.receiveUntilReady().tags == ["SET"])
        #expect(try client.receiveUntilReady().value == "x")
        #expect(try client.whoAmI() == "slower none")
        // In one within a transaction.
        try client.run("BEGIN")
        try table.whileShut {
          try client.send(Frame.query("SET app.tenant_id = 'slowest'"))
          for _ in 0..<20 { #expect(try other.whoAmI() == "acme none") }
          #expect(!client.isReadable(within: 0.2))
        }
        #expect(try client.receiveUntilReady().errors.isEmpty)
        #expect(try client.whoAmI() == "slowest none")
        try client.run("COMMIT")
        #expect(try client.whoAmI() == "slowest none")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `SET names tenants of the table, by each protocol`(version: PostgresVersion) throws {
      let table = try TenantTable(.shared(version))
      for number in 0..<6 { try table.add("t\(number)", plan: "p\(number)") }
      var configuration = try table.configuration(sources: ["set"])
      configuration.settings["default_pool_size"] = 1
      try withSluice(configuration) { sluice in
        let client = try sluice.connect()
        try client.run("SET app.tenant_id = 't0'")
        #expect(try client.whoAmI() == "t0 p0")
        #expect(try client.extended("SET app.tenant_id = 't1'").errors.isEmpty)
        #expect(try client.whoAmI() == "t1 p1")
        #expect(
          try client.extended("SELECT set_config('app.tenant_id', $1, false)", ["t2"]).errors
            .isEmpty)
        #expect(try client.whoAmI() == "t2 p2")
        try client.run("BEGIN")
        try client.run("SET LOCAL app.tenant_id = 't3'")
        #expect(try client.whoAmI() == "t3 p3")
        try client.run("COMMIT")
        #expect(try client.whoAmI() == "t2 p2")
        try client.run("BEGIN")
        #expect(try client.extended("SET app.tenant_id = 't4'").errors.isEmpty)
        #expect(try client.whoAmI() == "t4 p4")
        try client.run("COMMIT")
        #expect(try client.whoAmI() == "t4 p4")
        // Whoever is not in it is refused, and the client is as it was.
        let refused = try client.query("SET app.tenant_id = 'nobody'").errors.first
        #expect(refused?.sqlstate == "28000" && refused?.severity == "ERROR")
        #expect(refused?.message == "there is no tenant \"nobody\"")
        #expect(try client.whoAmI() == "t4 p4")
        try client.run("BEGIN")
        #expect(try client.query("SET app.tenant_id = 'nobody'").errors.first != nil)
        #expect(try client.query("SELECT 1").errors.first?.sqlstate == "25P02")
        try client.run("ROLLBACK")
        #expect(try client.extended("SET app.tenant_id = 'nobody'").errors.first != nil)
        #expect(try client.whoAmI() == "t4 p4")
      }
    }

    @Test func `whoever leaves while it waits leaves nothing behind`() throws {
      let table = try TenantTable(.shared(.newest))
      for name in ["acme", "slow", "slower"] { try table.add(name) }
      var configuration = try table.configuration(sources: ["user_suffix", "set"])
      configuration.settings["default_pool_size"] = 1
      try withSluice(configuration) { (sluice) throws in
        try table.whileShut {
          let login = try WireClient(to: sluice.endpoint)
          try login.send(Frame.startup([("user", "app.slow"), ("database", "app")]))
          #expect(!login.isReadable(within: 0.2))
          login.reset()
          let client = try sluice.connect()
          try client.send(Frame.query("SET app.tenant_id = 'slower'"))
          #expect(!client.isReadable(within: 0.2))
          client.reset()
        }
        #expect(try sluice.connect(tenant: "acme").whoAmI() == "acme none")
        #expect(try sluice.connect(tenant: "slow").whoAmI() == "slow none")
        #expect(try sluice.connect(tenant: "slower").whoAmI() == "slower none")
      }
    }
  }
}
