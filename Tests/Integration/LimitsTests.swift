import Glibc
import Synchronization
import Testing

extension Integration {
  @Suite(.serialized) struct Limits {
    /// The most server connections that were seen while `clients` threads ran transactions.
    private static func mostServers(
      _ version: PostgresVersion, _ sluice: SluiceProcess, clients: Int, users: [String] = ["app"],
      databases: [String] = ["app"]
    ) throws -> Int {
      let load = Background {
        try onThreads(clients) { index in
          let client = try sluice.connect(
            user: users[index % users.count], database: databases[index % databases.count])
          for _ in 0..<25 { _ = try client.query("SELECT pg_sleep(0.005)").checked() }
          client.terminate()
        }
      }
      let watcher = try PostgresCluster.shared(version).connect()
      var most = 0
      while !load.isDone {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app'"
        most = max(most, Int(try watcher.value(sql) ?? "") ?? 0)
      }
      _ = try load.value(seconds: 60)
      return most
    }

    @Test func `whoever has to look why it is full is let in`() throws {
      try withSluice(.newest, ["max_client_conn": 2, "admin_users": ["app"]]) { sluice in
        let clients = try (0..<2).map { _ in try sluice.connect() }
        #expect(try sluice.loginError()?.message.contains("max_client_conn") == true)
        let console = try sluice.connect(database: "pgbouncer")
        #expect(try console.records("SHOW CLIENTS").count >= 2)
        for client in clients { client.terminate() }
      }
    }

    @Test func `a client beyond max_client_conn is told so`() throws {
      try withSluice(.newest, ["max_client_conn": 3]) { sluice in
        var clients = try (0..<3).map { _ in try sluice.connect() }
        let error = try sluice.loginError()
        #expect(error?.severity == "FATAL")
        #expect(error?.message.contains("max_client_conn") == true)
        #expect(try clients[2].value("SELECT 1") == "1")
        clients.removeLast().terminate()
        try expectEventually { try sluice.loginError() == nil }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `the pool size holds exactly over all threads`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 4, "threads": 4]) { (sluice) throws in
        #expect(try Self.mostServers(version, sluice, clients: 24) == 4)
      }
    }

    @Test func `pool_size of a database overrules the default`() throws {
      let version = try PostgresVersion.newest
      try withSluice(version, ["default_pool_size": 8], database: ["pool_size": 2]) {
        (sluice) throws in
        #expect(try Self.mostServers(version, sluice, clients: 12) == 2)
      }
    }

    @Test func `max_db_connections holds over the pools of all users`() throws {
      let version = try PostgresVersion.newest
      let users: [String: SluiceConfiguration.Section] = ["other": ["password": ""]]
      try withSluice(version, database: ["max_db_connections": 3], users: users) {
        (sluice) throws in
        #expect(
          try Self.mostServers(version, sluice, clients: 16, users: ["app", "other"]) == 3)
      }
    }

    @Test func `max_user_connections holds over all databases`() throws {
      let version = try PostgresVersion.newest
      var configuration = SluiceConfiguration(try .shared(version))
      configuration.databases["second"] = configuration.databases["app"]
      configuration.users["app"] = ["password": "", "max_user_connections": 3]
      try withSluice(configuration) { (sluice) throws in
        #expect(
          try Self.mostServers(version, sluice, clients: 16, databases: ["app", "second"]) == 3)
      }
    }

    @Test(.disabled(if: StandIn.isOn, "younger than the distribution's PgBouncer"))
    func `max_db_client_connections refuses by name`() throws {
      try withSluice(.newest, database: ["max_db_client_connections": 2]) { sluice in
        let clients = try (0..<2).map { _ in try sluice.connect() }
        #expect(
          try sluice.loginError()?.message.contains("max_db_client_connections") == true)
        #expect(try clients[0].value("SELECT 1") == "1")
      }
    }

    @Test(.disabled(if: StandIn.isOn, "younger than the distribution's PgBouncer"))
    func `max_user_client_connections refuses by name`() throws {
      let users: [String: SluiceConfiguration.Section] = [
        "app": ["password": "", "max_user_client_connections": 2], "other": ["password": ""],
      ]
      try withSluice(.newest, users: users) { sluice in
        let clients = try (0..<2).map { _ in try sluice.connect() }
        #expect(
          try sluice.loginError()?.message.contains("max_user_client_connections") == true)
        #expect(try sluice.loginError(user: "other") == nil)
        #expect(try clients[0].value("SELECT 1") == "1")
      }
    }

    @Test func `the reserve pool opens for those who waited long`() throws {
      let version = try PostgresVersion.newest
      let settings: SluiceConfiguration.Section = [
        "default_pool_size": 1, "reserve_pool_size": 1, "reserve_pool_timeout": 1,
      ]
      try withSluice(version, settings) { sluice in
        let holder = try sluice.connect()
        try holder.query("BEGIN")
        let waiter = try sluice.connect()
        let waited = try secondsTaken { _ = try waiter.value("SELECT 1") }
        #expect(waited > 0.5, "not before reserve_pool_timeout")
        #expect(waited < 5 * Patience.factor)
        #expect(sluice.log.contains("taking connection from reserve_pool"))
        let third = try sluice.connect()
        try waiter.query("BEGIN")
        try third.send(Frame.query("SELECT 3"))
        #expect(!third.isReadable(within: 1.5), "both servers are taken")
        try holder.query("COMMIT")
        #expect(try third.receiveUntilReady().value == "3")
      }
    }

    @Test func `min_pool_size servers are opened ahead of need`() throws {
      let version = try PostgresVersion.newest
      let cluster = try PostgresCluster.shared(version)
      let database: SluiceConfiguration.Section = ["user": "app"]
      try withSluice(version, ["min_pool_size": 3], database: database) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        try expectEventually { try cluster.connections() == 3 }
        client.terminate()
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `waiters are served in the order in which they came`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1, "threads": 1]) { sluice in
        let holder = try sluice.connect()
        try holder.query("BEGIN")
        let waiters = try (0..<10).map { _ in try sluice.connect() }
        for waiter in waiters {
          try waiter.send(Frame.query("SELECT clock_timestamp()::text"))
          usleep(20_000)
        }
        try holder.query("COMMIT")
        let times = try waiters.map { try $0.receiveUntilReady().value ?? "" }
        #expect(times == times.sorted())
        #expect(Set(times).count == times.count)
      }
    }

    @Test func `an idle server is closed after server_idle_timeout`() throws {
      let version = try PostgresVersion.newest
      let cluster = try PostgresCluster.shared(version)
      try withSluice(version, ["server_idle_timeout": 1]) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        #expect(try cluster.connections() == 1)
        try expectEventually { try cluster.connections() == 0 }
        #expect(try client.value("SELECT 2") == "2")
      }
    }

    @Test func `a server is replaced after server_lifetime`() throws {
      try withSluice(.newest, ["server_lifetime": 1, "default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let first = try client.value("SELECT pg_backend_pid()")
        try expectEventually { try client.value("SELECT pg_backend_pid()") != first }
      }
    }
  }
}
