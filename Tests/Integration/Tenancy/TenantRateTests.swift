import Glibc
import Testing

extension Integration {
  /// What time brings a tenant, and what a reload does.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct TenantRate {
    /// Seconds between two readings of the server's clock.
    private static func serverSeconds(_ body: () throws -> Void) throws -> Double {
      let clock = try PostgresCluster.shared(.newest).connect()
      let sql = "SELECT extract(epoch FROM clock_timestamp())"
      let start = try #require(Double(try clock.value(sql) ?? ""))
      try body()
      return try #require(Double(try clock.value(sql) ?? "")) - start
    }

    private static func reload(
      _ sluice: SluiceProcess, _ configuration: SluiceConfiguration
    ) throws {
      try sluice.rewrite(configuration)
      sluice.process.signal(SIGHUP)
    }

    // MARK: rates

    /// A rate says how few seconds so many transactions take; the loops' clocks are read a little
    /// before anything is done.
    @Test(arguments: [(20, 5), (40, 1), (25, 0)])
    func `a rate holds over loops and clients`(rate: Int, burst: Int) throws {
      let configuration = try TenantLimits.configuration(
        .newest,
        ["max_transactions_per_second": .integer(rate), "transactions_burst": .integer(burst)],
        tenants: ["free": ["max_transactions_per_second": 0]])
      let count = 60
      try withSluice(configuration) { sluice in
        let seconds = try Self.serverSeconds {
          _ = try onThreads(6) { _ in
            let client = try sluice.connect(tenant: "acme")
            for number in 0..<count / 6 {
              if number % 2 == 0 {
                #expect(try client.value("SELECT 1") == "1")
              } else {
                #expect(try client.extended("SELECT 1").checked().value == "1")
              }
            }
            client.terminate()
          }
        }
        let least = Double(count - (burst == 0 ? rate : burst)) / Double(rate)
        #expect(seconds >= least - 0.05)
      }
    }

    @Test func `a rate binds its tenant alone, and counts transactions, not statements`() throws {
      let configuration = try TenantLimits.configuration(
        .newest, ["max_transactions_per_second": 1, "transactions_burst": 2],
        tenants: ["free": ["max_transactions_per_second": 0]])
      try withSluice(configuration) { (sluice) throws in
        let client = try sluice.connect(tenant: "acme")
        try client.run("BEGIN")
        for _ in 0..<20 { #expect(try client.value("SELECT 1") == "1") }
        try client.run("COMMIT")
        let free = try sluice.connect(tenant: "free")
        for _ in 0..<20 { #expect(try free.value("SELECT 1") == "1") }
        let other = try sluice.connect(tenant: "beta")
        for _ in 0..<2 { #expect(try other.value("SELECT 1") == "1") }
        let waiter = try sluice.waiter("beta")
        #expect(try waiter.receiveUntilReady().value == "done")
      }
    }

    /// Without a burst, whoever waits is woken when its time comes and not at some later tick:
    /// those are ten a second.
    @Test func `a rate without a burst is reached, not only kept`() throws {
      let configuration = try TenantLimits.configuration(
        .newest, ["max_transactions_per_second": 100, "transactions_burst": 1])
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(tenant: "acme")
        let seconds = try Self.serverSeconds {
          for _ in 0..<100 { _ = try client.value("SELECT 1") }
        }
        #expect(seconds >= 0.94)
        #expect(seconds < 5 * Patience.factor, "ten a second would be ten seconds")
      }
    }

    // MARK: weights

    /// The share of `acme` among transactions of a busy pool, once it is busy.
    private static func share(_ sluice: SluiceProcess) throws -> Double {
      let cluster = try PostgresCluster.shared(.newest)
      try cluster.query("TRUNCATE turn RESTART IDENTITY", database: "app")
      _ = try onThreads(8) { index in
        let client = try sluice.connect(tenant: index % 2 == 0 ? "acme" : "beta")
        let sql =
          "SELECT pg_sleep(0.002); INSERT INTO turn (tenant) "
          + "VALUES (current_setting('app.tenant_id'))"
        // The slower ones go on alone in the end; only what is before that is looked at.
        for _ in 0..<100 { try client.run(sql) }
        client.terminate()
      }
      let sql = """
        SELECT avg((tenant = 'acme')::int) FROM turn WHERE number BETWEEN 51 AND 350
        """
      return try #require(Double(try cluster.query(sql, database: "app").value ?? ""))
    }

    @Test func `weights share a busy pool out, and follow a reload`() throws {
      try PostgresCluster.shared(.newest).query(
        "DROP TABLE IF EXISTS turn; CREATE TABLE turn (number serial, tenant text); "
          + "GRANT ALL ON turn, turn_number_seq TO app", database: "app")
      var configuration = try TenantLimits.configuration(
        .newest, poolSize: 1, tenants: ["acme": ["weight": 4]])
      try withSluice(configuration) { (sluice) throws in
        #expect(try (0.7...0.9).contains(Self.share(sluice)))
        configuration.tenants["acme"] = ["weight": 1]
        configuration.tenants["beta"] = ["weight": 4]
        try Self.reload(sluice, configuration)
        usleep(500_000)
        #expect(try (0.1...0.3).contains(Self.share(sluice)))
      }
    }

    // MARK: reloads

    /// Nobody of the tenant does anything meanwhile.
    @Test func `whoever waits goes on once a reload lifts the limit`() throws {
      var configuration = try TenantLimits.configuration(
        .newest, ["max_server_connections": 1, "max_transactions_per_second": 0])
      try withSluice(configuration) { (sluice) throws in
        let holder = try sluice.hold("acme")
        let waiters = try (0..<3).map { _ in try sluice.waiter("acme") }
        configuration.tenants["acme"] = ["max_server_connections": 2]
        try Self.reload(sluice, configuration)
        for waiter in waiters { #expect(try waiter.receiveUntilReady().value == "done") }
        let second = try sluice.hold("acme")
        configuration.tenants["acme"] = [
          "max_server_connections": 0, "max_transactions_per_second": 1, "transactions_burst": 1,
        ]
        try Self.reload(sluice, configuration)
        try expectEventually {
          let client = try sluice.connect(tenant: "acme")
          defer { client.terminate() }
          try client.run("SELECT 1")
          try client.send(Frame.query("SELECT 2"))
          return !client.isReadable(within: 0.3)
        }
        let late = try sluice.waiter("acme")
        configuration.tenants["acme"] = ["max_server_connections": 0]
        configuration.tenancy["max_server_connections"] = 1
        try Self.reload(sluice, configuration)
        #expect(try late.receiveUntilReady().value == "done")
        for client in [holder, second] { #expect(try client.query("COMMIT").status == "I") }
      }
    }

    @Test func `a limit that a reload lowers takes nothing away`() throws {
      var configuration = try TenantLimits.configuration(.newest)
      try withSluice(configuration) { (sluice) throws in
        let holders = try (0..<2).map { _ in try sluice.hold("acme") }
        configuration.tenancy["max_server_connections"] = 1
        configuration.tenancy["max_client_connections"] = 2
        configuration.tenancy["max_waiting_clients"] = 1
        try Self.reload(sluice, configuration)
        try expectEventually {
          try sluice.loginError(user: "app.acme")?.message.contains("max_client_connections")
            ?? false
        }
        for client in holders { #expect(try client.value("SELECT 1") == "1") }
        try holders[0].run("COMMIT")
        // One holds a server still: so there is none for the other.
        try holders[0].send(Frame.query("SELECT 'done'"))
        #expect(!holders[0].isReadable(within: 0.4))
        try holders[1].run("COMMIT")
        #expect(try holders[0].receiveUntilReady().value == "done")
        // [tenants.NAME] wins over [tenancy], and 0 lifts.
        configuration.tenants["acme"] = ["max_client_connections": 0]
        try Self.reload(sluice, configuration)
        try expectEventually { try sluice.loginError(user: "app.acme") == nil }
      }
    }
  }
}
