import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no tenants")) struct TenantFigures {
    @Test func `more tenants than have figures of their own are summed, and none is lost`() throws {
      let change: (inout SluiceConfiguration) -> Void = {
        $0.tenancy = ["sources": ["user_suffix"]]
        $0.tenantSettings["app.tenant_id"] = "{tenant}"
        $0.tenants = ["shut": ["max_client_connections": 1]]
      }
      try Metrics.withMetrics(["metrics_tenants": 3], change) { sluice, port in
        var transactions = 0
        for number in 0..<12 {
          let client = try sluice.connect(tenant: number == 4 ? "other" : "t\(number)")
          for _ in 0...number {
            _ = try client.value("SELECT 1")
            transactions += 1
          }
          client.terminate()
        }
        let shut = try sluice.connect(tenant: "shut")
        #expect(try sluice.loginError(user: "app.shut") != nil)
        _ = try shut.value("SELECT 1")
        let samples = try HTTPAnswer.get("/metrics", port: port).samples
        func values(_ name: String) -> [String: Double] {
          samples.filter { $0.key.hasPrefix("sluice_tenant_\(name){") }
        }
        let counts = values("transactions_total")
        #expect(counts.count == 4)
        #expect(counts[#"sluice_tenant_transactions_total{tenant="other"}"#] != nil)
        #expect(counts.values.reduce(0, +) == Double(transactions + 1))
        #expect(values("queue_wait_seconds_count").values.reduce(0, +) == Double(transactions + 1))
        let refused = values("refusals_total").filter {
          $0.key.contains(#"limit="max_client_connections""#)
        }
        #expect(refused.values.reduce(0, +) == 1)
        #expect(values("clients").values.reduce(0, +) >= 1)
      }
    }
  }
}
