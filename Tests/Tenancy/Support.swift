@testable import Tenancy

func pattern(_ text: String = TenantPattern.standardText) -> TenantPattern {
  do { return try TenantPattern(text) } catch { fatalError(error.message) }
}

func name(_ text: String) -> TenantName {
  guard let name = TenantName(wellFormed: text) else { fatalError("no name: \(text)") }
  return name
}

func glob(_ text: String) -> TenantGlob {
  do { return try TenantGlob(text) } catch { fatalError(error.message) }
}

func named(_ name: String, _ template: String) throws -> NamedTemplate {
  let name = try SettingName(name)
  return NamedTemplate(name, try SettingTemplate(template, for: name))
}

func context(
  _ tenant: String = "acme", user: String = "app", claims: [String: String] = [:],
  token: String? = nil
) -> TemplateContext {
  TemplateContext(
    tenant: name(tenant), user: user, database: "shop", clientAddress: "10.0.0.9",
    claims: claims, token: token)
}

/// Splitmix64: the same numbers for the same seed, on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Texts that try to be more than a value.
let hostileTexts = [
  "", "'", "''", "\\", "\\'", "\\\\'; DROP TABLE t; --", "x'; RESET ROLE; --", "\n", "\r\n;", "\t",
  "\u{1}", "\u{7F}", "\u{FEFF}", "é", "e\u{301}", "漢字", "𝕏", "\u{10FFFF}", "\u{202E}evil",
  "$$", "$1", "\"", "\"; --", "/*", "*/", "--", "E'", "U&'", ";", ";;", "{tenant}", "}}",
  "\u{AA55}\u{5C}", "表'", "ソ\\'", "a,b", "a\",\"b", "\u{A0}", "\u{2028}",
]
