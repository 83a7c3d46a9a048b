import Pooling
import Testing

/// Texts and what they do, in the spellings that an attacker would try.
enum SQLCases {
  struct Sample: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8]
    let effects: SessionEffects

    init(_ text: String, _ effects: SessionEffects) {
      bytes = Array(text.utf8)
      self.effects = effects
    }

    /// Bytes that are no UTF-8.
    init(latin text: String, _ effects: SessionEffects) {
      bytes = text.unicodeScalars.map { UInt8($0.value) }
      self.effects = effects
    }

    var testDescription: String { String(decoding: bytes, as: UTF8.self) }
  }

  static let all: [Sample] =
    [harmless, settings, functions, objects, quoting, bodies, encodings].flatMap { $0 }

  static let unknown: SessionEffects = [.unknownSettings, .temporary]
  static let unknownLocal: SessionEffects = [.unknownLocalSettings, .temporary]
  static let hidden: SessionEffects = [.unknownSettings, .procedural]

  private static func samples(
    _ effects: SessionEffects, _ texts: String...
  ) -> [Sample] {
    texts.map { Sample($0, effects) }
  }

  private static let harmless: [Sample] = [
    samples(
      [], "", ";", " ; ;; ", "SELECT 1", "select 'a;b'", "SELECT 1; SELECT 2", "BEGIN",
      "START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SAVEPOINT a", "RELEASE a",
      "INSERT INTO t (created_at, user_company) VALUES (1, 2)", "UPDATE t SET a = 1, b = 2",
      "WITH a AS (SELECT 1) UPDATE t SET b = 2", "DELETE FROM t", "TABLE t", "VALUES (1)",
      "COPY t FROM STDIN", "MOVE 1 IN c", "FETCH 1 FROM c", "SHOW search_path", "NOTIFY a, 'set'",
      "EXPLAIN ANALYZE SELECT 1", "LOCK TABLE t",
      "ALTER ROLE r SET work_mem = 1", "CREATE TABLE t (a int)", "EXECUTE p(1)", "CALL p()",
      "SELECT * INTO t FROM u", "SELECT attempt, template, temp FROM t", "SELECT max_temp FROM t",
      "SELECT timestamp '2020-01-01'", "SET LOCAL a.b = 1", "set local role x",
      "SET TRANSACTION READ ONLY", "SET CONSTRAINTS ALL DEFERRED", "SET seed = 0.5",
      "SET transaction_isolation = serializable", "SET LOCAL SESSION AUTHORIZATION x",
      "SET LOCAL search_path = a, b", "SET SESSION TRANSACTION READ ONLY",
      "RESET transaction_isolation", "-- SET a.b = 1", "/* SET a.b = 1 */ SELECT 1",
      "DECLARE c CURSOR FOR SELECT 1", "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1",
      "SELECT 1 -- ; SET a.b = 1", "SELECT 'SET' ; SELECT 'x; SET a.b = 1'",
      "SELECT a_set_config_b FROM t", "SELECT pg_relation_size('t')", "settle", "setx a = 1",
      "load$$x$$",
      "SELECT * FROM pg_settings", "CREATE TABLE t AS SELECT * FROM pg_settings",
      "CREATE MATERIALIZED VIEW v AS SELECT * FROM pg_settings",
      "SELECT app_config, ts_status FROM t",
      "SELECT a FROM b WHERE c LIKE 'x\\_y'", "SELECT u & 1 FROM t", "COMMENT ON TABLE t IS 'x'"),
    samples(
      .exitsTransaction, "COMMIT", "commit;", "END", "ROLLBACK", "ABORT", "rollback to a",
      "COMMIT PREPARED 'x'", "ROLLBACK PREPARED 'x'", "PREPARE TRANSACTION 'x'",
      "COMMIT; SELECT 1", "/* a */ END", "prepare transaction $$x$$"),
  ].flatMap { $0 }

  private static let settings: [Sample] = [
    samples(
      .settings, "SET a.b = 1", "set SESSION a.b TO 'x'", "SET/**/a.b/**/=/**/1",
      "SET--\na.b--\n=--\n1", "SET--x\ra.b = 1", "SET \"a\".\"b\" = 1", "SET \"A.B\" TO x",
      "RESET a.b", "RESET ROLE", "RESET SESSION AUTHORIZATION", "RESET TIME ZONE",
      "SET a.b TO DEFAULT", "SET a.b FROM CURRENT", "SET TIME ZONE 'UTC'", "SET NAMES 'x'",
      "SET NAMES", "SET SCHEMA 'x'", "SET ROLE x", "SET SESSION ROLE x", "SET SESSION TIME ZONE 1",
      "SET SESSION AUTHORIZATION x", "SET SESSION SESSION AUTHORIZATION DEFAULT",
      "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
      "SET SESSION SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET XML OPTION CONTENT",
      "SET LOCAL.a = 1", "SET local /**/ . a = 1", "SET session.a = 1", "SET local = 1",
      "SET session TO 1", "SET \"local\" = 1", "SET \"session\".a = 1", "SET transaction.a = 1",
      "SET constraints.a = 1", "SET time.zone = 1", "SET SESSION characteristics.a = 1",
      "SELECT 1; SET a.b = 1", "BEGIN; SET a.b = 1; COMMIT", "SELECT 1;;;SET a.b = 1;",
      "SELECT 1 /* /* */ ; */ ; SET a.b = 1", "SELECT 'a''b' ; SET a.b = 1",
      "SET search_path = a, b, c", "SET transaction_read_only = on; SET a.b = 1"),
    samples(
      unknown, "SET", "SET = 1", "RESET",
      "SET foo",
      "SET é.a = 1", "RESET é.b", "SET 'a' = 1", "SET a. = 1", "SET CATALOG 'x'"
    ),
    samples([.settings, .exitsTransaction], "COMMIT; SET a.b = 1", "ROLLBACK; RESET a.b"),
    samples(
      [.settings, .temporary], "SET search_path = pg_temp", "SET search_path = 'pg_temp', a",
      "SET search_path = E'a'", "SET \"Search_Path\" TO 'x'\n'y'", "SET SCHEMA 'PG_TEMP'",
      "SET SCHEMA U&'\\0070g_temp'", "SET search_path = 'pppg_temp_3'"),
    samples(
      .temporary, "SET LOCAL search_path = pg_temp", "SET LOCAL search_path = a, 'pg_temp'",
      "SET LOCAL search_path = E'\\x70g_temp'", "SET LOCAL SCHEMA 'pg_temp'",
      "SET LOCAL search_path = 'pg_'\n'temp'"),
    samples(
      unknownLocal, "SET LOCAL foo", "SET LOCAL", "SET LOCAL é.a = 1", "SET LOCAL a. = 1"),
    samples(.resetAll, "RESET ALL", "reset/**/all", "SELECT 1; RESET ALL"),
    samples([.discardAll, .release], "DISCARD ALL", "discard\tall;"),
    samples(.release, "DISCARD TEMP", "DISCARD PLANS", "DROP TABLE t", "CLOSE c", "CLOSE ALL"),
  ].flatMap { $0 }

  private static let functions: [Sample] = [
    samples(
      .settings, "SELECT set_config('a.b', 'c', false)", "SELECT SET_CONFIG('A.B', $1, FALSE)",
      "SELECT \"set_config\"('a.b', 'c', false)", "VALUES (set_config('a.b', 'x', false))",
      "SELECT pg_catalog.set_config('a.b', (SELECT x[1, 2] FROM f(1, 2)), false)",
      "SELECT pg_catalog . \"set_config\" /**/ ('a.b', 'c', /**/ false )",
      "SELECT set_config('a.b'::text, 'c', false)",
      "COPY (SELECT set_config('a', '', false)) TO STDOUT",
      "EXPLAIN ANALYZE SELECT set_config('a.b', 'c', false)",
      "SELECT set_config('a.b', set_config('c.d', 'e', true), false)",
      "CREATE TABLE t AS SELECT set_config('a.b', 'c', false)",
      "CREATE VIEW v AS SELECT set_config('a.b', 'c', false)",
      "SELECT set_config('role', 'x', false)"),
    samples(
      [], "SELECT set_config('a.b', 'c', true)", "SELECT set_config('search_path', 'a, b', true)",
      "SELECT set_config('a.b', $1, TRUE), set_config('c.d', $2, true)",
      "SELECT set_config('seed', '0', false)"),
    samples(
      .temporary, "SELECT set_config('search_path', $1, true)",
      "SELECT set_config('search_path', 'pg_' || 'temp', true)",
      "SELECT set_config('SEARCH_PATH', 'PG_TEMP', true)",
      "SELECT set_config('search_path', E'a', true)"),
    samples(
      unknownLocal, "SELECT set_config($1, 'c', true)",
      "SELECT set_config('a' || 'b', 'c', true)", "SELECT set_config('a'\n'b', 'c', true)",
      "SELECT set_config('a''b', 'c', true)", "SELECT set_config($$a$$, 'c', true)",
      "SELECT set_config('a'::name, 'c', true)", "SELECT set_config(f(a, b), c, TRUE)",
      "SELECT set_config(name, value, true) FROM t"),
    samples(
      unknown, "SELECT set_config($1, 'c', false)", "SELECT set_config('a' || 'b', 'c', $1)",
      "SELECT set_config(E'a', 'c', false)", "SELECT set_config('a'\n'b', 'c', false)",
      "SELECT set_config('a''b', 'c', false)", "SELECT set_config", "SELECT set_config(",
      "SELECT set_config(setting_name => 'a', new_value => 'b', is_local => true)",
      "SELECT set_config(VARIADIC ARRAY['a'])", "SELECT set_config('a'::name, 'c', false)",
      "SELECT set_config($1, is_local => true, true => 'x')",
      "SELECT set_config($$a$$, 'c', false)", "UPDATE pg_settings SET setting = 'x'",
      "WITH a AS (UPDATE pg_catalog.\"pg_settings\" s SET setting = 1) SELECT 1"),
    samples(
      [.settings, .unknownSettings], "SELECT set_config('a.b', 'c', $1)",
      "SELECT set_config('a.b', 'c', true AND false)", "SELECT set_config('a.b', 'c', 't')",
      "SELECT set_config('a.b', 'c', NOT true)", "SELECT set_config('a.b', 'c')",
      "SELECT set_config('a.b', 'c'); SELECT (true)", "SELECT set_config('a.b', 'c', \"true\")"),
    samples(
      .advisoryLock, "SELECT pg_advisory_lock(1)", "SELECT PG_TRY_ADVISORY_LOCK(1)",
      "SELECT pg_advisory_lock_shared(1)",
      "SELECT pg_catalog.\"pg_try_advisory_lock_shared\"(1, 2)",
      "SELECT 1 FROM t WHERE pg_advisory_lock (id) IS NULL"),
    samples(
      [], "SELECT pg_advisory_xact_lock(1)", "SELECT pg_try_advisory_xact_lock_shared(1)",
      "SELECT 'pg_advisory_lock'"),
    samples(.release, "SELECT pg_advisory_unlock(1)", "SELECT pg_advisory_unlock_all()"),
    samples(
      hidden, "SELECT query_to_xml('select set_' || 'config(...)', true, true, '')",
      "SELECT query_to_xmlschema('x', true, true, '')", "SELECT * FROM ts_stat('select 1')",
      "SELECT TS_REWRITE('a'::tsquery, 'select 1')"),
    samples(
      [.unknownSettings, .temporary, .advisoryLock],
      "SELECT U&\"\\0073et_config\"('a', 'b', false)",
      "SELECT u&\"s!0065t_config\" UESCAPE '!' ('a', 'b', false)", "SELECT U&\"x\" FROM t",
      "SET U&\"a\".b = 1", "SET U&\"\\0061pp.x\" = 1"),
  ].flatMap { $0 }

  private static let objects: [Sample] = [
    samples(
      .temporary, "CREATE TEMP TABLE t (a int)", "create temporary table t as select 1",
      "CREATE GLOBAL TEMP TABLE t ()", "CREATE LOCAL TEMPORARY TABLE t ()",
      "CREATE TEMP SEQUENCE s",
      "CREATE/*x*/TEMP--y\nTABLE t()", "SELECT 1 INTO TEMP t", "SELECT 1 INTO TEMPORARY TABLE t",
      "SELECT 1 INTO LOCAL TEMP t", "WITH a AS (SELECT 1) SELECT * INTO TEMP t FROM a",
      "EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1", "CREATE TABLE pg_temp.t (a int)",
      "CREATE TABLE \"pg_temp\".t (a int)", "CREATE TABLE PG_TEMP_3.t (a int)",
      "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "SELECT 1; SELECT 2 INTO TEMP t", "SELECT*INTO TEMP\"t\"FROM u", "SELECT 1INTO TEMP t"),
    samples([.temporary, .release], "DROP TABLE pg_temp.t"),
    samples([.temporary, .schema], "CREATE OR REPLACE TEMP VIEW v AS SELECT 1"),
    samples(
      .schema, "ALTER TABLE t ADD a int", "alter/**/view v rename to w",
      "ALTER TYPE t ADD VALUE 'a'",
      "SELECT 1; ALTER TABLE t SET SCHEMA s", "CREATE OR REPLACE VIEW v AS SELECT 1",
      "BEGIN; ALTER MATERIALIZED VIEW v RENAME a TO b; COMMIT"),
    samples(
      .holdCursor, "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
      "declare c binary insensitive no scroll cursor/**/with/**/hold for select 1",
      "BEGIN; DECLARE c CURSOR WITH--\nHOLD FOR SELECT 1"),
    samples(
      .preparedSQL, "PREPARE p AS SELECT 1", "PREPARE p (int) AS SELECT $1",
      "PREPARE transaction AS SELECT 1", "PREPARE transaction (int) AS SELECT 1",
      "PREPARE \"transaction\" AS SELECT 1", "PREPARE p AS UPDATE t SET a = 1"),
    samples(
      [.preparedSQL, .settings], "PREPARE p AS SELECT set_config('a.b', 'c', false)"),
    samples([.preparedSQL, .advisoryLock], "PREPARE p AS SELECT pg_advisory_lock(1)"),
    samples(.library, "LOAD 'x'", "load $$x$$", "SELECT 1;LOAD E'x'"),
    samples(.listen, "LISTEN a", "listen \"A b\"", "COPY t FROM STDIN; LISTEN a"),
    samples([.unlisten, .release], "UNLISTEN a", "UNLISTEN *", "unlisten\"a\""),
    samples(
      [.deallocate, .release], "DEALLOCATE a", "DEALLOCATE PREPARE a", "DEALLOCATE ALL",
      "DEALLOCATE PREPARE ALL", "DEALLOCATE prepare"),
  ].flatMap { $0 }

  private static let quoting: [Sample] = [
    samples(
      .settings, "SELECT '\\'; SET a.b = 1; --'", "SELECT '\\''; SET a.b = 1; --'",
      "SELECT E'\\''; SET a.b = 1", "SELECT E'\\\\'; SET a.b = 1; --'",
      "SELECT E'a'\n'\\''; SET a.b = 1", "SELECT E'a' -- '\n '\\''; SET a.b = 1",
      "SELECT B'\\'; SET a.b = 1", "SELECT X'\\'; SET a.b = 1", "SELECT U&'\\'; SET a.b = 1; --'",
      "SELECT $$ ' $$; SET a.b = 1; --'", "SELECT $a$ $b$a$; SET a.b = 1",
      "SELECT $a$ $$ $A$ $a $a$; SET a.b = 1", "SELECT $é$ $e$ $é$; SET a.b = 1",
      "SELECT a$b$; SET a.b = 1; SELECT $b$", "SELECT $1$a$;$a$; SET a.b = 1",
      "SELECT $1$; SET a.b = 1", "SELECT \"a\"\"; x\"; SET a.b = 1",
      "SELECT 1 AS é$a$; SET a.b = 1",
      "SELECT \"a;'\"; SET a.b = 1; --'", "SELECT 'a' 'b'; SET a.b = 1",
      "SELECT xE'\\'; SET a.b = 1",
      "SELECT 1+--\n1; SET a.b = 1", "SELECT 2*/* ' */1; SET a.b = 1", "--\rSET a.b = 1",
      "/* */ SET a.b = 1", "/* /* */ SELECT */ SET a.b = 1", "/*/ SELECT */ SET a.b = 1",
      "/**/SET a.b = 1", "/***/ SET a.b = 1", "/* -- */ SET a.b = 1", "-- /*\nSET a.b = 1",
      "-- '\nSET a.b = 1", "/* ' */ SET a.b = 1 /* ' */", "SELECT N'\\'; SET a.b = 1; --'"),
    samples(
      [], "SELECT 'a; SET a.b = 1", "SELECT \"a; SET a.b = 1", "SELECT $$a; SET a.b = 1",
      "/* SET a.b = 1", "/* /* */ SET a.b = 1", "SELECT E'\\'; SET a.b = 1",
      "SELECT $a$; SET a.b = 1",
      "SELECT '\r'; SELECT 'a'\r'; SET a.b = 1'", "SELECT 'a' --\n'; SET a.b = 1'",
      "SELECT 1 AS a; SELECT $_1$; SET a.b = 1 $_1$", "SELECT 'a''; SET a.b = 1'"),
  ].flatMap { $0 }

  private static let bodies: [Sample] = [
    samples(
      [], "DO $$ BEGIN UPDATE t SET a = 1; INSERT INTO t VALUES (1); END $$",
      "do language plpgsql $x$ begin perform f('set'); end $x$", "DO $$ BEGIN NULL; END $$",
      "DO $$ BEGIN IF a THEN UPDATE t SET b = 1; ELSE UPDATE t SET c = 1; END IF; END $$",
      "DO $$ BEGIN INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1; END $$",
      "DO $$ -- execute 'set'\nBEGIN /* SET x */ PERFORM 1; END $$ LANGUAGE plpgsql",
      "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql SET a.b = 1 AS $$ BEGIN SET a = 1; END $$",
      "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END"),
    samples(
      hidden, "DO $$ BEGIN SET a.b = 1; END $$", "DO $$ BEGIN EXECUTE 'S' || 'ET a.b = 1'; END $$",
      "DO 'BEGIN SET a.b = 1; END'", "DO 'BEGIN NULL; END'", "DO E'BEGIN NULL; END'",
      "DO U&'BEGIN NULL; END'", "DO LANGUAGE plpython3u $$ x $$", "DO $$ x $$ LANGUAGE plperl",
      "DO $$ BEGIN PERFORM set_config('a', 'b', true); END $$",
      "DO $$ BEGIN /* ; update t */ SET a.b = 1; END $$", "DO $$ BEGIN LOAD 'x'; END $$",
      "DO $$ BEGIN -- ; update t\n SET a.b = 1; END $$", "DO $$ BEGIN LISTEN a; END $$",
      "DO $$ BEGIN '; update t'; SET a.b = 1; END $$", "DO $$ BEGIN <<update>> SET a.b = 1; END $$",
      "DO $$ BEGIN UPDATE t SET a = 1; RESET ALL; END $$",
      "DO $$ BEGIN CREATE TEMP TABLE t(); END $$",
      "DO $$ BEGIN PERFORM \"pg_advisory_lock\"(1); END $$", "DO $$ BEGIN UNLISTEN *; END $$",
      "DO $$ BEGIN PERFORM u&\"x\"(1); END $$", "DO $$ BEGIN \"update\" SET a.b = 1; END $$",
      "DO $a$ BEGIN PERFORM '\\'; EXECUTE x; PERFORM '\\'; END $a$", "DO", "DO $$ $$ $$ $$",
      "DO $$ BEGIN UPDATE pg_settings SET setting = 1; END $$", "SELECT 1; DO $$ EXECUTE $$"),
  ].flatMap { $0 }

  /// SJIS 0x83 0x5C is one character, ソ, and so are 0x83 0x5B and 0x83 0x7C; 0xDD is the Turkish
  /// capital i with a dot in LATIN5.
  private static let encodings: [Sample] = [
    Sample(latin: "/**/ SELECT 1 AS \u{83}[$x$ ; SET a.b = 1", hidden),
    Sample(latin: "SELECT E'\u{83}\\'; SET a.b = 1; --'", hidden),
    Sample(latin: "SELECT 1; SELECT E'\u{83}\\\\'; LISTEN a; --'", hidden.union(.listen)),
    Sample(latin: "UPDATE t SET a = '\u{83}\\'", []),
    Sample(latin: "SELECT 1; SELECT E'\u{81}_', '; SET a.b = 1 --'", hidden),
    Sample(latin: "SELECT E'\u{81}_', ', set_config($$a.b$$, $$c$$, false) --'", hidden),
    Sample(latin: "SELECT 1; SELECT '\u{83}|'", []),
    Sample(latin: "SELECT set_conf\u{dd}g('a.b', 'c', false)", .settings),
    Sample(latin: "SELECT pg_adv\u{dd}sory_lock(1)", .advisoryLock),
    Sample(latin: "UPDATE pg_sett\u{dd}ngs SET setting = 1", unknown),
    Sample(latin: "SELECT ts_rewr\u{dd}te('a', 'b')", hidden),
    Sample(latin: "SET cl\u{dd}ent_encoding = 'x'", unknown),
    Sample(latin: "SELECT '\u{ff}'; SET a.b = 1", .settings),
    Sample("SELECT pg_advisory_xact\u{654}(1)", []),
    Sample("CREATE TABLE pg_temp\u{654}.t ()", .temporary),
    Sample(latin: "SELECT \u{a0}set_config\u{a0}", []),
  ]
}
