/// Makes settings of what a reader found: checks every value against its definition, and collects
/// all that is wrong instead of the first.
struct SettingsAssembler {
  /// The longest name of a database or a user, in bytes.
  static let maximumNameBytes = 127
  /// The name of the console's database.
  static let consoleDatabase = "pgbouncer"

  var settings: Settings
  private(set) var diagnostics: [Diagnostic] = []
  var places: [String: SourcePlace] = [:]
  let file: String
  let environment: [String: String]

  init(format: SettingsFormat, file: String, environment: [String: String]) {
    settings = Settings(defaultsOf: format)
    self.file = file
    self.environment = environment
  }

  /// Takes everything in.
  mutating func assemble(_ raw: RawConfiguration) {
    diagnostics += raw.diagnostics
    for setting in raw.settings { apply(setting) }
    warnAboutSettings()
    for entry in raw.databases { applyDatabase(entry) }
    var passwords: [String: Secret] = [:]
    for entry in raw.users { applyUser(entry, &passwords) }
    for entry in raw.peers { applyPeer(entry) }
    if let peer = raw.peers.first {
      warn(peer.place, "[peers] is accepted, but cancel requests are not forwarded to peers yet")
    }
    if let entry = raw.tenancy { applyTenancy(entry) }
    for entry in raw.tenants { applyTenant(entry) }
    loadUserList()
    settings.secrets.merge(passwords) { _, own in own }
    makeTenancyRules(raw)
    checkTogether()
  }

  private mutating func apply(_ setting: RawSetting) {
    guard let definition = SettingDefinition.named(setting.name) else {
      fail(setting.place, unknownSetting(setting.name))
      return
    }
    do {
      let value: SettingValue
      if definition.type == .secret {
        guard let secret = secret(setting) else { return }
        value = .secret(secret)
      } else {
        value = try definition.type.read(setting.value)
      }
      try Self.checkText(value)
      definition.field.set(&settings, value)
      settings.origins[definition.name] = .file(setting.place.file, line: setting.place.line)
      places[definition.name] = setting.place
    } catch {
      fail(setting.place, "\"\(setting.name)\" \(error.message)")
    }
  }

  private func unknownSetting(_ name: String) -> String {
    let names = SettingDefinition.all.flatMap { [$0.name] + $0.aliases }
    let shown = "unknown setting \(SettingType.shown(name))"
    if let meant = Spelling.nearest(to: name, among: names) {
      return "\(shown); did you mean \"\(meant)\"?"
    }
    var sections: [String] = []
    if DatabaseSettings.definitions.contains(where: { $0.name == name }) {
      sections.append("[databases]")
    }
    if UserSettings.definitions.contains(where: { $0.name == name }) { sections.append("[users]") }
    if sections.isEmpty { return shown }
    return "\(shown); it belongs to an entry of \(sections.joined(separator: " or "))"
  }

  /// One warning for each setting that has no effect here, at the line that counts.
  private mutating func warnAboutSettings() {
    for definition in SettingDefinition.all {
      let value = definition.value(in: settings)
      guard let place = places[definition.name],
        value != definition.defaultValue(in: settings.format)
      else { continue }
      if case .accepted(let reason) = definition.standing {
        warn(place, "\"\(definition.name)\" is accepted, but has no effect: \(reason)")
      }
      if case .choice(let choices) = definition.type,
        let choice = choices.first(where: { .text($0.name) == value }),
        case .warned(let reason) = choice.standing
      {
        warn(place, "\"\(definition.name)\" is \"\(choice.name)\", but \(reason)")
      }
    }
  }

  mutating func fail(_ place: SourcePlace, _ message: String) {
    diagnostics.append(.error(place, message))
  }

  mutating func warn(_ place: SourcePlace, _ message: String) {
    diagnostics.append(.warning(place, message))
  }

  /// PostgreSQL takes no NUL in any text.
  private static func checkText(_ value: SettingValue) throws(ValueProblem) {
    let texts: [String]
    switch value {
    case .text(let text): texts = [text]
    case .secret(let secret): texts = [secret.text]
    case .list(let list): texts = list
    case .flag, .integer, .duration: texts = []
    }
    if texts.contains(where: { $0.utf8.contains(0) }) {
      throw ValueProblem(message: "cannot have a NUL character")
    }
  }

  private mutating func loadUserList() {
    let file = settings.authFile
    guard !file.isEmpty, let place = places["auth_file"] else { return }
    do {
      let content = try TextFile.read(file)
      let list = UserList.parse(content.bytes, file: file)
      settings.secrets = list.secrets
      diagnostics += list.diagnostics
      if content.isReadableByOthers {
        warn(place, "\"\(file)\" has secrets and is readable by others; `chmod 600` it")
      }
    } catch {
      fail(place, "\"auth_file\": \"\(file)\" \(error.message)")
    }
  }

  /// What is wrong only together.
  private mutating func checkTogether() {
    if settings.listenAddr.isEmpty, settings.unixSocketDir.isEmpty {
      let place = places["unix_socket_dir"] ?? places["listen_addr"]
      let message = "\"listen_addr\" and \"unix_socket_dir\" are both empty: nobody could connect"
      fail(place ?? SourcePlace(file: file, line: nil), message)
    }
    checkMetrics()
  }
}
