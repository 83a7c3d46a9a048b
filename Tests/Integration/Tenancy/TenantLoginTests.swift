import Testing

extension Integration {
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct TenantLogin {
    private static let parameter = "app.tenant_id"

    // MARK: sources

    @Test(arguments: PostgresVersion.available)
    func `each source names the tenant`(version: PostgresVersion) throws {
      var configuration = try TenantDatabases.configuration(
        version, ["user", "user_suffix", "database_suffix", "startup:\(Self.parameter)"])
      configuration.databases["app"]?["user"] = "app"
      configuration.users["fixed"] = ["password": "", "tenant": "beta"]
      try withSluice(configuration) { (sluice) throws in
        #expect(try sluice.place(user: "fixed") == "tenant_beta")
        for tenant in TenantDatabases.tenants {
          let expected = "tenant_\(tenant)"
          #expect(try sluice.place(user: "app.\(tenant)") == expected)
          #expect(try sluice.place(database: "app.\(tenant)") == expected)
          #expect(try sluice.place(parameters: [Self.parameter: tenant]) == expected)
          #expect(try sluice.place(parameters: ["APP.Tenant_ID": tenant]) == expected)
          let options = ["options": "-c DateStyle=ISO -c \(Self.parameter)=\(tenant)"]
          #expect(try sluice.place(parameters: options) == expected)
          #expect(
            try sluice.place(user: "app.\(tenant)", database: "app.\(tenant)", parameters: options)
              == expected)
        }
      }
    }

    @Test func `a client that names two tenants is refused`() throws {
      let configuration = try TenantDatabases.configuration(
        .newest, ["user_suffix", "database_suffix", "startup:\(Self.parameter)"])
      try withSluice(configuration) { sluice in
        let attempts: [(String, String, [String: String])] = [
          ("app.acme", "app.beta", [:]), ("app.acme", "app", [Self.parameter: "beta"]),
          ("app", "app.acme", ["options": "-c \(Self.parameter)=beta"]),
          ("app", "app", [Self.parameter: "acme", "options": "-c \(Self.parameter)=beta"]),
        ]
        for (user, database, parameters) in attempts {
          let error = try sluice.loginError(
            user: user, database: database, parameters: parameters)
          #expect(error?.sqlstate == "28000")
          #expect(error?.severity == "FATAL")
          #expect(error?.message.contains("tenants") == true, "\(String(describing: error))")
        }
      }
    }

    @Test func `an answer that is no tenant's name is refused, not passed over`() throws {
      var configuration = try TenantDatabases.configuration(.newest, ["user_suffix"])
      configuration.tenancy["fallback_tenant"] = "acme"
      try withSluice(configuration) { sluice in
        #expect(try sluice.place() == "tenant_acme")
        for name in [
          "app.", "app.a b", "app.é", "app.'", "app." + String(repeating: "a", count: 64),
        ] {
          let error = try sluice.loginError(user: name)
          #expect(error?.sqlstate == "28000")
          #expect(error?.message == "the answer of \"user_suffix\" is no tenant's name")
        }
      }
    }

    @Test func `options that cannot be read could name a tenant`() throws {
      let configuration = try TenantDatabases.configuration(
        .newest, ["user_suffix", "startup:\(Self.parameter)"],
        ["ignore_startup_parameters": "options"])
      try withSluice(configuration) { sluice in
        let error = try sluice.loginError(user: "app.acme", parameters: ["options": "-c"])
        #expect(error?.message.contains("\"options\" cannot be read for a tenant") == true)
        let named = ["options": "-c \(Self.parameter)=acme"]
        #expect(try sluice.place(user: "app.acme", parameters: named) == "tenant_acme")
      }
    }

    @Test func `a name that is configured as a whole has no tenant in it`() throws {
      var configuration = try TenantDatabases.configuration(
        .newest, ["user_suffix", "database_suffix"])
      configuration.databases["app.acme"] = configuration.databases["app"]
      configuration.databases["app"]?["user"] = "app"
      configuration.users["app.acme"] = ["password": ""]
      try withSluice(configuration) { (sluice) throws in
        #expect(try sluice.loginError(user: "app.acme")?.message == "no tenant is named")
        #expect(try sluice.loginError(database: "app.acme")?.message == "no tenant is named")
      }
    }

    // MARK: who may

    @Test func `without the password nobody learns of tenants`() throws {
      var configuration = try TenantDatabases.configuration(
        .newest, ["user_suffix"], ["auth_type": "plain"])
      configuration.users["app"] = ["password": "right", "tenants": ["acme"]]
      try withSluice(configuration) { sluice in
        let users = ["app.acme", "app.beta", "app.no such", "app", "ghost.acme", "ghost"]
        let answers = try users.map { user in
          let client = try WireClient(to: sluice.endpoint)
          let parameters = [("user", user), ("database", "app")]
          return try client.startUp(parameters, password: "wrong").messages.map(\.body)
        }
        for answer in answers { #expect(answer == answers[0]) }
        #expect(try sluice.place(user: "app.acme", password: "right") == "tenant_acme")
        let refusals = [
          "app.beta": "this login may not act for the tenant \"beta\"",
          "app.no such": "the answer of \"user_suffix\" is no tenant's name",
          "app": "no tenant is named",
        ]
        for (user, message) in refusals {
          let error = try sluice.loginError(user: user, password: "right")
          #expect(error?.sqlstate == "28000" && error?.message == message)
        }
      }
    }

    /// MD5 has the user name in its digest: a client's is the one with the suffix.
    @Test(arguments: ["md5", "scram-sha-256"])
    func `a password is proven under a name with a suffix`(method: String) throws {
      var configuration = try TenantDatabases.configuration(
        .newest, ["user_suffix"], ["auth_type": .text(method)])
      configuration.users["app"] = ["password": "right"]
      try withSluice(configuration) { sluice in
        for (password, expected) in [("right", "tenant_acme\n"), ("wrong", "")] {
          let output = try Programs.psql(
            sluice.endpoint, ["SELECT current_database()"], user: "app.acme", password: password)
          #expect(output.standardOutput == expected)
        }
      }
    }

    @Test func `a login without a tenant is exempt, has one to fall back on, or waits`() throws {
      var configuration = try TenantDatabases.configuration(.newest, ["user_suffix"])
      configuration.databases["app"]?["user"] = "app"
      configuration.users["migrations"] = ["password": "", "tenancy": "off"]
      try withSluice(configuration) { sluice in
        #expect(try sluice.loginError()?.message == "no tenant is named")
        #expect(try sluice.place(user: "migrations") == "app")
        let error = try sluice.loginError(user: "migrations.acme")
        #expect(error?.message == "this login acts without a tenant and cannot name one")
      }
      configuration.tenancy["sources"] = ["user_suffix", "set"]
      configuration.tenancy["set_name"] = .text(Self.parameter)
      try withSluice(configuration) { (sluice) throws in
        #expect(try sluice.loginError() == nil)
      }
    }

    // MARK: the console

    @Test func `no suffix leads to the console, and none makes an administrator`() throws {
      var configuration = try TenantDatabases.configuration(
        .newest, ["user_suffix", "database_suffix"],
        ["auth_type": "plain", "admin_users": "admin"])
      configuration.users["admin"] = ["password": "right"]
      configuration.users["pgbouncer"] = ["password": "right"]
      configuration.databases["*"] = configuration.databases["app"]
      try withSluice(configuration) { sluice in
        let console = "pgbouncer"
        #expect(try sluice.loginError(user: "admin", database: console, password: "right") == nil)
        for user in ["admin.acme", "app.acme"] {
          let error = try sluice.loginError(user: user, database: console, password: "right")
          #expect(error?.message.contains("not allowed to use the console") == true)
        }
        let client = try WireClient(to: sluice.endpoint)
        let answer = try client.startUp([("user", "pgbouncer.acme")], password: "right")
        #expect(answer.errors.first?.message == "no such database: pgbouncer")
      }
    }

    // MARK: replication

    @Test(arguments: PostgresVersion.available)
    func `only who acts without a tenant may replicate`(version: PostgresVersion) throws {
      var configuration = try TenantDatabases.configuration(version, ["user_suffix", "set"])
      configuration.tenancy["set_name"] = .text(Self.parameter)
      configuration.users["repl"] = ["password": "", "tenancy": "off"]
      try withSluice(configuration) { sluice in
        for user in ["app.acme", "app"] {
          for kind in ["true", "database"] {
            let error = try sluice.loginError(user: user, parameters: ["replication": kind])
            #expect(error?.sqlstate == "42501")
            #expect(error?.message.contains("every tenant's rows") == true)
          }
        }
        let parameters = ["replication": "database"]
        #expect(try sluice.loginError(user: "repl", parameters: parameters) == nil)
      }
    }

    // MARK: what is told

    @Test func `the log has the tenant on each line`() throws {
      var configuration = try TenantDatabases.configuration(.newest, ["user_suffix"])
      configuration.users["app"]?["tenants"] = ["acme"]
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(user: "app.acme")
        let port = client.localPort
        client.terminate()
        #expect(try sluice.loginError(user: "app.beta") != nil)
        expectEventually { sluice.log.contains("act for the tenant \"beta\"") }
        let name = "app/app[acme]@127.0.0.1:\(port)"
        expectEventually { sluice.log.contains("\(name) closing because: client close request") }
        #expect(
          sluice.log.contains("\(name) login attempt: db=app user=app tenant=acme tls=no"))
        #expect(sluice.log.contains("app.acme/app@"), "the server's lines have it too")
      }
    }

    @Test func `a login's limits hold for all its tenants together`() throws {
      var configuration = try TenantDatabases.configuration(.newest, ["user_suffix"])
      configuration.users["app"]?["max_user_client_connections"] = 2
      try withSluice(configuration) { sluice in
        let clients = try ["app.acme", "app.beta"].map { try sluice.connect(user: $0) }
        let error = try sluice.loginError(user: "app.acme")
        #expect(error?.message.contains("max_user_client_connections") == true)
        for client in clients { client.terminate() }
        try expectEventually { try sluice.loginError(user: "app.acme") == nil }
      }
    }
  }
}
