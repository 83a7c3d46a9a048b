import Testing

@testable import Tenancy

struct PreambleTests {
  private func rules(
    _ settings: [(String, String)], own: [String: [(String, String)]] = [:]
  ) throws -> TenancyRules {
    var rules = TenancyRules(resolver: TenantResolver(pattern: pattern()))
    rules.settings = try settings.map { try named($0.0, $0.1) }
    for (tenant, settings) in own {
      var override = TenantOverride()
      override.settings = try settings.map { try named($0.0, $0.1) }
      rules.overrides[name(tenant)] = override
    }
    return rules
  }

  private func preamble(_ rules: TenancyRules, _ tenant: String?) throws -> Preamble {
    let bundle = try tenant.map { try rules.bundle(context($0)) }
    return Preamble(bundle, names: rules.settingNames)
  }

  @Test func `a tenant's settings are set for the session, in their order`() throws {
    let rules = try rules([("app.tenant_id", "{tenant}"), ("work_mem", "8MB")])
    #expect(
      try preamble(rules, "acme").statements == [
        #"SET SESSION "app"."tenant_id"='acme'"#, #"SET SESSION "work_mem"='8MB'"#,
      ])
  }

  @Test func `what others have is reset`() throws {
    let rules = try rules(
      [("app.tenant_id", "{tenant}")],
      own: [
        "beta": [("work_mem", "1MB"), ("statement_timeout", "9")], "acme": [("work_mem", "2MB")],
      ])
    #expect(
      try preamble(rules, "acme").statements == [
        #"RESET "statement_timeout""#, #"SET SESSION "app"."tenant_id"='acme'"#,
        #"SET SESSION "work_mem"='2MB'"#,
      ])
    #expect(
      try preamble(rules, nil).statements == [
        #"RESET "app"."tenant_id""#, #"RESET "statement_timeout""#, #"RESET "work_mem""#,
      ])
  }

  /// Whose role it was may lack the right to set what comes next, and who is to have one may lack
  /// it to set the rest.
  @Test func `the role of before goes first, and the own comes last`() throws {
    let rules = try rules(
      [("role", "tenant_{tenant}"), ("app.tenant_id", "{tenant}")],
      own: ["acme": [("work_mem", "2MB")]])
    for tenant in ["acme", "other"] {
      let statements = try preamble(rules, tenant).statements
      #expect(statements.first == "RESET ROLE")
      #expect(statements.last == "SET SESSION \"role\"='tenant_\(tenant)'")
    }
    #expect(
      try preamble(rules, nil).statements == [
        "RESET ROLE", #"RESET "app"."tenant_id""#, #"RESET "work_mem""#,
      ])
  }

  @Test func `each statement is told by what it sets`() throws {
    let rules = try rules(
      [("role", "tenant_{tenant}"), ("App.Tenant_ID", "{tenant}"), ("transaction_timeout", "1s")],
      own: ["acme": [("work_mem", "2MB")]])
    #expect(
      try preamble(rules, "beta").names == [
        "role", "transaction_timeout", "work_mem", "App.Tenant_ID", "transaction_timeout", "role",
      ])
    for tenant in ["acme", "beta", nil] {
      let preamble = try preamble(rules, tenant)
      #expect(preamble.names.count == preamble.statements.count)
      for (name, statement) in zip(preamble.names, preamble.statements) {
        let plain = statement.lowercased().replacing("\"", with: "")
        #expect(plain.contains(name.lowercased()), "\(statement)")
      }
    }
  }

  @Test func `a role of one tenant alone is left by all others`() throws {
    let rules = try rules([("app.tenant_id", "{tenant}")], own: ["beta": [("role", "b")]])
    #expect(try preamble(rules, "acme").statements.first == "RESET ROLE")
    #expect(try preamble(rules, nil).statements.first == "RESET ROLE")
  }

  @Test func `the clock of the last tenant's transaction is stopped before anything else`() throws {
    let rules = try rules(
      [("role", "{tenant}")], own: ["beta": [("transaction_timeout", "1s")]])
    for tenant in ["acme", "beta", nil] {
      #expect(
        try preamble(rules, tenant).statements.prefix(2) == [
          "RESET ROLE", "SET SESSION transaction_timeout=0",
        ])
    }
  }

  @Test func `without settings there is nothing to say`() throws {
    let preamble = try preamble(try rules([]), "acme")
    #expect(preamble.statements.isEmpty && preamble.prefix.isEmpty && preamble.batch.isEmpty)
  }

  @Test func `the three forms say the same`() throws {
    let preamble = try preamble(try rules([("app.tenant_id", "{tenant}"), ("role", "r")]), "acme")
    let text = #"RESET ROLE;SET SESSION "app"."tenant_id"='acme';SET SESSION "role"='r';"#
    #expect(preamble.prefix == Array(text.utf8))
    let statements = text.split(separator: ";").map(String.init)
    #expect(texts(preamble.batch) == statements)
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE"
    #expect(texts(preamble.aside) == [begin] + statements + ["COMMIT"])
  }

  /// The statements that are parsed, bound and executed; nil: something else is there.
  private func texts(_ messages: [UInt8]) -> [String]? {
    var texts: [String] = []
    var types: [UInt8] = []
    var rest = messages[...]
    while let type = rest.first {
      types.append(type)
      let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
      if type == UInt8(ascii: "P") {
        texts.append(String(decoding: rest.dropFirst(6).prefix { $0 != 0 }, as: UTF8.self))
      }
      rest = rest.dropFirst(length + 1)
    }
    let triples = String(repeating: "PBE", count: texts.count)
    return String(decoding: types, as: UTF8.self) == triples ? texts : nil
  }

  @Test(arguments: hostileTexts)
  func `no value adds a statement, and all is printable ASCII`(_ text: String) throws {
    var rules = try rules([("work_mem", "1MB")])
    rules.settings.append(try named("app.value", "{claim:x}"))
    rules.settings.append(try named("app.after", "end"))
    let bundle = try rules.bundle(context(claims: ["x": text]))
    let preamble = Preamble(bundle, names: rules.settingNames)
    #expect(preamble.statements.count == 3)
    #expect(preamble.statements.allSatisfy { $0.hasPrefix("SET SESSION \"") })
    #expect(preamble.prefix.allSatisfy { (0x20..<0x7F).contains($0) })
  }

  /// Statements that are prepared are shared by those whose names lead to the same objects.
  @Test func `path and role make the space of names, and nothing else does`() throws {
    let rules = try rules(
      [("app.tenant_id", "{tenant}")],
      own: [
        "a": [("search_path", "a")], "b": [("search_path", "b")], "c": [("role", "a")],
        "d": [("search_path", "a"), ("work_mem", "1MB")],
      ])
    let spaces = try ["a", "b", "c", "d"].map { try preamble(rules, $0).space }
    #expect(spaces[0] == spaces[3])
    #expect(Set(spaces).count == 3)
    #expect(try preamble(rules, "e").space.isEmpty)
  }
}
