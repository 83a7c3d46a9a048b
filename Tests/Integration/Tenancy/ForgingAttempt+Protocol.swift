/// Prepared statements, portals and messages.
extension ForgingAttempt {
  private static let call = "SELECT set_config('app.tenant_id', $1, false)"
  private static let read = "SELECT * FROM public.docs"

  /// One statement by a name, then the rows.
  private static func named(_ text: String, _ values: [[UInt8]?] = [], formats: [Int] = [])
    -> [Step]
  {
    [
      .bytes(
        Frame.parse("BEGIN") + Frame.bind() + Frame.execute()
          + Frame.parse(text, name: "s") + Frame.describeStatement("s")
          + Frame.bind(values, statement: "s", formats: formats) + Frame.execute() + Frame.sync),
      .extended(read, []),
    ]
  }

  private static let globex = Array("globex".utf8)

  /// Every name that the pooler could have given a statement, with a victim's among them.
  private static func guessed(_ text: (String) -> String) -> [Step] {
    (0..<60).map { .query(text("\"SLUICE_\($0)\"")) }
  }

  static let statements = [
    Self("a named statement", .refused, by: .protected, named("SET app.tenant_id = 'globex'")),
    Self("a named call", .refused, by: .protected, named(call, [globex])),
    Self(
      "a named call, bound in binary", .refused, by: .protected, named(call, [globex], formats: [1])
    ),
    Self("a named call without values", .refused, by: .protected, named(call)),
    Self(
      "a named call with another value besides", .refused, by: .protected,
      named(call, [globex, globex])),
    Self(
      "a named call for the transaction", .refused, by: .protected,
      named("SELECT set_config('app.tenant_id', $1, true)", [globex])),
    Self(
      "a named call whose name is bound", .refused, by: .unknown,
      named("SELECT set_config($1, $2, false)", [Array("app.tenant_id".utf8), globex])),
    Self("a named call with NULL", .harmless, by: .own, named(call, [nil])),
    Self("a call with an empty name", .harmless, by: .own, named(call, [[]])),
    Self(
      "an unnamed statement", .refused, by: .protected,
      [
        .extended("BEGIN", []), .extended("SET app.tenant_id = 'globex'", []), .extended(read, []),
      ]),
    Self(
      "a call that is prepared in one batch and bound in another", .refused, by: .protected,
      [
        .bytes(Frame.parse(call) + Frame.sync), .extended("BEGIN", []),
        .bytes(Frame.parse(call) + Frame.sync),
        .bytes(Frame.bind([globex]) + Frame.execute() + Frame.sync), .extended(read, []),
      ]),
    Self(
      "a portal over several batches", .refused, by: .protected,
      [
        .query("BEGIN"), .bytes(Frame.parse(call, name: "s") + Frame.sync),
        .bytes(Frame.bind([globex], statement: "s", portal: "p") + Frame.sync),
        .bytes(Frame.execute(portal: "p") + Frame.sync), .query(read),
      ]),
    Self(
      "PREPARE and EXECUTE", .refused, by: .protected, "BEGIN",
      "PREPARE p AS SELECT set_config('app.tenant_id', $1, false)", "EXECUTE p('globex')"),
    Self(
      "EXECUTE of what the protocol has prepared", .refused, by: .protected,
      [
        .bytes(Frame.parse(call, name: "s") + Frame.sync), .query("BEGIN"),
        .query("EXECUTE s('globex')"), .query(read),
      ]),
    Self(
      "the same, by a message without a name", .refused, by: .protected,
      [
        .bytes(Frame.parse(call, name: "s") + Frame.sync), .extended("BEGIN", []),
        .extended("EXECUTE s('globex')", []), .extended(read, []),
      ]),
    Self(
      "EXPLAIN ANALYZE EXECUTE", .refused, by: .protected,
      [
        .bytes(Frame.parse(call, name: "s") + Frame.sync), .query("BEGIN"),
        .query("EXPLAIN (ANALYZE, VERBOSE) EXECUTE s('globex')"), .query(read),
      ]),
    Self(
      "CREATE TABLE AS EXECUTE", .refused, by: .names,
      [
        .bytes(Frame.parse(call, name: "s") + Frame.sync), .query("BEGIN"),
        .query("CREATE TABLE t AS EXECUTE s('globex')"), .query(read),
      ]),
    Self(
      "EXECUTE within DO", .refused, by: .unknown,
      [
        .bytes(Frame.parse(call, name: "s") + Frame.sync), .query("BEGIN"),
        .query("DO $$BEGIN EXECUTE 'EXECUTE s(''globex'')'; END$$"), .query(read),
      ]),
    Self(
      "EXECUTE of guessed names", .refused, by: .names, guessed { "EXECUTE \($0)('globex')" }),
    Self(
      "EXPLAIN ANALYZE of guessed names", .refused, by: .names,
      guessed { "EXPLAIN ANALYZE EXECUTE \($0)('globex')" }),
    Self(
      "CREATE TABLE AS of guessed names", .refused, by: .names,
      guessed { "CREATE TEMP TABLE \($0) AS EXECUTE \($0)('globex')" }),
    Self(
      "Bind of guessed names", .refused, by: .names,
      (0..<60).map { number in
        .bytes(
          Frame.bind([globex], statement: "SLUICE_\(number)") + Frame.describePortal()
            + Frame.execute() + Frame.sync)
      }),
    Self(
      "Bind of an unnamed statement that another has left", .refused, by: .names,
      [.bytes(Frame.bind() + Frame.describePortal() + Frame.execute() + Frame.sync)]),
    Self(
      "Execute of a portal that another has left", .refused, by: .preamble,
      [.bytes(Frame.execute() + Frame.sync), .bytes(Frame.execute(portal: "p") + Frame.sync)]),
    Self(
      "the texts of all statements on the server", .harmless, by: .names,
      "SELECT * FROM pg_prepared_statements", "SELECT * FROM pg_cursors"),
    Self(
      "a cursor WITH HOLD", .harmless, by: .policy,
      "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM docs", "FETCH ALL FROM c", "CLOSE c"),
  ]

  private static let long = String(repeating: "x", count: 120_000)

  private static func cut(_ message: [UInt8], at places: Int...) -> Step {
    var pieces: [[UInt8]] = []
    var start = 0
    for place in places + [message.count] {
      pieces.append(Array(message[start..<place]))
      start = place
    }
    return .pieces(pieces)
  }

  /// A long text with something at its end, which comes in reads of its own.
  private static func longText(
    _ name: String, _ end: String, inFront: String = "", at place: Int? = nil,
    _ message: (String) -> [UInt8] = Frame.query
  ) -> Self {
    let text = "SELECT '\(inFront)\(long)'" + end
    let bytes = message(text)
    let places = place.map { [$0] } ?? []
    return Self(
      name, .refused, by: .length,
      [
        .query("BEGIN"),
        places.isEmpty ? .bytes(bytes) : cut(bytes, at: bytes.count - places[0]),
        .query("SELECT * FROM docs"),
      ])
  }

  private static let blanks = String(repeating: " ", count: 400)
  private static let ending = "; SET app.tenant_id = 'globex'"

  static let messages = [
    Self(
      "messages in pieces", .refused, by: .protected,
      [
        .query("BEGIN"),
        .pieces(Frame.query("SET LOCAL app.tenant_id = 'globex'").map { [$0] }),
        .query("SELECT * FROM docs"),
      ]),
    Self(
      "a call in pieces", .refused, by: .protected,
      [
        .pieces(
          (Frame.parse(call) + Frame.bind([globex]) + Frame.execute() + Frame.sync).map { [$0] }),
        .query("SELECT * FROM docs"),
      ]),
    longText("more than 100 kB, with SET at the end", ending),
    longText("the same, which comes late", ending, at: 40),
    longText(
      "the same, which comes behind blanks", ";\(blanks)SET app.tenant_id = 'globex'", at: 200),
    longText(
      "the same, cut within blanks and semicolons",
      ";\(blanks);\(blanks);\(blanks)SET app.tenant_id = 'globex'\(blanks)", at: 1000),
    longText(
      "more than 100 kB, with a call in the middle",
      ", set_config('app.tenant_id', 'globex', true), '\(long)'"),
    longText(
      "more than 100 kB, with a call cut in two",
      ", set_config('app.tenant_id', 'globex', true)", at: 40),
    longText("more than 100 kB, in an unnamed statement", ", \(plainCall)") {
      Frame.parse($0) + Frame.bind() + Frame.execute() + Frame.sync
    },
    longText("more than 100 kB, in a named statement", ", \(plainCall)") {
      Frame.parse($0, name: "s") + Frame.bind(statement: "s") + Frame.execute() + Frame.sync
    },
    Self(
      "more than 100 kB that begin with SET", .refused, by: .length,
      [.bytes(Frame.query("SET app.tenant_id = 'globex' /* \(long) */"))]),
    Self(
      "more than 100 kB in a bound value", .refused, by: .length,
      [
        .bytes(
          Frame.parse(call) + Frame.bind([Array(long.utf8)]) + Frame.execute() + Frame.sync)
      ]),
    Self(
      "FunctionCall of set_config", .refused, by: .call,
      [.bytes(Frame.functionCall(2078, ["app.tenant_id", "globex", "f"]))]),
    Self(
      "FunctionCall of query_to_xml", .refused, by: .call,
      [.bytes(Frame.functionCall(2925, ["SELECT 1", "t", "t", ""]))]),
    Self(
      "the startup parameter options", .refused, by: .startup,
      [.login(["options": "-c app.tenant_id=globex"])]),
    Self(
      "the same, in other words", .refused, by: .startup,
      [.login(["options": "--app.tenant-id=globex"])]),
    Self(
      "a startup parameter", .harmless, by: .startup,
      [.login(["application_name": "x'; SET app.tenant_id = 'globex"])]),
    Self(
      "a startup parameter with the name", .refused, by: .startup,
      [.login(["app.tenant_id": "globex"])]),
  ]

  private static let plainCall = "set_config('app.tenant_id', 'globex', false)"
}
