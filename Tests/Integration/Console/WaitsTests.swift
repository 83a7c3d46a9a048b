import Testing

extension Integration {
  @Suite(.disabled(if: StandIn.isOn, "this is Sluice's own console")) struct ShowWaits {
    private static let settings: SluiceConfiguration.Section = [
      "admin_users": ["app"], "default_pool_size": 1,
    ]

    @Test func `SHOW WAITS names who holds the only server in an idle transaction`() throws {
      try withSluice(.newest, Self.settings) { sluice in
        let console = try sluice.connect(database: "sluice")
        #expect(try console.records("SHOW WAITS").isEmpty)
        let culprit = try sluice.connect(parameters: ["application_name": "nightly report"])
        try culprit.query("BEGIN")
        let first = try sluice.connect(parameters: ["application_name": "shop"])
        try first.send(Frame.query("SELECT 1"))
        expectEventually { (try? console.records("SHOW WAITS").count) == 1 }
        let second = try sluice.connect(parameters: ["application_name": "mailer"])
        try second.send(Frame.query("SELECT 2"))
        expectEventually { (try? console.records("SHOW WAITS").count) == 2 }
        let waits = try console.records("SHOW WAITS")
        #expect(waits.map { $0["application_name"] } == ["shop", "mailer"], "the longest first")
        let id = try console.records("SHOW CLIENTS WHERE application_name = 'nightly report'")
          .first?["id"]
        for wait in waits {
          #expect(wait["holder_application_name"] == "nightly report")
          #expect(wait["holder_state"] == "idle in transaction")
          #expect(wait["holder_port"] == "\(culprit.localPort)")
          #expect(wait["holder_id"] == id)
          #expect(wait["holders"] == "1" && wait["reason"] == "all servers are in use")
          #expect(wait["database"] == "app" && wait["user"] == "app")
        }
        let times = waits.compactMap { $0["wait_us"].flatMap { $0 }.flatMap { Int($0) } }
        #expect(times.count == 2 && times[0] > times[1] && times[1] > 0)
        // What was told is of use.
        _ = try console.query("KILL_CLIENT \((id ?? nil) ?? "")").checked()
        #expect(try first.receiveUntilReady().checked().value == "1")
        #expect(try second.receiveUntilReady().checked().value == "2")
        #expect(culprit.isClosedByPeer())
        #expect(try console.records("SHOW WAITS").isEmpty)
      }
    }

    @Test func `SHOW WAITS tells of a pinned client`() throws {
      try withSluice(.newest, Self.settings) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        let culprit = try sluice.connect()
        _ = try culprit.query("CREATE TEMPORARY TABLE t (i int)").checked()
        let waiter = try sluice.connect()
        try waiter.send(Frame.query("SELECT 1"))
        // It keeps its server once that has told what it has.
        expectEventually {
          (try? console.records("SHOW WAITS").first?["holder_state"]) == "pinned: temporary objects"
        }
        let wait = try console.records("SHOW WAITS").first
        let pinned = try console.records("SHOW PINNED")
        #expect(pinned.count == 1 && pinned[0]["id"] == wait?["holder_id"])
      }
    }
  }
}
