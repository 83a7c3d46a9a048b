import TestSupport
import Testing

@testable import Tenancy

struct SettingTemplateTests {
  private func render(_ text: String, isList: Bool = false) throws -> [String] {
    let template = try SettingTemplate(text, isList: isList)
    return try template.render(context(claims: ["org": "x,y"], token: "tok"))
  }

  @Test(arguments: [
    ("", [""]), ("plain", ["plain"]), ("{tenant}", ["acme"]), ("t_{tenant}_x", ["t_acme_x"]),
    ("{user}/{database}/{client_addr}", ["app/shop/10.0.0.9"]), ("{{{tenant}}}", ["{acme}"]),
    ("{{tenant}}", ["{tenant}"]), ("{claim:org}", ["x,y"]), ("{token}", ["tok"]),
    ("a, b", ["a, b"]),
  ])
  func `placeholders are filled in`(_ text: String, _ values: [String]) throws {
    #expect(try render(text) == values)
  }

  @Test(arguments: [
    ("public", ["public"]), ("tenant_{tenant}, public", ["tenant_acme", "public"]), ("", [""]),
    ("{tenant},{claim:org}", ["acme", "x,y"]), (#""$user", public"#, ["$user", "public"]),
    (#""a, ""b""",c"#, [#"a, "b""#, "c"]), (#""{tenant} x""#, ["acme x"]), (" a , b ", ["a", "b"]),
    (#""""#, [""]), ("Foo", ["Foo"]), ("{tenant} ,b", ["acme", "b"]),
  ])
  func `a list is parted at the commas of its template`(
    _ text: String, _ values: [String]
  ) throws {
    #expect(try render(text, isList: true) == values)
  }

  @Test(arguments: [
    "{", "}", "{x", "x}", "{}", "{Tenant}", "{ tenant }", "{claim}", "{claim:}", "{other}", "a{{{",
    "\0", "{tenant", "{claim:a{b}}",
  ])
  func `what is no template is refused`(_ text: String) {
    #expect(throws: TenancyProblem.self) { try SettingTemplate(text) }
  }

  @Test(arguments: ["a,", ",a", "a,,b", "a\"b\"", "'a'", "\"a", "\"a\" b", ",", "\"a\"\"", "a, "])
  func `what is no list is refused`(_ text: String) {
    #expect(throws: TenancyProblem.self) { try SettingTemplate(text, isList: true) }
  }

  @Test func `a problem tells its place`() {
    #expect(throws: TenancyProblem("has a `}` without its `{`; write `}}` for one, at character 3"))
    { try SettingTemplate("ab}") }
  }

  @Test func `what is not there is named`() throws {
    let template = try SettingTemplate("{tenant}{claim:missing}")
    let missing = #expect(throws: SettingTemplate.MissingValue.self) {
      try template.render(context())
    }
    #expect(missing?.placeholder == .claim("missing"))
    #expect(throws: SettingTemplate.MissingValue.self) {
      try SettingTemplate("{token}").render(context())
    }
  }

  @Test func `what is filled in is never read again`() throws {
    for text in hostileTexts {
      let values = try SettingTemplate("{user}, x", isList: true).render(context(user: text))
      #expect(values == [text, "x"])
    }
    let literal = try SettingTemplate(literal: "{tenant}", for: SettingName("app.x"))
    #expect(literal.placeholders == [])
    #expect(try literal.render(context()) == ["{tenant}"])
  }

  @Test func `templates answer to anything`() {
    var generator = SeededGenerator(seed: 3)
    let fragments = ["{", "}", "tenant", "claim:", "\"", "'", ",", " ", "é", "\u{301}", "x", "\0"]
    for _ in 0..<5000 {
      let length = Int.random(in: 0..<12, using: &generator)
      let text = (0..<length).map { _ in fragments.randomElement(using: &generator)! }.joined()
      for isList in [false, true] {
        let template = try? SettingTemplate(text, isList: isList)
        _ = try? template?.render(context())
      }
    }
  }

  @Test(arguments: [
    ("app.tenant_id", SettingName.Kind.plain), ("Search_Path", .names), ("role", .role),
    ("plpgsql.extra_warnings", .words), ("_a$1", .plain), ("temp_tablespaces", .names),
  ])
  func `names of settings are known`(_ text: String, _ kind: SettingName.Kind) throws {
    #expect(try SettingName(text).kind == kind)
    #expect(try SettingName(text) == SettingName(text.uppercased()))
  }

  @Test(arguments: [
    "", ".", "a.", ".a", "a.b.c", "1a", "a b", "a-b", "é", "a\0", "a'", "a\"", "a;b", "$a", "a.1",
    String(repeating: "x", count: 64), "a=b", "@a", "[", "a\u{301}", "`", "{a", "[a",
    "client_encoding", "Standard_Conforming_Strings", "DateStyle", "timezone", "IntervalStyle",
    "application_name", "session_authorization", "is_superuser", "transaction_isolation",
    "transaction_read_only", "transaction_deferrable", "default_transaction_read_only",
    "server_version", "seed",
  ])
  func `what is no tenant's setting is refused`(_ text: String) {
    #expect(throws: TenancyProblem.self) { try SettingName(text) }
  }
}
