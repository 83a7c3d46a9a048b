import Pooling
import Testing

/// Texts that assign one setting and do nothing else. The values are PostgreSQL's own.
@Suite struct SQLSoleTests {
  typealias Sole = SQLAnalysis.SoleAssignment

  private static let ofSet: [(String, String)] = [
    ("SET app.tenant_id = 'acme'", "acme"), ("set app.tenant_id to 'acme';", "acme"),
    ("SET SESSION app.tenant_id = acme", "acme"), ("SET app.tenant_id TO Acme", "acme"),
    ("SET app.tenant_id = \"Acme\"", "Acme"), ("SET app.tenant_id TO \"a\"\"b\"", "a\"b"),
    ("SET \"App\".\"Tenant_Id\" = 'Acme'", "Acme"), ("SET APP . tenant_ID = 'a''b'", "a'b"),
    ("SET \"app.tenant_id\" = 'x'", "x"), ("/* x */ SET app.tenant_id = 'x' -- y", "x"),
    ("SET/**/app.tenant_id/**/=/**/'x'/* ; */;;", "x"), ("; SET app.tenant_id = 'x';", "x"),
    ("SET app.tenant_id = 42", "42"), ("SET app.tenant_id = -7", "-7"),
    ("SET app.tenant_id = 1.50", "1.50"),
    (
      "SET app.tenant_id = 99999999999999999999",
      "99999999999999999999"
    ),
    ("SET app.tenant_id = $$Acme$$", "Acme"), ("SET app.tenant_id = $a$b'c$a$", "b'c"),
    ("SET app.tenant_id = E'acme'", "acme"), ("SET app.tenant_id = e'a''b'", "a'b"),
    ("SET app.tenant_id = ''", ""), ("SET app.tenant_id = 'a; SELECT 1 --'", "a; SELECT 1 --"),
    ("SET app.tenant_id = true", "true"), ("SET app.tenant_id = ON", "on"),
    ("SET app.tenant_id = off", "off"), ("SET app.tenant_id TO none", "none"),
    ("SET app.tenant_id TO local", "local"), ("SET app.tenant_id TO \"default\"", "default"),
    ("SET app.tenant_id = 'default'", "default"), ("SET app.tenant_id TO \"select\"", "select"),
    ("SET--\napp.tenant_id = 'x'", "x"), ("SET--\rapp.tenant_id = 'x'", "x"),
  ]

  @Test(arguments: ofSet)
  func `a SET is a sole assignment`(_ text: String, _ value: String) {
    let sole = Sole(
      name: "app.tenant_id", isLocal: false, value: .text(value), form: .set, columnName: nil)
    #expect(analysed(text).soleAssignment == sole)
    guard text.hasPrefix("SET app") else { return }
    var local = sole
    local.isLocal = true
    #expect(analysed("SET LOCAL" + text.dropFirst(3)).soleAssignment == local)
  }

  @Test(arguments: [
    ("SET ROLE acme", "role", "acme"), ("SET SESSION ROLE 'Acme'", "role", "Acme"),
    ("SET role TO acme", "role", "acme"), ("SET ROLE NONE", "role", "none"),
    ("SET ROLE'acme'", "role", "acme"), ("SET ROLE role", "role", "role"),
    ("SET ROLE \"A B\"", "role", "A B"), ("SET SCHEMA 'acme'", "search_path", "acme"),
    ("SET search_path = Acme", "search_path", "acme"), ("SET work_mem = '4MB'", "work_mem", "4MB"),
    ("SET search_path TO 'acme_1'", "search_path", "acme_1"), ("SET local.x = y", "local.x", "y"),
  ])
  func `other names are told as well`(_ text: String, _ name: String, _ value: String) {
    #expect(
      analysed(text).soleAssignment
        == Sole(name: name, isLocal: false, value: .text(value), form: .set, columnName: nil))
  }

  @Test(arguments: [
    ("RESET app.tenant_id", "app.tenant_id", Sole.Form.reset), ("reset ROLE;", "role", .reset),
    ("RESET \"App\".tenant_id -- x", "app.tenant_id", .reset),
    ("RESET TIME ZONE", "timezone", .reset), ("SET a.b TO DEFAULT", "a.b", .set),
    ("SET SESSION A.b = default;", "a.b", .set), ("SET role TO DEFAULT", "role", .set),
  ])
  func `a setting may be given its default`(_ text: String, _ name: String, _ form: Sole.Form) {
    #expect(
      analysed(text).soleAssignment
        == Sole(name: name, isLocal: false, value: .default, form: form, columnName: nil))
  }

  private static let ofCall: [(String, Sole.Value, String)] = [
    ("SELECT set_config('app.tenant_id', 'acme', false)", .text("acme"), "set_config"),
    (
      "select PG_CATALOG . Set_Config ( 'APP.Tenant_Id' , 'Acme' , FALSE ) ;", .text("Acme"),
      "set_config"
    ),
    (
      "SELECT \"pg_catalog\".\"set_config\"('app.tenant_id', $1, false)", .parameter(1),
      "set_config"
    ),
    ("SELECT set_config('app.tenant_id', $12, false) AS \"X y\"", .parameter(12), "X y"),
    ("SELECT set_config('app.tenant_id', $1::text, false) AS Tenant", .parameter(1), "tenant"),
    (
      "SELECT set_config('app.tenant_id'::text, $1::VARCHAR, false) tenant", .parameter(1),
      "tenant"
    ),
    (
      "SELECT set_config('app.tenant_id', CAST($1 AS text), false) AS select", .parameter(1),
      "select"
    ),
    (
      "SELECT set_config('app.tenant_id', cast('a' as pg_catalog.text)::text, false)", .text("a"),
      "set_config"
    ),
    ("SELECT set_config('app.tenant_id', 'a'::unknown::text, false)", .text("a"), "set_config"),
    ("SELECT set_config('app.tenant_id', $$A b$$, false) \"select\"", .text("A b"), "select"),
    ("SELECT set_config('app.tenant_id', E'a''b', false) user", .text("a'b"), "user"),
    ("SELECT set_config('app.tenant_id', '', false)", .text(""), "set_config"),
    ("/* x */SELECT/**/set_config('app.tenant_id'--\n,'x',false)-- y", .text("x"), "set_config"),
    (
      "SELECT pg_catalog.set_config('app.tenant_id'::text, CAST($1 AS pg_catalog.text), "
        + "false) AS x",
      .parameter(1), "x"
    ),
  ]

  @Test(arguments: ofCall)
  func `a call of set_config is one`(_ text: String, _ value: Sole.Value, _ column: String) {
    var sole = Sole(
      name: "app.tenant_id", isLocal: false, value: value, form: .select, columnName: column)
    #expect(analysed(text).soleAssignment == sole)
    sole.isLocal = true
    let local = text.replacing("false", with: "true").replacing("FALSE", with: "True")
    #expect(analysed(local).soleAssignment == sole)
    #expect(!isPlain(Array(text.utf8)))
  }

  private static let none: [String] = [
    "", "SELECT 1", "SET", "RESET ALL", "DISCARD ALL", "SET a.b", "SET a.b =", "SET a.b = x y",
    "SET a.b = 'x'; SELECT 1", "SELECT 1; SET a.b = 'x'", "SET a.b = 'x'; SET a.b = 'x'",
    "SET a.b = 'x\\y'", "SET a.b = E'x\\x41'", "SET a.b = U&'x'", "SET a.b = U&'x' UESCAPE '!'",
    "SET a.b = N'x'", "SET a.b = B'1'", "SET a.b = X'1'", "SET a.b = 'x'\n'y'",
    "SET a.b = E'x'\n'y'", "SET a.b = E'x'''\n'y'", "SET a.b = 'x' 'y'", "SET a.b = x, y",
    "SET a.b = 'é'", "SET a.b = é", "SET a.b = \"é\"", "SET é.b = 'x'", "SET U&\"a\".b = 'x'",
    "SET a.b = $1", "SET a.b = 007", "SET a.b = 1e5", "SET a.b = 0x10", "SET a.b = 1_000",
    "SET a.b = user", "SET a.b = current_user", "SET a.b = select", "SET a.b = \"\"",
    "SET a.b = ('x')", "SET a.b = 'x'::text", "SET a.b = a.b", "SET a.b FROM CURRENT",
    "SET a.b = 'x", "SET a.b = \"x", "SET a.b = $$x", "SET a.b = 'x' /*", "SET a.b = $a$x$b$",
    "SET ROLE DEFAULT", "SET ROLE true", "SET ROLE", "SET LOCAL ROLE", "SET ROLE x y",
    "SET SCHEMA x", "SET SCHEMA 'A'", "SET SCHEMA 'a, b'", "SET SCHEMA DEFAULT",
    "SET search_path = a, b", "SET search_path = 'A'", "SET search_path = \"A\"",
    "SET search_path = ''", "SET TIME ZONE 'UTC'", "SET NAMES 'x'", "SET XML OPTION CONTENT",
    "SET SESSION AUTHORIZATION x", "RESET SESSION AUTHORIZATION", "RESET session_authorization",
    "SET session_authorization = 'x'", "SET sort_mem = 1", "SET seed = 1", "RESET seed",
    "SET TRANSACTION READ ONLY", "SET transaction_read_only = on", "SET CONSTRAINTS ALL DEFERRED",
    "RESET TRANSACTION ISOLATION LEVEL", "RESET a.b c", "RESET a.", "RESET 'a'", "RESET é",
    "ALTER ROLE r SET a.b = 'x'", "BEGIN", "DO $$ BEGIN SET a.b = 'x'; END $$",
    "EXPLAIN SELECT set_config('a.b', 'x', false)", "(SELECT set_config('a.b', 'x', false))",
    "SELECT (set_config('a.b', 'x', false))", "SELECT ALL set_config('a.b', 'x', false)",
    "SELECT DISTINCT set_config('a.b', 'x', false)", "VALUES (set_config('a.b', 'x', false))",
    "SELECT set_config('a.b', 'x', false), 1", "SELECT 1, set_config('a.b', 'x', false)",
    "SELECT set_config('a.b', 'x', false) FROM t", "SELECT set_config('a.b', 'x', false) LIMIT 0",
    "SELECT set_config('a.b', 'x', false) WHERE false",
    "SELECT * FROM set_config('a.b', 'x', false)",
    "SELECT set_config('a.b', 'x', false) AS x FROM t",
    "SELECT set_config('a.b', 'x', false) INTO t",
    "SELECT set_config('a.b', 'x', false) AS", "SELECT set_config('a.b', 'x', false) over",
    "SELECT set_config('a.b', 'x', false) year", "SELECT set_config('a.b', 'x', false) AS \"\"",
    "SELECT set_config('a.b', 'x', false) AS é", "SELECT set_config('a.b', 'x', false) U&\"x\"",
    "SELECT set_config('a.b', 'x', false)::text", "SELECT set_config('a.b', 'x', false) || 'y'",
    "SELECT set_config('a.b', 'x', false) UNION SELECT 'y'", "SELECT f.set_config('a', 'x', false)",
    "SELECT \"SET_CONFIG\"('a.b', 'x', false)", "SELECT \"Pg_catalog\".set_config('a', 'x', false)",
    "SELECT set_config('a.b', 'x', $1)", "SELECT set_config('a.b', 'x', 'f')",
    "SELECT set_config('a.b', 'x', NOT true)", "SELECT set_config('a.b', 'x', \"true\")",
    "SELECT set_config('a.b', 'x')", "SELECT set_config('a.b', 'x', false, 1)",
    "SELECT set_config('a.b', NULL, false)", "SELECT set_config('a.b', 1, false)",
    "SELECT set_config('a.b', x, false)", "SELECT set_config('a.b', $1 || 'x', false)",
    "SELECT set_config('a.b', lower($1), false)", "SELECT set_config('a.b', $1::int, false)",
    "SELECT set_config('a.b', $1::varchar(1), false)", "SELECT set_config('a.b', $1::char, false)",
    "SELECT set_config('a.b', CAST($1 AS int), false)", "SELECT set_config('a.b', $0, false)",
    "SELECT set_config('a.b', CAST($1 AS text, false)", "SELECT set_config('a.b', $65536, false)",
    "SELECT set_config('a.b', $99999999999999999999, false)",
    "SELECT set_config('a.b', $1 : : text, false)",
    "SELECT set_config($1, 'x', false)", "SELECT set_config('a''b', 'x', false)",
    "SELECT set_config('', 'x', false)", "SELECT set_config('é.b', 'x', false)",
    "SELECT set_config('a.b' || '', 'x', false)", "SELECT set_config(E'a.b', 'x', false)",
    "SELECT set_config($$a.b$$, 'x', false)", "SELECT set_config('a.b', 'x' COLLATE \"C\", false)",
    "SELECT set_config('a.b', 'x'\n'y', false)", "SELECT set_config('a.b', 'x\\', false)",
    "SELECT set_config('a.b', 'é', false)", "SELECT set_config('seed', '1', false)",
    "SELECT set_config('session_authorization', 'x', false)", "SELECT set_config('a.b', 'x', false",
    "SELECT set_config('a.b', 'x', false) /*", "SELECT set_config(new_value => 'a', 'x', false)",
    "RESET ts_rewrite", "SELECT set_config('a.b', 'x', false) AS set_config",
    "WITH a AS (SELECT 1) SELECT set_config('a.b', 'x', false)",
    "PREPARE p AS SELECT set_config('a.b', 'x', false)", "SELECT set_config('a.b', U&'x', false)",
  ]

  @Test(arguments: none)
  func `what does more, or can't be told, is none`(_ text: String) {
    #expect(analysed(text).soleAssignment == nil)
    #expect(analysed(text + ";").soleAssignment == nil)
  }

  typealias Open = SQLAnalysis.OpenAssignment

  private static let ofOpenCall: [(String, Open)] = [
    (
      "SELECT set_config($1::VARCHAR, $2::VARCHAR, $3) AS set_config_1",
      Open(
        name: .parameter(1), value: .parameter(2), isLocal: .parameter(3),
        columnName: "set_config_1")
    ),
    (
      "select pg_catalog.set_config($3, 'x', $1::boolean);",
      Open(
        name: .parameter(3), value: .text("x"), isLocal: .parameter(1), columnName: "set_config")
    ),
    (
      "SELECT set_config(CAST($1 AS text), $1, true)",
      Open(
        name: .parameter(1), value: .parameter(1), isLocal: .constant(true),
        columnName: "set_config")
    ),
    (
      "SELECT set_config('a.b', $1, $2::bool) x",
      Open(name: .text("a.b"), value: .parameter(1), isLocal: .parameter(2), columnName: "x")
    ),
  ]

  @Test(arguments: ofOpenCall)
  func `a call whose parameters tell what it sets is open`(_ text: String, _ open: Open) {
    #expect(analysed(text).openAssignment == open)
    #expect(analysed(text).soleAssignment == nil)
    let isKnown = analysed(text).effects.isDisjoint(with: [
      .unknownSettings, .unknownLocalSettings,
    ])
    #expect(!isKnown)
  }

  @Test(arguments: [
    "SELECT set_config('a.b', $1, true)", "SELECT set_config($1, $2, $3), 1",
    "SELECT set_config($1, $2, $3) FROM t", "SELECT set_config($1 || 'x', $2, $3)",
    "SELECT set_config($1, lower($2), $3)", "SELECT set_config($1, $2, NOT $3)",
    "SELECT set_config($1, $2, $3::text)", "SELECT set_config($1, $2, $3::bool::bool)",
    "SELECT set_config($1::name, $2, $3)", "SELECT set_config($1, $2, 't')",
    "SELECT set_config($1, $2, $3); SELECT 1", "SELECT 1; SELECT set_config($1, $2, $3)",
    "SELECT set_config($1, $2)", "SELECT set_config($1, $2, $3", "SELECT f.set_config($1, $2, $3)",
    "SELECT DISTINCT set_config($1, $2, $3)",
    "EXPLAIN SELECT set_config($1, $2, $3)", "SELECT set_config($0, $2, $3)",
    "SELECT set_config($1, 'x\\', $2)", "SELECT set_config($1, $2, $3) AS nextval, listen",
  ])
  func `what does more than an open call is none`(_ text: String) {
    #expect(analysed(text).openAssignment == nil)
  }

  /// Half a character of SJIS may hide a quote or a backslash.
  @Test func `half characters make no value`() {
    for text in ["SET a.b = '\u{83}[x'", "SET a.b = 'x' -- \u{83}|"] {
      #expect(analysed(text.unicodeScalars.map { UInt8($0.value) }).soleAssignment == nil)
    }
  }

  @Test func `a value and a name have bounds`() {
    let long = String(repeating: "x", count: 1024)
    let name = String(repeating: "a", count: 63)
    #expect(analysed("SET a.b = '\(long)'").soleAssignment?.value == .text(long))
    #expect(analysed("SET a.b = '\(long)y'").soleAssignment == nil)
    #expect(analysed("SET a.b = $$\(long)y$$").soleAssignment == nil)
    #expect(analysed("SET a.b = \(name)b").soleAssignment?.value == .text(name))
    #expect(analysed("SET a.b = \"\(name)b\"").soleAssignment?.value == .text(name))
    #expect(analysed("SET a.\(name)b = x").soleAssignment?.name == "a." + name)
    let call = "SELECT set_config('a.b', 'x', false) AS "
    let setting = String(repeating: "a", count: 127)
    #expect(analysed("SELECT set_config('\(setting)', 'x', false)").soleAssignment == nil)
    #expect(analysed("\(call)\(name)b").soleAssignment?.columnName == name)
  }

  @Test(arguments: ofSet.map(\.0) + ofCall.map(\.0) + none)
  func `a sole assignment is one statement that names one setting`(_ text: String) {
    for end in 0...text.utf8.count {
      let analysis = analysed(Array(text.utf8.prefix(end)))
      guard let sole = analysis.soleAssignment else { continue }
      #expect(analysis.statementCount == 1)
      #expect((sole.isLocal ? analysis.localNames : analysis.settingNames) == [sole.name])
      #expect(!analysis.effects.contains(.unknownSettings))
    }
  }
}
