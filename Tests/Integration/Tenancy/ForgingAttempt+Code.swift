/// Spellings, and code that PostgreSQL puts together by itself.
extension ForgingAttempt {
  private static func raw(_ parts: Any...) -> Step {
    var bytes: [UInt8] = []
    for part in parts {
      if let text = part as? String { bytes += Array(text.utf8) }
      if let more = part as? [UInt8] { bytes += more }
    }
    return .bytes(Frame.message("Q", bytes + [0]))
  }

  private static let hidden = "set_config($$app.tenant_id$$, $$globex$$, false), d.* FROM docs d"

  /// A character whose second byte looks like a backslash, and by which a string ends by one
  /// reading and goes on by the other. The call is in the string by the reading of ASCII alone, or,
  /// where the server makes a backslash of the character, by that of characters.
  private static func encoding(
    _ encoding: String, _ character: [UInt8], _ start: String = "'", isBackslash: Bool = false
  ) -> Self {
    let kind = start == "'" ? "a plain string" : "an E string"
    let opening = isBackslash ? "', '" : "'"
    return Self(
      "\(encoding): \(isBackslash ? "a character that becomes" : "half a character looks like") "
        + "a backslash, in \(kind)", .refused, by: .unknown,
      [
        .query("SET client_encoding = '\(encoding)'"),
        .query("SET standard_conforming_strings = off"), .query("BEGIN"),
        raw("SELECT \(start)", character, "\(opening), \(hidden) --'"),
      ])
  }

  static let words =
    [
      Self(
        "comments", .refused, by: .protected,
        "/* /* */ ; */ SET/**/app/**/./**/tenant_id--\n=/**/'globex' -- '"),
      Self(
        "a comment's end in a string", .refused, by: .protected, "BEGIN",
        "SELECT '/*'; SET LOCAL app.tenant_id = 'globex'; SELECT '*/', d.* FROM docs d"),
      Self("an E string", .refused, by: .protected, #"SET app.tenant_id = E'glob\x65x'"#),
      Self("a dollar string", .refused, by: .protected, "SET app.tenant_id = $a$globex$a$"),
      Self("a string in two pieces", .refused, by: .protected, "SET app.tenant_id = 'glo'\n'bex'"),
      Self(
        "a string with Unicode escapes", .refused, by: .protected,
        "SET app.tenant_id = U&'!0067lobex' UESCAPE '!'"),
      Self(
        "a name with Unicode escapes", .refused, by: .unknown,
        #"SET U&"\0061pp".tenant_id = 'globex'"#),
      Self(
        "a name with Unicode escapes of one's own", .refused, by: .unknown,
        #"SET U&"!0061pp" UESCAPE '!' . U&"tenant_id" = 'globex'"#),
      Self(
        "a dollar string that hides a quote", .refused, by: .protected, "BEGIN",
        "SELECT $a$'$a$; SET LOCAL app.tenant_id = 'globex'; SELECT $b$'$b$, d.* FROM docs d"),
      Self(
        "a backslash in an E string", .refused, by: .protected, "BEGIN",
        #"SELECT E'\\'; SET LOCAL app.tenant_id = 'globex'; SELECT E'\\', d.* FROM docs d"#),
      Self(
        "standard_conforming_strings = off", .refused, by: .protected, "BEGIN",
        "SET LOCAL standard_conforming_strings = off",
        #"SELECT '\'', set_config('app.tenant_id', 'globex', true), d.* FROM docs d"#),
      Self(
        "the same, with all of it in a string by the other reading", .refused, by: .unknown,
        "SET standard_conforming_strings = off", "BEGIN",
        #"SELECT '\', \#(hidden) --'"#),
      Self(
        "backslash_quote = on", .refused, by: .unknown, "SET backslash_quote = on", "BEGIN",
        #"SELECT E'\', \#(hidden) --'"#, #"SELECT E'\'', \#(hidden)"#),
      Self(
        "letters that look like these", .refused, by: .syntax, "ＳＥＴ app.tenant_id = 'globex'"),
      Self(
        "bytes that are no UTF-8", .refused, by: .syntax,
        [.query("BEGIN"), raw("SELECT '", [0xC3] as [UInt8], "', \(hidden) --'")]),
      Self(
        "a NUL within the text", .refused, by: .syntax,
        [.query("BEGIN"), raw("SELECT 1", [0] as [UInt8], "; SET app.tenant_id = 'globex'")]),
      encoding("SJIS", [0x95, 0x5C]), encoding("SJIS", [0x95, 0x5C], "E'"),
      encoding("BIG5", [0xA5, 0x5C], "E'"), encoding("GBK", [0x81, 0x5C], "E'"),
      encoding("GB18030", [0x81, 0x5C], "E'"),
      encoding("SHIFT_JIS_2004", [0x95, 0x5C], "E'"),
      encoding("SHIFT_JIS_2004", [0x81, 0x5F], "E'", isBackslash: true),
      encoding("SHIFT_JIS_2004", [0x81, 0x5F], isBackslash: true),
    ]

  private static func forging(_ name: String, _ queries: String...) -> Self {
    Self(name, .forges, by: .nothing, queries.map { .query($0) })
  }

  private static let maker = """
    CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql
      AS 'BEGIN RETURN set_config(''app.'' || ''tenant_id'', ''globex'', false); END'
    """

  static let code = [
    Self(
      "DO with SET", .refused, by: .protected, "BEGIN",
      "DO $$BEGIN SET LOCAL app.tenant_id = 'globex'; END$$", "SELECT * FROM docs"),
    Self(
      "DO with set_config", .refused, by: .protected, "BEGIN",
      "DO $$BEGIN PERFORM set_config('app.tenant_id', 'globex', true); END$$"),
    Self(
      "DO with a name put together", .refused, by: .unknown, "BEGIN",
      "DO $$BEGIN PERFORM set_config('app.' || 'tenant_id', 'globex', true); END$$"),
    Self(
      "DO with dynamic SQL", .refused, by: .unknown, "BEGIN",
      "DO $$BEGIN EXECUTE 'SE' || 'T app' || chr(46) || 'tenant_id = ''globex'''; END$$"),
    Self(
      "DO with dynamic SQL in a loop's head", .refused, by: .unknown, "BEGIN",
      "DO $$DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT set_' || "
        + "'config(''app.tenant_id'', ''globex'', true)' LOOP END LOOP; END$$"),
    Self(
      "DO with a body in quotes", .refused, by: .unknown, "BEGIN",
      #"DO E'BEGIN PERFORM set\137config(''app.tenant_id'', ''globex'', true); END'"#),
    Self(
      "DO with an exception's handler", .refused, by: .protected, "BEGIN",
      "DO $$BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN "
        + "SET LOCAL app.tenant_id = 'globex'; END$$"),
    Self(
      "DO in another language", .refused, by: .unknown, "DO LANGUAGE sql $$SELECT 1$$"),
    Self(
      "a function with SET in its body", .refused, by: .protected,
      "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql "
        + "AS 'BEGIN SET app.tenant_id = ''globex''; END'"),
    Self(
      "a function with set_config in its body", .refused, by: .protected,
      "CREATE FUNCTION f() RETURNS text LANGUAGE sql "
        + "AS $$SELECT set_config('app.tenant_id', 'globex', false)$$"),
    forging("a function that puts the name together", maker, "BEGIN", "SELECT f()"),
    forging(
      "the same, in the middle of a query", maker, "SELECT d.* FROM (SELECT f() OFFSET 0) s, docs d"
    ),
    forging(
      "a function with dynamic SQL",
      "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql "
        + "AS $$BEGIN EXECUTE 'SET app' || '.tenant_id = ''globex'''; END$$",
      "BEGIN", "SELECT f()"),
    forging(
      "a function that sets what it is told",
      "CREATE FUNCTION f(text, text) RETURNS text LANGUAGE sql "
        + "AS 'SELECT set_config($1, $2, false)'", "BEGIN",
      "SELECT f('app.tenant_id', 'globex')"),
    forging(
      "functions that call each other", maker,
      "CREATE FUNCTION g() RETURNS text LANGUAGE sql AS 'SELECT f()'",
      "CREATE FUNCTION h() RETURNS text LANGUAGE sql AS 'SELECT g()'", "BEGIN", "SELECT h()"),
    forging(
      "a SECURITY DEFINER function",
      "CREATE FUNCTION f() RETURNS SETOF docs LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN "
        + "EXECUTE 'SET LOCAL app' || '.tenant_id = globex'; RETURN QUERY TABLE docs; END$$",
      "SELECT f()"),
    forging(
      "an exception's handler",
      "CREATE FUNCTION f() RETURNS SETOF docs LANGUAGE plpgsql AS $$BEGIN PERFORM 1 / 0; "
        + "EXCEPTION WHEN OTHERS THEN EXECUTE 'SET LOCAL app' || '.tenant_id = globex'; "
        + "RETURN QUERY TABLE docs; END$$", "SELECT f()"),
    forging(
      "a procedure",
      "CREATE PROCEDURE f() LANGUAGE plpgsql AS $$BEGIN COMMIT; "
        + "PERFORM set_config('app.' || 'tenant_id', 'globex', false); "
        + "UPDATE docs SET body = 'forged'; END$$", "CALL f()"),
    forging("DO that calls a function", maker, "BEGIN", "DO $$BEGIN PERFORM f(); END$$"),
    forging(
      "a column's default", maker, "CREATE TABLE t (a int, b text DEFAULT f())", "BEGIN",
      "INSERT INTO t VALUES (1)"),
    forging(
      "a trigger",
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        + "PERFORM set_config('app.' || 'tenant_id', 'globex', false); RETURN NEW; END$$",
      "CREATE TABLE t (a int)",
      "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "BEGIN",
      "INSERT INTO t VALUES (1)"),
    forging(
      "a rule", maker, "CREATE TABLE t (a int)",
      "CREATE RULE r AS ON INSERT TO t DO ALSO SELECT f()", "BEGIN", "INSERT INTO t VALUES (1)"),
    forging(
      "a domain's check", maker,
      "CREATE DOMAIN d AS int CHECK (f() IS NOT NULL)", "BEGIN", "SELECT 1::d"),
    forging(
      "an operator",
      "CREATE FUNCTION f(text, text) RETURNS text LANGUAGE sql "
        + "AS 'SELECT set_config($1, $2, false)'",
      "CREATE OPERATOR === (FUNCTION = f, LEFTARG = text, RIGHTARG = text)", "BEGIN",
      "SELECT 'app.tenant_id'::text === 'globex'::text"),
    forging(
      "tablefunc: crosstab", "BEGIN",
      "SELECT * FROM crosstab('SELECT set_' || 'config(''app.tenant_id'', ''globex'', false), "
        + "''a'', ''b''') AS (a text, b text)"),
    forging(
      "tablefunc: crosstab, with the call in one piece", "BEGIN",
      "SELECT * FROM crosstab('SELECT set_config(''app.tenant_id'', ''globex'', false), "
        + "''a'', ''b''') AS (a text, b text)"),
    forging(
      "tablefunc: connectby", "BEGIN",
      "SELECT * FROM connectby('(SELECT set_' || 'config(''app.tenant_id'', ''globex'', false) "
        + "AS a, ''x''::text AS b) AS t', 'a', 'b', 'x', 1) AS (a text, b text, c int)"),
    forging("a view", maker, "CREATE VIEW v AS SELECT f()", "BEGIN", "TABLE v"),
  ]
}
