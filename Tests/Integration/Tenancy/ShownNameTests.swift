import Glibc
import Testing

extension Integration {
  /// application_name_add_tenant: the server tells the tenant, the client its own name.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct ShownName {
    private static let shown =
      "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"

    /// All tenants on one server.
    private static func configuration(
      _ version: PostgresVersion, _ settings: SluiceConfiguration.Section = [:],
      sources: [String] = ["user_suffix"]
    ) throws -> SluiceConfiguration {
      var configuration = try TenantLimits.configuration(
        version, poolSize: 1, ["application_name_add_tenant": true])
      configuration.settings.merge(settings) { $1 }
      configuration.tenancy["sources"] = .list(sources)
      configuration.users["off"] = ["password": "", "tenancy": "off"]
      configuration.databases["app"]?["user"] = "app"
      return configuration
    }

    private static func client(
      _ sluice: SluiceProcess, _ user: String, named name: String? = nil
    ) throws -> WireClient {
      try sluice.connect(user: user, parameters: name.map { ["application_name": $0] } ?? [:])
    }

    @Test(arguments: PostgresVersion.available)
    func `a name that a client comes with is shown with its tenant`(
      version: PostgresVersion
    ) throws {
      try withSluice(Self.configuration(version)) { (sluice) throws in
        let long = String(repeating: "x", count: 80)
        let names = [
          "": "app [acme]", "web": "web [acme]", long: long.prefix(56) + " [acme]",
          "wéb": "w??b [acme]",
        ]
        for (own, expected) in names {
          let client = try Self.client(sluice, "app.acme", named: own.isEmpty ? nil : own)
          #expect(client.parameters["application_name"] == own)
          for _ in 0..<2 { #expect(try client.value(Self.shown) == expected) }
          #expect(try client.query("SET DateStyle = 'German, DMY'").errors.isEmpty)
          #expect(try client.value(Self.shown) == expected)
          #expect(client.parameters["application_name"] == own)
          client.terminate()
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `on a shared server each transaction shows its own tenant`(
      version: PostgresVersion
    ) throws {
      try withSluice(Self.configuration(version)) { (sluice) throws in
        let clients = try [
          ("app.acme", "web", "web [acme]"), ("app.beta", "web", "web [beta]"),
          ("app.acme", "job", "job [acme]"), ("off", "web", "web"), ("off", "a [acme]", "a [acme]"),
        ].map { (try Self.client(sluice, $0, named: $1), $1, $2) }
        for (client, _, _) in clients {
          try client.send(Frame.parse(Self.shown, name: "s") + Frame.sync)
          #expect(try client.receiveUntilReady().errors.isEmpty)
        }
        for round in 0..<6 {
          for (client, own, expected) in clients {
            switch round % 3 {
            case 0: #expect(try client.value(Self.shown) == expected)
            case 1: #expect(try client.extended(Self.shown).checked().value == expected)
            default:
              try client.send(Frame.bind(statement: "s") + Frame.execute() + Frame.sync)
              #expect(try client.receiveUntilReady().checked().value == expected)
            }
            try client.query("SELECT 1/0")
            try client.run("BEGIN")
            #expect(try client.value(Self.shown) == expected)
            try client.query("SELECT 1/0")
            try client.run("ROLLBACK")
            #expect(client.parameters["application_name"] == own)
          }
        }
      }
    }

    /// Whoever names itself anew is shown so from its next transaction on.
    @Test(arguments: PostgresVersion.available, ["transaction", "session"])
    func `a client keeps its own view of its name`(version: PostgresVersion, mode: String) throws {
      try withSluice(Self.configuration(version, ["pool_mode": .text(mode)])) { sluice in
        let client = try Self.client(sluice, "app.acme", named: "web")
        func expect(_ own: String, after text: String) throws {
          for part in text.split(separator: "|") { try client.query(String(part)) }
          // What RESET brings back is told behind its answer.
          try client.run("SELECT 1")
          let told = client.parameters["application_name"]
          #expect(told == own, "\(text): \(String(describing: told))")
          #expect(try client.value(Self.shown) == "\(own) [acme]", "\(text)")
          #expect(client.parameters["application_name"] == own, "\(text)")
        }
        try expect("web", after: "SELECT 1")
        try expect("one", after: "SET application_name = 'one'")
        try expect("one", after: "BEGIN|SET application_name = 'two'|ROLLBACK")
        try expect("two", after: "BEGIN|SET application_name = 'two'|COMMIT")
        try expect("two", after: "BEGIN|SET LOCAL application_name = 'three'|SELECT 1|COMMIT")
        try expect(
          "four",
          after: "BEGIN|SET application_name = 'four'|SAVEPOINT a|SET application_name = 'five'|"
            + "ROLLBACK TO a|COMMIT")
        try expect("it's \\", after: "SET application_name = 'it''s \\'")
        try expect("six", after: "SELECT set_config('application_name', 'six', false)")
        guard mode == "transaction" else { return }
        try expect("web", after: "RESET application_name")
        try expect("seven", after: "SET application_name = 'seven'")
        try expect("web", after: "DISCARD ALL")
        let other = try Self.client(sluice, "app.beta", named: "web")
        #expect(try other.value(Self.shown) == "web [beta]")
        try expect("web", after: "SELECT 1")
      }
    }

    @Test(arguments: PostgresVersion.available, ["transaction", "session"])
    func `the name follows the tenant that SET names`(
      version: PostgresVersion, mode: String
    ) throws {
      let configuration = try Self.configuration(
        version, ["pool_mode": .text(mode)], sources: ["set"])
      try withSluice(configuration) { sluice in
        let client = try Self.client(sluice, "app", named: "web")
        for tenant in ["acme", "beta", "acme"] {
          try client.run("SET app.tenant_id = '\(tenant)'")
          #expect(try client.value(Self.shown) == "web [\(tenant)]")
          #expect(client.parameters["application_name"] == "web")
        }
        guard mode == "transaction" else { return }
        try client.run("BEGIN")
        try client.run("SET app.tenant_id = 'beta'")
        try client.run("SET DateStyle = 'German, DMY'")
        try client.run("COMMIT")
        #expect(try client.value(Self.shown) == "web [beta]")
        try client.run("SET application_name = 'job'")
        #expect(try client.value(Self.shown) == "job [beta]")
        try client.run("SET app.tenant_id = 'acme'")
        #expect(try client.value(Self.shown) == "job [acme]")
        #expect(client.parameters["application_name"] == "job")
      }
    }

    @Test func `a reload turns it on and off for those who are there`() throws {
      var configuration = try Self.configuration(.newest)
      try withSluice(configuration) { (sluice) throws in
        let client = try Self.client(sluice, "app.acme", named: "web")
        #expect(try client.value(Self.shown) == "web [acme]")
        for (isOn, expected) in [(false, "web"), (true, "web [acme]")] {
          configuration.tenancy["application_name_add_tenant"] = .flag(isOn)
          try sluice.rewrite(configuration)
          sluice.process.signal(SIGHUP)
          try expectEventually { try client.value(Self.shown) == expected }
          #expect(client.parameters["application_name"] == "web")
        }
      }
    }
  }
}
