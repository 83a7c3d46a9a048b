import Testing

@testable import Tenancy

struct TenantRowTests {
  private func rules() throws -> TenancyRules {
    var rules = TenancyRules(resolver: TenantResolver(pattern: .standard))
    rules.settings = [
      try named("app.tenant_id", "{tenant}"), try named("search_path", "x"),
      try named("sluice.token", "{token}"),
    ]
    rules.tokenName = try SettingName("sluice.token")
    return rules
  }

  private func override(_ columns: [(String, String?)]) throws -> TenantOverride {
    try TenantRow(
      columns.map { (name: $0.0, value: $0.1) }, for: name("acme"), rules: rules()
    ).override
  }

  @Test func `a row has limits, a database and settings`() throws {
    let own = try override([
      ("tenant", "acme"), ("weight", "3"), ("max_server_connections", nil), ("dbname", "d{x}"),
      ("host", "big.db"), ("port", "5433"), ("App.Tenant_id", "{42}"), ("search_path", "a, {b}"),
    ])
    #expect(own.limits.weight == 3)
    #expect(own.limits.maxServerConnections == nil)
    let rules = try rules()
    let bundle = try rules.bundle(context(token: "t"), row: own)
    #expect(bundle.settings.map(\.values) == [["{42}"], ["a", "{b}"], ["t"]])
    #expect(
      try rules.database(for: name("acme"), database: "shop", row: own)
        == TenantDatabase(dbname: "d{x}", hosts: ["big.db"], port: 5433))
  }

  @Test(arguments: [
    [("tenant", "other")], [("weight", "0")], [("weight", "x")], [("port", "70000")],
    [("app.other", "x")], [("role", "x")], [("sluice.token", "forged")], [("search_path", "a,,b")],
    [("app.tenant_id", "a\0")], [("weight", "1"), ("WEIGHT", "2")], [("dbname", "a\0")],
    [("dbname", "")], [("dbname", String(repeating: "é", count: 32))], [("host", "")],
    [("host", "/var/run")], [("host", "@name")], [("host", "a/b")], [("host", "a,b")],
    [("host", "{tenant}")], [("host", String(repeating: "a", count: 254))], [("port", "0")],
    [("x'\n", "y")], [("transactions_burst", "-1")],
  ])
  func `a row that cannot be used is refused`(_ columns: [(String, String)]) {
    let problem = #expect(throws: TenancyProblem.self) {
      try override(columns.map { ($0.0, $0.1) })
    }
    #expect(problem?.message.utf8.allSatisfy { (0x20...0x7E).contains($0) } == true)
    #expect(problem?.message.contains("forged") == false)
  }

  @Test func `a name in a list is never cut short`() throws {
    let own = try override([("search_path", String(repeating: "x", count: 64))])
    #expect(throws: TenantRefusal.self) {
      try rules().bundle(context(token: "t"), row: own)
    }
  }
}
