/// One key of an entry in `[databases]`, `[users]` or `[peers]`.
struct EntryDefinition<Root>: Sendable {
  let name: String
  private(set) var aliases: [String] = []
  let field: Field<Root>
  private(set) var standing = SettingDefinition.Standing.acted
  let summary: String

  init(_ name: String, _ field: Field<Root>, _ summary: String) {
    self.name = name
    self.field = field
    self.summary = summary
  }

  func alias(_ name: String) -> EntryDefinition {
    var copy = self
    copy.aliases.append(name)
    return copy
  }

  func accepted(_ reason: String) -> EntryDefinition {
    var copy = self
    copy.standing = .accepted(reason)
    return copy
  }
}
