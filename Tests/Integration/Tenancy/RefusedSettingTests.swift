import Testing

extension Integration {
  /// What the log has of a tenant's setting that the server refuses.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct RefusedSetting {
    private static let bad: [(name: String, value: String)] = [
      ("work_mem", "secret-many"), ("statement_timeout", "secret-soon"), ("role", "secret-nobody"),
    ]

    private static let forms: [(name: String, bytes: [UInt8])] = [
      ("within a query", Frame.query("SELECT 1")),
      ("within a batch", Frame.extended("SELECT 1")),
      ("aside of a query", Frame.query("SELECT 1; SELECT 2")),
      ("aside of a batch", Frame.extended("DO $$BEGIN END$$")),
    ]

    @Test(arguments: PostgresVersion.available, ["transaction", "session"])
    func `it is named, and its value is not`(version: PostgresVersion, mode: String) throws {
      var configuration = SluiceConfiguration(try PostgresCluster.shared(version))
      configuration.settings.merge(["pool_mode": .text(mode), "default_pool_size": 4]) { $1 }
      configuration.tenancy = ["sources": ["user_suffix"]]
      // Some that are good come before.
      configuration.tenantSettings = ["app.tenant_id": "{tenant}", "app.zone": "secret-zone"]
      for (number, setting) in Self.bad.enumerated() {
        configuration.tenants["t\(number)"] = ["settings.\(setting.name)": .text(setting.value)]
      }
      try withSluice(configuration) { sluice in
        for (number, setting) in Self.bad.enumerated() {
          for form in Self.forms {
            let before = sluice.log.count
            let client = try sluice.connect(user: "app.t\(number)")
            try client.send(form.bytes)
            let answer = try client.receiveUntilReady()
            client.close()
            let message = answer.errors.first?.message ?? ""
            #expect(
              message.contains("settings of the tenant"), "\(setting.name), \(form.name): \(answer)"
            )
            #expect(!answer.text.contains("secret-") && !message.contains(setting.name))
            expectEventually {
              let log = sluice.log.dropFirst(before)
              return log.contains("refused") && log.contains("(\(setting.name))")
            }
          }
        }
        #expect(!sluice.log.contains("secret-"))
        #expect(!sluice.log.contains("(app.tenant_id)") && !sluice.log.contains("(app.zone)"))
      }
    }
  }
}
