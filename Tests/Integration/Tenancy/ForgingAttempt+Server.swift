/// PostgreSQL's own objects and rights, and tokens.
extension ForgingAttempt {
  static let server = [
    Self(
      "SET SESSION AUTHORIZATION", .refused, by: .privileges, "SET SESSION AUTHORIZATION postgres"),
    Self("SET ROLE", .refused, by: .privileges, "SET ROLE postgres"),
    Self(
      "row_security = off", .refused, by: .policy, "BEGIN", "SET row_security = off", "TABLE docs"),
    Self(
      "dropping the policy", .refused, by: .privileges, "DROP POLICY tenant ON docs",
      "ALTER TABLE docs DISABLE ROW LEVEL SECURITY"),
    Self("TRUNCATE", .refused, by: .privileges, "TRUNCATE docs"),
    Self(
      "rows written for globex", .refused, by: .policy,
      "INSERT INTO docs VALUES (901, 'globex', 'forged')",
      "UPDATE docs SET tenant_id = 'globex'"),
    Self(
      "COPY of the table", .harmless, by: .policy, "COPY docs TO STDOUT",
      "COPY (SELECT * FROM docs WHERE tenant_id = 'globex') TO STDOUT"),
    Self("COPY to a file", .refused, by: .privileges, "COPY docs TO '/tmp/forged'"),
    Self("table_to_xml", .harmless, by: .policy, "SELECT table_to_xml('docs', true, true, '')"),
    Self(
      "cursor_to_xml", .harmless, by: .policy, "BEGIN", "DECLARE c CURSOR FOR TABLE docs",
      "SELECT cursor_to_xml('c', 100, true, true, '')"),
    Self(
      "a leaky function", .harmless, by: .policy,
      "CREATE FUNCTION f(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 "
        + "AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
      "SELECT * FROM docs WHERE f(body)", "DELETE FROM docs WHERE NOT f(body)"),
    Self(
      "current_setting of one's own, first in search_path", .harmless, by: .policy,
      "CREATE FUNCTION current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT 'globex'$$",
      "CREATE FUNCTION current_setting(text, bool) RETURNS text LANGUAGE sql "
        + "AS $$SELECT 'globex'$$", "SET search_path = tenancy_app, pg_catalog, public",
      "SELECT * FROM docs"),
    Self(
      "the same in pg_temp", .harmless, by: .policy, "BEGIN",
      "CREATE FUNCTION pg_temp.current_setting(text) RETURNS text LANGUAGE sql "
        + "AS $$SELECT 'globex'$$", "SET LOCAL search_path = pg_temp, pg_catalog, public",
      "SELECT * FROM docs"),
    Self(
      "set_config of one's own", .refused, by: .protected,
      "CREATE FUNCTION set_config(text, text, bool) RETURNS text LANGUAGE sql "
        + "AS $$SELECT pg_catalog.set_config('app.tenant_id', $2, $3)$$"),
    Self(
      "set_config by another name", .refused, by: .privileges,
      "CREATE FUNCTION f(text, text, bool) RETURNS text LANGUAGE internal AS 'set_config_by_name'"),
    Self(
      "an operator of one's own", .harmless, by: .policy,
      "CREATE FUNCTION f(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true'",
      "CREATE OPERATOR = (FUNCTION = f, LEFTARG = text, RIGHTARG = text)",
      "SET search_path = tenancy_app, pg_catalog, public", "SELECT * FROM docs"),
    Self(
      "a temporary table of the same name", .harmless, by: .policy, "BEGIN",
      "CREATE TEMP TABLE docs AS SELECT * FROM public.docs", "SELECT * FROM docs",
      "SELECT * FROM public.docs"),
    Self(
      "a temporary view", .harmless, by: .policy, "BEGIN",
      "CREATE TEMP VIEW v AS SELECT * FROM docs WHERE tenant_id = 'globex'", "SELECT * FROM v"),
    Self(
      "a schema named sluice", .harmless, signed: .refused, by: .unused, "CREATE SCHEMA sluice",
      "CREATE FUNCTION sluice.tenant() RETURNS text LANGUAGE sql AS $$SELECT 'globex'$$",
      "DROP SCHEMA sluice CASCADE"),
    Self("PREPARE TRANSACTION", .refused, by: .privileges, "BEGIN", "PREPARE TRANSACTION 'x'"),
    Self(
      "CREATE EXTENSION of a language", .refused, by: .privileges,
      "CREATE EXTENSION plpython3u"),
    Self(
      "membership of the owner's role", .refused, by: .privileges,
      "GRANT tenancy_owner TO tenancy_app"),
  ]

  private static func replay(_ name: String, _ token: String) -> [Self] {
    [
      Self(
        "\(name), by SET", .harmless, signed: .refused, by: .unused, "BEGIN",
        "SET LOCAL sluice.token = '\(token)'", "SELECT * FROM docs"),
      Self(
        "\(name), by a function", .harmless, signed: .refused, by: .unused,
        """
        CREATE FUNCTION f(text) RETURNS void LANGUAGE plpgsql
          AS 'BEGIN PERFORM set_config(''sluice.'' || ''token'', $1, false); END'
        """, "BEGIN", "SELECT f('\(token)')", "SELECT * FROM docs"),
    ]
  }

  static let tokens =
    replay("a token that nobody has signed", "v1.k1.9999999999.676c6f626578.\(zeros)")
    + replay("an expired token of globex", "{expired}")
    + replay("a token of globex for another database", "{elsewhere}")
    + replay("a token of globex for another login", "{other}")
    + replay("a token of globex, signed with another secret", "{foreign}")
    + replay("no token", "")
    + [
      Self(
        "one's own token with another tenant in it", .harmless, signed: .refused, by: .unused,
        """
        CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql
          AS $$BEGIN PERFORM set_config('sluice.' || 'token', replace(
            current_setting('sluice.token', true), '61636d65', '676c6f626578'), false); END$$
        """, "BEGIN", "SELECT f()", "SELECT * FROM docs"),
      Self("RESET of the token", .harmless, signed: .refused, by: .unused, "RESET sluice.token"),
      Self(
        "globex's token out of pg_stat_activity", .harmless, signed: .refused, by: .unused,
        "SELECT query FROM pg_stat_activity", "SELECT query FROM pg_stat_get_activity(NULL)",
        "SELECT pg_stat_get_backend_activity(i) FROM pg_stat_get_backend_idset() AS i"),
      Self(
        "globex's token out of the session", .harmless, by: .preamble,
        "SELECT current_setting('sluice.token', true)", "SHOW ALL",
        "SELECT * FROM pg_settings, pg_cursors, pg_prepared_statements LIMIT 1000"),
      Self(
        "globex's token out of the memory's names", .refused, by: .privileges,
        "SELECT ident FROM pg_backend_memory_contexts"),
    ]

  private static let zeros = String(repeating: "0", count: 64)
}
