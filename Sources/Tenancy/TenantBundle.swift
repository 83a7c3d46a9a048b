import PostgresWire

/// The settings of one client under one tenant, as values and as SQL text.
///
/// All text is printable ASCII, whatever the values have, and none of it can end a literal or a
/// name: see `SQLLiteral` and `SQLIdentifier`. So it means the same in every `client_encoding`, and
/// whatever `standard_conforming_strings` is.
public struct TenantBundle: Hashable, Sendable {
  /// The most settings of a tenant.
  public static let maximumSettings = 32
  /// The longest value in bytes, before it is quoted; of a list, all its elements together.
  public static let maximumValueBytes = 1024
  /// The longest `localText` and `sessionText`, in bytes.
  public static let maximumBytes = 8192

  /// One setting with its value; several values for a list.
  public struct Setting: Hashable, Sendable {
    public let name: SettingName
    public let values: [String]
  }

  /// In the order in which they are set. The role comes last: it may lack the right to set what
  /// stands before it.
  public let settings: [Setting]
  /// The settings for a transaction, each statement with its semicolon; empty without settings.
  public let localText: String
  /// The same as single statements without semicolons.
  public let localStatements: [String]
  /// The settings for the session, where a statement must run outside of a transaction block.
  public let sessionText: String
  /// The statements of `sessionText` without semicolons.
  public let sessionStatements: [String]
  /// Gives the settings of `sessionText` back their defaults, the role first.
  public let resetText: String

  /// How many statements each of the texts has.
  public var statementCount: Int { settings.count }

  /// - Parameter settings: names that differ, with values that fit.
  init(_ unordered: [Setting]) throws(TenantRefusal) {
    guard unordered.count <= Self.maximumSettings else {
      throw .tooManySettings(limit: Self.maximumSettings)
    }
    settings =
      unordered.filter { $0.name.kind != .role } + unordered.filter { $0.name.kind == .role }
    var local: [String] = []
    var session: [String] = []
    var bytes = 0
    for setting in settings {
      let assignment = "\(setting.name.quoted)=\(Self.quoted(setting.values))"
      local.append("SET LOCAL \(assignment)")
      session.append("SET SESSION \(assignment)")
      // The longer of both, with its semicolon.
      bytes += assignment.utf8.count + "SET SESSION ;".utf8.count
      guard bytes <= Self.maximumBytes else {
        throw .settingsTooLong(setting: setting.name.text, limit: Self.maximumBytes)
      }
    }
    localStatements = local
    localText = Self.joined(local)
    sessionStatements = session
    sessionText = Self.joined(session)
    resetText = Self.joined(settings.reversed().map { "RESET \($0.name.quoted)" })
  }

  private static func quoted(_ values: [String]) -> String {
    values.map(SQLLiteral.quote).joined(separator: ",")
  }

  private static func joined(_ statements: [String]) -> String {
    statements.map { "\($0);" }.joined()
  }
}

extension TenantBundle.Setting {
  /// Fills the template in and checks what came of it.
  init(
    _ name: SettingName, _ template: SettingTemplate, _ context: TemplateContext
  ) throws(TenantRefusal) {
    do {
      values = try template.render(context)
    } catch {
      throw .missingValue(setting: name.text, placeholder: error.placeholder.description)
    }
    self.name = name
    let bytes = values.reduce(0) { $0 + $1.utf8.count }
    if bytes > TenantBundle.maximumValueBytes {
      throw unfit("has a value of more than \(TenantBundle.maximumValueBytes) bytes")
    }
    if values.contains(where: { $0.utf8.contains(0) }) {
      throw unfit("would have a NUL character")
    }
    switch name.kind {
    case .plain: break
    case .role: try checkRole()
    case .names:
      for (index, value) in values.enumerated() {
        try checkName(value, isFilled: template.isFilled(index))
      }
    case .words:
      // The server parts it again at its commas.
      if template.isFilled(0), values[0].utf8.contains(where: { ",\"".utf8.contains($0) }) {
        throw unfit("would have a comma or a quote in a name of its list")
      }
    }
  }

  private func unfit(_ reason: String) -> TenantRefusal {
    .unfitValue(setting: name.text, reason: reason)
  }

  private func checkRole() throws(TenantRefusal) {
    // `none` would leave the pool's own role in place.
    if values == [""] || values == ["none"] { throw unfit("would be no role") }
    if values[0].utf8.count > SettingName.maximumBytes {
      throw unfit("would be longer than a name can be")
    }
  }

  /// The server cuts a longer name short, and two tenants could share what is left of theirs.
  private func checkName(_ value: String, isFilled: Bool) throws(TenantRefusal) {
    if value.utf8.count > SettingName.maximumBytes {
      throw unfit("would have a longer name in its list than a name can be")
    }
    guard isFilled else { return }
    if value.isEmpty { throw unfit("would have an empty name in its list") }
    if value == "$user" || value.utf8.starts(with: "pg_".utf8) {
      throw unfit("would have a name in its list that is the system's")
    }
  }
}
