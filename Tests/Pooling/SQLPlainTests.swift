import Pooling
import Testing

@Suite struct SQLPlainTests {
  @Test(arguments: [
    "SELECT 1", "select 1;", "BEGIN", "begin;", "COMMIT", "ROLLBACK", "END", "END;\n", "ABORT",
    "  \n\tSELECT 1 ; ; ", "INSERT INTO t (created_at, user_company) VALUES ($1, $2)", "TABLE t",
    "SELECT timestamp, attempt, template, temp_c, max_temp, temperature FROM company",
    "SELECT app_config, user_status, a_x, b_role, c_price FROM employees WHERE a && b",
    "/* app:web */ SELECT 1", "/**/SELECT 1", "SELECT 1 /* trailing */ -- comment",
    "SELECT pg_advisory_xact_lock(1)", "UPDATE t SET a = 'temperate' WHERE b_c & 3 = 1", "with",
    "SELECT * FROM a_settings WHERE b = 'é_é'", "VALUES (1)", "CALL p()",
    "show all",
    "SAVEPOINT a", "RELEASE a", "FETCH 10 FROM c", "NOTIFY a", "CHECKPOINT",
  ])
  func `everyday queries are plain`(_ text: String) {
    #expect(isPlain(Array(text.utf8)))
  }

  @Test(arguments: [
    "", " ", ";", "S", "SET", "SEL", "SET a = 1", "DISCARD ALL", "LISTEN a", "CREATE TABLE t ()",
    "LOAD",
    "SELECT 1; SELECT 2", "PREPARE a AS SELECT 1", "DO $$ $$", "DECLARE c CURSOR FOR SELECT 1",
    "/* /* */ SELECT 1", "-- a\nSELECT 1", "DEALLOCATE a", "CLOSE a", "/", "/*", "/* SELECT 1",
    "/* */", "RESET a", "UNLISTEN a", "\u{a0}SELECT 1",
  ])
  func `what needs reading is not plain`(_ text: String) {
    #expect(!isPlain(Array(text.utf8)))
  }

  /// Blocks, their edges and the tail are all looked at.
  @Test(arguments: [
    "set_config", "SET_CONFIG", "pg_advisory_lock", "Pg_Try_Advisory_Lock", " temp ", "(TEMPORARY)",
    "pg_temp", "PG_TEMP_1", "pg_settings", "ts_stat", "ts_rewrite", "query_to_xml", "u&\"", "U&\"",
    ";x",
  ])
  func `a suspect is found wherever it stands`(_ suspect: String) {
    for length in 0..<70 {
      for place in 0...length {
        let text =
          "SELECT " + String(repeating: " ", count: place) + suspect
          + String(repeating: " ", count: length - place)
        #expect(!isPlain(Array(text.utf8)), "\(length) \(place)")
      }
    }
  }

  /// The text lies in a longer buffer that would tell another story.
  @Test func `nothing is read outside of the text`() {
    for count in 0..<40 {
      let inside = Array(("SELECT " + String(repeating: "_", count: 40)).utf8.prefix(count))
      let buffer = Array("set;".utf8) + inside + Array("advisory;mp&".utf8)
      let span = buffer.span.bytes.extracting(4..<4 + count)
      #expect(SQLText.isPlain(span) == (count >= 6), "\(count)")
    }
  }
}
