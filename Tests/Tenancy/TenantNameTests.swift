import TestSupport
import Testing

@testable import Tenancy

struct TenantNameTests {
  @Test(arguments: ["a", "acme", "Acme-2", "_x.y", "0", String(repeating: "x", count: 63)])
  func `the standard pattern takes names`(_ text: String) {
    #expect(pattern().name(text)?.text == text)
  }

  @Test(arguments: [
    "", "-a", ".a", "a b", "a'", "a\\", "a\0", "a\n", "a\u{301}", "é", "a;", "{a}",
    String(repeating: "x", count: 64), "a\u{200B}", "a$",
  ])
  func `the standard pattern refuses what is no name`(_ text: String) {
    #expect(pattern().name(text) == nil)
  }

  @Test(arguments: [
    "", "a\0", "\n", "a\u{7F}", "a\u{85}", "a\u{202E}b", "a\u{2028}", "\u{FEFF}", "\u{10FFFF}",
    String(repeating: "é", count: 32),
  ])
  func `no pattern lets characters through that do not print, nor long names`(_ text: String) {
    #expect(pattern("(.|\n)*").name(text) == nil)
    #expect(pattern(".*").name(text) == nil)
  }

  @Test func `two spellings of a character are two names`() {
    #expect("é" == "e\u{301}")
    #expect(name("é") != name("e\u{301}"))
    #expect(Set([name("é"), name("e\u{301}"), name("é")]).count == 2)
  }

  @Test(arguments: [
    ("a|b", "a", true), ("a|b", "ab", false), ("a*", "aaa", true), ("a+", "b", false),
    ("(ab)+", "abab", true), ("(ab)+", "aba", false), ("a{2}", "aa", true), ("a{2}", "aaa", false),
    ("a{2,}", "aaaa", true), ("a{2,3}", "aaaa", false), ("a?b", "b", true), ("[^a]", "b", true),
    ("[^a]", "a", false), (#"\d+"#, "123", true), (#"\w+"#, "a_1", true), (#"a\.b"#, "axb", false),
    (#"[\w.-]+"#, "a.b-c", true), ("(?:a|bc){2}", "bca", true), ("^a|b$", "b", true),
    ("(a*)*", "aaa", true), ("(a*)*", "b", false), ("[a-]", "-", true), (".", "é", true),
    (".", "e\u{301}", false), ("é", "e\u{301}", false), ("t_[0-9a-f]{8}", "t_00ff00ff", true),
    ("(|a)b", "b", true), (#"[\]x]+"#, "x]", true), ("a{0}b", "b", true), ("(a|b|c)d", "cd", true),
    ("[A-Z]", "a", false), ("x(a?){3}", "xaaa", true), ("x(a?){3}", "xaaaa", false),
  ])
  func `patterns mean what regular expressions mean`(
    _ text: String, _ candidate: String, _ matches: Bool
  ) {
    #expect((pattern(text).name(candidate) != nil) == matches)
  }

  @Test(arguments: [
    "", "(", ")", "a)", "[", "[]", "[a", "*", "a**", "a*?", "a++", "a{", "a{}", "a{x}", "a{3,2}",
    "a{64}", "a{99999999999999999999}", "\\", "a\\", #"\b"#, #"\1"#, "[z-a]", "[[:alpha:]]",
    "(?=a)", "(?<x>a)", "(?", "a^b", "a$b", "}", "]", String(repeating: "a", count: 257),
    "((((.{0,60}){0,60}){0,60}){0,60}){0,60}", String(repeating: "(", count: 40), #"[\d-z]"#,
  ])
  func `what is no pattern is refused`(_ text: String) {
    #expect(throws: TenancyProblem.self) { try TenantPattern(text) }
  }

  @Test func `a problem tells its place`() {
    #expect(throws: TenancyProblem("has a range in `[]` that does not go upwards, at character 6"))
    {
      try TenantPattern("a[z-a]")
    }
  }

  @Test(arguments: ["(a+)+b", "(a|a)*b", "(a*)*b", "(.*)*(.*)*x", "((a?){30}){2}b"])
  func `a pattern on which others would run for ever answers at once`(_ text: String) {
    let clock = ContinuousClock()
    let pattern = pattern(text)
    let time = clock.measure {
      for _ in 0..<20 { #expect(pattern.name(String(repeating: "a", count: 63)) == nil) }
    }
    #expect(time < .seconds(10))
  }

  @Test func `counts of nothing end`() throws {
    let text = String(repeating: "(", count: 15) + String(repeating: "){63}", count: 15) + "a"
    #expect(try TenantPattern(text).name("a") != nil)
  }

  @Test func `patterns answer to anything`() {
    var generator = SeededGenerator(seed: 7)
    let fragments = [
      "a", "b", "(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "\\", "d", "-", "^", "$", ".",
      "1", ",", "é", "(?:",
    ]
    for _ in 0..<5000 {
      let length = Int.random(in: 0..<14, using: &generator)
      let text = (0..<length).map { _ in fragments.randomElement(using: &generator)! }.joined()
      if let pattern = try? TenantPattern(text) { _ = pattern.name("ab1") }
    }
  }
}

struct TenantGlobTests {
  @Test(arguments: [
    ("acme", "acme", true), ("acme", "acme2", false), ("b*", "b", true), ("b*", "bob", true),
    ("b*", "ab", false), ("*", "x", true), ("a?c", "abc", true), ("a?c", "ac", false),
    ("*b*", "abc", true), ("*a*b", "xaxbxb", true), ("*a*b", "xaxbx", false), ("?", "é", true),
    ("?", "e\u{301}", false), ("é", "e\u{301}", false), ("A*", "abc", false), ("a**", "a", true),
    ("[a]", "a", false), ("a.c", "abc", false), ("?*", "x", true), ("", "", true),
  ])
  func `globs match whole names`(_ glob: String, _ text: String, _ matches: Bool) throws {
    guard let name = TenantName(wellFormed: text), !glob.isEmpty else {
      #expect(throws: TenancyProblem.self) { try TenantGlob(glob) }
      return
    }
    #expect(try TenantGlob(glob).matches(name) == matches)
  }

  @Test func `many stars answer at once`() throws {
    let glob = try TenantGlob(String(repeating: "a*", count: 60) + "b")
    let time = try ContinuousClock().measure {
      for _ in 0..<100 { #expect(!glob.matches(name(String(repeating: "a", count: 63)))) }
      _ = try TenantGlob("x")
    }
    #expect(time < .seconds(5))
  }
}

struct TenantSourceTests {
  @Test(arguments: [
    ("claim:tenant_id", TenantSource.claim("tenant_id")),
    ("claim:https://a.b/t", .claim("https://a.b/t")), ("certificate", .certificate),
    ("auth_query", .authQuery(column: "tenant")), ("auth_query:t", .authQuery(column: "t")),
    ("user", .user), ("user_suffix", .userSuffix), ("database_suffix", .databaseSuffix),
    ("sni", .sni), ("startup:App.Tenant_id", .startup("app.tenant_id")), ("set", .set),
  ])
  func `sources are read`(_ text: String, _ source: TenantSource) throws {
    #expect(try TenantSource(text) == source)
    #expect(try TenantSource(source.description) == source)
  }

  @Test(arguments: [
    "", "claim", "claim:", "startup", "startup:", "set:x", "user:x", "sni:", "User", "other",
    "claim:a b", "claim:a\0", "startup:é", "startup:user", "startup:OPTIONS", "startup:_pq_.x",
    "startup:database", "startup:replication", "claim:" + String(repeating: "x", count: 129),
  ])
  func `what is no source is refused`(_ text: String) {
    #expect(throws: TenancyProblem.self) { try TenantSource(text) }
  }

  @Test func `what this version cannot do says what is missing`() throws {
    for text in ["claim:x", "certificate", "auth_query", "sni"] {
      #expect(try !TenantSource(text).isAvailable)
    }
    for text in ["user", "user_suffix", "database_suffix", "startup:x", "set"] {
      #expect(try TenantSource(text).isAvailable)
    }
  }
}
