/// What one tenant has of its own, from `[tenants.NAME]` or from the table of tenants.
public struct TenantOverride: Hashable, Sendable {
  /// Settings in their order, of names that differ.
  public var settings: [NamedTemplate] = []
  public var limits = TenantLimits.Overrides()
  public var database = DatabaseIsolation()

  public init() {}
}

/// A setting and the template of its value.
public struct NamedTemplate: Hashable, Sendable {
  public let name: SettingName
  public let template: SettingTemplate

  public init(_ name: SettingName, _ template: SettingTemplate) {
    self.name = name
    self.template = template
  }
}
