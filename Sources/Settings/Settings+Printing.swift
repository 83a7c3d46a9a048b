extension Settings {
  /// The configuration in effect as a native configuration file, for `--print-config`: every
  /// setting with where it came from. It loads again to the same settings, but for secrets, which
  /// stand as masked comments.
  public func printable() -> String {
    var lines = ["# The configuration in effect. Secrets are not shown."]
    for group in SettingDefinition.groups {
      lines += ["", "# \(group.title)"]
      for definition in group.definitions {
        lines.append(
          Toml.line(
            definition.name, definition.value(in: self), definition.type,
            origin(of: definition.name)))
      }
    }
    let entries =
      databases.values.sorted { $0.name < $1.name } + (fallbackDatabase.map { [$0] } ?? [])
    for database in entries {
      lines += header("databases", database.name)
      lines += Self.lines(of: database, DatabaseSettings.definitions)
    }
    // Users who are only in the user list need no entry: `auth_file` is printed, and read again.
    for (name, user) in users.sorted(by: { $0.key < $1.key }) {
      lines += header("users", name)
      lines += Self.lines(of: user, UserSettings.definitions)
      if secrets[name] != nil { lines.append("# password = \"\(Secret.mask)\"") }
    }
    for peer in peers.values.sorted(by: { $0.id < $1.id }) {
      lines += header("peers", String(peer.id))
      lines += Self.lines(of: peer, PeerSettings.definitions)
    }
    lines += tenancyLines()
    return lines.joined(separator: "\n") + "\n"
  }

  private func tenancyLines() -> [String] {
    var lines: [String] = []
    if tenancy != TenancySettings() {
      let origin = Toml.comment(origin(of: "tenancy").description)
      lines += ["", "[tenancy]  # \(origin)"]
      lines += Self.lines(of: tenancy, TenancySettings.definitions)
      lines += Self.lines(of: tenancy.settings, "tenancy")
    }
    for tenant in tenants {
      lines += header("tenants", tenant.name)
      lines += Self.lines(of: tenant, TenantSettings.definitions)
      lines += Self.lines(of: tenant.settings, "tenants.\(Toml.key(tenant.name))")
    }
    return lines
  }

  private static func lines(of settings: [TenantSettingText], _ section: String) -> [String] {
    if settings.isEmpty { return [] }
    return ["", "[\(section).settings]"]
      + settings.map { "\(Toml.key($0.name)) = \(Toml.string($0.value))" }
  }

  private func header(_ section: String, _ name: String) -> [String] {
    let origin = Toml.comment(origin(of: "\(section).\(name)").description)
    return ["", "[\(section).\(Toml.key(name))]  # \(origin)"]
  }

  private static func lines<Root>(
    of root: Root, _ definitions: [EntryDefinition<Root>]
  ) -> [String] {
    definitions.compactMap { definition in
      guard let value = definition.field.get(root),
        value != .list([]) || definition.field.isOptional
      else { return nil }
      return Toml.line(definition.name, value, definition.field.type, nil)
    }
  }
}

extension SettingDefinition {
  /// Its value as an ini file and `SHOW CONFIG` write it.
  public func text(in settings: Settings) -> String { text(value(in: settings)) }

  /// Its default in a format as an ini file and `SHOW CONFIG` write it.
  public func defaultText(in format: SettingsFormat) -> String { text(defaultValue(in: format)) }

  private func text(_ value: SettingValue) -> String {
    switch value {
    case .text(let text): return text
    case .list(let list): return list.joined(separator: ",")
    case .flag(let isOn): return isOn ? "1" : "0"
    case .integer(let number) where type == .fileMode: return "0" + String(number, radix: 8)
    case .integer(let number): return String(number)
    case .duration(let duration):
      return Toml.number(type == .milliseconds ? duration * 1000 : duration)
    case .secret(let secret): return secret.text.isEmpty ? "" : Secret.mask
    }
  }
}
