import Tenancy
import TestSupport
import Testing

@testable import Settings

struct TenancyTests {
  static let example = """
    [databases.app]
    host = "127.0.0.1"

    [users.app]
    password = "x"
    tenants = ["acme", "b*"]

    [users.admin]
    password = "x"
    tenancy = "off"

    [users.batch]
    password = "x"
    tenant = "acme"

    [tenancy]
    sources = ["user", "user_suffix", "startup:app.tenant_id", "set"]
    pattern = "[a-z][a-z0-9_]{0,30}"
    suffix_separator = ":"
    tenants = ["acme", "b*", "public"]
    fallback_tenant = "public"
    dbname = "tenant_{tenant}"
    host = ["{tenant}.db", "spare"]
    max_server_connections = 10
    max_transactions_per_second = 100
    application_name_add_tenant = true
    signing_secret = { env = "TENANT_KEY" }
    signing_lifetime = 60

    [tenancy.settings]
    "app.tenant_id" = "{tenant}"
    app.region = "eu"
    search_path = 'tenant_{tenant}, "$user", public'
    statement_timeout = 5000
    row_security = true

    [tenants.acme]
    weight = 4
    max_server_connections = 0
    host = "big.db"
    port = 5433

    [tenants.acme.settings]
    statement_timeout = "60s"
    work_mem = "64MB"
    """

  static let environment = ["TENANT_KEY": String(repeating: "k", count: 32)]

  private func tenant(_ text: String, _ rules: TenancyRules) throws -> TenantName {
    try #require(rules.resolver.pattern.name(text))
  }

  private func context(_ tenant: TenantName) -> TemplateContext {
    TemplateContext(
      tenant: tenant, user: "app", database: "app", clientAddress: "10.0.0.9", token: "t")
  }

  @Test func `tenants are read whole`() throws {
    let result = toml(Self.example, environment: Self.environment)
    #expect(result.texts == [])
    let settings = try #require(result.settings)
    let rules = settings.tenancyRules
    #expect(rules.resolver.sources.map(\.description) == settings.tenancy.sources)
    #expect(rules.resolver.separator == ":")
    #expect(rules.resolver.fallback?.text == "public")
    #expect(rules.setName?.key == "app.tenant_id")
    #expect(rules.tokenName?.key == "sluice.token")
    #expect(settings.tenancy.applicationNameAddTenant)
    #expect(settings.tenancy.signingLifetime == 60)
    let acme = try tenant("acme", rules)
    let bob = try tenant("bob", rules)
    #expect(
      try rules.bundle(context(bob)).localText
        == #"SET LOCAL "app"."tenant_id"='bob';SET LOCAL "app"."region"='eu';"#
        + #"SET LOCAL "search_path"='tenant_bob','$user','public';"#
        + #"SET LOCAL "statement_timeout"='5000';SET LOCAL "row_security"='on';"#
        + #"SET LOCAL "sluice"."token"='t';"#)
    #expect(
      try rules.bundle(context(acme)).settings.map { $0.values[0] }
        == ["acme", "eu", "tenant_acme", "60s", "on", "t", "64MB"])
    #expect(rules.limits(for: acme).weight == 4)
    #expect(rules.limits(for: acme).maxServerConnections == 0)
    #expect(rules.limits(for: bob).maxServerConnections == 10)
    #expect(rules.limits(for: bob).transactionsBurst == 100)
    #expect(
      try rules.database(for: acme, database: "app")
        == TenantDatabase(dbname: "tenant_acme", hosts: ["big.db"], port: 5433))
    #expect(
      try rules.database(for: bob, database: "app")
        == TenantDatabase(dbname: "tenant_bob", hosts: ["bob.db", "spare"], port: nil))
    let protected: Set<String> = [
      "app.tenant_id", "app.region", "search_path", "statement_timeout", "row_security",
      "sluice.token", "work_mem",
    ]
    #expect(rules.protectedNames == protected)
  }

  @Test(arguments: [
    ("app:acme", "acme"), ("app:bob", "bob"), ("batch", "acme"), ("app", nil),
    ("other:acme", "acme"),
  ])
  func `logins have the tenants that the configuration says`(
    _ user: String, _ tenant: String?
  ) throws {
    let result = toml(Self.example, environment: Self.environment)
    let resolver = try #require(result.settings).tenancyRules.resolver
    let outcome = resolver.resolve(LoginFacts(user: user, database: "app")).outcome
    guard case .tenant(let name, _) = outcome else {
      // The fallback is not among the tenants of `app`.
      #expect(tenant == nil)
      return
    }
    #expect(name.text == tenant)
  }

  @Test func `a login that is off is exempt`() throws {
    let result = toml(Self.example, environment: Self.environment)
    let resolver = try #require(result.settings).tenancyRules.resolver
    #expect(resolver.resolve(LoginFacts(user: "admin", database: "app")).outcome == .exempt)
  }

  @Test func `without the section there are no tenants`() throws {
    for result in [toml("listen_port = 1"), ini("[pgbouncer]\nlisten_port=1\nlisten_addr=*")] {
      let rules = try #require(result.settings).tenancyRules
      #expect(!rules.isActive)
      #expect(rules.protectedNames == [])
    }
  }

  /// Lines of [tenancy] that are wrong behind `sources = ["user_suffix"]` on line 2, and what is
  /// said of them with the line.
  static let wrong: [(String, Int, String)] = [
    ("pattern = \"[\"", 3, "\"pattern\" has a `[` without its `]`, at character 1"),
    ("patern = \"x\"", 3, "[tenancy] does not have \"patern\"; did you mean \"pattern\"?"),
    ("suffix_separator = \"x\"", 3, "takes 1 to 8 ASCII marks"),
    ("suffix_separator = \"\"", 3, "takes 1 to 8 ASCII marks"),
    ("suffix_separator = \"é\"", 3, "takes 1 to 8 ASCII marks"),
    ("fallback_tenant = \"a b\"", 3, "\"fallback_tenant\" is no tenant's name"),
    ("tenants = \"b*\"\nfallback_tenant = \"a\"", 4, "is not among the \"tenants\""),
    ("set_name = \"app.x\"", 3, "\"set_name\" has no effect: add \"set\""),
    ("dbname = \"{user}\"", 3, "\"dbname\" can have no names in braces but {tenant} and {datab"),
    ("host = \"{tenant\"", 3, "\"host\" has a `{` without its `}`"),
    ("port = 0", 3, "\"port\" takes 1 to 65535, not 0"),
    ("weight = 0", 3, "\"weight\" takes 1 to 1000, not 0"),
    ("max_waiting_clients = \"many\"", 3, "takes a whole number"),
    ("tenants_query = \"SELECT 1\"", 3, "\"tenants_query\" needs a $1"),
    (
      "tenants_query = \"SELECT $1\"\ntenants_query_database = \"none\"", 4,
      "\"tenants_query\" needs \"tenants_query_database\""
    ),
    ("tenants_query = \"SELECT $1\"\ntenants_query_ttl = 0", 4, "takes a second or more"),
    ("signing_secret = \"short\"", 3, "\"signing_secret\" is shorter than 32 bytes"),
    ("signing_secret = { env = \"NONE\" }", 3, "the environment does not have \"NONE\""),
    (
      "signing_secret = \"0123456789012345678901234567890123456789\"\nsigning_key_id = \"a b\"", 4,
      "takes up to 32 letters"
    ),
    ("signing_lifetime = 5", 3, "takes 10 to 86400, not 5"),
    ("settings = \"x\"", 3, "\"settings\" is a section: write [tenancy.settings]"),
    ("[tenancy.settings]\n\"a b\" = \"x\"", 4, "\"a b\" is no name of a setting"),
    ("[tenancy.settings]\napp.x = \"{tenan}\"", 4, "\"app.x\" has an unknown name in braces"),
    ("[tenancy.settings]\napp.x = \"1\"\nAPP.X = \"2\"", 5, "stands twice"),
    ("[tenancy.settings]\napp.x = [\"1\"]", 4, "takes text in quotes, a number or a boolean, not"),
    ("[tenancy.settings]\nclient_encoding = \"UTF8\"", 4, "cannot be a tenant's: Sluice keeps it"),
    ("[tenancy.settings]\nsession_authorization = \"x\"", 4, "take \"role\""),
    ("[tenancy.settings]\nIntervalStyle = \"iso_8601\"", 4, "cannot be a tenant's"),
    (
      "[tenancy.settings]\napp.x = \"{token}\"", 4, "cannot have {token} without \"signing_secret\""
    ),
    (
      "[tenancy.settings]\napp.x = \"{claim:x}\"", 4, "cannot have {claim:x}: this version does not"
    ),
    ("[tenancy.settings]\nsearch_path = \"a,,b\"", 4, "has an empty name in its list"),
    ("[tenancy.settings]\na.b.c = \"x\"", 4, "is no name of a setting"),
    ("[tenants.\"a b\"]\nweight = 1", 3, "\"a b\" is no tenant's name"),
    (
      "[tenants.acme]\nweigth = 1", 4,
      "[tenants] does not have \"weigth\"; did you mean \"weight\"?"
    ),
    ("[tenants.acme.settings]\ntimezone = \"x\"", 4, "\"timezone\" cannot be a tenant's"),
    ("[users.app]\ntenants = [\"\", \"a\"]\ntenant = \"x\"", 5, "add \"user\" to the \"sources\""),
    ("[users.app]\ntenant = \"a b\"", 4, "\"tenant\" is no tenant's name"),
    ("[users.app]\ntenancy = \"of\"", 4, "takes one of on, off, not \"of\"; did you mean"),
    ("[users.app]\ntenancy = \"off\"\ntenants = \"a\"", 4, "can have neither"),
  ]

  @Test(arguments: wrong)
  func `what is wrong is told at its place`(_ lines: String, _ line: Int, _ text: String) {
    let result = toml("[tenancy]\nsources = [\"user_suffix\"]\n\(lines)\n")
    #expect(result.settings == nil)
    #expect(
      result.errors.contains { $0.line == line && $0.message.contains(text) },
      "\(result.texts)")
  }

  @Test(arguments: ["claim:t", "certificate", "auth_query", "auth_query:t", "sni"])
  func `sources of later versions are refused by name`(_ source: String) {
    let result = toml("[tenancy]\nsources = [\"user_suffix\", \"\(source)\"]\n")
    #expect(result.settings == nil)
    #expect(
      result.errors.contains {
        $0.line == 2 && $0.message.contains("\"\(source.prefix(5))") && $0.message.contains("yet")
      }, "\(result.texts)")
  }

  @Test(arguments: [
    "[tenancy]\n", "[tenancy]\nsources = []\n", "[tenancy.settings]\napp.x = \"{tenant}\"\n",
    "[tenants.acme]\nweight = 1\n", "[users.app]\ntenants = \"a\"\n",
    "[users.app]\ntenant = \"a\"\n",
    "tenancy = 1\n", "tenants = 1\n", "[tenancy]\nsources = \"user_suffix,user_suffix\"\n",
    "[tenancy]\nsources = \"usersuffix\"\n",
  ])
  func `who writes of tenants without sources is told`(_ text: String) {
    let result = toml(text)
    #expect(result.settings == nil)
    #expect(result.errors.allSatisfy { $0.line != nil })
  }

  @Test(arguments: [
    "[tenancy.settings]\nrole = \"r\"\n", "[tenants.acme.settings]\nrole = \"r\"\n",
  ])
  func `a role leaves no room for who has named nobody`(_ role: String) {
    let head = "[tenancy]\nsources = [\"set\"]\nset_name = \"app.t\"\n"
    let result = toml(head + role)
    #expect(result.settings == nil)
    #expect(result.errors.contains { $0.line == 2 && $0.message.contains("fallback_tenant") })
    #expect(toml(head + "fallback_tenant = \"none\"\n" + role).settings != nil)
    #expect(toml("[tenancy]\nsources = [\"user_suffix\"]\n" + role).settings != nil)
  }

  @Test(arguments: [
    ("pinning = \"off\"", "pinning"), ("pinning = \"warn\"", "pinning"),
    ("session_state = \"pgbouncer\"", "session_state"),
  ])
  func `what would leave one tenant's session to the next is refused`(line: String, name: String) {
    let tenancy = "[tenancy]\nsources = [\"user_suffix\"]\n[tenancy.settings]\na.b = \"{tenant}\"\n"
    let result = toml(line + "\n" + tenancy)
    #expect(result.settings == nil)
    #expect(result.errors.contains { $0.message.contains("\"\(name)\"") })
    #expect(toml(line + "\n").settings != nil)
    #expect(toml("pinning = \"error\"\n" + tenancy).settings != nil)
  }

  @Test func `set needs a name to listen to`() throws {
    let head = "[tenancy]\nsources = \"set\"\n"
    #expect(toml(head).settings == nil)
    #expect(toml(head + "[tenancy.settings]\nsearch_path = \"{tenant}\"\n").settings == nil)
    let two = "[tenancy.settings]\napp.a = \"{tenant}\"\napp.b = \"{tenant}\"\n"
    #expect(toml(head + two).texts.contains { $0.contains("several settings") })
    let named = toml(head + "set_name = \"App.C\"\n" + two)
    let rules = try #require(named.settings).tenancyRules
    #expect(rules.setName?.key == "app.c")
    #expect(rules.protectedNames.contains("app.c"))
    for name in ["search_path", "role", "client_encoding", "a b"] {
      #expect(toml(head + "set_name = \"\(name)\"\n" + two).settings == nil)
    }
  }

  @Test func `a setting cannot be the client's and the tenant's`() {
    let result = toml(
      """
      track_extra_parameters = "Search_Path"
      [tenancy]
      sources = "user_suffix"
      [tenancy.settings]
      search_path = "{tenant}"
      """)
    #expect(result.errors.map(\.line) == [5])
    #expect(result.texts.contains { $0.contains("track_extra_parameters") })
  }

  @Test func `the token has a setting of its own`() throws {
    let head =
      "[tenancy]\nsources = \"user_suffix\"\nsigning_secret = { env = \"TENANT_KEY\" }\n"
    func load(_ text: String) -> LoadResult { toml(head + text, environment: Self.environment) }
    for text in [
      "[tenancy.settings]\nsluice.token = \"x\"\n", "[tenants.a.settings]\nSluice.Token = \"x\"\n",
      "signing_setting = \"token\"\n", "signing_setting = \"a b\"\n",
      "signing_setting = \"role\"\n",
    ] {
      #expect(load(text).settings == nil)
    }
    let own = load("[tenancy.settings]\napp.proof = \"{token}\"\n")
    let names = try #require(own.settings).tenancyRules.settings.map(\.name.key)
    #expect(names == ["app.proof", "sluice.token"])
  }

  @Test func `too many settings are refused`() {
    let many = (0...32).map { "app.s\($0) = \"x\"\n" }.joined()
    let result = toml("[tenancy]\nsources = \"user_suffix\"\n[tenancy.settings]\n\(many)")
    #expect(result.errors.map(\.line) == [36])
    let some = (0..<20).map { "app.s\($0) = \"x\"\n" }.joined()
    let both = toml(
      "[tenancy]\nsources = \"user_suffix\"\n[tenancy.settings]\n\(some)[tenants.a.settings]\n"
        + some.replacing("app.", with: "own."))
    #expect(both.settings == nil)
  }

  @Test func `what is printed loads again to the same settings`() throws {
    let settings = try #require(toml(Self.example, environment: Self.environment).settings)
    let printed = settings.printable()
    #expect(!printed.contains("kkkk"))
    #expect(printed.contains("[tenancy]  # s.toml:16"))
    #expect(printed.contains("[tenants.acme]  # s.toml:37"))
    let secret = "[tenancy]\nsigning_secret = \"\(Self.environment["TENANT_KEY"] ?? "")\"\n"
    let line = try #require(printed.split(separator: "\n").first { $0.hasPrefix("[tenancy]") })
    let again = try #require(toml(printed.replacing(line, with: secret)).settings)
    #expect(again.tenancy == settings.tenancy)
    #expect(again.tenants == settings.tenants)
    #expect(again.users == settings.users)
  }

  @Test func `an empty list is printed as one`() throws {
    let text = "[tenancy]\nsources = \"user_suffix\"\n[users.app]\ntenants = []\n"
    let settings = try #require(toml(text).settings)
    #expect(settings.users["app"]?.tenants == [])
    #expect(try #require(toml(settings.printable()).settings).users["app"]?.tenants == [])
  }

  @Test func `a change of tenants is a change of the settings`() throws {
    let settings = try #require(toml(Self.example, environment: Self.environment).settings)
    for (old, new) in [("weight = 4", "weight = 5"), ("\"eu\"", "\"us\""), ("b*", "c*")] {
      let text = Self.example.replacing(old, with: new)
      let changed = try #require(toml(text, environment: Self.environment).settings)
      #expect(changed != settings)
      #expect(changed.changesNeedingRestart(from: settings) == [])
      #expect(changed.keepingUnreloadable(of: settings) == changed)
    }
  }

  @Test func `tenants in pgbouncer.ini are told where they belong`() {
    for section in ["[tenancy]", "[tenants.acme]", "[tenants]"] {
      let result = ini("\(section)\nsources = user_suffix\n")
      #expect(result.errors.count == 1 || result.errors.allSatisfy { $0.line == 1 })
      #expect(result.texts.contains { $0.contains("only in the native format") })
    }
    let result = ini("[pgbouncer]\nlisten_addr=*\n[users]\napp = tenants=a\n")
    #expect(result.errors.map(\.line) == [4])
  }

  @Test func `trust with tenants gives a warning`() {
    let text = "auth_type = \"trust\"\n\(Self.example)"
    let result = toml(text, environment: Self.environment)
    #expect(result.settings != nil)
    #expect(result.warnings.map(\.line) == [18])
    let bare = toml("[tenancy]\nsources = \"user_suffix\"\n")
    #expect(bare.warnings.count == 1)
  }

  @Test(arguments: 1...8)
  func `mutilated sections get an answer`(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let lines = Self.example.split(separator: "\n", omittingEmptySubsequences: false)
    for _ in 0..<40 {
      var text = lines.map(String.init)
      for _ in 0..<3 {
        let index = Int.random(in: text.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: text.remove(at: index)
        case 1: text[index] = text.randomElement(using: &generator) ?? ""
        case 2: text[index] = String(text[index].shuffled(using: &generator))
        default: text[index] = text[index].replacing("\"", with: "", maxReplacements: 1)
        }
      }
      let result = toml(text.joined(separator: "\n"), environment: Self.environment)
      #expect((result.settings == nil) == !result.errors.isEmpty)
      #expect(result.errors.allSatisfy { $0.line != nil }, "\(result.texts)")
    }
  }
}
