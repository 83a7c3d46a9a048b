import Glibc
import Testing

extension Integration {
  /// `tenants_query` with the columns dbname, host and port: where each tenant's database is.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct TenantPlaces {
    private static let place = "SELECT current_database()"
    private static let query = "SELECT * FROM place WHERE tenant = $1"
    /// Where nobody who has a row may end up.
    private static let standard = "app"

    /// A table of places in the database `app`, and databases `tenant_acme` and `tenant_beta`.
    private static func configuration(
      _ version: PostgresVersion? = nil, sources: [String] = ["user_suffix"], lifetime: Int = 1
    ) throws -> (cluster: PostgresCluster, configuration: SluiceConfiguration) {
      let version = try version ?? .newest
      let cluster = try PostgresCluster.shared(version)
      for tenant in TenantDatabases.tenants {
        try TenantDatabases.create("tenant_\(tenant)", in: cluster)
      }
      try run("DROP TABLE IF EXISTS place", cluster)
      try run("CREATE TABLE place (tenant text, dbname text, host text, port int)", cluster)
      try run("GRANT SELECT ON place TO app", cluster)
      for tenant in TenantDatabases.tenants {
        try run("INSERT INTO place VALUES ('\(tenant)', 'tenant_\(tenant)')", cluster)
      }
      var configuration = SluiceConfiguration(cluster)
      configuration.databases["directory"] = SluiceConfiguration.upstream(cluster)
      configuration.databases["directory"]?["user"] = "app"
      configuration.settings["admin_users"] = ["app"]
      configuration.tenancy = [
        "sources": .list(sources), "tenants_query": .text(query),
        "tenants_query_database": "directory", "tenants_query_ttl": .integer(lifetime),
      ]
      return (cluster, configuration)
    }

    private static func run(_ sql: String, _ cluster: PostgresCluster) throws {
      try cluster.query(sql, database: "app")
    }

    private static func isMoved(_ error: ServerError?) -> Bool {
      error?.sqlstate == "57P01" && error?.message == "the tenant's database is another one now"
    }

    @Test(arguments: PostgresVersion.available)
    func `each tenant comes to the database of its row`(version: PostgresVersion) throws {
      let (cluster, configuration) = try Self.configuration(version)
      try withSluice(configuration) { (sluice) throws in
        let clients = try TenantDatabases.tenants.map { try sluice.connect(user: "app.\($0)") }
        for _ in 0..<3 {
          for (client, tenant) in zip(clients, TenantDatabases.tenants) {
            #expect(try client.value(Self.place) == "tenant_\(tenant)")
          }
        }
        let console = try sluice.connect(database: "pgbouncer")
        let pools = try console.records("SHOW POOLS").compactMap { $0["database"] ?? nil }
        for tenant in TenantDatabases.tenants {
          #expect(
            pools.contains { $0.hasPrefix("app.\(tenant)@") && $0.hasSuffix("/tenant_\(tenant)") })
        }
        #expect(!pools.contains("app"), "nobody is in the database of all")
        #expect(try cluster.connections(to: "tenant_acme") == 1)
      }
    }

    @Test func `host and port come from the row, and [tenants] wins over it`() throws {
      var (cluster, configuration) = try Self.configuration()
      // Where the entry leads nobody listens.
      configuration.databases["app"]?["port"] = 1
      try Self.run(
        "UPDATE place SET host = 'localhost', port = \(cluster.port) WHERE tenant = 'acme'", cluster
      )
      configuration.tenants["beta"] = [
        "dbname": "postgres", "host": "127.0.0.1", "port": .integer(Int(cluster.port)),
      ]
      try withSluice(configuration) { (sluice) throws in
        #expect(try sluice.place(user: "app.acme") == "tenant_acme")
        #expect(try sluice.place(user: "app.beta") == "postgres")
      }
    }

    @Test func `a name with quotes is a name`() throws {
      let (cluster, configuration) = try Self.configuration()
      let name = #"it's "{tenant}" \ host=x"#
      let quoted = #""it's ""{tenant}"" \ host=x""#
      try cluster.query("DROP DATABASE IF EXISTS \(quoted)")
      try cluster.query("CREATE DATABASE \(quoted) OWNER app")
      try Self.run("UPDATE place SET dbname = $x$\(name)$x$ WHERE tenant = 'acme'", cluster)
      try withSluice(configuration) { (sluice) throws in
        #expect(try sluice.place(user: "app.acme") == name)
        try Self.run("UPDATE place SET dbname = 'no'';DROP' WHERE tenant = 'acme'", cluster)
        expectEventually {
          let error = try? sluice.loginError(user: "app.acme")
          return error?.message == "database \"no';DROP\" does not exist"
        }
      }
    }

    @Test(arguments: ["transaction", "session"])
    func `a change of the row ends clients before their next transaction`(_ mode: String) throws {
      var (cluster, configuration) = try Self.configuration()
      configuration.settings["pool_mode"] = .text(mode)
      try withSluice(configuration) { (sluice) throws in
        let amid = try sluice.connect(user: "app.acme")
        let idle = try sluice.connect(user: "app.acme")
        let other = try sluice.connect(user: "app.beta")
        #expect(try idle.value(Self.place) == "tenant_acme")
        try amid.run("BEGIN")
        #expect(try amid.value(Self.place) == "tenant_acme")
        // The two change places: whoever stayed where it is would be in the other's database.
        try Self.run(
          """
          UPDATE place SET dbname = CASE tenant WHEN 'acme' THEN 'tenant_beta'
            ELSE 'tenant_acme' END
          """, cluster)
        usleep(1_500_000)
        for (client, text) in [(idle, Self.place), (other, "BEGIN")] {
          let answer = try client.query(text)
          #expect(Self.isMoved(answer.errors.first), "\(answer)")
          #expect(answer.rows.isEmpty && client.isClosedByPeer())
        }
        #expect(try amid.value(Self.place) == "tenant_acme", "its transaction goes on")
        try amid.run("COMMIT")
        #expect(Self.isMoved(try amid.query(Self.place).errors.first))
        #expect(try sluice.place(user: "app.acme") == "tenant_beta")
        #expect(try sluice.place(user: "app.beta") == "tenant_acme")
      }
    }

    @Test func `under load nothing runs where a tenant was a lifetime ago`() throws {
      let (cluster, configuration) = try Self.configuration()
      let names = TenantDatabases.tenants.map { "tenant_\($0)" }
      for name in names {
        try cluster.query("DROP TABLE IF EXISTS seen", database: name)
        try cluster.query("CREATE TABLE seen (owner text, at timestamptz)", database: name)
        try cluster.query("GRANT ALL ON seen TO app", database: name)
      }
      let changes = 3
      var times: [[Double]] = []
      try withSluice(configuration) { (sluice) throws in
        times = try onThreads(5) { thread -> [Double] in
          if thread == 0 { return try Self.exchange(changes, cluster) }
          let tenant = TenantDatabases.tenants[thread % 2]
          let deadline = Deadline(seconds: Double(changes) * Self.period + 2)
          var client: WireClient?
          var ended = 0
          while !deadline.isOver {
            let current = try client ?? sluice.connect(user: "app.\(tenant)")
            client = current
            let answer = try current.query("INSERT INTO seen VALUES ('\(tenant)', now())")
            guard let error = answer.errors.first else { continue }
            #expect(Self.isMoved(error), "\(error)")
            ended += 1
            client = nil
          }
          #expect(ended == changes, "each change ends it once")
          return []
        }
      }
      let moments = times.joined().sorted()
      try #require(moments.count == changes)
      for (number, moment) in moments.enumerated() {
        let end = number + 1 < changes ? moments[number + 1] : .greatestFiniteMagnitude
        for (index, owner) in TenantDatabases.tenants.enumerated() {
          // Where the tenant is not after this change. A row holds for a second.
          let wrong = names[number % 2 == 0 ? index : 1 - index]
          let right = names[number % 2 == 0 ? 1 - index : index]
          let during =
            "owner = '\(owner)' AND extract(epoch FROM at) > \(moment + 1.1) "
            + (number + 1 < changes ? "AND extract(epoch FROM at) < \(end)" : "")
          let count = "SELECT count(*) FROM seen WHERE \(during)"
          #expect(try cluster.query(count, database: wrong).value == "0")
          #expect(try cluster.query(count, database: right).value != "0")
        }
      }
    }

    /// Seconds between two changes.
    private static let period = 2.5

    /// Has the two tenants change places so many times.
    /// - Returns: when each was there for all to see, as the server's clock has it.
    private static func exchange(_ count: Int, _ cluster: PostgresCluster) throws -> [Double] {
      try (0..<count).map { number in
        usleep(UInt32(period * 1_000_000))
        let places =
          number % 2 == 0 ? ["tenant_beta", "tenant_acme"] : ["tenant_acme", "tenant_beta"]
        try run(
          "UPDATE place SET dbname = CASE tenant WHEN 'acme' THEN '\(places[0])' "
            + "ELSE '\(places[1])' END", cluster)
        let now = try cluster.query("SELECT extract(epoch FROM clock_timestamp())").value
        return try #require(now.flatMap(Double.init))
      }
    }

    @Test func `whoever has no row, or one that can't be used, comes to no database`() throws {
      let (cluster, configuration) = try Self.configuration()
      try withSluice(configuration) { (sluice) throws in
        let client = try sluice.connect(user: "app.acme")
        let beta = try sluice.connect(user: "app.beta")
        #expect(try client.value(Self.place) == "tenant_acme")
        try Self.run("DELETE FROM place WHERE tenant = 'acme'", cluster)
        try Self.run("UPDATE place SET host = '/tmp' WHERE tenant = 'beta'", cluster)
        usleep(1_500_000)
        #expect(try client.query(Self.place).errors.first?.sqlstate == "28000")
        #expect(try sluice.loginError(user: "app.acme")?.sqlstate == "28000")
        for error in [
          try beta.query(Self.place).errors.first, try sluice.loginError(user: "app.beta"),
        ] {
          #expect(error?.sqlstate == "53400")
          #expect(error?.message.contains("\"host\" takes the name") == true)
        }
        // Nor where the table can't be read.
        try Self.run("INSERT INTO place VALUES ('acme', 'tenant_acme')", cluster)
        expectEventually { (try? sluice.place(user: "app.acme")) == "tenant_acme" }
        let last = try sluice.connect(user: "app.acme")
        try Self.run("ALTER TABLE place RENAME TO place_gone", cluster)
        usleep(1_500_000)
        #expect(try last.query(Self.place).errors.first?.sqlstate == "53400")
        #expect(try sluice.loginError(user: "app.acme")?.sqlstate == "53400")
        try Self.run("ALTER TABLE place_gone RENAME TO place", cluster)
        expectEventually { (try? sluice.place(user: "app.acme")) == "tenant_acme" }
        #expect(try cluster.connections(to: Self.standard) <= 2, "the table's, and this one")
      }
    }

    @Test func `a row that begins or ends to name a database parts the tenant from the others`()
      throws
    {
      let (cluster, configuration) = try Self.configuration()
      try Self.run("UPDATE place SET dbname = NULL", cluster)
      try withSluice(configuration) { (sluice) throws in
        let client = try sluice.connect(user: "app.acme")
        let beta = try sluice.connect(user: "app.beta")
        #expect(try client.value(Self.place) == "app")
        try Self.run("UPDATE place SET dbname = 'tenant_acme' WHERE tenant = 'acme'", cluster)
        usleep(1_500_000)
        #expect(Self.isMoved(try client.query(Self.place).errors.first))
        #expect(try beta.value(Self.place) == "app")
        let again = try sluice.connect(user: "app.acme")
        #expect(try again.value(Self.place) == "tenant_acme")
        try Self.run("UPDATE place SET dbname = NULL", cluster)
        usleep(1_500_000)
        #expect(Self.isMoved(try again.query(Self.place).errors.first))
        #expect(try sluice.place(user: "app.acme") == "app")
      }
    }

    @Test func `SET names no tenant that is elsewhere`() throws {
      let (cluster, configuration) = try Self.configuration(
        sources: ["user_suffix", "set"], lifetime: 60)
      var changed = configuration
      changed.tenantSettings = ["app.tenant_id": "{tenant}"]
      changed.tenancy["sources"] = ["set"]
      try Self.run("INSERT INTO place VALUES ('shared', NULL), ('other', NULL)", cluster)
      try withSluice(changed) { (sluice) throws in
        let client = try sluice.connect()
        try client.run("SET app.tenant_id = 'shared'")
        #expect(try client.value(Self.place) == "app")
        for way in [
          "SET app.tenant_id = 'acme'", "SELECT set_config('app.tenant_id', 'acme', false)",
        ] {
          let error = try client.query(way).errors.first
          #expect(error?.sqlstate == "42501", "\(String(describing: error))")
          #expect(error?.message.contains("is another than this connection's") == true)
        }
        #expect(
          try client.value("SELECT current_setting('app.tenant_id') || current_database()")
            == "sharedapp")
        try client.run("SET app.tenant_id = 'other'")
        #expect(try client.value("SELECT current_setting('app.tenant_id')") == "other")
        try client.run("BEGIN")
        #expect(try client.query("SET LOCAL app.tenant_id = 'beta'").errors.first != nil)
        try client.run("ROLLBACK")
      }
    }

    @Test(arguments: ["transaction", "session"])
    func `who only listens hears nothing of a database that was its tenant's`(
      _ mode: String
    ) throws {
      var (cluster, configuration) = try Self.configuration()
      configuration.settings["pool_mode"] = .text(mode)
      try withSluice(configuration) { (sluice) throws in
        let listener = try sluice.connect(user: "app.acme")
        try listener.run("LISTEN news")
        let beta = try sluice.connect(user: "app.beta")
        try beta.run("LISTEN news")
        usleep(2_500_000)
        #expect(!listener.isReadable(within: 0), "as long as its row says the same")
        try Self.run(
          """
          UPDATE place SET dbname = CASE tenant WHEN 'acme' THEN 'tenant_beta'
            ELSE 'tenant_acme' END
          """, cluster)
        // The lifetime, and a second until it is looked at; then as much for the answer.
        usleep(4_000_000)
        try cluster.query("NOTIFY news, 'of beta'", database: "tenant_acme")
        let last = try listener.receive { _ in false }
        #expect(last.isClosed && Self.isMoved(last.errors.first), "\(last)")
        #expect(last.notifications.isEmpty)
      }
    }

    @Test func `a reload keeps clients where their rows say`() throws {
      var (cluster, configuration) = try Self.configuration(lifetime: 60)
      try withSluice(configuration) { (sluice) throws in
        let client = try sluice.connect(user: "app.acme")
        #expect(try client.value(Self.place) == "tenant_acme")
        configuration.settings["default_pool_size"] = 7
        try sluice.rewrite(configuration)
        sluice.process.signal(SIGHUP)
        expectEventually { sluice.log.contains("re-reading config") }
        usleep(300_000)
        for _ in 0..<5 { #expect(try client.value(Self.place) == "tenant_acme") }
        // A reload reads the rows anew.
        try Self.run("UPDATE place SET dbname = 'tenant_beta' WHERE tenant = 'acme'", cluster)
        sluice.process.signal(SIGHUP)
        expectEventually("it ends") {
          let answer = try? client.query(Self.place)
          if let value = answer?.value { #expect(value == "tenant_acme") }
          return Self.isMoved(answer?.errors.first)
        }
        #expect(try sluice.place(user: "app.acme") == "tenant_beta")
        // Without the table there is nothing that would lead a tenant's clients elsewhere.
        let last = try sluice.connect(user: "app.acme")
        configuration.tenancy["tenants_query"] = nil
        configuration.tenancy["tenants_query_database"] = nil
        configuration.tenancy["tenants_query_ttl"] = nil
        try sluice.rewrite(configuration)
        sluice.process.signal(SIGHUP)
        let error = try last.receive { _ in false }.errors.first
        #expect(error?.severity == "FATAL")
      }
    }

    @Test func `pools of places that are gone go too`() throws {
      var (cluster, configuration) = try Self.configuration()
      configuration.settings["server_idle_timeout"] = 1
      configuration.settings["autodb_idle_timeout"] = 1
      try withSluice(configuration) { (sluice) throws in
        for number in 0..<6 {
          let place = TenantDatabases.tenants[number % 2]
          try Self.run("UPDATE place SET dbname = 'tenant_\(place)' WHERE tenant = 'acme'", cluster)
          expectEventually { (try? sluice.place(user: "app.acme")) == "tenant_\(place)" }
        }
        let console = try sluice.connect(database: "pgbouncer")
        expectEventually("they are forgotten") {
          let pools = try? console.records("SHOW POOLS").compactMap { $0["database"] ?? nil }
          return pools.map { !$0.contains { $0.hasPrefix("app.acme@") } } == true
        }
      }
    }
  }
}
