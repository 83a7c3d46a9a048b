import Tenancy

// What of the tenants is wrong only together: tokens, `set`, and sections that nothing uses.
extension SettingsAssembler {
  /// The setting that has the token, which is added to those of every tenant.
  mutating func token(_ rules: inout TenancyRules) -> SettingName? {
    let tenancy = settings.tenancy
    guard tenancy.signingSecret != nil else { return nil }
    do throws(TokenSigner.Fault) {
      _ = try tenancy.signer()
    } catch {
      switch error {
      case .keyIDInvalid:
        fail(
          tenancyPlace("tenancy.tenancy.signing_key_id"),
          "\"signing_key_id\" takes up to 32 letters, digits, hyphens and underscores")
      default:
        fail(
          tenancyPlace("tenancy.tenancy.signing_secret"),
          "\"signing_secret\" is shorter than \(TenancySettings.minimumSecretBytes) bytes; "
            + "`openssl rand -hex 32` makes a good one")
      }
    }
    let place = tenancyPlace("tenancy.tenancy.signing_setting")
    let name: SettingName
    do {
      name = try SettingName(tenancy.signingSetting)
    } catch {
      fail(place, "\"signing_setting\" \(error.message)")
      return nil
    }
    guard name.kind == .plain, name.text.utf8.contains(UInt8(ascii: ".")) else {
      fail(place, "\"signing_setting\" takes a name with a class of its own, as \"sluice.token\"")
      return nil
    }
    addToken(name, place, &rules)
    return name
  }

  private mutating func addToken(
    _ name: SettingName, _ place: SourcePlace, _ rules: inout TenancyRules
  ) {
    guard let template = try? SettingTemplate("{token}") else { return }
    let lists = [rules.settings] + rules.overrides.values.map(\.settings)
    let isOther = lists.joined().contains { $0.name == name && $0.template != template }
    if isOther {
      fail(place, "\"\(name)\" has the token, so no tenant can have another value of it")
    }
    if rules.settings.contains(where: { $0.name == name }) { return }
    if lists.contains(where: { $0.count >= TenantBundle.maximumSettings }) {
      fail(place, "a tenant has at most \(TenantBundle.maximumSettings) settings, with the token")
    }
    rules.settings.append(NamedTemplate(name, template))
  }

  /// The setting that the source `set` listens to.
  mutating func setName(_ rules: TenancyRules) -> SettingName? {
    let place = tenancyPlace("tenancy.tenancy.set_name")
    guard rules.resolver.sources.contains(.set) else {
      if settings.tenancy.setName != nil {
        fail(place, "\"set_name\" has no effect: add \"set\" to the \"sources\"")
      }
      return nil
    }
    if let text = settings.tenancy.setName {
      do {
        let name = try SettingName(text)
        if name.kind == .plain, name != rules.tokenName { return name }
        fail(place, "\"set_name\" cannot be a list, a role or the token")
      } catch {
        fail(place, "\"set_name\" \(error.message)")
      }
      return nil
    }
    let candidates = rules.settings.filter { $0.template.isTenantAlone && $0.name.kind == .plain }
    if candidates.count == 1 { return candidates[0].name }
    let reason =
      candidates.isEmpty
      ? "no setting in [tenancy.settings] is \"{tenant}\""
      : "several settings in [tenancy.settings] are \"{tenant}\""
    fail(
      tenancyPlace("tenancy.tenancy.sources"),
      "\"sources\" has \"set\", but \(reason): tell by \"set_name\" what clients set")
    return nil
  }

  /// Whoever writes of tenants without `sources` would think that they are kept apart.
  mutating func checkUnused(_ raw: RawConfiguration) {
    let reason = "has no effect without \"sources\" in [tenancy]"
    if let entry = raw.tenancy { fail(entry.place, "[tenancy] \(reason)") }
    if raw.tenancy == nil, let entry = raw.tenants.first {
      fail(entry.place, "[tenants] \(reason)")
    }
    for user in settings.users.values.sorted(by: { $0.name < $1.name }) {
      for (key, isSet) in [("tenants", user.tenants != nil), ("tenant", user.tenant != nil)]
      where isSet {
        fail(tenancyPlace("users.\(user.name).\(key)"), "\"\(key)\" \(reason)")
      }
    }
  }

  /// What would not keep tenants apart, and what is allowed, but hardly what its writer wants.
  mutating func checkTenancy(_ rules: TenancyRules) {
    guard rules.isActive else { return }
    let place = tenancyPlace("tenancy.tenancy.sources")
    if settings.pinning == .off || settings.pinning == .warn {
      fail(
        place,
        "with \"pinning\" \"\(settings.pinning.rawValue)\" a tenant would find what others leave "
          + "on a server (temporary tables, cursors): it has to be \"pin\" or \"error\"")
    }
    if settings.sessionState == .pgbouncer {
      fail(
        place,
        "with \"session_state\" \"pgbouncer\" a tenant would run under what others SET "
          + "(search_path): it has to be \"replay\"")
    }
    if rules.setName != nil, rules.resolver.fallback == nil,
      rules.settingNames.contains(where: { $0.kind == .role })
    {
      fail(
        place,
        "with \"set\" and a role a client that has named nobody would have the pool's own role: "
          + "give a \"fallback_tenant\"")
    }
    if rules.settings.isEmpty, rules.database.isEmpty, rules.overrides.isEmpty {
      warn(
        place,
        "[tenancy] tells tenants apart, but gives them nothing: no settings and no database")
    }
    let isTrusting = settings.authType == .trust || settings.authType == .any
    if isTrusting {
      warn(
        place,
        "\"auth_type\" is \"\(settings.authType.rawValue)\": any client can name any login, and "
          + "with it any tenant")
    }
  }
}
