/// All that the configuration says about tenants. A reload makes another.
public struct TenancyRules: Sendable {
  /// Who a client acts for.
  public var resolver: TenantResolver
  /// What every tenant gets, in its order.
  public var settings: [NamedTemplate] = []
  /// What single tenants get instead or besides.
  public var overrides: [TenantName: TenantOverride] = [:]
  public var limits = TenantLimits.Overrides()
  public var database = DatabaseIsolation()
  /// The setting that the source `set` listens to; nil without that source.
  public var setName: SettingName?
  /// The setting that has the signed tenant; nil where nothing is signed. It is one of `settings`,
  /// with the template `{token}`.
  public var tokenName: SettingName?

  /// No tenants.
  public static let none = TenancyRules(resolver: TenantResolver(pattern: .standard))

  /// Rules without tenants, until more is set.
  public init(resolver: TenantResolver) { self.resolver = resolver }

  /// Whether there are tenants at all.
  public var isActive: Bool { !resolver.sources.isEmpty }

  /// Names in lower case that no client may set by itself: those of all tenants' settings together,
  /// for a client of one tenant could otherwise bring the setting of another. Who has a role could
  /// leave it by `role` and by `session_authorization`.
  public var protectedNames: Set<String> {
    var names = Set(settings.map(\.name.key))
    for override in overrides.values { names.formUnion(override.settings.map(\.name.key)) }
    if let tokenName { names.insert(tokenName.key) }
    if let setName { names.insert(setName.key) }
    if names.contains("role") { names.insert("session_authorization") }
    return names
  }

  /// Whether a bundle of this tenant has a token in it, so that it ends when the token does.
  public func needsToken(_ tenant: TenantName, row: TenantOverride? = nil) -> Bool {
    templates(tenant, row).contains { $0.template.placeholders.contains(.token) }
  }

  /// The settings of a client under the tenant of `context`.
  /// - Parameter row: what the table of tenants has for it. `[tenants.NAME]` wins over it.
  /// - Throws: why the tenant cannot be served; it names the setting, never its value.
  public func bundle(
    _ context: TemplateContext, row: TenantOverride? = nil
  ) throws(TenantRefusal) -> TenantBundle {
    var rendered: [TenantBundle.Setting] = []
    for named in templates(context.tenant, row) {
      rendered.append(try TenantBundle.Setting(named.name, named.template, context))
    }
    return try TenantBundle(rendered)
  }

  /// What every tenant gets in its order, then what only this one gets.
  private func templates(_ tenant: TenantName, _ row: TenantOverride?) -> [NamedTemplate] {
    var merged = settings
    for override in [row, overrides[tenant]] {
      for named in override?.settings ?? [] {
        if let index = merged.firstIndex(where: { $0.name == named.name }) {
          merged[index] = named
        } else {
          merged.append(named)
        }
      }
    }
    return merged
  }

  /// The limits of a tenant.
  public func limits(for tenant: TenantName, row: TenantOverride? = nil) -> TenantLimits {
    TenantLimits([overrides[tenant]?.limits, row?.limits, limits].compactMap(\.self))
  }

  /// The tenant's own database; nil where nothing is configured.
  /// - Parameter database: its name as clients know it, without a suffix.
  public func database(
    for tenant: TenantName, database name: String, row: TenantOverride? = nil
  ) throws(TenantRefusal) -> TenantDatabase? {
    var merged = overrides[tenant]?.database ?? DatabaseIsolation()
    if let row { merged = merged.or(row.database) }
    return try merged.or(database).render(tenant, database: name)
  }
}
