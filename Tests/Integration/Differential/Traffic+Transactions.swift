import TestSupport

/// Transaction blocks around other acts.
extension Traffic {
  mutating func transaction() {
    guard depth < 2 else { return query(goodSQL()) }
    depth += 1
    defer { depth -= 1 }
    begin()
    for _ in 0..<1 + random.below(4) {
      if random.chance(30) { savepoint() } else { act() }
      if random.chance(30) { query(goodSQL()) }
    }
    end()
  }

  mutating func begin() {
    let sql = random.pick([
      "BEGIN", "BEGIN", "BEGIN", "START TRANSACTION", "BEGIN ISOLATION LEVEL SERIALIZABLE",
      "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN READ ONLY", "BEGIN; SELECT 1",
    ])
    run(sql)
  }

  mutating func end() {
    switch random.below(12) {
    case 0: run("ROLLBACK")
    case 1: run("ABORT")
    // Fails when it commits: the constraint is deferred.
    case 2: query("INSERT INTO \(schema).child VALUES (1, 777); COMMIT")
    case 3:
      query("INSERT INTO \(schema).child VALUES (2, 778)")
      run("COMMIT")
    case 4: query("\(goodSQL()); COMMIT; \(goodSQL())")
    case 5: query("PREPARE TRANSACTION 'never'")
    case 6: run("END")
    default: run("COMMIT")
    }
  }

  /// A statement by one protocol or the other.
  mutating func run(_ sql: String) {
    if sql.contains(";") || random.chance(70) { return query(sql) }
    send([.parse(sql), .bind(), .describePortal(), .execute(), .sync])
  }

  /// A savepoint around something, which may have failed.
  private mutating func savepoint() {
    let name = random.pick(["a", "b"])
    run("SAVEPOINT \(name)")
    if random.chance(50) { query(random.chance(50) ? badSQL() : goodSQL()) }
    switch random.below(4) {
    case 0: run("RELEASE \(name)")
    case 1: run("ROLLBACK TO missing")
    default: run("ROLLBACK TO \(name)")
    }
  }

  /// One transaction directly behind another.
  mutating func chain() {
    run("BEGIN")
    query(random.chance(20) ? badSQL() : goodSQL())
    run(random.pick(["COMMIT AND CHAIN", "ROLLBACK AND CHAIN"]))
    query(goodSQL())
    run(random.pick(["COMMIT", "ROLLBACK", "COMMIT AND CHAIN"]))
    // Warns if there is no transaction.
    run(random.pick(["COMMIT", "ROLLBACK"]))
  }

  /// A temporary table that does not outlive its transaction, and a lock that does not either.
  mutating func dropOnCommit() {
    run("BEGIN")
    query("CREATE TEMP TABLE passing (a int) ON COMMIT DROP; INSERT INTO passing VALUES (1), (2)")
    query("SELECT pg_advisory_xact_lock(\(2000 + client))")
    if random.chance(20) { query(badSQL()) }
    query("SELECT sum(a) FROM passing")
    run(random.pick(["COMMIT", "ROLLBACK"]))
  }
}
