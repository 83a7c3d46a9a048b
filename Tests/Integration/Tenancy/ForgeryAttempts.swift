/// What somebody who may run any SQL as the application's login, in a transaction of the tenant
/// acme, tries in order to be another tenant or to read the secret.
struct ForgeryAttempt: Sendable {
  /// What has to come of it.
  enum Outcome: Sendable {
    /// The last statement fails, with this SQLSTATE.
    case fails(String)
    /// All statements may run: nothing comes to light, and acme stays what one is.
    case isHarmless
    /// Statements may run, but after it one is no tenant at all.
    case losesTenant
  }

  let name: String
  let outcome: Outcome
  /// Run one by one; an error does not end the attempt.
  let statements: [String]

  init(_ name: String, _ outcome: Outcome, _ statements: String...) {
    self.name = name
    self.outcome = outcome
    self.statements = statements
  }

  static let all = secrets + schema + rows + tokens + shadows + inspection

  /// Reading and writing the secrets.
  private static let secrets = [
    ForgeryAttempt("SELECT of the secrets", .fails("42501"), "SELECT * FROM sluice.secrets"),
    ForgeryAttempt(
      "the secrets' key IDs", .fails("42501"), "SELECT id, created_at FROM sluice.secrets"),
    ForgeryAttempt("the whole row", .fails("42501"), "SELECT s FROM sluice.secrets AS s"),
    ForgeryAttempt("COPY", .fails("42501"), "COPY sluice.secrets TO STDOUT"),
    ForgeryAttempt(
      "COPY of a query", .fails("42501"), "COPY (SELECT * FROM sluice.secrets) TO STDOUT"),
    ForgeryAttempt(
      "a view of one's own", .fails("42501"),
      "CREATE VIEW tenancy_app.peek AS SELECT * FROM sluice.secrets",
      "SELECT * FROM tenancy_app.peek"),
    ForgeryAttempt(
      "a SECURITY DEFINER function of one's own", .fails("42501"),
      """
      CREATE FUNCTION tenancy_app.peek() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
        AS 'BEGIN RETURN QUERY SELECT encode(inner_key, ''hex'') FROM sluice.secrets; END'
      """, "SELECT tenancy_app.peek()"),
    ForgeryAttempt(
      "dynamic SQL in DO", .fails("42501"),
      "DO $$BEGIN EXECUTE 'TABLE slu' || 'ice.secrets'; END$$"),
    ForgeryAttempt(
      "query_to_xml", .fails("42501"),
      "SELECT query_to_xml('TABLE sluice.secrets', true, true, '')"),
    ForgeryAttempt(
      "inheritance", .fails("42501"), "CREATE TABLE tenancy_app.heir () INHERITS (sluice.secrets)"),
    ForgeryAttempt(
      "a foreign key", .fails("42501"),
      "CREATE TABLE tenancy_app.ref (id text REFERENCES sluice.secrets)"),
    ForgeryAttempt(
      "a trigger", .fails("42501"),
      """
      CREATE FUNCTION tenancy_app.spy() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RAISE NOTICE ''%'', NEW; RETURN NEW; END'
      """,
      """
      CREATE TRIGGER spy BEFORE INSERT ON sluice.secrets FOR EACH ROW
        EXECUTE FUNCTION tenancy_app.spy()
      """),
    ForgeryAttempt(
      "a rule", .fails("42501"), "CREATE RULE r AS ON INSERT TO sluice.secrets DO NOTHING"),
    ForgeryAttempt(
      "a secret of one's own", .fails("42501"),
      "INSERT INTO sluice.secrets VALUES ('k9', repeat('x', 64)::bytea, repeat('x', 64)::bytea)"),
    ForgeryAttempt(
      "set_secret", .fails("42501"), "SELECT sluice.set_secret('k9', repeat('x', 40))"),
    ForgeryAttempt("drop_secret", .fails("42501"), "SELECT sluice.drop_secret('k1')"),
    ForgeryAttempt("UPDATE", .fails("42501"), "UPDATE sluice.secrets SET id = 'k9'"),
    ForgeryAttempt("TRUNCATE", .fails("42501"), "TRUNCATE sluice.secrets"),
    ForgeryAttempt("LOCK", .fails("42501"), "BEGIN; LOCK TABLE sluice.secrets"),
    ForgeryAttempt(
      "the planner's statistics", .isHarmless,
      "SELECT * FROM pg_stats WHERE schemaname = 'sluice'"),
    ForgeryAttempt("pg_statistic", .fails("42501"), "SELECT * FROM pg_statistic"),
    ForgeryAttempt("the data files", .fails("42501"), "SELECT pg_read_file('PG_VERSION')"),
    ForgeryAttempt(
      "a program", .fails("42501"), "COPY tenancy_app.docs FROM PROGRAM 'id'",
      "CREATE TABLE tenancy_app.lines (t text)", "COPY tenancy_app.lines FROM PROGRAM 'id'"),
  ]

  /// Changing what verifies.
  private static let schema = [
    ForgeryAttempt(
      "replacing the function", .fails("42501"),
      """
      CREATE OR REPLACE FUNCTION sluice.tenant() RETURNS text LANGUAGE sql STABLE
        AS $$SELECT 'globex'$$
      """),
    ForgeryAttempt(
      "an overload that fits better", .fails("42501"),
      """
      CREATE FUNCTION sluice.tenant(VARIADIC text[] DEFAULT '{}') RETURNS text LANGUAGE sql
        AS $$SELECT 'globex'$$
      """),
    ForgeryAttempt(
      "ALTER FUNCTION", .fails("42501"), "ALTER FUNCTION sluice.tenant() SECURITY INVOKER"),
    ForgeryAttempt(
      "the function's search_path", .fails("42501"),
      "ALTER FUNCTION sluice.tenant() RESET search_path"),
    ForgeryAttempt("DROP FUNCTION", .fails("42501"), "DROP FUNCTION sluice.tenant() CASCADE"),
    ForgeryAttempt("renaming the schema", .fails("42501"), "ALTER SCHEMA sluice RENAME TO s"),
    ForgeryAttempt("dropping the schema", .fails("42501"), "DROP SCHEMA sluice CASCADE"),
    ForgeryAttempt("DROP POLICY", .fails("42501"), "DROP POLICY tenant ON docs"),
    ForgeryAttempt(
      "a policy of one's own", .fails("42501"), "CREATE POLICY p ON docs USING (true)"),
    ForgeryAttempt(
      "row level security off", .fails("42501"), "ALTER TABLE docs DISABLE ROW LEVEL SECURITY"),
    ForgeryAttempt(
      "row_security = off", .fails("42501"), "SET row_security = off", "SELECT * FROM docs"),
    ForgeryAttempt("the owner's role", .fails("42501"), "SET ROLE tenancy_owner"),
    ForgeryAttempt(
      "another session user", .fails("42501"), "SET SESSION AUTHORIZATION tenancy_owner"),
    ForgeryAttempt(
      "joining the owner's role", .fails("42501"), "GRANT tenancy_owner TO tenancy_app"),
    ForgeryAttempt("BYPASSRLS", .fails("42501"), "ALTER ROLE tenancy_app BYPASSRLS"),
    ForgeryAttempt(
      "a cast of one's own", .fails("42501"),
      "CREATE CAST (bytea AS text) WITHOUT FUNCTION AS IMPLICIT"),
    ForgeryAttempt(
      "a function in pg_catalog", .fails("42501"),
      """
      CREATE OR REPLACE FUNCTION pg_catalog.sha256(bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
        AS $$SELECT ''::bytea$$
      """),
  ]

  /// Reading rows past the policy.
  private static let rows = [
    ForgeryAttempt(
      "a leaky function before the policy", .isHarmless,
      """
      CREATE FUNCTION tenancy_app.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001
        AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'
      """, "SELECT id FROM docs WHERE tenancy_app.leak(body)",
      "SELECT id FROM docs WHERE tenancy_app.leak(tenant_id) ORDER BY tenancy_app.leak(body)",
      "DELETE FROM docs WHERE NOT tenancy_app.leak(body)",
      "SELECT count(*) FROM docs GROUP BY tenancy_app.leak(body)"),
    ForgeryAttempt(
      "a function that is said to be leakproof", .fails("42501"),
      """
      CREATE FUNCTION tenancy_app.leak(text) RETURNS bool LANGUAGE plpgsql LEAKPROOF
        AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'
      """),
    ForgeryAttempt(
      "a leaky operator", .isHarmless,
      """
      CREATE FUNCTION tenancy_app.leak(text, text) RETURNS bool LANGUAGE plpgsql COST 0.0000001
        AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'
      """,
      """
      CREATE OPERATOR tenancy_app.= (FUNCTION = tenancy_app.leak, LEFTARG = text,
        RIGHTARG = text, RESTRICT = eqsel)
      """, "SET search_path = tenancy_app, pg_catalog, public",
      "SELECT id FROM docs WHERE body = 'of globex'"),
    ForgeryAttempt(
      "a cast's error", .isHarmless, "SELECT id FROM docs WHERE body::int = 1 AND id = 2",
      "SELECT id FROM docs WHERE tenant_id = 'globex' AND 1 / (id - id) = 1"),
    ForgeryAttempt(
      "the table's statistics", .isHarmless,
      "SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'docs'"),
    ForgeryAttempt(
      "a view of one's own over the table", .isHarmless,
      "CREATE VIEW tenancy_app.all_docs AS SELECT * FROM public.docs",
      "SELECT * FROM tenancy_app.all_docs WHERE body <> 'of acme'"),
  ]

  /// Other values of the setting: none can be signed.
  private static let tokens = [
    ForgeryAttempt("SET", .losesTenant, "SET sluice.token = 'v1.k1.9999999999.676c6f626578.00'"),
    ForgeryAttempt(
      "set_config", .losesTenant, "SELECT set_config('sluice.token', 'globex', false)"),
    ForgeryAttempt(
      "a concatenated name in DO", .losesTenant,
      """
      DO $$BEGIN PERFORM set_config('slu' || 'ice.tok' || 'en',
        regexp_replace(current_setting('sluice.token'), '61636d65', '676c6f626578'), false); END$$
      """),
    ForgeryAttempt(
      "EXECUTE in DO", .losesTenant,
      "DO $$BEGIN EXECUTE 'SET sluice' || chr(46) || 'token = ''globex'''; END$$"),
    ForgeryAttempt("another setting's name", .isHarmless, "SET \"Sluice.Tokens\" = 'globex'"),
    ForgeryAttempt("upper case", .losesTenant, "SET SLUICE.TOKEN = 'globex'"),
    ForgeryAttempt(
      "Unicode escapes", .losesTenant, #"SET U&"sluice"."token" = 'globex'"#,
      #"SET U&"\0073luice".token = 'globex'"#),
    ForgeryAttempt(
      "a function with the setting", .fails("42501"),
      """
      CREATE FUNCTION tenancy_app.f() RETURNS bigint LANGUAGE sql SET sluice.token = 'globex'
        AS 'SELECT count(*) FROM public.docs'
      """),
    ForgeryAttempt(
      "a SECURITY DEFINER function with the setting", .fails("42501"),
      """
      CREATE FUNCTION tenancy_app.f() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
        AS 'BEGIN SET LOCAL sluice.token = ''globex''; RETURN count(*) FROM public.docs; END'
      """, "SELECT tenancy_app.f()"),
    ForgeryAttempt(
      "a savepoint", .isHarmless,
      """
      BEGIN; SAVEPOINT s; SET LOCAL sluice.token = 'globex'; ROLLBACK TO s;
      SELECT count(*) FROM docs; COMMIT
      """),
    ForgeryAttempt(
      "ROLLBACK AND CHAIN", .isHarmless,
      "BEGIN; SET LOCAL sluice.token = 'globex'; ROLLBACK AND CHAIN; SELECT * FROM docs; COMMIT"),
    ForgeryAttempt("RESET", .losesTenant, "RESET sluice.token"),
    ForgeryAttempt("DISCARD ALL", .losesTenant, "DISCARD ALL"),
    ForgeryAttempt(
      "a prepared statement", .losesTenant, "PREPARE p AS SELECT * FROM docs", "EXECUTE p",
      "EXECUTE p", "SET sluice.token = 'globex'", "EXECUTE p"),
    ForgeryAttempt(
      "the setting in the middle of a query", .isHarmless,
      """
      CREATE FUNCTION tenancy_app.switch() RETURNS bool LANGUAGE plpgsql VOLATILE
        AS 'BEGIN PERFORM set_config(''sluice.token'', ''globex'', true); RETURN true; END'
      """, "SELECT * FROM docs WHERE tenancy_app.switch()",
      "SELECT * FROM (SELECT tenancy_app.switch()) AS s, docs OFFSET 0"),
    ForgeryAttempt(
      "the plain setting", .isHarmless, "SET app.tenant_id = 'globex'", "SELECT * FROM docs"),
    ForgeryAttempt(
      "another encoding", .losesTenant, "SET client_encoding = 'SJIS'",
      "SET sluice.token = 'globex'"),
  ]

  /// Names of the system's, made again by the attacker and found first.
  private static let shadows = [
    ForgeryAttempt(
      "functions in one's own schema", .isHarmless, "GRANT USAGE ON SCHEMA tenancy_app TO PUBLIC",
      shadowFunctions("tenancy_app"), "SET search_path = tenancy_app, pg_catalog, public",
      "SELECT public.docs.* FROM public.docs"),
    ForgeryAttempt(
      "functions in pg_temp", .isHarmless,
      "CREATE TEMP TABLE t (a int)", shadowFunctions("pg_temp"),
      "SET search_path = pg_temp, pg_catalog, public", "SELECT sluice.tenant()"),
    ForgeryAttempt(
      "operators in one's own schema", .isHarmless, "GRANT USAGE ON SCHEMA tenancy_app TO PUBLIC",
      shadowOperators, "SET search_path = tenancy_app, pg_catalog, public",
      "SELECT sluice.tenant()"),
    ForgeryAttempt(
      "types in pg_temp", .isHarmless,
      """
      CREATE FUNCTION pg_temp.spy(pg_catalog.text) RETURNS bool LANGUAGE plpgsql IMMUTABLE
        AS 'BEGIN RAISE NOTICE ''spied %'', $1; RETURN true; END';
      CREATE FUNCTION pg_temp.spy(pg_catalog.bytea) RETURNS bool LANGUAGE plpgsql IMMUTABLE
        AS 'BEGIN RAISE NOTICE ''spied %'', $1; RETURN true; END';
      CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (pg_temp.spy(VALUE));
      CREATE DOMAIN pg_temp.bytea AS pg_catalog.bytea CHECK (pg_temp.spy(VALUE))
      """, "SELECT sluice.tenant()"),
    ForgeryAttempt(
      "tables in pg_temp and in one's own schema", .isHarmless,
      "CREATE TEMP TABLE secrets (id text, inner_key bytea, outer_key bytea)",
      "CREATE TABLE tenancy_app.secrets (id text, inner_key bytea, outer_key bytea)",
      "SET search_path = pg_temp, tenancy_app, sluice, public", "SELECT sluice.tenant()"),
    ForgeryAttempt(
      "a schema of the same name", .fails("42P06"), "CREATE SCHEMA sluice"),
  ]

  private static func shadowFunctions(_ schema: String) -> String {
    let body = "LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''spied''; RETURN "
    return """
      CREATE FUNCTION \(schema).sha256(bytea) RETURNS bytea \(body)''same''::bytea; END';
      CREATE FUNCTION \(schema).encode(bytea, text) RETURNS text \(body)''same''; END';
      CREATE FUNCTION \(schema).decode(text, text) RETURNS bytea \(body)''globex''::bytea; END';
      CREATE FUNCTION \(schema).convert_to(text, name) RETURNS bytea \(body)''x''::bytea; END';
      CREATE FUNCTION \(schema).convert_from(bytea, name) RETURNS text \(body)''globex''; END';
      CREATE FUNCTION \(schema).current_setting(text, bool) RETURNS text \(body)''x''; END';
      CREATE FUNCTION \(schema).string_to_array(text, text) RETURNS text[] \(body)''{}''; END';
      CREATE FUNCTION \(schema).now() RETURNS timestamptz \(body)''epoch''::timestamptz; END';
      CREATE FUNCTION \(schema).current_database() RETURNS name \(body)''app''::name; END'
      """
  }

  private static let shadowOperators = """
    CREATE FUNCTION tenancy_app.yes(text, text) RETURNS bool LANGUAGE plpgsql IMMUTABLE
      AS 'BEGIN RAISE NOTICE ''spied % %'', $1, $2; RETURN true; END';
    CREATE FUNCTION tenancy_app.yes(bytea, bytea) RETURNS bool LANGUAGE plpgsql IMMUTABLE
      AS 'BEGIN RAISE NOTICE ''spied % %'', $1, $2; RETURN true; END';
    CREATE FUNCTION tenancy_app.cat(bytea, bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE
      AS 'BEGIN RAISE NOTICE ''spied % %'', $1, $2; RETURN $2; END';
    CREATE OPERATOR tenancy_app.= (FUNCTION = tenancy_app.yes, LEFTARG = text, RIGHTARG = text);
    CREATE OPERATOR tenancy_app.= (FUNCTION = tenancy_app.yes, LEFTARG = bytea, RIGHTARG = bytea);
    CREATE OPERATOR tenancy_app.|| (FUNCTION = tenancy_app.cat, LEFTARG = bytea, RIGHTARG = bytea)
    """

  /// What PostgreSQL shows of its inner workings.
  private static let inspection = [
    ForgeryAttempt(
      "the function's source", .isHarmless,
      "SELECT pg_get_functiondef('sluice.tenant()'::regprocedure)",
      "SELECT prosrc, proconfig FROM pg_proc WHERE pronamespace = 'sluice'::regnamespace"),
    ForgeryAttempt(
      "EXPLAIN", .isHarmless, "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM docs",
      "EXPLAIN (ANALYZE, VERBOSE) SELECT sluice.tenant()"),
    ForgeryAttempt("EXPLAIN of the secrets", .fails("42501"), "EXPLAIN TABLE sluice.secrets"),
    ForgeryAttempt(
      "plans as notices", .isHarmless,
      """
      SET client_min_messages = debug5; SET debug_print_parse = on;
      SET debug_print_rewritten = on; SET debug_print_plan = on;
      SET plan_cache_mode = force_custom_plan
      """, "SELECT sluice.tenant()", "SELECT * FROM docs WHERE id < 3",
      "SET sluice.token = 'v1.k1.9999999999.676c6f626578.00'", "SELECT sluice.tenant()",
      "RESET client_min_messages; RESET debug_print_plan", "SET sluice.token = '{token}'"),
    ForgeryAttempt(
      "the parameters of plpgsql", .isHarmless, "LOAD 'plpgsql'",
      "SET plpgsql.print_strict_params = on", "SET plpgsql.extra_errors = 'all'",
      "SELECT sluice.tenant()"),
    ForgeryAttempt(
      "errors from within", .isHarmless,
      "SET statement_timeout = 1", "SELECT sluice.tenant() FROM generate_series(1, 100000)",
      "RESET statement_timeout"),
    ForgeryAttempt(
      "a call of the function's query", .fails("42501"),
      "SELECT encode(sha256(s.inner_key || 'x'::bytea), 'hex') FROM sluice.secrets AS s"),
    ForgeryAttempt(
      "parallel workers", .isHarmless,
      """
      SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
      SET min_parallel_table_scan_size = 0
      """, "SELECT count(*) FROM docs", "SELECT * FROM docs WHERE tenant_id = sluice.tenant()"),
    ForgeryAttempt(
      "the setting as a default of one's role", .fails("42501"),
      "ALTER ROLE tenancy_app SET sluice.token = 'globex'"),
    ForgeryAttempt(
      "the setting as a default of the database", .fails("42501"),
      "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET a.b = 1', current_database()); END$$"),
  ]
}
