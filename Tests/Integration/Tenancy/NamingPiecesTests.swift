import Glibc
import Testing

extension Integration {
  /// Messages that name the tenant and that the network has cut in two, wherever it likes.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct NamingPieces {
    private static let me = "SELECT current_setting('app.tenant_id', true)"

    /// Sends a message in two pieces, which arrive one by one.
    private func send(_ bytes: [UInt8], cutAt count: Int, _ client: WireClient) throws {
      try client.send(Array(bytes[..<count]))
      usleep(1_500)
      try client.send(Array(bytes[count...]))
    }

    @Test(arguments: TenantMode.places)
    func `a SET is taken wherever it is cut`(version: PostgresVersion, mode: TenantMode) throws {
      try mode.withTenants(version, servers: 2, isNamed: true) { sluice in
        let client = try sluice.connect()
        for text in [
          "SET app.tenant_id = 't%'", "SELECT set_config('app.tenant_id', 't%', false)",
        ] {
          let length = Frame.query(text).count
          for count in 1..<length {
            let tenant = "t\(count % 4)"
            let set = Frame.query(text.replacing("t%", with: tenant))
            try send(set, cutAt: count, client)
            let answer = try client.receiveUntilReady()
            #expect(answer.errors.isEmpty, "\(text) at \(count): \(answer)")
            #expect(try client.query(Self.me).value == tenant, "\(text) at \(count)")
          }
        }
        // The first that a client says.
        for count in [1, 4, 5, 6, 12, 28] {
          let fresh = try sluice.connect()
          try send(Frame.query("SET app.tenant_id = 't1'"), cutAt: count, fresh)
          #expect(try fresh.receiveUntilReady().errors.isEmpty, "first, at \(count)")
          #expect(try fresh.query(Self.me).value == "t1", "first, at \(count)")
          fresh.terminate()
        }
        client.terminate()
      }
    }

    /// What it takes in the extended protocol: in session mode only for the transaction.
    @Test(arguments: TenantMode.places)
    func `a batch that names the tenant is taken wherever it is cut`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, servers: 2, isNamed: true) { sluice in
        let client = try sluice.connect()
        func batch(_ text: String, _ values: [String]) -> [UInt8] {
          Frame.parse(text) + Frame.bind(texts: values) + Frame.describePortal() + Frame.execute()
            + Frame.sync
        }
        for text in [
          "SET LOCAL app.tenant_id = 't1'", "SELECT set_config('app.tenant_id', $1, true)",
        ] {
          let bytes = batch(text, text.contains("$1") ? ["t1"] : [])
          for count in 1..<bytes.count {
            _ = try client.query("BEGIN").checked()
            try send(bytes, cutAt: count, client)
            let answer = try client.receiveUntilReady()
            #expect(answer.errors.isEmpty, "\(text) at \(count): \(answer)")
            #expect(try client.query(Self.me).value == "t1", "\(text) at \(count)")
            _ = try client.query("COMMIT").checked()
            #expect(try client.query(Self.me).sqlstate == "42501", "\(text) at \(count)")
          }
        }
        client.terminate()
      }
    }

    /// Behind a query, in front of another, and with both.
    @Test(arguments: TenantMode.places)
    func `a SET among others is taken wherever they are cut`(
      version: PostgresVersion, mode: TenantMode
    ) throws {
      try mode.withTenants(version, servers: 2, isNamed: true) { sluice in
        let client = try sluice.connect()
        _ = try client.query("SET app.tenant_id = 't0'").checked()
        let set = "SET app.tenant_id = 't%'"
        let length = (Frame.query(Self.me) + Frame.query(set) + Frame.query(Self.me)).count
        for count in 1..<length {
          let before = "t\((count + 3) % 4)"
          let tenant = "t\(count % 4)"
          _ = try client.query("SET app.tenant_id = '\(before)'").checked()
          let bytes =
            Frame.query(Self.me) + Frame.query(set.replacing("t%", with: tenant))
            + Frame.query(Self.me)
          try send(bytes, cutAt: count, client)
          let answers = try (0..<3).map { _ in try client.receiveUntilReady() }
          #expect(answers.flatMap(\.errors).isEmpty, "at \(count): \(answers)")
          #expect(answers.map(\.value) == [before, nil, tenant], "at \(count)")
        }
        client.terminate()
      }
    }
  }
}
