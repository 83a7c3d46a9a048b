import TestSupport

/// What else a session keeps from one transaction to the next.
extension Traffic {
  mutating func sqlPrepare() {
    let name = random.pick(["q1", "q2"])
    switch random.below(5) {
    case 0: run("DEALLOCATE \(name)")
    case 1: query("EXECUTE \(name)(\(number()))")
    default:
      query("PREPARE \(name)(int) AS SELECT $1 + \(number()), 'client \(client)'")
      query(goodSQL())
      query("EXECUTE \(name)(\(number()))")
      if random.chance(30) { query("DEALLOCATE PREPARE \(name)") }
    }
  }

  /// A statement of one protocol, used by the other: both share their names.
  mutating func sqlAndProtocol() {
    let name = random.pick(["m1", "m2"])
    if random.chance(50) {
      query("PREPARE \(name)(int) AS SELECT $1 * 3")
      send([.bind([Array("7".utf8)], statement: name), .execute(), .sync])
    } else {
      send([.parse("SELECT $1::int * 4", name: name), .sync])
      query("EXECUTE \(name)(\(number()))")
    }
    if random.chance(50) { query("DEALLOCATE \(name)") }
  }

  mutating func temporaryTable() {
    switch random.below(5) {
    case 0: query("DROP TABLE IF EXISTS pg_temp.kept")
    case 1: query("SELECT count(*), sum(a) FROM kept")
    default:
      query("CREATE TEMP TABLE IF NOT EXISTS kept (a int)")
      query("INSERT INTO kept VALUES (\(number()))")
      query(goodSQL())
      query("SELECT count(*), sum(a) FROM kept")
    }
  }

  mutating func holdCursor() {
    query("BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT id FROM diff_shared.r ORDER BY id")
    query("FETCH \(1 + number(5)) FROM held")
    run(random.chance(80) ? "COMMIT" : "ROLLBACK")
    for _ in 0..<random.below(3) { run("FETCH \(1 + number(5)) FROM held") }
    if random.chance(80) { run("CLOSE held") }
  }

  /// Each client has a key of its own, so nobody waits.
  mutating func advisoryLock() {
    let key = 1000 + client
    if random.chance(80) { query("SELECT pg_advisory_lock(\(key))") }
    query(goodSQL())
    query("SELECT pg_advisory_unlock(\(key))")
    if random.chance(20) { query("SELECT pg_advisory_unlock_all()") }
  }

  mutating func sequence() {
    query("SELECT nextval('\(schema).numbers')")
    if random.chance(50) { query(goodSQL()) }
    query("SELECT currval('\(schema).numbers'), lastval()")
  }

  /// Views of the session itself.
  mutating func sessionViews() {
    query(
      "SELECT name, statement, from_sql FROM pg_prepared_statements ORDER BY name COLLATE \"C\"")
    query("SELECT name, is_holdable FROM pg_cursors ORDER BY name COLLATE \"C\"")
    query("SELECT current_setting('app.x', true), current_setting('app.never', true)")
  }
}
