import Insight
import Testing

@Suite struct NormaliserTests {
  @Test(arguments: [
    ("SELECT * FROM t WHERE id = 1", "select * from t where id = ?"),
    ("select  *\n\tfrom t where id=42 ;", "select * from t where id = ?"),
    ("select 1.5, .5, 1e10, 1e-5, 0x1F, 1_000, 1.", "select ?, ?, ?, ?, ?, ?, ?"),
    ("select -1, +2, a - 1, a -1, -a, 3 - -2", "select - ?, ?, a - ?, a - ?, - a, ? - ?"),
    ("select 0x1e-5, t1, a1.b2", "select ? - ?, t1, a1.b2"),
    ("select 'a', 'it''s', '', 'x'\n'y'", "select ?, ?, ?, ?"),
    (#"select E'a\'b', e'\\', E'a''b'"#, "select ?, ?, ?"),
    (
      "select B'01', x'1F', N'n', U&'d\\0061t', U&'!' UESCAPE '!'", "select ?, ?, ?, ?, ? uescape ?"
    ),
    ("select $$a'b$$, $tag$x $$ y$tag$, $1, $23", "select ?, ?, $1, $23"),
    ("select $65535, $4111111111111111", "select $65535, ?"),
    (#"select "Name", "a""b", U&"d\0061t", Name"#, #"select "Name", "a""b", U&"d\0061t", name"#),
    ("select /* a 'b' /* c */ */ 1 -- 'x'\n, 2", "select ?, ?"),
    ("select a.b , count( * ) from s . t", "select a.b, count(*) from s.t"),
    ("select a::text, '1'::int, x[1:2]", "select a::text, ?::int, x[?:?]"),
    ("select data->>'name', a @> b, a || 'x'", "select data ->> ?, a @> b, a || ?"),
    ("select interval '1 day', date '2024-01-01'", "select interval ?, date ?"),
    (
      "select x is null, x is not true, x = null, coalesce(x, false)",
      "select x is null, x is not true, x = ?, coalesce(x, ?)"
    ),
    ("begin; select 1; commit;", "begin; select ?; commit"),
    ("", ""), (" ; ;", ""), ("-- nothing", ""),
  ])
  func `literals are taken out and space is made alike`(text: String, expected: String) {
    #expect(fingerprint(text) == expected)
  }

  @Test(arguments: [
    ("x in (1)", "x in (?)"), ("x IN(1,2, 3)", "x in (?)"), ("x in ('a', 'b')", "x in (?)"),
    ("x in (-1, null, true)", "x in (?)"),
    ("x in ('a'::uuid, 'b'::uuid, 'c'::uuid)", "x in (?::uuid)"),
    ("x in ('1'::double precision, '2'::double precision)", "x in (?::double precision)"),
    ("x in ($1)", "x in ($1)"), ("x in ($1, $2, $3)", "x in ($1, ...)"),
    ("x in ($1::int, $2::int)", "x in ($1::int, ...)"),
    ("x in ((1, 2), (3, 4), (5, 6))", "x in ((?, ?), ...)"),
    ("x in (1, 2, f(3), 4, 5)", "x in (?, f(?), ?)"),
    ("x in (select 1)", "x in (select ?)"),
    ("x = any(array[1, 2, 3])", "x = any(array[?])"),
    ("f(1, 2)", "f(?, ?)"),
    ("insert into t (a, b) values (1, 'x')", "insert into t (a, b) values (?, ?)"),
    (
      "insert into t values(1,2),(3,4), (5, 6) returning id",
      "insert into t values (?, ?), ... returning id"
    ),
    ("insert into t values (1, 2), (3, 4)", "insert into t values (?, ?), ..."),
    ("insert into t values ($1, $2), ($3, $4)", "insert into t values ($1, $2), ..."),
    (
      "insert into t values (1, now()), (2, now())",
      "insert into t values (?, now()), (?, now())"
    ),
    (
      "select * from (values (1, 'a'), (2, 'b')) v, t",
      "select * from (values (?, ?), ...) v, t"
    ),
  ])
  func `lists of literals are one`(text: String, expected: String) {
    #expect(fingerprint(text) == expected)
  }

  @Test(arguments: [
    ("set app.token to secret", "set app.token = ?"),
    ("SET LOCAL app.token = secret, other; select a", "set local app.token = ?; select a"),
    ("alter role r set app.token to secret", "alter role r set app.token = ?"),
    (
      "create function f() returns int language sql set app.key = secret as $$select 1$$",
      "create function f() returns int language sql set app.key = ? ..."
    ),
    ("create procedure p() set a.b to secret as 'x'", "create procedure p() set a.b = ? ..."),
    ("create table t (password text)", "create table t (password text)"),
    ("select password from t", "select password from t"),
    ("alter role r password secret", "alter role r password ?"),
    ("create user u encrypted password 'x' login", "create user u encrypted password ? login"),
    ("update t set a = b", "update t set a = b"),
    ("alter table t rename to u", "alter table t rename to u"),
  ])
  func `what is SET is a literal`(text: String, expected: String) {
    #expect(fingerprint(text) == expected)
  }

  @Test(arguments: [
    #"select 'C:\' || secret"#, #"select 'a\'b secret"#, "select 1e'a' || secret",
    #"select "abc from t where pw = 'secret'"#, #"select U&"abc, 'secret'"#, "select 1, \"secret",
    // Up to version 14 a name with a `$` in it.
    "select 1a$t$, 'x $t$ secret'", "select 0x1F$t$, 'x $t$ secret'",
    "select 1_000$t$, 'x $t$ secret'",
  ])
  func `where a string's end is in doubt nothing follows`(text: String) {
    #expect(fingerprint(text).hasSuffix(" ..."))
    #expect(!fingerprint(text).contains("secret"))
  }

  /// In such an encoding a byte that looks like a backslash may be half a character, and then the
  /// string ends elsewhere.
  @Test func `halves of characters hide nothing`() {
    let texts: [[UInt8]] = [
      Array("select E'".utf8) + [0x83, 0x5c] + Array("' || 'secret'".utf8),
      Array("select E'\\".utf8) + [0x83, 0x5c] + Array("' || 'secret'".utf8),
      Array("select E'".utf8) + [0x81, 0x5f] + Array("' secret ' from t".utf8),
      Array("select ".utf8) + [0x83, 0x5b] + Array("$x$, 'secret $x$ secret'".utf8),
    ]
    for text in texts { #expect(!fingerprint(text).contains("secret")) }
  }

  @Test func `a text may end anywhere`() {
    let text = Array(
      #"select 'a' , E'\'x' , U&"n" , $t$ s $t$ , 1e-5 , $1 /* c */ in (1, 2), "q" -- e"#.utf8)
    for end in 0...text.count { _ = fingerprint(Array(text[..<end])) }
  }

  @Test func `what is too long is cut`() {
    let long = "select " + String(repeating: "column_of_some_length, ", count: 10_000) + "'secret'"
    let cut = fingerprint(long)
    #expect(cut.utf8.count <= Normaliser.longestShown + 4)
    #expect(cut.hasSuffix(" ..."))
    let deep =
      "select " + String(repeating: "(", count: 5_000) + "1"
      + String(repeating: ")", count: 5_000)
    #expect(fingerprint(deep).hasPrefix("select ((("))
    let list = "x in (" + (1...20_000).map(String.init).joined(separator: ",")
    #expect(fingerprint(list).hasPrefix("x in (?") && fingerprint(list).count < 10)
    // Of whatever there is too much.
    let pieces = [
      "a", "1", "a;", "1;", "\"\";", "commit;", "$1;", "(", ")", "[", "]", ",", ".", ":", ";", "+",
      "$", "'x'", "$1,", "a,", "(1),", "values (1),(2),", "in (1,2),", "array[$1,$2],", "x\n",
      "\"a\"", "é", "set a = b;", "create set a = b;",
    ]
    for piece in pieces {
      for start in ["", "select ", "x in (", "values "] {
        let text = fingerprint(start + String(repeating: piece, count: 9_000))
        #expect(text.utf8.count <= Normaliser.longestShown + 4)
      }
    }
  }

  @Test(arguments: [
    ("select 1", true), (" /* c */ SELECT 1;", true), ("(select 1) union (select 2)", true),
    ("with a as (select 1) select * from a", true), ("values (1)", true),
    ("with a as (delete from t returning *) select * from a", false),
    ("insert into t select 1", false), ("begin", false), ("select 1; select 2", false),
    ("set x = 1", false), ("fetch 1 from c", false), ("", false),
  ])
  func `statements that read are known`(text: String, isRead: Bool) {
    #expect(reading(text).isRead == isRead)
  }

  @Test func `comments at both ends are found`() {
    let both = "/*a='1'*/ select /* x */ 1 /*b='2'*/ ;"
    let bytes = Array(both.utf8)
    let found = reading("/*a='1'*/ select /* x */ 1 /*b='2'*/")
    #expect(found.leading.map { Array(bytes[$0]) } == Array("/*a='1'*/".utf8))
    #expect(found.trailing.map { Array(bytes[$0]) } == Array("/*b='2'*/".utf8))
    #expect(reading("select /* x */ 1").trailing == nil)
  }

  @Test func `the hash is that of the fingerprint, under the key`() {
    var normaliser = Normaliser()
    func hash(_ text: String, _ key: KeyedHash) -> UInt64 {
      let bytes = Array(text.utf8)
      _ = normaliser.read(bytes.span)
      return normaliser.hash(key)
    }
    let key = KeyedHash(1, 2)
    #expect(hash("select 1", key) == hash("SELECT  'x' -- c", key))
    #expect(hash("select 1", key) != hash("select a", key))
    #expect(hash("select 1", key) != hash("select 1", KeyedHash(1, 4)))
  }
}
