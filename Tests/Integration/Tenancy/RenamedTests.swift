import Testing

extension Integration {
  /// Clients that name another tenant, and have sent on without awaiting the answer.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct Renamed {
    private static let me = "SELECT 'as ' || coalesce(current_setting('app.tenant_id', true), '')"
    private static let insert =
      "INSERT INTO item (own, way) VALUES ('t2', 'renamed') RETURNING tenant_id"
    private static let modes = [TenantMode.transaction, .unmapped]
    private static let call = "SELECT set_config('app.tenant_id', 't2', false)"

    private func answers(
      _ messages: [[UInt8]], _ client: WireClient
    ) throws -> [Exchange] {
      try client.send(messages.flatMap(\.self))
      return try messages.map { _ in try client.receiveUntilReady() }
    }

    private static func queries(_ texts: String...) -> [[UInt8]] { texts.map(Frame.query) }

    @Test(arguments: PostgresVersion.available, modes)
    func `what is sent behind a name runs under it`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: true) { sluice in
        let set = "SET app.tenant_id = 't2'"
        for isPinned in [false, true] {
          let client = try sluice.connect()
          if isPinned {
            _ = try client.query("SET app.tenant_id = 't1'").checked()
            _ = try client.query("CREATE TEMP TABLE keeps (a int)").checked()
          }
          for messages in [
            [Frame.extended(Self.call), Frame.extended(Self.insert)],
            [Frame.extended(set), Frame.query(Self.insert)],
            Self.queries("BEGIN", set, "COMMIT", Self.insert),
            Self.queries("BEGIN", Self.call, "COMMIT") + [Frame.extended(Self.insert)],
            [
              Frame.extended("BEGIN"), Frame.extended(Self.call), Frame.extended("COMMIT"),
              Frame.sync, Frame.extended(Self.insert),
            ],
          ] {
            _ = try client.query("SET app.tenant_id = 't1'").checked()
            #expect(try client.value(Self.me) == "as t1")
            let last = try answers(messages, client).last
            #expect(last?.rows == [["t2"]], "\(mode), \(isPinned): \(String(describing: last))")
            #expect(try client.value(Self.me) == "as t2", "\(mode), \(isPinned)")
          }
          // What the pooler answers itself counts too, and what is rolled back does not.
          _ = try client.query("SET app.tenant_id = 't1'").checked()
          let renamed = try answers(
            Self.queries("BEGIN", set, "COMMIT", "SET app.tenant_id = 't3'", Self.me), client)
          #expect(renamed.last?.rows == [["as t3"]])
          #expect(try client.value(Self.me) == "as t3")
          let back = try answers(Self.queries("BEGIN", set, "ROLLBACK", Self.me), client)
          #expect(back.last?.rows == [["as t3"]])
          client.terminate()
        }
      }
    }

    @Test(arguments: PostgresVersion.available, modes)
    func `what is sent behind a reset is nobody's`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, isNamed: true) { sluice in
        for isPinned in [false, true] {
          let client = try sluice.connect()
          for reset in ["RESET ALL", "DISCARD ALL", "RESET app.tenant_id"] {
            for read in [Frame.query(Self.me), Frame.extended(Self.me)] {
              _ = try client.query("SET app.tenant_id = 't1'").checked()
              if isPinned {
                _ = try client.query("CREATE TEMP TABLE IF NOT EXISTS keeps (a int)").checked()
              }
              let last = try answers([Frame.query(reset), read], client).last
              #expect(
                last?.sqlstate == "42501" && last?.rows.isEmpty == true,
                "\(mode), \(isPinned), \(reset): \(String(describing: last))")
            }
          }
          client.terminate()
        }
      }
    }
  }
}
