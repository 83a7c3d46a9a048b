import Pooling
import Testing

@Suite struct SQLNamesTests {
  @Test(arguments: [
    ("SET App.Tenant_ID = 1", ["app.tenant_id"]),
    ("SET \"App\".\"X\" = 1; RESET work_mem", ["app.x", "work_mem"]),
    ("SET NAMES 'utf8'", ["client_encoding"]), ("SET TIME ZONE LOCAL", ["timezone"]),
    ("SET SCHEMA 'a'", ["search_path"]), ("SET ROLE NONE", ["role"]), ("RESET ROLE", ["role"]),
    ("SET SESSION AUTHORIZATION a", ["session_authorization", "role"]),
    ("RESET SESSION AUTHORIZATION", ["session_authorization", "role"]),
    ("SET session_authorization = 'a'", ["session_authorization", "role"]),
    (
      "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
      [
        "default_transaction_isolation", "default_transaction_read_only",
        "default_transaction_deferrable",
      ]
    ),
    ("SET XML OPTION DOCUMENT", ["xmloption"]), ("SET LOCAL a.b = 1", []),
    ("SET SESSION local.b = 1; SET a.b = 2; SET A.B = 3", ["local.b", "a.b"]),
    ("SELECT set_config('A.b', 'x', false), set_config('c', 'x', true)", ["a.b"]),
    ("SELECT set_config('role', 'x', false)", ["role"]), ("SET seed = 1", []),
  ])
  func `the settings that a text names`(_ text: String, _ names: [String]) {
    #expect(analysed(text).settingNames == names)
  }

  @Test(arguments: [
    ("SELECT 1", 0), ("SELECT $2, $1", 2), ("SELECT '$3', \"$4\", $$ $5 $$ -- $6", 0),
    ("SELECT a$7, $8::int", 8), ("SELECT $99999", 65_535),
    ("SELECT $99999999999999999999", 0), ("SELECT $1\0 $2", 1), ("", 0),
  ])
  func `the highest parameter of a text`(_ text: String, _ number: Int) {
    let bytes = Array(text.utf8)
    #expect(bytes.withUnsafeBytes { SQLText.highestParameter($0.bytes) } == number)
  }

  @Test func `channels are folded as PostgreSQL folds them`() {
    let analysis = analysed(
      "LISTEN Abc; listen \"A \"\"b\"; LISTEN É; UNLISTEN x; UNLISTEN \"*\"; LISTEN abc")
    #expect(analysis.listens == ["abc", "A \"b", "É"])
    #expect(analysis.unlistens == ["x", "*"])
    #expect(!analysis.unlistensAll)
    #expect(analysed("UNLISTEN *").unlistensAll)
    #expect(analysed("UNLISTEN *").unlistens == [])
  }

  @Test func `names are cut at 63 bytes, not within a character`() {
    let long = String(repeating: "a", count: 62)
    #expect(analysed("LISTEN \(long)bc").listens == [long + "b"])
    #expect(analysed("LISTEN \(long)éc").listens == [long])
    #expect(analysed("LISTEN \"\(long)\"\"\"\"\"").listens == [long + "\""])
  }

  @Test func `statements that are deallocated`() {
    let text = "DEALLOCATE A; DEALLOCATE PREPARE \"B\"; DEALLOCATE ALL; DEALLOCATE \"all\"; "
    #expect(
      analysed(text + "DEALLOCATE prepare").deallocations
        == [.name("a"), .name("B"), .all, .name("all"), .name("prepare")])
  }

  @Test(arguments: [
    ("", 0), (" ;; -- ;\n", 0), ("SELECT 1", 1), ("SELECT ';'; /* ; */ SELECT 2;", 2),
    ("SELECT $$;$$; ; SELECT \";\"", 2),
  ])
  func `statements are counted`(_ text: String, _ count: Int) {
    #expect(analysed(text).statementCount == count)
  }

  @Test(
    arguments: [
      ("COMMIT", true, false), ("end work", true, false), ("ABORT;", true, false),
      ("/* a */ ROLLBACK AND CHAIN", true, false), ("PREPARE TRANSACTION 'a'", true, false),
      ("ROLLBACK TO a", false, false), ("ROLLBACK WORK TO SAVEPOINT a", false, false),
      ("rollback transaction to a", false, false), ("ROLLBACK WORK", true, false),
      ("SELECT 'COMMIT; SELECT 1'", false, false), ("BEGIN; SELECT 1", false, false),
      ("SELECT 1; COMMIT", true, false), ("COMMIT; BEGIN; COMMIT;", true, false),
      ("COMMIT AND CHAIN; SELECT 1", true, true), ("SELECT 1; ROLLBACK; SET a = 1", true, true),
      ("SELECT '\\'; COMMIT; SELECT 1 --'", true, true), ("PREPARE a AS SELECT 1", false, false),
    ])
  func `the end of a transaction is told`(_ text: String, _ ends: Bool, _ goesOn: Bool) {
    let analysis = analysed(text)
    #expect(analysis.endsTransaction == ends && analysis.worksBehindEnd == goesOn)
  }

  /// Where a quote ends can't be told.
  @Test func `half characters may hide the end of a transaction`() {
    func text(_ rest: String) -> [UInt8] {
      Array("SELECT E'".utf8) + [0x83, 0x5c] + Array(rest.utf8)
    }
    #expect(analysed(text("'; COMMIT; SELECT 1 --'")).worksBehindEnd)
    #expect(!analysed(text("'; SELECT 1 --'")).endsTransaction)
  }

  @Test func `names beyond the limit count as unknown settings`() {
    let few = (0..<64).map { "LISTEN a\($0); SET a.b\($0) = 1; DEALLOCATE a\($0);" }.joined()
    #expect(!analysed(few).effects.contains(.unknownSettings))
    #expect(analysed(few).listens.count == 64)
    for more in ["LISTEN x", "UNLISTEN x", "SET x = 1", "DEALLOCATE x"] {
      let text = more.replacing("x", with: "y")
      let many = (0..<64).map { more.replacing("x", with: "x.b\($0)") + ";" }.joined() + text
      let analysis = analysed(many.replacing(".", with: more.hasPrefix("SET") ? "." : "_"))
      #expect(analysis.effects.isSuperset(of: [.unknownSettings, .procedural]))
    }
  }

  @Test(arguments: [
    ("SET a.b = 'c'", "a.b", "c"), ("set session A.B to 'C''d';", "a.b", "C'd"),
    ("SET work_mem = 64", "work_mem", "64"), ("SET geqo TO On", "geqo", "on"),
    ("SET seq_page_cost = 1.50", "seq_page_cost", "1.50"), ("SET a.b = - 1", "a.b", "-1"),
    ("SET a.b = +1", "a.b", "1"), ("SET a.b = -0", "a.b", "0"), ("SET a.b = ''", "a.b", ""),
    ("/* x */ SET a.b = c -- d", "a.b", "c"),
    ("SET search_path = Tenant_1", "search_path", "tenant_1"),
    ("SET search_path TO 'tenant_1'", "search_path", "tenant_1"), ("SET role TO 'R'", "role", "R"),
  ])
  func `one plain assignment is told`(_ text: String, _ name: String, _ value: String) {
    #expect(analysed(text).plainAssignment == .init(name: name, value: value))
    #expect(analysed(text).plainReset == nil)
  }

  @Test(arguments: [
    "SET a.b = 1; SELECT 1", "SET LOCAL a.b = 1", "SET a.b = E'c'", "SET a.b = 'c\\d'",
    "SET a.b = 'c', 'd'", "SET a.b = 'c'\n'd'", "SET a.b = \"c\"", "SET a.b = DEFAULT",
    "SET a.b = 007", "SET a.b = 1e5", "SET a.b = 1 . 5", "SET a.b = $$c$$", "SET a.b = 'é'",
    "SET a.b = é", "SET TIME ZONE 'UTC'", "SET search_path = 'a, b'", "SET search_path = ''",
    "SET search_path = a, b", "SET session_authorization = a", "SET transaction_isolation = 'x'",
    "SET seed = 1", "SET a.b", "SET a.b =", "SET é.b = 1", "SET a.b = - x", "SET a.b = $1",
    "SELECT set_config('a.b', 'c', false)", "SET a.b FROM CURRENT", "RESET a.b", "SET a.b = 5ms",
    "SET search_path = \"A\"", "SET search_path = 'A'", "SET a.b = 'x' y",
  ])
  func `what is no plain assignment is none`(_ text: String) {
    #expect(analysed(text).plainAssignment == nil)
  }

  @Test func `a long string is no plain value`() {
    let value = String(repeating: "x", count: 1024)
    #expect(analysed("SET a.b = '\(value)'").plainAssignment?.value == value)
    #expect(analysed("SET a.b = '\(value)y'").plainAssignment == nil)
    let list = Array(repeating: "x", count: 40).joined(separator: ", ")
    #expect(analysed("SET a.b = \(list)").plainAssignment == nil)
  }

  @Test(arguments: [
    ("EXECUTE a", "a"), ("execute \"A\"\"b\"(1)", "A\"b"), ("EXPLAIN ANALYZE EXECUTE x", "x"),
    ("EXECUTE \"a", nil), ("EXECUTE \"", nil), ("EXPLAIN EXECUTE \"a\"\"", nil), ("EXECUTE", nil),
  ])
  func `what EXECUTE names is told, where that has an end`(_ text: String, _ name: String?) {
    let bytes = Array(text.utf8)
    let found = SQLText.executed(bytes.span.bytes)
    #expect(found?.name == name)
    if let found { #expect(found.place.upperBound <= bytes.count) }
  }

  @Test(arguments: [
    ("RESET A.b", "a.b"), ("SET a.b TO DEFAULT;", "a.b"), ("SET SESSION \"A\" = default", "a"),
    ("RESET ROLE", "role"), ("RESET TIME ZONE", "timezone"), ("RESET ALL", nil),
    ("RESET a.b; SELECT 1", nil), ("SET LOCAL a.b TO DEFAULT", nil), ("RESET a.b c", nil),
    ("RESET SESSION AUTHORIZATION", nil), ("RESET session_authorization", nil),
    ("RESET transaction_isolation", nil), ("SET a.b = \"default\"", nil), ("RESET é", nil),
  ])
  func `one plain reset is told`(_ text: String, _ name: String?) {
    #expect(analysed(text).plainReset == name)
  }
}
