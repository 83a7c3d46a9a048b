import Testing

extension Integration {
  /// A portal that is not there is not the preamble's either.
  @Suite(.disabled(if: StandIn.isOn, "PgBouncer has no tenants")) struct StrayPortals {
    @Test(arguments: TenantMode.places)
    func `it is missing as it is on PostgreSQL`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: false) { sluice in
        let client = try sluice.connect(tenant: "t1")
        let own = Frame.parse("SELECT 1") + Frame.bind(texts: []) + Frame.execute()
        let batches = [
          Frame.execute() + Frame.sync, Frame.describePortal() + Frame.sync,
          Frame.describePortal() + Frame.execute() + Frame.sync,
          Frame.parse("SELECT 1", name: "s\(mode)") + Frame.execute() + Frame.sync,
        ]
        for batch in batches {
          try client.send(batch)
          let answer = try client.receiveUntilReady()
          #expect(answer.errors.map(\.sqlstate) == ["34000"], "\(answer)")
          try client.send(own + Frame.sync)
          #expect(try client.receiveUntilReady().checked().value == "1")
          #expect(try client.value("SELECT current_setting('app.tenant_id')") == "t1")
        }
      }
    }
  }
}
