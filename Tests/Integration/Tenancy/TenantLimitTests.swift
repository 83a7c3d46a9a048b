import Testing

extension Integration {
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct TenantLimit {
    // MARK: servers in use

    /// What transactions say of themselves: when they were, and whose.
    private static func withSpans(
      _ version: PostgresVersion, _ body: (PostgresCluster) throws -> Void
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try cluster.query(
        "DROP TABLE IF EXISTS span; CREATE TABLE span (tenant text, began timestamptz, "
          + "ended timestamptz, number serial); GRANT ALL ON span, span_number_seq TO app",
        database: "app")
      try body(cluster)
    }

    private static let span =
      "INSERT INTO span VALUES (current_setting('app.tenant_id'), now(), clock_timestamp())"

    /// The most transactions of a tenant that were under way at one time.
    private static func overlap(_ cluster: PostgresCluster, _ tenant: String) throws -> Int {
      let sql = """
        SELECT max((SELECT count(*) FROM span b
                    WHERE b.tenant = a.tenant AND b.began <= a.began AND b.ended > a.began))
        FROM span a WHERE tenant = '\(tenant)'
        """
      return Int(try cluster.query(sql, database: "app").value ?? "") ?? -1
    }

    @Test(arguments: PostgresVersion.available)
    func `max_server_connections holds exactly, for each tenant for itself`(
      version: PostgresVersion
    ) throws {
      let configuration = try TenantLimits.configuration(
        version, ["max_server_connections": 2],
        tenants: ["acme": ["max_server_connections": 1], "free": ["max_server_connections": 0]])
      try Self.withSpans(version) { cluster in
        try withSluice(configuration) { sluice in
          let tenants = ["acme", "beta"]
          _ = try onThreads(10) { index in
            let client = try sluice.connect(tenant: tenants[index % 2])
            for number in 0..<25 {
              if number % 2 == 0 {
                try client.run("BEGIN")
                try client.run("SELECT pg_sleep(0.002)")
                try client.run(Self.span)
                try client.run("COMMIT")
              } else {
                try client.run("SELECT pg_sleep(0.002); \(Self.span)")
              }
            }
            client.terminate()
          }
          let count = try cluster.query("SELECT count(*) FROM span", database: "app")
          #expect(count.value == "250")
          #expect(try Self.overlap(cluster, "acme") == 1)
          #expect(try Self.overlap(cluster, "beta") == 2)
          let free = try (0..<4).map { _ in try sluice.hold("free") }
          for client in free { #expect(try client.query("COMMIT").status == "I") }
        }
      }
    }

    @Test func `max_server_connections holds over all of a tenant's pools`() throws {
      var configuration = try TenantLimits.configuration(.newest, ["max_server_connections": 1])
      configuration.databases["second"] = configuration.databases["app"]
      try withSluice(configuration) { (sluice) throws in
        let holder = try sluice.hold("acme")
        let other = try sluice.hold("beta", database: "second")
        let waiter = try sluice.waiter("acme", database: "second")
        try other.run("COMMIT")
        #expect(
          !waiter.isReadable(within: 0.3), "a server is idle, but it is the limit that counts")
        try holder.run("COMMIT")
        #expect(try waiter.receiveUntilReady().value == "done")
      }
    }

    @Test func `in session mode a tenant's servers are those of its sessions`() throws {
      var configuration = try TenantLimits.configuration(.newest, ["max_server_connections": 1])
      configuration.settings["pool_mode"] = "session"
      try withSluice(configuration) { (sluice) throws in
        let first = try sluice.connect(tenant: "acme")
        #expect(try first.value("SELECT 1") == "1")
        let waiter = try sluice.waiter("acme")
        #expect(try sluice.connect(tenant: "beta").value("SELECT 2") == "2")
        first.terminate()
        #expect(try waiter.receiveUntilReady().value == "done")
      }
    }

    @Test func `a server that dies under its tenant no longer counts`() throws {
      let configuration = try TenantLimits.configuration(.newest, ["max_server_connections": 1])
      try withSluice(configuration) { (sluice) throws in
        let holder = try sluice.hold("acme")
        let process = try #require(try holder.value("SELECT pg_backend_pid()"))
        let waiter = try sluice.waiter("acme")
        try PostgresCluster.shared(.newest).query("SELECT pg_terminate_backend(\(process))")
        #expect(try waiter.receiveUntilReady().value == "done")
        #expect(holder.isClosedByPeer())
        let gone = try sluice.hold("acme")
        let next = try sluice.waiter("acme")
        gone.reset()
        #expect(try next.receiveUntilReady().value == "done")
      }
    }

    // MARK: waiting clients

    @Test func `max_waiting_clients refuses by name whoever would wait besides`() throws {
      let configuration = try TenantLimits.configuration(
        .newest, poolSize: 1, ["max_waiting_clients": 1],
        tenants: ["large": ["max_waiting_clients": 2], "free": ["max_waiting_clients": 0]])
      try withSluice(configuration) { (sluice) throws in
        let holder = try sluice.hold("acme")
        var waiters: [WireClient] = []
        for (tenant, most) in [("acme", 1), ("large", 2), ("free", 3)] {
          for _ in 0..<most { waiters.append(try sluice.waiter(tenant)) }
          guard tenant != "free" else { continue }
          let refused = try sluice.connect(tenant: tenant)
          let answer = try refused.query("SELECT 1")
          #expect(answer.isClosed)
          expectRefusal(answer.errors.first, names: "max_waiting_clients")
        }
        // Who gives up leaves its place.
        waiters.removeFirst().reset()
        var client: WireClient?
        try expectEventually {
          let next = try sluice.connect(tenant: "acme")
          try next.send(Frame.query("SELECT 'done'"))
          guard !next.isReadable(within: 0.3) else { return false }
          client = next
          return true
        }
        waiters.append(try #require(client))
        try holder.run("COMMIT")
        for waiter in waiters { #expect(try waiter.receiveUntilReady().value == "done") }
      }
    }

    // MARK: clients

    @Test func `max_client_connections refuses by name, and only its tenant`() throws {
      var configuration = try TenantLimits.configuration(
        .newest, ["max_client_connections": 2],
        tenants: ["one": ["max_client_connections": 1], "free": ["max_client_connections": 0]])
      configuration.databases["app"]?["user"] = "app"
      configuration.users["off"] = ["password": "", "tenancy": "off"]
      try withSluice(configuration) { (sluice) throws in
        var clients: [WireClient] = []
        for (tenant, most) in [("acme", 2), ("one", 1), ("free", 4)] {
          for _ in 0..<most { clients.append(try sluice.connect(tenant: tenant)) }
          let error = try sluice.loginError(user: "app.\(tenant)")
          if tenant == "free" {
            #expect(error == nil)
          } else {
            expectRefusal(error, names: "max_client_connections")
          }
        }
        for _ in 0..<3 { #expect(try sluice.loginError(user: "off") == nil) }
        clients[0].reset()
        try expectEventually { try sluice.loginError(user: "app.acme") == nil }
        for client in clients[1...] { #expect(try client.value("SELECT 1") == "1") }
      }
    }

    @Test func `SET counts a client to the tenant that it names`() throws {
      var configuration = try TenantLimits.configuration(.newest, ["max_client_connections": 1])
      configuration.tenancy["sources"] = ["set", "user_suffix"]
      try withSluice(configuration) { (sluice) throws in
        let acme = try sluice.connect(tenant: "acme")
        expectRefusal(
          try sluice.loginError(user: "app.acme"), names: "max_client_connections")
        try acme.run("SET app.tenant_id = 'beta'")
        #expect(try sluice.loginError(user: "app.acme") == nil)
        expectRefusal(
          try sluice.loginError(user: "app.beta"), names: "max_client_connections")
        for isInTransaction in [false, true] {
          let other = try sluice.connect(tenant: "acme")
          if isInTransaction { try other.run("BEGIN") }
          var answer = try other.query("SET app.tenant_id = 'beta'")
          // Within a transaction it counts once that has been committed.
          if isInTransaction {
            #expect(answer.errors.isEmpty)
            try other.send(Frame.query("COMMIT"))
            answer = try other.receive { $0 == "E" }
          }
          expectRefusal(answer.errors.first, names: "max_client_connections")
          #expect(other.isClosedByPeer())
        }
        try acme.run("RESET app.tenant_id")
        expectRefusal(
          try sluice.loginError(user: "app.acme"), names: "max_client_connections")
        #expect(try sluice.loginError(user: "app.beta") == nil)
      }
    }
  }
}
