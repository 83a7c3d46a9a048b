import Pooling
import Testing

/// Which settings a text names, and where: session, transaction, or a function, a role, a database.
@Suite struct SQLGuardTests {
  private func names(_ analysis: SQLAnalysis, at place: SQLCases.Guarded.Place) -> [String] {
    switch place {
    case .session: analysis.settingNames
    case .transaction: analysis.localNames
    case .attached: analysis.attachedNames
    }
  }

  @Test(arguments: SQLCases.guarded)
  func `a text names its settings where they belong`(_ sample: SQLCases.Guarded) {
    let analysis = analysed(sample.text)
    #expect(names(analysis, at: sample.place) == sample.names)
    if sample.place != .session { #expect(analysis.settingNames == []) }
    if sample.place != .transaction { #expect(analysis.localNames == []) }
    if sample.place != .attached { #expect(analysis.attachedNames == []) }
  }

  @Test(arguments: SQLCases.guarded)
  func `a text that names a setting is not plain`(_ sample: SQLCases.Guarded) {
    if !sample.names.isEmpty { #expect(!isPlain(Array(sample.text.utf8))) }
  }

  @Test(arguments: SQLCases.guarded)
  func `comments, space and empty statements hide no name`(_ sample: SQLCases.Guarded) {
    let fronts = [
      " \t\r\n\u{0b}", ";; ;", "-- x\n", "--\r", "/* /* ' */ ; */", "/**/", "SELECT 1;",
      "SELECT ';';", "SELECT $$;$$ ; ", "SELECT $a$'$a$;", "SELECT \"'\";", "BEGIN; ",
    ]
    for front in fronts {
      for end in ["", ";", " ;; -- '", "\n/* ; */ ", "; SELECT 1", "; COMMIT AND CHAIN"] {
        // Behind a comment that goes to the line's end, there is no statement to be added.
        let analysis = analysed(front + sample.text + end)
        #expect(names(analysis, at: sample.place) == sample.names, "\(front)…\(end)")
        if !sample.names.isEmpty {
          #expect(!isPlain(Array((front + sample.text + end).utf8)), "\(front)…\(end)")
        }
      }
    }
  }

  /// What nobody can name is told too, and pins the client only where the session keeps it.
  @Test(arguments: [
    ("SELECT set_config($1, $2, true)", true), ("SELECT set_config($1, $2, false)", false),
    ("SELECT set_config($1, $2, $3)", false), ("SELECT set_config('a' || 'b', 'x', true)", true),
    ("SELECT set_config(n, v, true) FROM t", true), ("SET LOCAL é.b = 1", true),
    ("SELECT set_config((SELECT n FROM t LIMIT 1), v, true) FROM u", true),
    ("SELECT set_config(a[1, 2], 'true, true)', true)", true),
    ("SELECT set_config(a, set_config(b, c, true), false)", false),
    ("SELECT set_config(E'app.tenant\\x5fid', 'x', true)", true),
    ("SELECT set_config(U&'app.tenant\\005fid', 'x', true)", true),
    ("SELECT set_config('app.'\n'tenant_id', 'x', true)", true),
    ("SELECT set_config(VARIADIC a, true)", false), ("SELECT set_config(x => a, b, true)", true),
    ("SELECT set_config($1, $2, NOT true)", false), ("SELECT set_config($1, $2, true", false),
    ("UPDATE pg_settings SET setting = 'x' WHERE name = 'a'", false),
    ("SELECT set_config($1", false), ("SELECT pg_catalog.set_config", false),
    ("CREATE VIEW v AS SELECT * FROM pg_settings", true),
    ("CREATE SCHEMA s CREATE TABLE t (a int, b int) CREATE VIEW v AS TABLE pg_settings", true),
    ("create or replace recursive view v (a) as table pg_catalog.\"pg_settings\"", true),
    ("SELECT set_config(ALL 'a.b', 'x', true)", true),
    ("ALTER ROLE r SET é.b = 1", true), ("ALTER FUNCTION f() SET foo", true),
    ("ALTER ROLE r SET a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = 1", true),
  ])
  func `a setting that can't be named is told`(_ text: String, _ isLocal: Bool) {
    let effects = analysed(text).effects
    #expect(effects.contains(isLocal ? .unknownLocalSettings : .unknownSettings))
    if isLocal { #expect(!effects.contains(.unknownSettings)) }
    #expect(!isPlain(Array(text.utf8)))
  }

  @Test(arguments: [
    "SET U&\"\\0061pp.x\" = 1", "SET LOCAL U&\"a\".b = 1", "RESET u&\"a\".b",
    "ALTER ROLE r SET U&\"a\".b = 1", "SELECT U&\"set!005fconfig\" UESCAPE '!' ('a', 'b', true)",
  ])
  func `a name written as numbers is unknown`(_ text: String) {
    #expect(analysed(text).effects.contains(.unknownSettings))
  }

  @Test func `names beyond the limit count as unknown settings`() {
    for statement in [
      "SET LOCAL a.bN = 1;", "ALTER ROLE r SET a.bN = 1;", "SELECT set_config('a.bN', '', true);",
    ] {
      let few = (0..<64).map { statement.replacing("N", with: "\($0)") }.joined()
      #expect(!analysed(few).effects.contains(.unknownSettings))
      let many = few + statement.replacing("N", with: "x")
      #expect(analysed(many).effects.isSuperset(of: [.unknownSettings, .procedural]))
    }
  }

  @Test func `long bodies and clauses are read in a bounded time`() {
    let call = "set_config('a', "
    let calls = String(repeating: call, count: (128 << 10) / call.utf8.count)
    #expect(analysed("CREATE FUNCTION f() AS $$ \(calls) $$").attachedNames == ["a"])
    let clauses = String(repeating: "set ", count: 32 << 10)
    #expect(analysed("ALTER ROLE r \(clauses)").effects.contains(.unknownLocalSettings))
    let quotes = String(repeating: "'", count: 128 << 10)
    #expect(analysed("CREATE FUNCTION f() AS '\(quotes)'").attachedNames == [])
  }

  @Test(arguments: [
    ("RESET ALL", true), ("reset all;", true), ("SELECT 1; RESET ALL", true),
    ("SET a.b = 1; RESET ALL; ; -- x", true), ("/* x */ RESET/**/ALL /* y */", true),
    ("RESET ALL; SELECT 1", false), ("RESET ALL; RESET ALL", false), ("RESET \"all\"", false),
    ("RESET ALL; SELECT 1; RESET ALL", false), ("RESET ALL x", false), ("DISCARD ALL", false),
    ("", false), ("RESET a", false), ("RESET ALL; RESET a", false), ("RESET ALL /*", false),
    ("SELECT 'a; RESET ALL", false), ("ALTER ROLE r RESET ALL", false), ("RESET ALL; BEGIN", false),
    ("SELECT '\\'; RESET ALL; --'", false), ("SELECT '\\\\'; RESET ALL", true),
    ("-- RESET ALL", false), ("SELECT 1 -- ; \n; RESET ALL", true),
  ])
  func `a text may end with RESET ALL`(_ text: String, _ ends: Bool) {
    #expect(analysed(text).endsWithResetAll == ends)
  }
}
