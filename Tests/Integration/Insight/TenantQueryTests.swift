import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no tenants")) struct TenantQueries {
    @Test func `statements are counted by tenant, without what runs in front of them`() throws {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings.merge(QueryStats.settings) { $1 }
      configuration.settings["log_min_duration"] = .number(0.2)
      configuration.tenancy = ["sources": ["startup:tenant"]]
      configuration.tenantSettings = ["app.tenant_id": "{tenant}"]
      configuration.users["app"] = ["password": "", "tenants": ["*"]]
      try withSluice(configuration) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        for (tenant, calls) in [("acme", 12), ("bolt", 3)] {
          let client = try sluice.connect(parameters: ["tenant": tenant])
          for number in 0..<calls {
            _ = try client.query("SELECT \(number), current_setting('app.tenant_id')").checked()
            _ = try client.extended("SELECT $1::int", ["1"]).checked()
          }
          _ = try client.query("BEGIN").checked()
          for number in 0..<calls { _ = try client.query("SELECT \(number)").checked() }
          _ = try client.query("SELECT pg_sleep(0.25)").checked()
          _ = try client.query("COMMIT").checked()
          client.terminate()
        }
        let all = try console.records("SHOW QUERIES")
        #expect(
          Set(all.compactMap { $0["query"]?.flatMap(\.self) }) == [
            "select ?, current_setting(?)", "select $1::int", "begin", "select ?",
            "select pg_sleep(?)", "commit",
          ])
        for query in ["select ?, current_setting(?)", "select $1::int", "select ?"] {
          let row = try #require(try console.query(named: query))
          #expect(row.figure("calls") == 15 && row.figure("rows") == 15, "\(query)")
          let tenants = row["tenants"].flatMap { $0 } ?? ""
          #expect(tenants.contains("acme=") && tenants.contains("bolt="), "\(query)")
        }
        let repeated = try console.query(named: "select ?")
        #expect(repeated?["repeat_tenant"] == "acme" && repeated?.figure("repeats") == 1)
        expectEventually {
          sluice.log.split(separator: "\n").count {
            $0.contains("slow query: ") && $0.contains("app/app[bolt]@")
              && $0.hasSuffix("query: select pg_sleep(?)")
          } == 1
        }
      }
    }
  }
}
