import Testing

/// Texts that name settings, and where each name goes: what a guard of settings rests on.
extension SQLCases {
  struct Guarded: Sendable, CustomTestStringConvertible {
    /// Where the names are; in one of the three lists.
    enum Place: Sendable { case session, transaction, attached }

    let text: String
    let place: Place
    let names: [String]

    var testDescription: String { text }
  }

  private static func guarded(
    _ place: Guarded.Place, _ names: [String], _ texts: String...
  ) -> [Guarded] {
    texts.map { Guarded(text: $0, place: place, names: names) }
  }

  static let guarded: [Guarded] = [ofTransaction, ofSession, attached, bodiesWithNames]
    .flatMap { $0 }

  private static let tenant = ["app.tenant_id"]

  private static let ofTransaction: [Guarded] = [
    guarded(
      .transaction, tenant, "SET LOCAL app.tenant_id = 'x'", "set local App.Tenant_ID to x",
      "SET LOCAL \"app\".\"tenant_id\" = 'x'", "SET LOCAL \"APP\".\"Tenant_Id\" = 'x'",
      "SET LOCAL app . tenant_id = 'x'", "SET LOCAL \"app.tenant_id\" = 'x'",
      "SET/**/LOCAL/**/app/**/./**/tenant_id/**/=/**/'x'", "SET LOCAL--\napp.tenant_id--\n= 'x'",
      "SET LOCAL app.\"tenant_id\" TO DEFAULT", "SET LOCAL app.tenant_id FROM CURRENT",
      "SET LOCAL app.tenant_id = E'\\x78'", "SET LOCAL app.tenant_id = U&'\\0078'",
      "SET LOCAL app.tenant_id = $$x$$", "BEGIN; SET LOCAL app.tenant_id = 'x'; SELECT 1; COMMIT",
      "SELECT '\\'; SET LOCAL app.tenant_id = 'x'; --'",
      "SELECT 1 /* /* */ ; */ ; SET LOCAL app.tenant_id = 'x'", "--\rSET LOCAL app.tenant_id = 1",
      "SELECT $a$ $$ $a$; SET LOCAL app.tenant_id = 'x'; --$$",
      "SELECT E'\\''; SET LOCAL app.tenant_id = 'x'",
      "SELECT set_config('app.tenant_id', 'x', true)",
      "SELECT SET_CONFIG('APP.TENANT_ID', 'x', TRUE)",
      "SELECT \"set_config\"('app.tenant_id', 'x', true)",
      "SELECT pg_catalog . \"set_config\" /**/ ( /**/ 'app.tenant_id' --\n, 'x', /**/ true )",
      "SELECT set_config('app.tenant_id'::text, $1::text, true)",
      "SELECT set_config('app.tenant_id'::varchar, $1, true)",
      "VALUES (set_config('app.tenant_id', 'x', true))",
      "WITH a AS (SELECT set_config('app.tenant_id', 'x', true)) SELECT * FROM a",
      "WITH a AS MATERIALIZED (SELECT set_config('app.tenant_id', 'x', true)) DELETE FROM t",
      "INSERT INTO t VALUES (set_config('app.tenant_id', 'x', true))",
      "UPDATE t SET a = set_config('app.tenant_id', 'x', true)",
      "DELETE FROM t WHERE set_config('app.tenant_id', 'x', true) = 'x'",
      "INSERT INTO t VALUES (1) RETURNING set_config('app.tenant_id', 'x', true)",
      "MERGE INTO t USING u ON set_config('app.tenant_id', 'x', true) = '' "
        + "WHEN MATCHED THEN DELETE",
      "EXPLAIN ANALYZE SELECT set_config('app.tenant_id', 'x', true)",
      "COPY (SELECT set_config('app.tenant_id', 'x', true)) TO STDOUT",
      "DECLARE c CURSOR FOR SELECT set_config('app.tenant_id', 'x', true)",
      "PREPARE p AS SELECT set_config('app.tenant_id', 'x', true)",
      "EXECUTE p(set_config('app.tenant_id', 'x', true))",
      "CALL p(set_config('app.tenant_id', 'x', true))",
      "SELECT * FROM t ORDER BY set_config('app.tenant_id', 'x', true)",
      "SELECT * FROM set_config('app.tenant_id', 'x', true)",
      "SELECT 1 FROM t LIMIT length(set_config('app.tenant_id', 'x', true))",
      "SELECT CASE WHEN true THEN set_config('app.tenant_id', 'x', true) END",
      "SELECT 1 UNION SELECT set_config('app.tenant_id', 'x', true)::int",
      "CREATE TABLE t AS SELECT set_config('app.tenant_id', 'x', true)",
      "CREATE TABLE t (a text DEFAULT set_config('app.tenant_id', 'x', true))",
      "CREATE VIEW v AS SELECT set_config('app.tenant_id', 'x', true)",
      "CREATE RULE r AS ON INSERT TO t DO SELECT set_config('app.tenant_id', 'x', true)",
      "CREATE POLICY p ON t USING (set_config('app.tenant_id', 'x', true) = 'x')",
      "CREATE FUNCTION f() RETURNS text RETURN set_config('app.tenant_id', 'x', true)",
      "CREATE FUNCTION f() RETURNS text BEGIN ATOMIC "
        + "SELECT set_config('app.tenant_id', 'x', true); END",
      "SELECT set_config('app.tenant_id', set_config('app.tenant_id', 'y', true), true)"),
    guarded(
      .transaction, ["role"], "SET LOCAL ROLE x", "SET LOCAL role = x", "set local/**/role none",
      "SET LOCAL \"Role\" TO x", "SELECT set_config('role', 'x', true)",
      "SELECT set_config('ROLE', $1, true)"),
    guarded(
      .transaction, ["session_authorization", "role"], "SET LOCAL SESSION AUTHORIZATION x",
      "SET LOCAL SESSION AUTHORIZATION DEFAULT", "SET LOCAL session_authorization = x",
      "SELECT set_config('session_authorization', 'x', true)"),
    guarded(.transaction, ["timezone"], "SET LOCAL TIME ZONE 'UTC'", "SET LOCAL TimeZone = 'UTC'"),
    guarded(.transaction, ["client_encoding"], "SET LOCAL NAMES 'x'", "SET LOCAL NAMES"),
    guarded(.transaction, ["xmloption"], "SET LOCAL XML OPTION CONTENT"),
    guarded(
      .transaction, ["search_path"], "SET LOCAL SCHEMA 'x'", "SET LOCAL search_path = a, b",
      "SET LOCAL \"search_path\" TO ''"),
    guarded(
      .transaction, ["sort_mem", "work_mem"], "SET LOCAL sort_mem = 1",
      "SELECT set_config('Sort_Mem', '1', true)"),
    guarded(
      .transaction, ["vacuum_mem", "maintenance_work_mem"], "SET LOCAL \"vacuum_mem\" = 1"),
    guarded(
      .transaction,
      [
        "default_transaction_isolation", "default_transaction_read_only",
        "default_transaction_deferrable",
      ], "SET LOCAL SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
    guarded(
      .transaction, ["a.b", "c.d"], "SET LOCAL a.b = 1; SET LOCAL c.d = 1; SET LOCAL A.B = 2",
      "SELECT set_config('a.b', '', true), set_config('c.d', '', true)",
      "SELECT set_config('a.b', '', true); SET LOCAL c.d = 1"),
    guarded(
      .transaction, [], "SET LOCAL seed = 1", "SET LOCAL transaction_read_only = off",
      "SET LOCAL TRANSACTION READ ONLY", "SELECT 'SET LOCAL a.b = 1'", "-- SET LOCAL a.b = 1",
      "SELECT 'set_config(''a.b'', 1, true)'", "SELECT a.local FROM b"),
  ].flatMap { $0 }

  private static let ofSession: [Guarded] = [
    guarded(
      .session, tenant, "SET app.tenant_id = 'x'", "SET SESSION \"app\".\"tenant_id\" = 'x'",
      "RESET app.tenant_id", "RESET \"APP\" . \"TENANT_ID\"", "SET \"app.tenant_id\" TO x",
      "SELECT set_config('app.tenant_id', 'x', false)",
      "SELECT set_config('app.tenant_id', 'x', $1)", "COMMIT; SET app.tenant_id = 'x'",
      "ROLLBACK AND CHAIN; SET app.tenant_id = 'x'", "SAVEPOINT a; SET app.tenant_id = 'x'"),
    guarded(.session, ["sort_mem", "work_mem"], "SET sort_mem = 1", "RESET sort_mem"),
    guarded(.session, ["local.tenant_id"], "SET local.tenant_id = 'x'"),
    guarded(.session, ["local"], "SET local = 'x'", "SET SESSION local TO 'x'"),
  ].flatMap { $0 }

  private static let attached: [Guarded] = [
    guarded(
      .attached, tenant,
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET app.tenant_id = 'x' AS 'SELECT 1'",
      "CREATE OR REPLACE FUNCTION f() RETURNS int SET \"App\".Tenant_ID TO x LANGUAGE sql AS $$ $$",
      "create procedure p() language sql set app . tenant_id from current as ''",
      "CREATE OR REPLACE PROCEDURE p() SET app.tenant_id = x BEGIN ATOMIC SELECT 1; END",
      "CREATE FUNCTION f(a int, b int, c int, d int, e int, g int, h int, i int) RETURNS int "
        + "LANGUAGE sql IMMUTABLE STRICT SET app.tenant_id = 'x' AS ''",
      "CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql SET app.tenant_id = 'x' AS ''",
      "CREATE FUNCTION begin.atomic() RETURNS int LANGUAGE sql SET app.tenant_id = 'x' AS ''",
      "CREATE FUNCTION f() RETURNS int AS 'SELECT 1' LANGUAGE sql SET/**/app.tenant_id--\nTO 'x'",
      "ALTER FUNCTION f() SET app.tenant_id = 'x'", "ALTER FUNCTION f RESET app.tenant_id",
      "ALTER PROCEDURE p() SET app.tenant_id TO DEFAULT", "ALTER ROUTINE f SET app.tenant_id = x",
      "ALTER FUNCTION f() STRICT RESET ALL SET app.tenant_id = x",
      "ALTER ROLE r SET app.tenant_id = 'x'", "ALTER USER r SET \"app.tenant_id\" = 'x'",
      "ALTER ROLE ALL SET app.tenant_id = 'x'", "alter role r in database d set App.tenant_id to x",
      "ALTER ROLE CURRENT_USER RESET app.tenant_id", "ALTER ROLE \"set\" SET app.tenant_id = 1",
      "ALTER DATABASE d SET app.tenant_id = 'x'", "ALTER DATABASE d RESET \"app\".\"tenant_id\"",
      "ALTER SYSTEM SET app.tenant_id = 'x'", "ALTER SYSTEM RESET app.tenant_id",
      "SELECT 1; ALTER ROLE r SET app.tenant_id = 'x'"),
    guarded(
      .attached, ["role"], "ALTER ROLE r SET ROLE x", "ALTER FUNCTION f() SET role = x",
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET ROLE x RETURN 1"),
    guarded(.attached, ["timezone"], "ALTER ROLE r SET TIME ZONE 'UTC'"),
    guarded(
      .attached, ["session_authorization", "role"], "ALTER ROLE r SET SESSION AUTHORIZATION x"),
    guarded(.attached, ["sort_mem", "work_mem"], "ALTER DATABASE d SET sort_mem = 1"),
    guarded(.attached, ["search_path"], "ALTER FUNCTION f() SET SCHEMA 'x'"),
    guarded(
      .attached, ["a.b", "c.d"],
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET a.b = 1 SET c.d = 2 AS ''",
      "ALTER ROLE r SET a.b = 1; ALTER ROLE r SET c.d = 1"),
    guarded(
      .attached, [], "ALTER FUNCTION f() SET SCHEMA x", "ALTER DATABASE d SET TABLESPACE x",
      "ALTER ROLE r RESET ALL", "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1",
      "ALTER TABLE t SET (fillfactor = 70)", "ALTER ROLE r PASSWORD 'set a.b = 1'",
      "CREATE FUNCTION f(set int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC UPDATE t SET role = 1; END",
      "CREATE TABLE t (set int)", "ALTER USER MAPPING FOR r SERVER s OPTIONS (SET a 'b')"),
  ].flatMap { $0 }

  private static let bodiesWithNames: [Guarded] = [
    guarded(
      .attached, tenant,
      "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SET LOCAL app.tenant_id = 1'",
      "CREATE FUNCTION f() RETURNS void LANGUAGE sql "
        + "AS $$SELECT set_config('App.tenant_id', '', true)$$",
      "CREATE FUNCTION f() RETURNS void AS 'SELECT set_config(''app.tenant_id'', ''x'', true)' "
        + "LANGUAGE sql",
      "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET app.tenant_id = 1; END $$",
      "CREATE FUNCTION f() RETURNS void AS $$ BEGIN UPDATE t SET a = 1; "
        + "SET LOCAL app.tenant_id = 'x'; END $$ LANGUAGE plpgsql",
      "CREATE FUNCTION f() RETURNS void AS $$ BEGIN EXECUTE 'SET app.tenant_id = ' || $1; END $$ "
        + "LANGUAGE plpgsql",
      "CREATE FUNCTION f() RETURNS void AS $$ BEGIN "
        + "EXECUTE $x$ SELECT 1; SET app.tenant_id = 1 $x$; END $$ LANGUAGE plpgsql",
      "CREATE FUNCTION f() RETURNS void AS $$ BEGIN -- ' \n RESET app.tenant_id; END $$",
      "CREATE FUNCTION f() RETURNS void AS $$ BEGIN PERFORM \"set_config\"('app.tenant_id', a, b); "
        + "END $$ LANGUAGE plpgsql",
      "DO $$ BEGIN SET LOCAL app.tenant_id = 'x'; END $$",
      "DO $$ BEGIN EXECUTE 'SET app.tenant_id = 1'; END $$",
      "DO 'BEGIN EXECUTE ''SET app.tenant_id = 1''; END'",
      "DO $$ BEGIN CREATE FUNCTION f() RETURNS void LANGUAGE sql "
        + "AS 'SET LOCAL app.tenant_id = 1'; PERFORM f(); END $$"),
    guarded(
      .attached, [], "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'UPDATE t SET role = 1'",
      "CREATE FUNCTION f() RETURNS void AS $$ BEGIN RAISE 'please set role = x'; END $$",
      "CREATE FUNCTION f() RETURNS void AS $$ BEGIN INSERT INTO t VALUES (1) ON CONFLICT (a) "
        + "DO UPDATE SET role = 1; END $$ LANGUAGE plpgsql",
      "DO $$ BEGIN UPDATE t SET role = 1; END $$", "SELECT 'SET a.b = 1'"),
  ].flatMap { $0 }
}
