import TestSupport
import Testing

@testable import Tenancy

struct TenancyRulesTests {
  private func rules(_ settings: [(String, String)]) throws -> TenancyRules {
    var rules = TenancyRules(resolver: TenantResolver(pattern: pattern()))
    rules.settings = try settings.map { try named($0.0, $0.1) }
    return rules
  }

  private func isPlain(_ text: String) -> Bool {
    text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
  }

  @Test func `a bundle is written in all its forms`() throws {
    let rules = try rules([
      ("app.tenant_id", "{tenant}"), ("Role", "tenant_{tenant}"),
      ("search_path", "tenant_{tenant}, public"), ("statement_timeout", "5s"),
    ])
    let bundle = try rules.bundle(context())
    let expected =
      #"SET LOCAL "app"."tenant_id"='acme';SET LOCAL "search_path"='tenant_acme','public';"#
      + #"SET LOCAL "statement_timeout"='5s';SET LOCAL "role"='tenant_acme';"#
    #expect(bundle.localText == expected)
    #expect(bundle.localStatements.map { "\($0);" }.joined() == expected)
    #expect(bundle.statementCount == 4)
    let session = expected.split(separator: "LOCAL", omittingEmptySubsequences: false)
    #expect(bundle.sessionText == session.joined(separator: "SESSION"))
    #expect(
      bundle.resetText
        == #"RESET "role";RESET "statement_timeout";RESET "search_path";RESET "app"."tenant_id";"#)
    let protected: Set<String> = [
      "app.tenant_id", "role", "search_path", "statement_timeout", "session_authorization",
    ]
    #expect(rules.protectedNames == protected)
  }

  @Test func `without settings the texts are empty`() throws {
    let bundle = try rules([]).bundle(context())
    #expect(bundle.localText == "")
    #expect(bundle.statementCount == 0)
    #expect(try rules([]).protectedNames == [])
  }

  @Test func `a tenant's own settings replace those of all and follow them`() throws {
    var rules = try rules([("app.a", "1"), ("app.b", "2")])
    var own = TenantOverride()
    own.settings = [try named("app.C", "3"), try named("APP.A", "")]
    rules.overrides[name("acme")] = own
    var row = TenantOverride()
    row.settings = [
      try named("app.b", "row"), try named("app.a", "row"), try named("app.d", "row"),
    ]
    #expect(try rules.bundle(context("globex")).settings.map(\.values) == [["1"], ["2"]])
    let bundle = try rules.bundle(context(), row: row)
    #expect(bundle.settings.map(\.name.key) == ["app.a", "app.b", "app.d", "app.c"])
    #expect(bundle.settings.map(\.values) == [[""], ["row"], ["row"], ["3"]])
    #expect(rules.protectedNames == ["app.a", "app.b", "app.c"])
  }

  @Test func `all text is printing ASCII and no value gets out, whatever it is`() throws {
    let rules = try rules([
      ("app.plain", "{user}"), ("search_path", "public, x{user}"), ("app.claim", "<{claim:c}>"),
      ("role", "r{user}"),
    ])
    var generator = SeededGenerator(seed: 11)
    for round in 0..<3000 {
      let length = round < hostileTexts.count ? 1 : Int.random(in: 1...5, using: &generator)
      let text =
        round < hostileTexts.count
        ? hostileTexts[round]
        : (0..<length).map { _ in hostileTexts.randomElement(using: &generator)! }.joined()
      let bundle: TenantBundle
      do throws(TenantRefusal) {
        bundle = try rules.bundle(context(user: text, claims: ["c": text]))
      } catch {
        #expect(text.utf8.count >= 62, "\(text.debugDescription): \(error)")
        continue
      }
      for part in [bundle.localText, bundle.sessionText, bundle.resetText] {
        #expect(isPlain(part), "\(text.debugDescription)")
      }
      #expect(Self.statements(bundle.localText) == bundle.statementCount)
      #expect(Self.statements(bundle.sessionText) == bundle.statementCount)
      for statement in bundle.localStatements { #expect(Self.statements(statement + ";") == 1) }
    }
  }

  /// Semicolons outside of literals and names, read as PostgreSQL reads them; nil where one of them
  /// does not end. It knows nothing of how they were written.
  private static func statements(_ text: String) -> Int? {
    var count = 0
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: ";") { count += 1 }
      guard byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") else { continue }
      let before = text.utf8[..<text.utf8.index(before: rest.startIndex)].last
      let hasEscapes = byte == UInt8(ascii: "'") && before == UInt8(ascii: "E")
      var isOpen = true
      while isOpen, let inner = rest.popFirst() {
        if inner == UInt8(ascii: "\\"), hasEscapes { rest = rest.dropFirst() }
        if inner != byte { continue }
        if rest.first == byte { rest = rest.dropFirst() } else { isOpen = false }
      }
      if isOpen { return nil }
    }
    return count
  }

  @Test func `values that would mean something else are refused`() throws {
    let long = String(repeating: "x", count: 64)
    let cases: [(String, String, String)] = [
      ("app.x", "{user}", "a\0b"), ("app.x", "{user}", String(repeating: "x", count: 1025)),
      ("search_path", "{user}", ""), ("search_path", "{user}", long),
      ("search_path", "{user}", "$user"), ("search_path", "public,{user}", "pg_catalog"),
      ("role", "{user}", "none"), ("role", "{user}", ""), ("role", "{user}", long),
      ("plpgsql.extra_warnings", "all,{user}", "a,b"), ("createrole_self_grant", "{user}", "\""),
    ]
    for (setting, template, user) in cases {
      let refusal = #expect(throws: TenantRefusal.self) {
        try rules([(setting, template)]).bundle(context(user: user))
      }
      let message = refusal?.message ?? ""
      #expect(message.contains(setting))
      #expect(user.isEmpty || user == "\"" || user == "none" || !message.contains(user))
    }
    #expect(throws: TenantRefusal.missingValue(setting: "app.x", placeholder: "{claim:y}")) {
      try rules([("app.x", "{claim:y}")]).bundle(context())
    }
  }

  @Test func `the limits of a bundle hold`() throws {
    let many = (0..<33).map { ("app.s\($0)", "x") }
    #expect(throws: TenantRefusal.tooManySettings(limit: 32)) {
      try rules(many).bundle(context())
    }
    _ = try rules(Array(many.dropLast())).bundle(context())
    let value = String(repeating: "é", count: 512)
    let refusal = #expect(throws: TenantRefusal.self) {
      try rules([("app.a", "{user}"), ("app.b", "{user}"), ("app.c", "{user}")])
        .bundle(context(user: value))
    }
    #expect(refusal == .settingsTooLong(setting: "app.c", limit: 8192))
    let two = try rules([("app.a", "{user}"), ("app.b", "{user}")]).bundle(context(user: value))
    #expect(two.sessionText.utf8.count <= TenantBundle.maximumBytes)
  }

  @Test func `tenants whose names differ only in Unicode spelling stay apart`() throws {
    var rules = try rules([("app.t", "{tenant}")])
    rules.overrides[name("é")] = TenantOverride()
    rules.overrides[name("é")]?.limits.weight = 7
    #expect(rules.limits(for: name("e\u{301}")).weight == 1)
    #expect(rules.limits(for: name("é")).weight == 7)
    let texts = try ["é", "e\u{301}"].map { try rules.bundle(context($0)).localText }
    #expect(texts[0] != texts[1])
  }

  @Test func `limits come from the tenant, the table, then from all`() throws {
    var rules = try rules([])
    rules.limits.maxServerConnections = 5
    rules.limits.maxTransactionsPerSecond = 100
    rules.limits.weight = 2
    var own = TenantOverride()
    own.limits.maxServerConnections = 0
    own.limits.transactionsBurst = 30
    rules.overrides[name("acme")] = own
    var row = TenantOverride()
    row.limits.maxServerConnections = 9
    row.limits.maxWaitingClients = 3
    row.limits.weight = 5000
    let acme = rules.limits(for: name("acme"), row: row)
    #expect(acme.maxServerConnections == 0)
    #expect(acme.maxWaitingClients == 3)
    #expect(acme.transactionsBurst == 30)
    #expect(acme.weight == 1000)
    let other = rules.limits(for: name("other"))
    #expect(other.maxServerConnections == 5)
    #expect(other.transactionsBurst == 100)
    #expect(other.weight == 2)
    #expect(TenantLimits([]) == TenantLimits())
  }

  @Test func `a tenant has its own database`() throws {
    var rules = try rules([])
    #expect(try rules.database(for: name("acme"), database: "shop") == nil)
    rules.database = try DatabaseIsolation(
      dbname: "{database}_{tenant}", hosts: ["{tenant}.db"], port: nil)
    var own = TenantOverride()
    own.database = try DatabaseIsolation(dbname: nil, hosts: ["10.0.0.1"], port: 5433)
    rules.overrides[name("Big")] = own
    let acme = try rules.database(for: name("acme"), database: "shop")
    #expect(acme == TenantDatabase(dbname: "shop_acme", hosts: ["acme.db"], port: nil))
    let big = try rules.database(for: name("Big"), database: "shop")
    #expect(big == TenantDatabase(dbname: "shop_Big", hosts: ["10.0.0.1"], port: 5433))
    for text in ["evil.com", "Acme", String(repeating: "x", count: 60)] {
      #expect(throws: TenantRefusal.self) {
        try rules.database(for: name(text), database: "shop")
      }
    }
    #expect(throws: TenancyProblem.self) { try DatabaseIsolation.dbname("{user}") }
    #expect(throws: TenancyProblem.self) { try DatabaseIsolation.host("{database}.db") }
  }

  @Test func `a token is asked for where a template has it`() throws {
    let rules = try rules([("sluice.token", "{token}")])
    #expect(rules.needsToken(name("acme")))
    #expect(try rules.bundle(context(token: "t")).localText == #"SET LOCAL "sluice"."token"='t';"#)
    #expect(throws: TenantRefusal.missingValue(setting: "sluice.token", placeholder: "{token}")) {
      try rules.bundle(context())
    }
  }
}
