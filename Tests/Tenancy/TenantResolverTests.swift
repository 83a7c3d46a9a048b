import PostgresWire
import Testing

@testable import Tenancy

struct TenantResolverTests {
  private func resolver(
    _ sources: [TenantSource], _ change: (inout TenantResolver) -> Void = { _ in }
  ) -> TenantResolver {
    var resolver = TenantResolver(pattern: pattern())
    resolver.sources = sources
    resolver.knownUsers = ["app", "other", "app.whole"]
    resolver.knownDatabases = ["shop", "shop.eu"]
    resolver.reservedDatabases = ["pgbouncer"]
    change(&resolver)
    return resolver
  }

  private func facts(
    _ user: String, _ database: String? = "shop", _ parameters: [(String, String)] = []
  ) -> LoginFacts {
    LoginFacts(
      user: user, database: database,
      parameters: parameters.map { StartupParameter(name: $0.0, value: $0.1) })
  }

  @Test(arguments: [
    ("app.acme", "app", "acme"), ("app.a.b", "app", "a.b"), ("new.acme", "new", "acme"),
    ("x.app.acme", "x", "app.acme"), ("app.whole.acme", "app", "whole.acme"),
  ])
  func `a user is split`(_ given: String, _ user: String, _ tenant: String) {
    let resolution = resolver([.userSuffix]).resolve(facts(given))
    #expect(resolution.user == user)
    #expect(resolution.outcome == .tenant(name(tenant), by: .userSuffix))
  }

  @Test func `the first known name on the left is the login`() {
    let resolver = resolver([.userSuffix]) { $0.knownUsers = ["a.b", "a.b.c"] }
    #expect(resolver.names(user: "a.b.x.y", database: nil).user == "a.b")
    #expect(resolver.names(user: "a.b.c", database: nil).user == "a.b.c")
    #expect(resolver.names(user: "a.b.c.d", database: nil).user == "a.b")
    #expect(resolver.names(user: "z.b.c.d", database: nil).user == "z")
  }

  @Test func `a name that is known is whole`() {
    let resolution = resolver([.userSuffix]).resolve(facts("app.whole"))
    #expect(resolution.user == "app.whole")
    #expect(resolution.outcome == .refused(.noTenant))
  }

  @Test func `without the source nothing is split`() {
    let resolution = resolver([.databaseSuffix]).resolve(facts("app.acme", "shop.acme"))
    #expect(resolution.user == "app.acme")
    #expect(resolution.database == "shop")
    #expect(resolution.outcome == .tenant(name("acme"), by: .databaseSuffix))
  }

  @Test func `other separators are taken`() {
    let resolver = resolver([.userSuffix]) { $0.separator = "--" }
    #expect(resolver.names(user: "app--a-b", database: nil).user == "app")
    #expect(resolver.resolve(facts("app--a.b")).outcome == .tenant(name("a.b"), by: .userSuffix))
    #expect(resolver.resolve(facts("app-a")).outcome == .refused(.noTenant))
  }

  @Test(arguments: ["app.", "app.a b", "app.'", "app.\u{202E}", "app..x", "app.é"])
  func `a suffix that is no name is refused`(_ user: String) {
    let outcome = resolver([.userSuffix, .set]) { $0.fallback = name("f") }
      .resolve(facts(user)).outcome
    #expect(outcome == .refused(.invalidName(.userSuffix)))
  }

  @Test func `a separator in front leaves a name whole`() {
    let resolver = resolver([.userSuffix])
    #expect(resolver.names(user: ".acme", database: nil).user == ".acme")
    #expect(resolver.names(user: "", database: nil).user == "")
    #expect(resolver.names(user: ".", database: nil).user == ".")
  }

  @Test func `a database that is not named is the login's`() {
    let resolution = resolver([.userSuffix, .databaseSuffix]).resolve(facts("app.acme", nil))
    #expect(resolution.database == "app")
    #expect(resolution.outcome == .tenant(name("acme"), by: .userSuffix))
  }

  @Test func `no suffix leads to the console`() {
    let resolver = resolver([.databaseSuffix])
    #expect(resolver.names(user: "app", database: "pgbouncer.acme").database == "pgbouncer.acme")
    #expect(resolver.names(user: "app", database: "pgbouncer").database == "pgbouncer")
  }

  @Test func `a later source that disagrees is a refusal`() {
    let resolver = resolver([.userSuffix, .databaseSuffix])
    #expect(
      resolver.resolve(facts("app.acme", "shop.acme")).outcome
        == .tenant(name("acme"), by: .userSuffix))
    #expect(
      resolver.resolve(facts("app.acme", "shop.globex")).outcome
        == .refused(.contradiction(.userSuffix, .databaseSuffix)))
    #expect(
      resolver.resolve(facts("app.acme", "shop.")).outcome
        == .refused(.contradiction(.userSuffix, .databaseSuffix)))
    #expect(
      resolver.resolve(facts("app", "shop.globex")).outcome
        == .tenant(name("globex"), by: .databaseSuffix))
  }

  @Test func `a server name disagrees with nobody, but decides where it is first`() {
    var both = facts("app.acme")
    both.serverName = "globex.db.example.com"
    #expect(
      resolver([.userSuffix, .sni]).resolve(both).outcome
        == .tenant(name("acme"), by: .userSuffix))
    #expect(
      resolver([.sni, .userSuffix]).resolve(both).outcome
        == .refused(.contradiction(.sni, .userSuffix)))
    both.user = "app"
    #expect(
      resolver([.userSuffix, .sni]).resolve(both).outcome == .tenant(name("globex"), by: .sni))
  }

  @Test func `what authentication finds out decides`() {
    var facts = facts("app")
    facts.claims = ["t": "acme"]
    facts.certificateName = "acme"
    facts.authQueryColumns = ["tenant": "acme"]
    for source in [TenantSource.claim("t"), .certificate, .authQuery(column: "tenant")] {
      #expect(resolver([source]).resolve(facts).outcome == .tenant(name("acme"), by: source))
      #expect(
        resolver([.userSuffix, source]).resolve(
          LoginFacts(user: "app", database: nil)
        ).outcome == .refused(.noTenant))
    }
    facts.user = "app.globex"
    #expect(
      resolver([.userSuffix, .claim("t")]).resolve(facts).outcome
        == .refused(.contradiction(.userSuffix, .claim("t"))))
  }

  @Test(arguments: [
    [("app.tenant_id", "acme")], [("options", "-c app.tenant_id=acme")],
    [("options", "--app.tenant-id=acme")], [("App.Tenant_ID", "acme")],
    [("options", "-c app.tenant_id=acme"), ("app.tenant_id", "acme")],
    [("options", "-c work_mem=1MB -capp.tenant_id=acme")],
  ])
  func `a startup parameter names the tenant`(_ parameters: [(String, String)]) {
    let source = TenantSource.startup("app.tenant_id")
    #expect(
      resolver([source]).resolve(facts("app", "shop", parameters)).outcome
        == .tenant(name("acme"), by: source))
  }

  @Test(arguments: [
    [("app.tenant_id", "acme"), ("app.tenant_id", "globex")],
    [("app.tenant_id", "acme"), ("options", "-c app.tenant_id=globex")],
    [("options", "-c app.tenant_id=acme -c APP.tenant_id=globex")],
  ])
  func `a startup parameter that names two tenants is refused`(_ parameters: [(String, String)]) {
    let source = TenantSource.startup("app.tenant_id")
    #expect(
      resolver([source]).resolve(facts("app", "shop", parameters)).outcome
        == .refused(.contradiction(source, source)))
  }

  @Test func `options that cannot be read are refused where they could name a tenant`() {
    let unreadable = facts("app.acme", "shop", [("options", "-x")])
    #expect(
      resolver([.userSuffix, .startup("t")]).resolve(unreadable).outcome
        == .refused(.unreadableOptions))
    #expect(
      resolver([.userSuffix]).resolve(unreadable).outcome
        == .tenant(name("acme"), by: .userSuffix))
  }

  @Test func `an answer that is not allowed is never passed over`() {
    let resolver = resolver([.userSuffix, .databaseSuffix, .set]) {
      $0.fallback = name("globex")
      var rule = LoginRule()
      rule.tenants = [glob("globex"), glob("b*")]
      $0.logins["app"] = rule
    }
    #expect(
      resolver.resolve(facts("app.acme")).outcome == .refused(.notAllowed(name("acme"))))
    #expect(
      resolver.resolve(facts("app.bob")).outcome == .tenant(name("bob"), by: .userSuffix))
    #expect(resolver.resolve(facts("app")).outcome == .tenant(name("globex"), by: nil))
    #expect(
      resolver.resolve(facts("other.acme")).outcome == .tenant(name("acme"), by: .userSuffix))
  }

  @Test func `the list of all bounds the logins' lists and the fallback`() {
    let resolver = resolver([.userSuffix]) {
      $0.tenants = [glob("a*")]
      $0.fallback = name("zed")
      var rule = LoginRule()
      rule.tenants = [glob("*")]
      $0.logins["app"] = rule
    }
    #expect(resolver.resolve(facts("app.bob")).outcome == .refused(.notAllowed(name("bob"))))
    #expect(resolver.resolve(facts("app")).outcome == .refused(.notAllowed(name("zed"))))
    #expect(resolver.resolve(facts("app.ann")).outcome == .tenant(name("ann"), by: .userSuffix))
  }

  @Test func `whether a tenant is allowed can be asked again under other rules`() {
    let old = resolver([.userSuffix])
    #expect(old.isAllowed(name("acme"), login: "app"))
    let listed = resolver([.userSuffix]) {
      $0.logins["app"] = LoginRule()
      $0.logins["app"]?.tenants = [glob("b*")]
    }
    #expect(!listed.isAllowed(name("acme"), login: "app"))
    #expect(listed.isAllowed(name("beta"), login: "app"))
    #expect(listed.isAllowed(name("acme"), login: "other"))
    let narrow = resolver([.userSuffix]) { $0.pattern = pattern("[0-9]+") }
    #expect(!narrow.isAllowed(name("acme"), login: "app"))
  }

  @Test func `an empty list allows none`() {
    let resolver = resolver([.userSuffix]) {
      $0.logins["app"] = LoginRule()
      $0.logins["app"]?.tenants = []
    }
    #expect(resolver.resolve(facts("app.a")).outcome == .refused(.notAllowed(name("a"))))
  }

  @Test func `a login has its tenant from the configuration`() {
    let resolver = resolver([.user, .userSuffix]) {
      $0.logins["app"] = LoginRule()
      $0.logins["app"]?.tenant = name("acme")
    }
    #expect(resolver.resolve(facts("app")).outcome == .tenant(name("acme"), by: .user))
    #expect(
      resolver.resolve(facts("app.globex")).outcome
        == .refused(.contradiction(.user, .userSuffix)))
    #expect(resolver.resolve(facts("other")).outcome == .refused(.noTenant))
  }

  @Test func `a login without a tenant cannot name one`() {
    let resolver = resolver([.userSuffix, .set]) {
      $0.logins["app"] = LoginRule()
      $0.logins["app"]?.isExempt = true
      $0.fallback = name("f")
    }
    #expect(resolver.resolve(facts("app")).outcome == .exempt)
    #expect(resolver.resolve(facts("app.acme")).outcome == .refused(.loginWithoutTenant))
    #expect(!resolver.mayName("acme", login: "app", after: .exempt))
  }

  @Test func `without sources there are no tenants`() {
    let resolution = resolver([]).resolve(facts("app.acme", "shop.acme"))
    #expect(resolution.user == "app.acme")
    #expect(resolution.database == "shop.acme")
    #expect(resolution.outcome == .exempt)
  }

  @Test func `SET names a tenant where no earlier source has decided`() {
    let last = resolver([.userSuffix, .set]) {
      $0.logins["app"] = LoginRule()
      $0.logins["app"]?.tenants = [glob("a*")]
    }
    #expect(last.resolve(facts("app")).outcome == .none)
    #expect(last.mayName("acme", login: "app", after: .none))
    #expect(!last.mayName("bob", login: "app", after: .none))
    #expect(!last.mayName("", login: "app", after: .none))
    #expect(!last.mayName("acme'", login: "app", after: .none))
    let decided = last.resolve(facts("app.acme")).outcome
    #expect(last.mayName("acme", login: "app", after: decided))
    #expect(throws: TenantRefusal.alreadyDecided(.userSuffix)) {
      try last.tenant(named: "abc", login: "app", after: decided)
    }
    #expect(last.mayName("acme", login: "app", after: .tenant(name("ann"), by: nil)))
    let first = resolver([.set, .userSuffix])
    #expect(
      first.mayName("bob", login: "app", after: first.resolve(facts("app.acme")).outcome))
    #expect(throws: TenantRefusal.setIsNoSource) {
      try resolver([.userSuffix]).tenant(named: "acme", login: "app", after: .none)
    }
    #expect(!last.mayName("acme", login: "app", after: .refused(.noTenant)))
  }

  @Test func `hostile names are split without harm, and no refusal repeats them`() {
    let resolver = resolver([.userSuffix, .databaseSuffix, .startup("t")])
    for text in hostileTexts {
      for user in ["app.\(text)", text, "\(text).app", "app.acme\(text)"] {
        let facts = facts(user, "shop.\(text)", [("t", text), ("options", text)])
        guard case .refused(let refusal) = resolver.resolve(facts).outcome else {
          Issue.record("\(user.debugDescription) came in")
          continue
        }
        #expect(refusal.message.utf8.allSatisfy { (0x20...0x7E).contains($0) })
      }
    }
  }
}
