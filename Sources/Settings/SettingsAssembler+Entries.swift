// The entries of [databases], [users] and [peers], and what they have in common with others.
extension SettingsAssembler {
  mutating func applyDatabase(_ entry: RawEntry) {
    guard checkName(entry, "database") else { return }
    if entry.name == Self.consoleDatabase {
      fail(entry.place, "\"\(entry.name)\" is the console's name and cannot be a database's")
      return
    }
    var database = DatabaseSettings(name: entry.name)
    apply(entry.settings, to: &database, DatabaseSettings.definitions, "databases")
    settings.origins["databases.\(entry.name)"] = .file(entry.place.file, line: entry.place.line)
    if entry.name == "*" {
      settings.fallbackDatabase = database
    } else {
      settings.databases[entry.name] = database
    }
  }

  mutating func applyUser(_ entry: RawEntry, _ passwords: inout [String: Secret]) {
    guard checkName(entry, "user") else { return }
    var user = UserSettings(name: entry.name)
    var others = entry.settings
    if settings.format == .native {
      for setting in entry.settings where setting.name == "password" {
        passwords[entry.name] = secret(setting)
      }
      others.removeAll { $0.name == "password" }
    }
    apply(others, to: &user, UserSettings.definitions, "users", entry.name)
    settings.users[entry.name] = user
    settings.origins["users.\(entry.name)"] = .file(entry.place.file, line: entry.place.line)
  }

  mutating func applyPeer(_ entry: RawEntry) {
    guard let id = Int(entry.name), (1...PeerSettings.maximumId).contains(id) else {
      fail(entry.place, "a peer's name is its peer_id, 1 to \(PeerSettings.maximumId)")
      return
    }
    var peer = PeerSettings(id: id)
    apply(entry.settings, to: &peer, PeerSettings.definitions, "peers")
    settings.peers[id] = peer
    settings.origins["peers.\(id)"] = .file(entry.place.file, line: entry.place.line)
  }

  mutating func checkName(_ entry: RawEntry, _ kind: String) -> Bool {
    if (1...Self.maximumNameBytes).contains(entry.name.utf8.count) { return true }
    fail(entry.place, "a \(kind)'s name has 1 to \(Self.maximumNameBytes) bytes")
    return false
  }

  /// - Parameter name: the entry's name, where the places of its keys are asked for later.
  mutating func apply<Root>(
    _ entries: [RawSetting], to root: inout Root, _ definitions: [EntryDefinition<Root>],
    _ section: String, _ name: String? = nil
  ) {
    var hasPassword = false
    for entry in entries {
      let found = definitions.first { $0.name == entry.name || $0.aliases.contains(entry.name) }
      guard let definition = found else {
        // Behind a password, the name may be the rest of one that should have had quotes.
        let known = definitions.flatMap { [$0.name] + $0.aliases }
        let hint = Spelling.nearest(to: entry.name, among: known)
        let shown = hasPassword && hint == nil ? "a parameter" : SettingType.shown(entry.name)
        fail(
          entry.place,
          "[\(section)] does not have \(shown)"
            + (hint.map { "; did you mean \"\($0)\"?" } ?? ""))
        continue
      }
      hasPassword = hasPassword || definition.field.type == .secret
      apply(entry, to: &root, definition)
      if let name { places["\(section).\(name).\(definition.name)"] = entry.place }
    }
  }

  private mutating func apply<Root>(
    _ entry: RawSetting, to root: inout Root, _ definition: EntryDefinition<Root>
  ) {
    if definition.field.type == .secret {
      guard let secret = secret(entry) else { return }
      return definition.field.set(&root, .secret(secret))
    }
    if definition.field.isOptional, entry.value == .bare("-1") || entry.value == .integer(-1) {
      return definition.field.set(&root, nil)
    }
    do {
      let value = try definition.field.type.read(entry.value)
      // An empty text is no text: `dbname=` leaves the name as it is.
      let isUnset = definition.field.isOptional && value == .text("")
      definition.field.set(&root, isUnset ? nil : value)
    } catch {
      fail(entry.place, "\"\(entry.name)\" \(error.message)")
      return
    }
    if case .accepted(let reason) = definition.standing {
      warn(entry.place, "\"\(entry.name)\" is accepted, but has no effect: \(reason)")
    }
  }

  /// A secret as text, from the environment, or from a file.
  mutating func secret(_ setting: RawSetting) -> Secret? {
    switch setting.value {
    case .bare(let text), .text(let text): return bounded(Secret(text), setting)
    case .table(let parts):
      guard parts.count == 1, let part = parts.first, case .text(let name) = part.value else {
        break
      }
      if part.name == "env" {
        if let text = environment[name] { return bounded(Secret(text), setting) }
        fail(setting.place, "the environment does not have \(SettingType.shown(name))")
        return nil
      }
      if part.name == "file" { return secretFile(name, setting) }
    default: break
    }
    fail(
      setting.place,
      #""\#(setting.name)" takes "text", { env = "VARIABLE" } or { file = "path" }"#)
    return nil
  }

  private mutating func secretFile(_ path: String, _ setting: RawSetting) -> Secret? {
    do {
      let content = try TextFile.read(path, limit: Secret.maximumBytes + 2)
      var bytes = content.bytes[...]
      if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
      guard let text = TextFile.text(bytes) else {
        fail(setting.place, "\"\(path)\" is not UTF-8 text")
        return nil
      }
      if content.isReadableByOthers {
        warn(setting.place, "\"\(path)\" has a secret and is readable by others; `chmod 600` it")
      }
      return bounded(Secret(text), setting)
    } catch {
      fail(setting.place, "\"\(path)\" \(error.message)")
      return nil
    }
  }

  private mutating func bounded(_ secret: Secret, _ setting: RawSetting) -> Secret? {
    if secret.text.utf8.count <= Secret.maximumBytes { return secret }
    fail(setting.place, "\"\(setting.name)\" is longer than \(Secret.maximumBytes) bytes")
    return nil
  }
}
