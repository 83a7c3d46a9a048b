import TestSupport

/// Simple queries, and functions called by their number.
extension Traffic {
  mutating func simple() {
    for _ in 0..<1 + random.below(3) { query(simpleSQL()) }
  }

  mutating func simpleSQL() -> String {
    switch random.below(5) {
    case 0: (0..<2 + random.below(3)).map { _ in goodSQL() }.joined(separator: "; ")
    case 1: "/* a /* nested */ comment */ \(goodSQL()) -- end"
    case 2: goodSQL() + ";"
    default: goodSQL()
    }
  }

  mutating func simpleError() {
    query(failingSQL())
    if random.chance(50) { query(goodSQL()) }
  }

  /// With statements around the failing one: they share its transaction.
  mutating func failingSQL() -> String {
    switch random.below(4) {
    case 0: "\(goodSQL()); \(badSQL()); \(goodSQL())"
    case 1: "\(goodSQL()); \(badSQL())"
    default: badSQL()
    }
  }

  mutating func empty() {
    query(random.pick(["", " ", ";", ";;", "-- nothing", "/* nothing */", "; SELECT 1;;"]))
    if random.chance(50) { send([.parse(""), .bind(), .describePortal(), .execute(), .sync]) }
  }

  mutating func large() {
    let count = 1 + random.below(300_000)
    switch random.below(4) {
    case 0: query("SELECT repeat('x', \(count)), \(number())")
    case 1: query("SELECT g, 'row ' || g FROM generate_series(1, \(count / 300)) g")
    case 2: query("SELECT length('\(String(repeating: "y", count: count))')")
    default:
      let text = String(repeating: "z", count: count)
      send([.parse("SELECT $1::text"), .bind([Array(text.utf8)]), .execute(), .sync])
    }
  }

  /// Messages of the server that are no answers.
  mutating func notice() {
    switch random.below(4) {
    case 0: query("DO $$ BEGIN RAISE NOTICE 'noticed %', \(number()); END $$")
    case 1: query("DROP TABLE IF EXISTS \(schema).missing")
    case 2: query("DO $$ BEGIN RAISE WARNING 'warned' USING ERRCODE = '01XYZ'; END $$; SELECT 1")
    default:
      send([
        .parse("DO $$ BEGIN RAISE NOTICE 'one'; RAISE NOTICE 'two'; END $$"), .bind(),
        .describePortal(), .execute(), .sync,
      ])
    }
  }

  /// 177 is int4pl, 999,999 is nothing.
  mutating func functionCall() {
    let values = ["\(number())", "\(number())"]
    switch random.below(4) {
    case 0: send([.functionCall(999_999, values)])
    case 1: send([.functionCall(177, ["words", "1"])])
    case 2: send([.functionCall(177, values), .query(goodSQL()), .functionCall(177, values)])
    default: send([.functionCall(177, values)])
    }
  }

  /// Goes and comes again, perhaps out of a transaction, as a program that was restarted.
  mutating func reconnect() {
    if random.chance(30) { query("BEGIN; INSERT INTO \(schema).t VALUES (50, 'lost', 0, 0)") }
    add([ScriptMessage(text: "Terminate", bytes: Frame.terminate)], .reconnect)
    prepared = [:]
  }
}
