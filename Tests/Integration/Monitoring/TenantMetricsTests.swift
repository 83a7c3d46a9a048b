import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no tenants")) struct TenantFigures {
    @Test func `more tenants than have figures of their own are summed, and none is lost`() throws {
      let change: (inout SluiceConfiguration) -> Void = {
        $0.tenancy = ["sources": ["user_suffix"]]
        $0.tenantSettings["app.tenant_id"] = "{tenant}"
        $0.tenants = ["shut": ["max_client_connections": 1]]
      }
      try Metrics.withMetrics(["metrics_tenants": 3, "admin_users": ["app"]], change) {
        sluice, port in
        for number in 0..<12 {
          let client = try sluice.connect(tenant: number == 4 ? "other" : "t\(number)")
          for _ in 0...number { _ = try client.value("SELECT 1") }
          client.terminate()
        }
        let shut = try sluice.connect(tenant: "shut")
        #expect(try sluice.loginError(user: "app.shut") != nil)
        _ = try shut.value("SELECT 1")
        let console = try sluice.connect(database: "pgbouncer")
        let leases = try console.records("SHOW TENANTS").reduce(0) {
          $0 + ($1["leases"].flatMap { $0 }.flatMap(Double.init) ?? 0)
        }
        #expect(leases >= 79)
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        func values(_ name: String) -> [String: Double] {
          samples.filter { $0.key.hasPrefix("sluice_tenant_\(name){") }
        }
        let counts = values("transactions_total")
        #expect(counts.count == 4)
        #expect(counts[#"sluice_tenant_transactions_total{tenant="other"}"#] != nil)
        #expect(counts.values.reduce(0, +) == leases)
        #expect(values("queue_wait_seconds_count").values.reduce(0, +) == leases)
        let refused = values("refusals_total").filter {
          $0.key.contains(#"limit="max_client_connections""#)
        }
        #expect(refused.values.reduce(0, +) == 1)
        #expect(values("clients").values.reduce(0, +) >= 1)
      }
    }
  }
}
