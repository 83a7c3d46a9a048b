import Pooling
import TestSupport
import Testing

/// A text that is both plain and data may stand behind a SET in one simple query.
///
/// What that rests on, checked here and against PostgreSQL:
/// - It is one statement: where a text is plain, a `;` is followed by `;` and space alone. A
///   comment behind the `;` makes a text not plain, as does a `;` in a string or a comment.
/// - Its first word is one that begins only statements that may run in a transaction block, none of
///   them of transaction control. A procedure could commit: CALL is no data.
/// - What has no end (a string, a comment) makes PostgreSQL refuse the whole text before it
///   executes any of it, the SET in front too. It can't reach back over the `;` of the SET.
/// - A text that begins with a parenthesis, with `--` or with a comment in a comment is not plain.
@Suite struct SQLDataTests {
  private func isData(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return SQLText.isData(bytes.span.bytes)
  }

  @Test(arguments: [
    "SELECT 1", "select\n1", "Select*from t", "SELECT'a'", "SELECT\"a\"FROM t", "SELECT(1)",
    "SELECT", "select;", "SELECT/**/1", "SELECT--\n1", "SELECT-1", "SELECT.5", "SELECT@1",
    "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "delete\tfrom t",
    "WITH a AS (SELECT 1) SELECT * FROM a", "with", "WITH\"a\"AS(SELECT 1)TABLE a", "with;",
    "VALUES (1)", "VALUES(1)", "values", "TABLE t", "table\"t\"", "table", "MERGE INTO t",
    "  \n SELECT 1", "/* app */ SELECT 1", "/**/UPDATE t SET a = 1", " /* x */\n\tWITH a AS (",
    "SELECT 1;", "SELECT 'a", "SELECT 1 /*", "SELECT 1 INTO t",
  ])
  func `data begins with its keyword`(_ text: String) {
    #expect(isData(text))
  }

  @Test(arguments: [
    "", " ", ";", "S", "SELEC", "SELECTED", "SELECT1", "select_1", "SELECT$1", "SELECTé", "WIT",
    "WITHIN", "with_", "TABLES", "TABLESAMPLE", "VALUE", "VALUES1", "MERGED", "MERG", "INSERTS",
    "UPDATES", "DELETED", "BEGIN", "COMMIT", "END", "ABORT", "ROLLBACK", "START TRANSACTION",
    "SAVEPOINT a", "RELEASE a", "PREPARE TRANSACTION 'x'", "EXPLAIN SELECT 1", "SHOW a",
    "FETCH 1 FROM c", "MOVE c", "COPY t FROM STDIN", "COPY (SELECT 1) TO STDOUT", "CALL p()",
    "DO $$ $$", "VACUUM", "ANALYZE", "CHECKPOINT", "LOCK t", "TRUNCATE t", "CREATE TABLE t ()",
    "SET a.b = 1", "RESET a", "DECLARE c CURSOR FOR SELECT 1", "EXECUTE p", "GRANT a TO b",
    "(SELECT 1)", "-- x\nSELECT 1", "/* /* */ */ SELECT 1", "/*", "/* SELECT", "/",
    "\u{a0}SELECT 1",
    "; SELECT 1", "NOTIFY a", "LISTEN a", "CLUSTER", "REINDEX TABLE t", "ALTER TABLE t",
    "/**//**/SELECT 1", "\0SELECT 1", "SELECT\u{e9}", "REFRESH MATERIALIZED VIEW v",
  ])
  func `all else is no data`(_ text: String) {
    #expect(!isData(text))
  }

  @Test(arguments: [
    "SELECT 1; SELECT 2", "SELECT 1; COMMIT", "SELECT 1; -- x", "SELECT 1; /* x */",
    "SELECT ';x'", "SELECT 1 /* ;x */", "SELECT 1 -- ;x", "SELECT 1;;COMMIT", "SELECT 1; ; BEGIN",
    "WITH a AS (SELECT 1) SELECT 1;COMMIT", "select;end", "with;end", "SELECT 1;\u{0b}END",
    "SELECT set_config('a', 'b', true)", "UPDATE pg_settings SET setting = 1",
  ])
  func `data that may be more than one statement is not plain`(_ text: String) {
    #expect(isData(text))
    #expect(!isPlain(Array(text.utf8)))
  }

  /// In front of plain data, a SET stays what it is, whatever the data ends with.
  @Test func `a SET in front of plain data is one more statement`() {
    var generator = SeededGenerator(seed: 12)
    let front = "SET SESSION \"app\".\"tenant_id\"='x';"
    var count = 0
    for _ in 0..<100_000 {
      let text = SQLCases.glued(&generator)
      guard SQLText.isData(text.span.bytes), isPlain(text) else { continue }
      count += 1
      let analysis = analysed(Array(front.utf8) + text)
      if analysis.statementCount != 2 || analysis.settingNames != ["app.tenant_id"]
        || analysed(text).statementCount != 1 || !analysis.localNames.isEmpty
      {
        Issue.record("\(String(decoding: text, as: UTF8.self))")
      }
    }
    #expect(count > 2_000)
  }

  /// The text lies in a longer buffer that would tell another story.
  @Test func `nothing is read outside of the text`() {
    for count in 0..<12 {
      let inside = Array("SELECT 1, 2, 3".utf8.prefix(count))
      let buffer = Array("insert ".utf8) + inside + Array("SELECTwith".utf8)
      let span = buffer.span.bytes.extracting(7..<7 + count)
      #expect(SQLText.isData(span) == (count >= 6), "\(count)")
    }
  }
}
