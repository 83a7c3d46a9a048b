import Glibc
import Testing

extension Integration {
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct TenantDatabase {
    private static let place = "SELECT current_database()"

    @Test(arguments: PostgresVersion.available)
    func `each tenant has servers of its own`(version: PostgresVersion) throws {
      let configuration = try TenantDatabases.configuration(
        version, ["user_suffix"], ["default_pool_size": 1])
      try withSluice(configuration) { sluice in
        let clients = try TenantDatabases.tenants.map { try sluice.connect(user: "app.\($0)") }
        for client in clients { try client.run("BEGIN") }
        for (client, tenant) in zip(clients, TenantDatabases.tenants) {
          #expect(try client.value(Self.place) == "tenant_\(tenant)")
        }
        // The pool of this tenant is full, whatever the others do.
        let waiter = try sluice.connect(user: "app.acme")
        try waiter.send(Frame.query(Self.place))
        #expect(!waiter.isReadable(within: 0.3))
        try clients[1].run("COMMIT")
        #expect(!waiter.isReadable(within: 0.3))
        try clients[0].run("COMMIT")
        #expect(try waiter.receiveUntilReady().value == "tenant_acme")
      }
    }

    @Test func `a tenant's section has its database elsewhere`() throws {
      let version = try PostgresVersion.newest
      var configuration = try TenantDatabases.configuration(version, ["user_suffix"])
      let port = try PostgresCluster.shared(version).port
      configuration.tenancy["port"] = 1
      configuration.tenants = [
        "acme": ["port": .integer(Int(port))],
        "beta": ["dbname": "postgres", "host": "127.0.0.1", "port": .integer(Int(port))],
      ]
      try withSluice(configuration) { (sluice) throws in
        #expect(try sluice.place(user: "app.acme") == "tenant_acme")
        #expect(try sluice.place(user: "app.beta") == "postgres")
        #expect(try sluice.loginError(user: "app.other")?.message.contains("connect") == true)
      }
    }

    @Test func `a tenant's name may not lead to any host`() throws {
      var configuration = try TenantDatabases.configuration(.newest, ["user_suffix"])
      configuration.tenancy["host"] = "{tenant}"
      try withSluice(configuration) { sluice in
        let error = try sluice.loginError(user: "app.127.0.0.1")
        #expect(error?.sqlstate == "53400")
        #expect(error?.message.contains("the tenant's database has a host") == true)
      }
    }

    /// What a client can name must not be what a tenant's pool goes by.
    @Test func `no client comes into a tenant's database by its name`() throws {
      var configuration = try TenantDatabases.configuration(.newest, ["user_suffix"])
      configuration.databases["*"] = configuration.databases["app"]
      configuration.databases["*"]?["dbname"] = nil
      configuration.users["exempt"] = ["password": "", "tenancy": "off"]
      configuration.databases["app"]?["user"] = "app"
      configuration.databases["*"]?["user"] = "app"
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(user: "app.acme")
        #expect(try client.value(Self.place) == "tenant_acme")
        for name in ["app.acme", "app%00acme", "app[acme]"] {
          let error = try sluice.loginError(user: "exempt", database: name)
          #expect(error?.message == "database \"\(name)\" does not exist")
        }
      }
    }

    /// Texts that look the same are not the same tenant.
    @Test(arguments: PostgresVersion.available)
    func `two spellings of one letter are two tenants`(version: PostgresVersion) throws {
      var configuration = try TenantDatabases.configuration(version, ["user_suffix"])
      configuration.tenancy["pattern"] = ".*"
      let cluster = try PostgresCluster.shared(version)
      let names = ["caf\u{E9}", "cafe\u{301}"]
      for name in names { try TenantDatabases.create("tenant_\(name)", in: cluster) }
      try withSluice(configuration) { sluice in
        let clients = try names.map { try sluice.connect(user: "app.\($0)") }
        for (client, name) in zip(clients, names) {
          let place = try client.value(Self.place) ?? ""
          #expect(place.utf8.elementsEqual("tenant_\(name)".utf8))
        }
      }
    }

    @Test func `pools of tenants that have gone go too`() throws {
      let version = try PostgresVersion.newest
      var configuration = try TenantDatabases.configuration(
        version, ["user_suffix"],
        [
          "server_idle_timeout": 1, "pool_idle_timeout": 0, "autodb_idle_timeout": 1,
          "min_pool_size": 2,
        ])
      // Neither does the minimum hold them, nor that the pool's user is known.
      configuration.databases["app"]?["user"] = "app"
      let cluster = try PostgresCluster.shared(version)
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(user: "app.acme")
        try expectEventually { try cluster.connections(to: "tenant_acme") == 2 }
        #expect(try sluice.place(user: "app.beta") == "tenant_beta")
        expectEventually { sluice.log.contains("cleaning up idle pool app.beta/app") }
        #expect(try cluster.connections(to: "tenant_acme") == 2)
        #expect(!sluice.log.contains("cleaning up idle pool app.acme/app"))
        client.terminate()
        expectEventually { sluice.log.contains("cleaning up idle pool app.acme/app") }
        #expect(try sluice.place(user: "app.acme") == "tenant_acme")
      }
    }

    // MARK: what goes past the pool

    @Test(arguments: PostgresVersion.available)
    func `who listens hears the own tenant's database`(version: PostgresVersion) throws {
      let configuration = try TenantDatabases.configuration(version, ["user_suffix"])
      try withSluice(configuration) { sluice in
        let clients = try TenantDatabases.tenants.map { try sluice.connect(user: "app.\($0)") }
        for client in clients { try client.run("LISTEN news") }
        try clients[1].run("NOTIFY news, 'of beta'")
        #expect(try clients[1].notifications(within: 0.5).map(\.payload) == ["of beta"])
        #expect(try clients[0].notifications(within: 0.5) == [])
        let other = try sluice.connect(user: "app.acme")
        try other.run("NOTIFY news, 'of acme'")
        #expect(try clients[0].notifications(1).map(\.payload) == ["of acme"])
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a cancel finds the tenant's server`(version: PostgresVersion) throws {
      let configuration = try TenantDatabases.configuration(version, ["user_suffix"])
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(user: "app.beta")
        try client.send(Frame.query("SELECT pg_sleep(30)"))
        usleep(300_000)
        let canceller = try WireClient(to: sluice.endpoint)
        try canceller.send(Frame.cancel(client.key))
        #expect(canceller.isClosedByPeer())
        #expect(try client.receiveUntilReady().errors.first?.sqlstate == "57014")
      }
    }

    // MARK: reloads

    private static func reload(_ sluice: SluiceProcess, _ configuration: SluiceConfiguration) throws
    {
      try sluice.rewrite(configuration)
      sluice.process.signal(SIGHUP)
    }

    @Test func `a reload that has tenants elsewhere renews their servers`() throws {
      var configuration = try TenantDatabases.configuration(.newest, ["user_suffix"])
      try withSluice(configuration) { sluice in
        let acme = try sluice.connect(user: "app.acme")
        let beta = try sluice.connect(user: "app.beta")
        try beta.run("BEGIN")
        #expect(try acme.value(Self.place) == "tenant_acme")
        configuration.tenants["acme"] = ["dbname": "postgres"]
        try Self.reload(sluice, configuration)
        try expectEventually { try acme.value(Self.place) == "postgres" }
        #expect(try beta.value(Self.place) == "tenant_beta")
      }
    }

    @Test func `a reload ends clients that could no longer come in`() throws {
      let first = try TenantDatabases.configuration(.newest, ["user_suffix"])
      var changes: [SluiceConfiguration] = []
      for _ in 0..<4 { changes.append(first) }
      // The tenants come into the database of all, the login may not act for them any longer, its
      // entry has gone, and there are no tenants.
      changes[0].tenancy["dbname"] = nil
      changes[1].users["app"]?["tenants"] = ["beta"]
      changes[2].databases = ["second": first.databases["app"]!]
      changes[3].tenancy = [:]
      for change in changes {
        try withSluice(first) { sluice in
          let client = try sluice.connect(user: "app.acme")
          #expect(try client.value(Self.place) == "tenant_acme")
          try Self.reload(sluice, change)
          let answer = try client.receive { _ in false }
          #expect(answer.isClosed)
          #expect(answer.errors.first?.severity == "FATAL")
        }
      }
    }

    @Test func `a reload that brings tenants ends clients without one`() throws {
      let changed = try TenantDatabases.configuration(.newest, ["user_suffix"])
      var first = changed
      first.tenancy = [:]
      try withSluice(first) { sluice in
        let client = try sluice.connect()
        #expect(try client.value(Self.place) == "app")
        try Self.reload(sluice, changed)
        let error = try client.receive { _ in false }.errors.first
        #expect(error?.sqlstate == "57P01")
        #expect(error?.message == "the configuration of tenants has changed")
      }
    }
  }
}
