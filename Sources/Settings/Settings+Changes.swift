extension Settings {
  /// Names of the settings that differ from `old` and which only a restart applies.
  public func changesNeedingRestart(from old: Settings) -> [String] {
    SettingDefinition.all
      .filter { !$0.isReloadable && $0.value(in: self) != $0.value(in: old) }
      .map(\.name)
  }

  /// These settings with those that need a restart left as they are in `old`: what a reload puts
  /// into effect.
  public func keepingUnreloadable(of old: Settings) -> Settings {
    var kept = self
    for definition in SettingDefinition.all where !definition.isReloadable {
      definition.field.set(&kept, definition.value(in: old))
      kept.origins[definition.name] = old.origins[definition.name]
    }
    return kept
  }

  /// These settings with one set from text, written as in an ini file; for options of the command
  /// line and the console's `SET`. Throws what is wrong with the name or the value.
  public func setting(
    _ name: String, to text: String, origin: SettingOrigin
  ) throws(SettingRefusal) -> Settings {
    guard let definition = SettingDefinition.named(name) else {
      let names = SettingDefinition.all.map(\.name)
      let hint = Spelling.nearest(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
      throw SettingRefusal(message: "unknown setting \(SettingType.shown(name))\(hint)")
    }
    var changed = self
    do {
      definition.field.set(&changed, try definition.type.read(.bare(text)))
    } catch {
      throw SettingRefusal(message: "\"\(definition.name)\" \(error.message)")
    }
    changed.origins[definition.name] = origin
    return changed
  }
}

/// Why a setting cannot be set.
public struct SettingRefusal: Error, Equatable, CustomStringConvertible {
  /// What is wrong.
  public let message: String
  /// The message.
  public var description: String { message }
}
