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

/// Texts that try to be more than a value.
let hostileTexts = [
  "", "'", "''", "\\", "\\'", "\\\\'; DROP TABLE t; --", "x'; RESET ROLE; --", "\n", "\r\n;", "\t",
  "\u{1}", "\u{7F}", "\u{FEFF}", "é", "e\u{301}", "漢字", "𝕏", "\u{10FFFF}", "\u{202E}evil",
  "$$", "$1", "\"", "\"; --", "/*", "*/", "--", "E'", "U&'", ";", ";;", "{tenant}", "}}",
  "\u{AA55}\u{5C}", "表'", "ソ\\'", "a,b", "a\",\"b", "\u{A0}", "\u{2028}",
]
