import Tenancy

// The sections [tenancy] and [tenants] as they are read.
extension SettingsAssembler {
  mutating func applyTenancy(_ entry: RawEntry) {
    let (settings, others) = tenantSettings(of: entry, "tenancy")
    var tenancy = TenancySettings()
    tenancy.settings = settings
    apply(others, to: &tenancy, TenancySettings.definitions, "tenancy", entry.name)
    self.settings.tenancy = tenancy
    self.settings.origins["tenancy"] = .file(entry.place.file, line: entry.place.line)
  }

  mutating func applyTenant(_ entry: RawEntry) {
    let (settings, others) = tenantSettings(of: entry, "tenants.\(entry.name)")
    var tenant = TenantSettings(name: entry.name)
    tenant.settings = settings
    apply(others, to: &tenant, TenantSettings.definitions, "tenants", entry.name)
    places["tenants.\(entry.name)"] = entry.place
    self.settings.tenants.append(tenant)
    self.settings.origins["tenants.\(entry.name)"] = .file(
      entry.place.file, line: entry.place.line)
  }

  /// Parts the table `settings` from an entry's keys.
  private mutating func tenantSettings(
    of entry: RawEntry, _ section: String
  ) -> ([TenantSettingText], others: [RawSetting]) {
    var texts: [TenantSettingText] = []
    for setting in entry.settings where setting.name == "settings" {
      guard case .table(let values) = setting.value else {
        fail(setting.place, "\"settings\" is a section: write [\(section).settings]")
        continue
      }
      for value in values {
        guard let text = Self.text(value.value) else {
          fail(
            value.place,
            "\(SettingType.shown(value.name)) takes text in quotes, a number or a boolean, not "
              + value.value.kindName)
          continue
        }
        texts.append(TenantSettingText(name: value.name, value: text))
        places["\(section).settings.\(value.name)"] = value.place
      }
    }
    return (texts, entry.settings.filter { $0.name != "settings" })
  }

  /// A value as `SET` would have it.
  private static func text(_ value: RawValue) -> String? {
    switch value {
    case .text(let text), .bare(let text): text
    case .integer(let number): String(number)
    case .float(let number): String(number)
    case .boolean(let isOn): isOn ? "on" : "off"
    case .list, .table, .other: nil
    }
  }
}
