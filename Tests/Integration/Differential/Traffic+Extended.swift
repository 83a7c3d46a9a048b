import TestSupport

/// The extended protocol with the unnamed statement, in one batch.
extension Traffic {
  mutating func unnamed() {
    for _ in 0..<1 + random.below(3) { send(unnamedBatch()) }
  }

  /// Parse to Sync, with and without what is optional.
  mutating func unnamedBatch() -> [ScriptMessage] {
    unnamedMessages(goodStatement()) + [.sync]
  }

  mutating func unnamedMessages(_ statement: Statement) -> [ScriptMessage] {
    var messages: [ScriptMessage] = [.parse(statement.sql, types: statement.types)]
    if random.chance(25) { messages.append(.describeStatement()) }
    for _ in 0..<(random.chance(20) ? 2 : 1) {
      messages.append(
        .bind(statement.values, resultFormats: random.chance(15) ? [1] : []))
      if random.chance(60) { messages.append(.describePortal()) }
      messages.append(.execute())
      if random.chance(15) { messages.append(.closePortal()) }
    }
    if random.chance(10) { messages.append(.closeStatement()) }
    return messages
  }

  /// Several statements before one Sync, one of which fails, so that the rest is skipped.
  mutating func unnamedError() {
    var messages: [ScriptMessage] = []
    if random.chance(50) { messages += unnamedMessages(goodStatement()) }
    switch random.below(5) {
    case 0: messages += [.parse("SELECT $1::int"), .bind([nil, nil, nil])]
    case 1: messages.append(.execute(portal: "missing"))
    case 2: messages.append(.describePortal("missing"))
    default: messages += unnamedMessages(badStatement())
    }
    messages += unnamedMessages(goodStatement())
    send(messages + [.sync])
  }

  /// Binary parameters, Flush, and answers read before the batch goes on.
  mutating func unnamedFlush() {
    let statement = random.chance(20) ? badStatement() : goodStatement()
    send([.parse(statement.sql, types: statement.types), .flush], until: "1")
    if random.chance(50) { send([.describeStatement(), .flush], until: "Tn") }
    send([.bind(statement.values), .flush], until: "2")
    if random.chance(50) { send([.describePortal(), .flush], until: "Tn") }
    if random.chance(30) { send([.execute()]) }
    send([.execute(), .flush], until: "CIs")
    if random.chance(30) {
      send([.parse("SELECT $1::int4 * 2", types: [TypeID.int4]), .flush], until: "1")
      send(
        [
          .bind([Frame.int32(number())], formats: [1], resultFormats: [random.below(2)]),
          .execute(), .flush,
        ], until: "C")
    }
    send([.sync])
  }

  /// Portals, named or not, whose rows are fetched in pieces.
  ///
  /// A simple query that fails leaves the unnamed portal behind, and PostgreSQL 15 and 18 may crash
  /// when it is executed in the transaction that has failed: they look at statements of which the
  /// memory is freed. So no such query may come before an Execute of a portal without name.
  mutating func portal() {
    let name = random.pick(["", "p1", "p2"])
    if name.isEmpty { query("ROLLBACK") }
    run("BEGIN")
    let statement =
      random.chance(70)
      ? Statement("SELECT id, label FROM diff_shared.r WHERE id > $1 ORDER BY id", ["\(number())"])
      : goodStatement()
    send([
      .parse(statement.sql, types: statement.types), .bind(statement.values, portal: name),
      .describePortal(name), .execute(portal: name, rows: 1 + number(5)), .sync,
    ])
    for _ in 0..<random.below(4) {
      switch random.below(6) {
      // A simple query drops the unnamed portal, and leaves named ones.
      case 0: query(name.isEmpty ? "SELECT 1" : goodSQL())
      case 1: send([.closePortal(name), .sync])
      case 2: send([.bind([], portal: name), .sync])
      case 3:
        send([.execute(portal: name, rows: 2), .flush], until: "CsI")
        send([.execute(portal: name, rows: 3), .sync])
      default:
        send([
          .execute(portal: name, rows: 1 + number(30)), .execute(portal: name, rows: 2), .sync,
        ])
      }
    }
    send([.describePortal(name), .execute(portal: name), .sync])
    run(random.pick(["COMMIT", "ROLLBACK", "COMMIT AND CHAIN"]))
    send([.execute(portal: name), .sync])
    query("ROLLBACK")
  }

  /// Cursors within a transaction; a cursor is a portal, so both protocols reach it.
  mutating func cursor() {
    run("BEGIN")
    query(
      "DECLARE c\(random.chance(30) ? " SCROLL" : "") CURSOR FOR TABLE diff_shared.r ORDER BY id")
    for _ in 0..<1 + random.below(3) {
      switch random.below(5) {
      case 0: send([.execute(portal: "c", rows: 2), .sync])
      case 1: run("MOVE 3 IN c")
      case 2: run("FETCH BACKWARD 1 FROM c")
      default: run("FETCH \(1 + number(5)) FROM c")
      }
    }
    if random.chance(50) { run("CLOSE c") }
    run(random.pick(["COMMIT", "ROLLBACK"]))
    query("FETCH 1 FROM c")
  }
}
