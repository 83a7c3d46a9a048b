import Testing

extension Integration {
  /// The console as its clients see it.
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct ConsoleTables {
    static let administrator: SluiceConfiguration.Section = [
      "admin_users": ["app"], "stats_users": ["guest"],
    ]

    private static let tables = [
      "ACTIVE_SOCKETS", "CLIENTS", "CONFIG", "DATABASES", "DNS_HOSTS", "DNS_ZONES", "FDS", "LISTS",
      "MEM", "PEERS", "PEER_POOLS", "PINNED", "PINNING", "POOLS", "PREPARED", "SERVERS", "SOCKETS",
      "STATE", "STATS", "STATS_AVERAGES", "STATS_TOTALS", "TENANTS", "THREADS", "TOTALS", "USERS",
      "VERSION", "WAITS",
    ]

    @Test(arguments: ["pgbouncer", "sluice"])
    func `psql shows every table`(database: String) throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        for table in Self.tables {
          let output = try Programs.psql(
            sluice.endpoint, ["SHOW \(table)"], user: "app", database: database)
          #expect(output.succeeded, "SHOW \(table): \(output.standardError)")
          let isEmpty = [
            "DNS_HOSTS", "DNS_ZONES", "PEERS", "PEER_POOLS", "PINNED", "PREPARED", "TENANTS",
            "WAITS",
          ].contains(table)
          #expect(isEmpty || !output.standardOutput.isEmpty, "SHOW \(table)")
        }
        let help = try Programs.psql(sluice.endpoint, ["SHOW HELP"], database: database)
        #expect(help.standardError.contains("SHOW ... WHERE column = 'value'"))
      }
    }

    @Test func `every table is the same by the extended protocol, described as it is sent`() throws
    {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        for table in Self.tables {
          let simple = try console.query("SHOW \(table)").checked()
          let extended = try console.extended("SHOW \(table)").checked()
          #expect(simple.rows.count == extended.rows.count, "\(table)")
          let description = simple.messages.first { $0.type == "T" }
          #expect(description == extended.messages.first { $0.type == "T" }, "\(table)")
          let width = description.map { Int($0.body[0]) << 8 | Int($0.body[1]) }
          #expect(simple.rows.allSatisfy { $0.count == width }, "\(table)")
          #expect(simple.tags == ["SHOW"] && extended.tags == ["SHOW"])
        }
      }
    }

    @Test func `clients, servers and pools are told of as they are`() throws {
      try withSluice(.newest, Self.administrator.merging(["default_pool_size": 2]) { $1 }) {
        sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let idle = try sluice.connect(parameters: ["application_name": "resting"])
        _ = try idle.value("SELECT 1")
        let busy = try sluice.connect(parameters: ["application_name": "working"])
        try busy.query("BEGIN")
        let clients = try console.records("SHOW CLIENTS")
        #expect(clients.count == 3)
        let resting = try #require(clients.first { $0["application_name"] == "resting" })
        #expect(resting["state"] == "idle" && resting["link"] == "" && resting["type"] == "C")
        #expect(resting["port"] == "\(idle.localPort)" && resting["addr"] == "127.0.0.1")
        let working = try #require(clients.first { $0["application_name"] == "working" })
        #expect(working["state"] == "active" && working["database"] == "app")
        let servers = try console.records("SHOW SERVERS")
        let linked = try #require(servers.first { $0["link"] == working["ptr"] })
        #expect(linked["ptr"] == working["link"] && linked["state"] == "active")
        let pid = try busy.value("SELECT pg_backend_pid()")
        #expect(linked["remote_pid"] == pid)
        let pools = try console.records("SHOW POOLS WHERE database = 'app'")
        #expect(pools.count == 1)
        #expect(pools[0]["cl_active"] == "2" && pools[0]["sv_active"] == "1")
        #expect(pools[0]["cl_waiting"] == "0" && pools[0]["maxwait"] == "0")
        #expect(pools[0]["sv_idle"] == "\(servers.count - 1)")
        let ids = clients.map { $0["id"] } + servers.map { $0["id"] }
        #expect(Set(ids).count == ids.count, "one counter for all")
        #expect(try console.records("SHOW POOLS").contains { $0["database"] == "pgbouncer" })
        #expect(try console.records("SHOW LISTS").count == 14)
        #expect(try console.records("SHOW TOTALS").count == 24)
        let chosen = try console.records("SHOW CLIENTS WHERE application_name = 'resting'")
        #expect(chosen.count == 1)
      }
    }

    @Test func `a setting is shown, set, and put back by a reload`() throws {
      try withSluice(.newest, Self.administrator) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        func value(_ name: String) throws -> String? {
          try console.records("SHOW CONFIG WHERE key = '\(name)'").first?["value"] ?? nil
        }
        #expect(try value("query_timeout") == "0")
        _ = try console.query("SET query_timeout = '1'").checked()
        #expect(try value("query_timeout") == "1")
        let slow = try sluice.connect()
        #expect(
          try slow.query("SELECT pg_sleep(10)").errors.first?.message.contains("query") == true)
        #expect(try console.query("SET query_timeout = 'x'").errors.count == 1)
        #expect(try console.query("SET listen_port = 1").errors.count == 1)
        #expect(try console.query("SET nonsense = 1").errors.count == 1)
        _ = try console.query("RELOAD").checked()
        #expect(try value("query_timeout") == "0")
        let config = try console.records("SHOW CONFIG")
        #expect(config.first { $0["key"] == "listen_port" }?["changeable"] == "no")
      }
    }

    @Test func `a database may be called sluice, and is not the console then`() throws {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.databases["sluice"] = configuration.databases["app"]
      configuration.settings.merge(Self.administrator) { $1 }
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(database: "sluice")
        #expect(try client.value("SELECT current_database()") == "app")
        let console = try sluice.connect(database: "pgbouncer")
        #expect(try console.records("SHOW DATABASES").map { $0["name"] }.contains("sluice"))
      }
    }

    @Test func `stats_users may look and no more, and others not even that`() throws {
      let users: [String: SluiceConfiguration.Section] = ["guest": ["password": ""]]
      try withSluice(.newest, Self.administrator, users: users) { sluice in
        let guest = try sluice.connect(user: "guest", database: "pgbouncer")
        #expect(try !guest.records("SHOW POOLS").isEmpty)
        for command in [
          "RELOAD", "PAUSE", "SHUTDOWN", "KILL_CLIENT 1", "SET verbose = 1", "SHOW FDS",
          "KILL app", "DISABLE app", "SUSPEND", "RECONNECT",
        ] {
          let error = try guest.query(command).errors.first
          #expect(error?.message == "admin access needed", "\(command)")
        }
        #expect(try sluice.loginError(user: "nobody", database: "pgbouncer") != nil)
      }
    }
  }
}

extension WireClient {
  /// The rows of an answer, by the names of their columns.
  func records(_ sql: String) throws -> [[String: String?]] {
    let exchange = try query(sql).checked()
    guard let description = exchange.messages.first(where: { $0.type == "T" }) else { return [] }
    let names = description.columnNames
    return exchange.rows.map { row in
      Dictionary(zip(names, row)) { first, _ in first }
    }
  }
}

extension ServerMessage {
  /// Of a RowDescription.
  fileprivate var columnNames: [String] {
    var names: [String] = []
    var rest = body.dropFirst(2)
    while !rest.isEmpty {
      let name = rest.prefix { $0 != 0 }
      names.append(String(decoding: name, as: UTF8.self))
      rest = rest.dropFirst(name.count + 1 + 18)
    }
    return names
  }
}
