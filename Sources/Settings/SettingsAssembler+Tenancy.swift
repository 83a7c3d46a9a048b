import Tenancy

// What [tenancy], [tenants] and the users' keys for tenants come to: each value is checked here, as
// each may need others.
extension SettingsAssembler {
  mutating func makeTenancyRules(_ raw: RawConfiguration) {
    let tenancy = settings.tenancy
    let sources = tenantSources(tenancy)
    if tenancy.sources.isEmpty { checkUnused(raw) }
    let pattern = checked("tenancy.tenancy.pattern") { () throws(TenancyProblem) in
      try TenantPattern(tenancy.pattern)
    }
    // Without a pattern no name can be checked; the problem is told.
    guard let pattern else { return }
    var resolver = TenantResolver(pattern: pattern)
    resolver.sources = sources
    resolver.separator = separator(tenancy)
    resolver.tenants = globs(tenancy.tenants, "tenancy.tenancy.tenants")
    resolver.fallback = fallback(tenancy, resolver)
    resolver.knownUsers = Set(settings.users.keys).union(settings.secrets.keys)
      .union(settings.adminUsers).union(settings.statsUsers)
    resolver.knownDatabases = Set(settings.databases.keys)
    resolver.reservedDatabases = [Self.consoleDatabase]
    for user in settings.users.values { resolver.logins[user.name] = rule(user, resolver) }
    var rules = TenancyRules(resolver: resolver)
    rules.limits = tenancy.limits
    rules.settings = templates(tenancy.settings, "tenancy")
    rules.database = database(tenancy.dbname, tenancy.hosts, tenancy.port, "tenancy.tenancy")
    for tenant in settings.tenants { addOverride(tenant, &rules) }
    rules.tokenName = token(&rules)
    rules.setName = setName(rules)
    checkTable()
    checkTenancy(rules)
    settings.tenancyRules = rules
  }

  /// Where a key stands, or the section around it.
  func tenancyPlace(_ path: String) -> SourcePlace {
    if let place = places[path] { return place }
    if case .file(let file, let line) = settings.origin(of: "tenancy") {
      return SourcePlace(file: file, line: line)
    }
    return SourcePlace(file: file, line: nil)
  }

  /// Tells a problem at the place of the key, whose name is the last part of its path.
  private mutating func checked<Value>(
    _ path: String, _ name: String? = nil, _ body: () throws(TenancyProblem) -> Value
  ) -> Value? {
    do {
      return try body()
    } catch {
      let shown = name ?? path.split(separator: ".").last.map(String.init) ?? path
      fail(tenancyPlace(path), "\(SettingType.shown(shown)) \(error.message)")
      return nil
    }
  }

  private mutating func tenantSources(_ tenancy: TenancySettings) -> [TenantSource] {
    let path = "tenancy.tenancy.sources"
    var sources: [TenantSource] = []
    for text in tenancy.sources {
      guard let source = checked(path, nil, { () throws(TenancyProblem) in try TenantSource(text) })
      else { continue }
      if let missing = source.missing {
        fail(tenancyPlace(path), "\"sources\" cannot have \"\(source)\": \(missing)")
      } else if sources.contains(source) {
        fail(tenancyPlace(path), "\"sources\" has \"\(source)\" twice")
      }
      sources.append(source)
    }
    return sources
  }

  private mutating func separator(_ tenancy: TenancySettings) -> String {
    let bytes = tenancy.suffixSeparator.utf8
    let isMark = bytes.allSatisfy { byte in
      (0x21...0x7E).contains(byte) && !"\"'\\".utf8.contains(byte)
        && !(0x30...0x39).contains(byte) && !(0x41...0x5A).contains(byte & 0xDF)
    }
    if !(1...8).contains(bytes.count) || !isMark {
      fail(
        tenancyPlace("tenancy.tenancy.suffix_separator"),
        "\"suffix_separator\" takes 1 to 8 ASCII marks, as \".\", \":\" or \"--\"")
    }
    return tenancy.suffixSeparator
  }

  private mutating func globs(_ texts: [String]?, _ path: String) -> [TenantGlob]? {
    texts?.compactMap { text in
      checked(path, nil) { () throws(TenancyProblem) in try TenantGlob(text) }
    }
  }

  private mutating func fallback(
    _ tenancy: TenancySettings, _ resolver: TenantResolver
  ) -> TenantName? {
    guard let text = tenancy.fallbackTenant else { return nil }
    return tenant(text, resolver, "tenancy.tenancy.fallback_tenant")
  }

  private mutating func tenant(
    _ text: String, _ resolver: TenantResolver, _ path: String
  ) -> TenantName? {
    let key = path.split(separator: ".").last ?? ""
    guard let name = resolver.pattern.name(text) else {
      fail(tenancyPlace(path), "\"\(key)\" is no tenant's name by the \"pattern\" of [tenancy]")
      return nil
    }
    if let all = resolver.tenants, !all.contains(where: { $0.matches(name) }) {
      fail(tenancyPlace(path), "\"\(key)\" is not among the \"tenants\" of [tenancy]")
    }
    return name
  }

  private mutating func rule(_ user: UserSettings, _ resolver: TenantResolver) -> LoginRule {
    let path = "users.\(user.name)"
    var rule = LoginRule()
    rule.isExempt = user.tenancy == .off
    rule.tenants = globs(user.tenants, "\(path).tenants")
    if let text = user.tenant {
      rule.tenant = tenant(text, resolver, "\(path).tenant")
      if !resolver.sources.isEmpty, !resolver.sources.contains(.user) {
        fail(
          tenancyPlace("\(path).tenant"),
          "\"tenant\" has no effect: add \"user\" to the \"sources\" of [tenancy]")
      }
      if let name = rule.tenant, let own = rule.tenants, !own.contains(where: { $0.matches(name) })
      {
        fail(tenancyPlace("\(path).tenant"), "\"tenant\" is not among the user's \"tenants\"")
      }
    }
    if rule.isExempt, user.tenant != nil || user.tenants != nil {
      fail(
        tenancyPlace("\(path).tenancy"),
        "\"tenancy\" is \"off\", so the user can have neither \"tenant\" nor \"tenants\"")
    }
    return rule
  }

  private mutating func templates(
    _ texts: [TenantSettingText], _ section: String
  ) -> [NamedTemplate] {
    var templates: [NamedTemplate] = []
    for text in texts {
      let path = "\(section).settings.\(text.name)"
      let template = checked(path, text.name) { () throws(TenancyProblem) in
        let name = try SettingName(text.name)
        return NamedTemplate(name, try SettingTemplate(text.value, for: name))
      }
      guard let template else { continue }
      if let problem = problem(of: template, templates) {
        fail(tenancyPlace(path), "\(SettingType.shown(text.name)) \(problem)")
      }
      templates.append(template)
    }
    if templates.count > TenantBundle.maximumSettings {
      fail(
        tenancyPlace("\(section).settings.\(texts[TenantBundle.maximumSettings].name)"),
        "a tenant has at most \(TenantBundle.maximumSettings) settings")
    }
    return templates
  }

  private func problem(of named: NamedTemplate, _ others: [NamedTemplate]) -> String? {
    if others.contains(where: { $0.name == named.name }) {
      return "stands twice; its case does not matter"
    }
    if settings.trackExtraParameters.contains(where: { $0.lowercased() == named.name.key }) {
      return "is in \"track_extra_parameters\": it cannot be both the client's and the tenant's"
    }
    for placeholder in named.template.placeholders {
      if case .claim(let name) = placeholder, let missing = TenantSource.claim(name).missing {
        return "cannot have \(placeholder): \(missing)"
      }
      if placeholder == .token, settings.tenancy.signingSecret == nil {
        return "cannot have {token} without \"signing_secret\" in [tenancy]"
      }
    }
    return nil
  }

  private mutating func database(
    _ dbname: String?, _ hosts: [String], _ port: Int?, _ path: String
  ) -> DatabaseIsolation {
    // One by one, so that each problem is at its place.
    let name = dbname.flatMap { text in
      checked("\(path).dbname") { () throws(TenancyProblem) in
        try DatabaseIsolation.dbname(text)
      }
    }
    let good = hosts.filter { host in
      checked("\(path).host") { () throws(TenancyProblem) in try DatabaseIsolation.host(host) }
        != nil
    }
    let all = try? DatabaseIsolation(dbname: name?.text, hosts: good, port: port)
    return all ?? DatabaseIsolation()
  }

  private mutating func addOverride(_ tenant: TenantSettings, _ rules: inout TenancyRules) {
    let path = "tenants.\(tenant.name)"
    guard let name = rules.resolver.pattern.name(tenant.name) else {
      fail(
        tenancyPlace(path),
        "\(SettingType.shown(tenant.name)) is no tenant's name by the \"pattern\" of [tenancy]")
      return
    }
    if let all = rules.resolver.tenants, !all.contains(where: { $0.matches(name) }) {
      warn(
        tenancyPlace(path),
        "the tenant \(SettingType.shown(tenant.name)) is not among the \"tenants\" of [tenancy]")
    }
    var override = TenantOverride()
    override.limits = tenant.limits
    override.settings = templates(tenant.settings, path)
    override.database = database(tenant.dbname, tenant.hosts, tenant.port, path)
    let own = override.settings.filter { named in
      !rules.settings.contains { $0.name == named.name }
    }
    if rules.settings.count + own.count > TenantBundle.maximumSettings {
      fail(
        tenancyPlace(path),
        "a tenant has at most \(TenantBundle.maximumSettings) settings, with "
          + "those of [tenancy.settings]")
    }
    rules.overrides[name] = override
  }

  private mutating func checkTable() {
    guard let query = settings.tenancy.tenantsQuery else { return }
    let path = "tenancy.tenancy.tenants_query"
    if !query.contains("$1") {
      fail(tenancyPlace(path), "\"tenants_query\" needs a $1, which is the tenant's name")
    }
    if settings.tenancy.tenantsQueryTtl < .seconds(1) {
      fail(tenancyPlace("\(path)_ttl"), "\"tenants_query_ttl\" takes a second or more")
    }
    guard let name = settings.tenancy.tenantsQueryDatabase,
      let database = settings.database(named: name)
    else {
      return fail(
        tenancyPlace("\(path)_database"),
        "\"tenants_query\" needs \"tenants_query_database\", the name of one of [databases]")
    }
    if database.user == nil {
      fail(
        tenancyPlace("\(path)_database"),
        "\"tenants_query_database\" needs a database with a \"user\" of its own")
    }
  }
}
