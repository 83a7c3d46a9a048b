import Glibc
import Testing

@testable import Settings

/// The tables in docs/ follow the definitions. With `UPDATE_DOCS=1` in the environment this writes
/// them anew instead of failing.
@Suite(.serialized)
struct DocumentationTests {
  @Test func `docs/configuration.md has every setting as it is`() throws {
    var lines: [String] = []
    for group in SettingDefinition.groups {
      lines += [
        "### \(group.title)", "",
        "| setting | type | default | default in pgbouncer.ini | reload | meaning |",
        "|---|---|---|---|---|---|",
      ]
      for definition in group.definitions {
        let columns = [
          Self.names(definition.name, definition.aliases), definition.type.name,
          Self.code(definition.defaultText(in: .native)),
          Self.code(definition.defaultText(in: .pgbouncer)),
          definition.isReloadable ? "yes" : "no", definition.summary,
        ]
        lines.append("| \(columns.joined(separator: " | ")) |")
      }
      lines.append("")
    }
    try check("docs/configuration.md", "settings", lines)
  }

  @Test func `docs/configuration.md has every key of the entries`() throws {
    try check("docs/configuration.md", "databases", Self.table(DatabaseSettings.definitions))
    try check("docs/configuration.md", "users", Self.table(UserSettings.definitions))
    try check("docs/configuration.md", "peers", Self.table(PeerSettings.definitions))
    try check("docs/configuration.md", "tenancy", Self.table(TenancySettings.definitions))
    try check("docs/configuration.md", "tenants", Self.table(TenantSettings.definitions))
  }

  @Test func `docs/compatibility.md tells what is acted on, accepted and refused`() throws {
    let acted = SettingDefinition.all.filter { $0.standing == .acted }.map { "`\($0.name)`" }
    try check("docs/compatibility.md", "acted", Self.wrapped(acted))
    var accepted = ["| setting | why it has no effect |", "|---|---|"]
    var refused = ["| setting | value | why |", "|---|---|---|"]
    for definition in SettingDefinition.all {
      if case .accepted(let reason) = definition.standing {
        accepted.append("| `\(definition.name)` | \(reason) |")
      }
      guard case .choice(let choices) = definition.type else { continue }
      for choice in choices {
        switch choice.standing {
        case .done: break
        case .warned(let reason):
          accepted.append("| `\(definition.name) = \(choice.name)` | \(reason) |")
        case .refused(let reason):
          refused.append("| `\(definition.name)` | `\(choice.name)` | \(reason) |")
        }
      }
    }
    for definition in DatabaseSettings.definitions {
      if case .accepted(let reason) = definition.standing {
        accepted.append("| `\(definition.name)` of a database | \(reason) |")
      }
    }
    try check("docs/compatibility.md", "accepted", accepted)
    try check("docs/compatibility.md", "refused", refused)
  }

  @Test(arguments: ["config/sluice.toml", "config/pgbouncer.ini"])
  func `the examples load without diagnostics`(_ name: String) {
    let result = SettingsLoader.load(
      path: "\(projectFolder)/\(name)", environment: ["APP_DB_PASSWORD": "x"])
    #expect(result.texts == [])
    #expect(result.settings != nil)
  }

  private static func table<Root>(_ definitions: [EntryDefinition<Root>]) -> [String] {
    ["| key | type | meaning |", "|---|---|---|"]
      + definitions.map { definition in
        let name = names(definition.name, definition.aliases)
        return "| \(name) | \(definition.field.type.name) | \(definition.summary) |"
      }
  }

  private static func names(_ name: String, _ aliases: [String]) -> String {
    aliases.isEmpty ? "`\(name)`" : "`\(name)`, `\(aliases.joined(separator: "`, `"))`"
  }

  private static func code(_ text: String) -> String { text.isEmpty ? "" : "`\(text)`" }

  private static func wrapped(_ words: [String]) -> [String] {
    var lines = [""]
    for (index, word) in words.enumerated() {
      let word = index == words.count - 1 ? "\(word)." : "\(word),"
      if lines[lines.count - 1].utf8.count + word.utf8.count > 98 { lines.append("") }
      lines[lines.count - 1] += lines[lines.count - 1].isEmpty ? word : " \(word)"
    }
    return lines
  }

  /// Compares the lines between `<!-- begin NAME -->` and `<!-- end NAME -->`.
  private func check(_ file: String, _ name: String, _ wanted: [String]) throws {
    let path = "\(projectFolder)/\(file)"
    let text = String(decoding: try TextFile.read(path).bytes, as: UTF8.self)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let begin = try #require(lines.firstIndex(of: "<!-- begin \(name) -->"))
    let end = try #require(lines.firstIndex(of: "<!-- end \(name) -->"))
    let trimmed = Array(wanted.reversed().drop { $0.isEmpty }.reversed())
    if getenv("UPDATE_DOCS") != nil {
      lines.replaceSubrange(begin + 1..<end, with: trimmed)
      let stream = try #require(fopen(path, "w"))
      fputs(lines.joined(separator: "\n"), stream)
      fclose(stream)
    } else {
      #expect(Array(lines[(begin + 1)..<end]) == trimmed, "UPDATE_DOCS=1 writes the table anew")
    }
  }
}
