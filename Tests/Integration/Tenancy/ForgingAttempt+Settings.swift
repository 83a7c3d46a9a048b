/// Statements that set, and calls of `set_config`.
extension ForgingAttempt {
  static let settings = [
    Self("SET", .refused, by: .protected, "SET app.tenant_id = 'globex'"),
    Self("SET SESSION", .refused, by: .protected, "SET SESSION app.tenant_id TO 'globex'"),
    Self(
      "SET LOCAL in a transaction", .refused, by: .protected, "BEGIN",
      "SET LOCAL app.tenant_id = 'globex'"),
    Self("SET without quotes", .refused, by: .protected, "SET app.tenant_id = globex"),
    Self("the name in upper case", .refused, by: .protected, "SET APP.Tenant_ID = 'globex'"),
    Self("the name in quotes", .refused, by: .protected, #"SET "app"."tenant_id" = 'globex'"#),
    Self(
      "the name in one pair of quotes", .refused, by: .protected, #"SET "app.tenant_id" = 'globex'"#
    ),
    Self("a list", .refused, by: .protected, "SET app.tenant_id = 'globex', 'acme'"),
    Self("RESET", .harmless, by: .own, "RESET app.tenant_id"),
    Self("SET ... TO DEFAULT", .harmless, by: .own, "SET app.tenant_id TO DEFAULT"),
    Self("RESET in a transaction", .harmless, by: .own, "BEGIN", "RESET app.tenant_id"),
    Self("RESET ALL", .harmless, by: .preamble, "RESET ALL"),
    Self("RESET ALL in a transaction", .refused, by: .protected, "BEGIN", "RESET ALL"),
    Self(
      "RESET ALL in front of a query", .refused, by: .protected,
      "RESET ALL; SELECT * FROM docs"),
    Self("DISCARD ALL", .harmless, by: .preamble, "DISCARD ALL"),
    Self("DISCARD ALL in a transaction", .refused, by: .protected, "BEGIN", "DISCARD ALL"),
    Self(
      "several statements in one text", .refused, by: .protected,
      "SELECT 1; SET app.tenant_id = 'globex'; SELECT * FROM docs"),
    Self(
      "a transaction in one text", .refused, by: .protected,
      "BEGIN; SET LOCAL app.tenant_id = 'globex'; SELECT * FROM docs; COMMIT"),
    Self(
      "SAVEPOINT and ROLLBACK TO", .refused, by: .protected, "BEGIN", "SAVEPOINT a",
      "SET LOCAL app.tenant_id = 'globex'", "ROLLBACK TO a", "SELECT * FROM docs"),
    Self(
      "ROLLBACK TO behind one's own name", .harmless, by: .own, "BEGIN", "SAVEPOINT a",
      "SET LOCAL app.tenant_id = 'acme'", "ROLLBACK TO a", "SELECT * FROM docs"),
    Self(
      "COMMIT AND CHAIN", .harmless, by: .preamble, "BEGIN", "SET LOCAL app.tenant_id = 'acme'",
      "COMMIT AND CHAIN", "SELECT * FROM docs"),
    Self(
      "ROLLBACK AND CHAIN", .harmless, by: .preamble, "BEGIN",
      "SET LOCAL app.tenant_id = 'acme'", "ROLLBACK AND CHAIN", "SELECT * FROM docs"),
    Self(
      "the end of a transaction within a text", .harmless, by: .preamble,
      "SELECT 1; ROLLBACK; SELECT * FROM docs"),
    Self(
      "ALTER ROLE ... SET", .refused, by: .protected,
      "ALTER ROLE tenancy_app SET app.tenant_id = 'globex'"),
    Self(
      "ALTER USER ... IN DATABASE ... SET", .refused, by: .protected,
      "ALTER USER tenancy_app IN DATABASE postgres SET app.tenant_id TO 'globex'"),
    Self(
      "ALTER DATABASE ... SET", .refused, by: .protected,
      "ALTER DATABASE postgres SET app.tenant_id = 'globex'"),
    Self(
      "ALTER SYSTEM SET", .refused, by: .protected, "ALTER SYSTEM SET app.tenant_id = 'globex'"),
    Self(
      "CREATE FUNCTION ... SET", .refused, by: .protected,
      "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql SET app.tenant_id = 'globex' "
        + "AS 'SELECT count(*) FROM docs'", "SELECT f()"),
    Self(
      "ALTER FUNCTION ... SET", .refused, by: .protected,
      "CREATE FUNCTION f() RETURNS SETOF docs LANGUAGE sql AS 'SELECT * FROM docs'",
      "ALTER FUNCTION f() SET app.tenant_id TO globex", "SELECT f()"),
    Self(
      "ALTER ROUTINE ... SET", .refused, by: .protected,
      "CREATE FUNCTION f() RETURNS SETOF docs LANGUAGE sql AS 'SELECT * FROM docs'",
      "ALTER ROUTINE f() STABLE SET app.tenant_id = globex", "SELECT f()"),
    Self(
      "UPDATE pg_settings", .refused, by: .unknown,
      "UPDATE pg_settings SET setting = 'globex' WHERE name = 'app.tenant_id'"),
    Self(
      "a view on pg_settings", .refused, by: .unknown,
      "CREATE VIEW v AS SELECT * FROM pg_settings", "UPDATE v SET setting = 'globex'"),
    Self(
      "a view on pg_settings made with a schema", .refused, by: .unknown,
      "CREATE SCHEMA forged CREATE TABLE t (a int, b int, c int) "
        + "CREATE VIEW v AS SELECT * FROM pg_settings"),
    Self(
      "a rule that updates pg_settings", .refused, by: .unknown,
      "CREATE TABLE t (a text)",
      "CREATE RULE r AS ON INSERT TO t DO ALSO UPDATE pg_settings SET setting = NEW.a"),
  ]

  private static func call(_ name: String, _ text: String, by stop: Stop = .protected) -> Self {
    Self(name, .refused, by: stop, "BEGIN", text, "SELECT * FROM docs")
  }

  private static let plainCall = "set_config('app.tenant_id', 'globex', false)"

  static let calls = [
    call("set_config", "SELECT \(plainCall)"),
    Self("set_config between transactions", .refused, by: .protected, "SELECT \(plainCall)"),
    call("set_config for the transaction", "SELECT set_config('app.tenant_id', 'globex', true)"),
    call("set_config with its schema", "SELECT pg_catalog . \(plainCall)"),
    call(
      "set_config in quotes", #"SELECT "pg_catalog"."set_config"('app.tenant_id', 'globex', false)"#
    ),
    call("set_config in upper case", "SELECT SET_CONFIG ('APP.TENANT_ID', 'globex', FALSE)"),
    call(
      "set_config with a comment in it",
      "SELECT set_config/* ( */('app.tenant_id' -- )\n, 'globex', false)"),
    call("set_config in an expression", "SELECT length(\(plainCall)) + 1, d.* FROM docs d"),
    call("set_config in CASE", "SELECT CASE WHEN \(plainCall) <> '' THEN 1 END"),
    call("set_config in WHERE", "SELECT * FROM docs WHERE \(plainCall) IS NOT NULL"),
    call("set_config in FROM", "SELECT * FROM \(plainCall) AS s, docs"),
    call("set_config in LATERAL", "SELECT * FROM docs, LATERAL (SELECT \(plainCall)) AS s"),
    call(
      "set_config in a CTE", "WITH s AS MATERIALIZED (SELECT \(plainCall)) SELECT * FROM s, docs"),
    call("set_config in a sub-select", "SELECT (SELECT \(plainCall)), d.* FROM docs d"),
    call("set_config in VALUES", "VALUES (\(plainCall))"),
    call("set_config in ORDER BY", "SELECT * FROM docs ORDER BY \(plainCall)"),
    call("set_config in LIMIT", "SELECT * FROM docs LIMIT length(\(plainCall))"),
    call("set_config in RETURNING", "UPDATE docs SET body = body RETURNING \(plainCall)"),
    call("set_config in INSERT", "INSERT INTO docs SELECT 900, 'globex', \(plainCall)"),
    call("set_config in CREATE TABLE AS", "CREATE TABLE t AS SELECT \(plainCall)"),
    call("set_config in CREATE VIEW", "CREATE VIEW v AS SELECT \(plainCall), * FROM docs"),
    call("set_config in a DEFAULT", "CREATE TABLE t (a text DEFAULT \(plainCall))"),
    call("set_config in EXPLAIN ANALYZE", "EXPLAIN ANALYZE SELECT \(plainCall)"),
    call("set_config in COPY", "COPY (SELECT \(plainCall)) TO STDOUT"),
    call("set_config in DECLARE", "DECLARE c CURSOR FOR SELECT \(plainCall)"),
    call("set_config in PREPARE", "PREPARE p AS SELECT \(plainCall)"),
    call(
      "set_config in an aggregate's definition",
      "CREATE AGGREGATE a(text, bool) (SFUNC = set_config, STYPE = text, "
        + "INITCOND = 'app.tenant_id')", by: .unknown),
    call(
      "set_config in BEGIN ATOMIC",
      "CREATE FUNCTION f(n text, v text) RETURNS text LANGUAGE sql "
        + "BEGIN ATOMIC; SELECT set_config(n, v, false); END", by: .unknown),
    call(
      "a name put together", "SELECT set_config('app.' || 'tenant_id', 'globex', false)",
      by: .unknown),
    call(
      "a name of characters",
      "SELECT set_config(chr(97) || 'pp.tenant_id', 'globex', false)", by: .unknown),
    call(
      "a name out of a table",
      "SELECT set_config(n, 'globex', true) FROM (VALUES ('app.tenant_id')) v(n)", by: .unknown),
    call(
      "a name with a cast", "SELECT set_config('app.tenant_id'::name::text, 'globex', false)",
      by: .unknown),
    call(
      "a name with CAST", "SELECT set_config(CAST('app.tenant_id' AS varchar), 'globex', false)",
      by: .unknown),
    call(
      "a name in an E string", #"SELECT set_config(E'app\x2etenant_id', 'globex', false)"#,
      by: .unknown),
    call(
      "a name in a dollar string", "SELECT set_config($$app.tenant_id$$, 'globex', false)",
      by: .unknown),
    call(
      "a string with Unicode escapes as the name",
      "SELECT set_config(U&'app!002etenant_id' UESCAPE '!', 'globex', false)", by: .unknown),
    call(
      "a name in two pieces", "SELECT set_config('app.'\n'tenant_id', 'globex', false)",
      by: .unknown),
    call(
      "named arguments",
      "SELECT set_config(is_local => false, new_value => 'globex', "
        + "setting_name => 'app.tenant_id')", by: .unknown),
    call(
      "VARIADIC and casts of the flag",
      "SELECT set_config('app.tenant_id', 'globex', 'off'::bool)"),
    call(
      "the function's name with Unicode escapes",
      #"SELECT U&"set!005fconfig" UESCAPE '!' ('app.tenant_id', 'globex', false)"#, by: .unknown),
    call(
      "query_to_xml",
      "SELECT query_to_xml('SELECT set_' || 'config(''app.tenant_id'', "
        + "''globex'', false)', true, true, '')", by: .unknown),
    call(
      "ts_stat",
      "SELECT ts_stat('SELECT set_' || 'config(''app.tenant_id'', ''globex'', "
        + "false)::tsvector')", by: .unknown),
    call(
      "ts_rewrite",
      "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, set_' "
        + "|| 'config(''app.tenant_id'', ''globex'', false)::tsquery')", by: .unknown),
    Self(
      "a name as a parameter", .refused, by: .unknown,
      [.extended("SELECT set_config($1, $2, false)", ["app.tenant_id", "globex"])]),
    Self(
      "a value as a parameter", .refused, by: .protected,
      [.extended("SELECT set_config('app.tenant_id', $1, false)", ["globex"])]),
  ]
}
