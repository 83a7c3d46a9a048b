import TestSupport

/// Batches, pipelines, transactions and COPY.
extension IsolationTraffic {
  /// Prepared by clients of all tenants under the same names: `$1` is the client's tenant.
  private static let shared = [
    "SELECT \(me), $1::text", "SELECT tenant_id, own, $1::text FROM item ORDER BY id LIMIT 3",
    "INSERT INTO item (own, way) VALUES ($1, 'prepared') RETURNING tenant_id, own",
    "SELECT public.witness($1, 'prepared')",
    "SELECT spot, 'w:' || current_setting('work_mem'), $1::text FROM place",
    "UPDATE item SET n = n + 1 WHERE own = $1 AND id % 5 = 0 RETURNING tenant_id, own",
    "SELECT own, \(me) FROM item WHERE $1 <> tenant_id",
  ]
  private static let controls = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a"]

  mutating func batch() -> [ScriptMessage] {
    var messages: [ScriptMessage] = []
    for _ in 0..<1 + random.below(random.chance(60) ? 1 : 4) { messages += one() }
    return messages + [.sync]
  }

  /// One statement by the extended protocol, without a Sync.
  private mutating func one() -> [ScriptMessage] {
    var name = ""
    let text: String
    var values: [[UInt8]?] = []
    switch random.below(10) {
    case 0...3:
      let number = random.below(Self.shared.count)
      name = "s\(number)"
      text = Self.shared[number]
      values = [Array(tenant.utf8)]
    case 4:
      text = Self.shared[random.below(Self.shared.count)]
      values = [Array(tenant.utf8)]
    case 5:
      let number = random.below(Self.controls.count)
      name = "c\(number)"
      text = Self.controls[number]
    case 6: text = random.chance(50) ? bad() : ""
    case 7: text = control()
    default: text = good()
    }
    var messages: [ScriptMessage] = []
    // Without it the name is that of an earlier batch, or of nothing.
    let isParsed = name.isEmpty ? random.chance(90) : random.chance(40)
    if isParsed { messages.append(.parse(text, name: name)) }
    if random.chance(20) { messages.append(.describeStatement(name)) }
    // An error at Bind: too many values.
    if random.chance(4) { values.append(Array(tenant.utf8)) }
    let portal = random.chance(10) ? "p" : ""
    let formats = random.chance(20) ? [1] : []
    messages.append(
      .bind(values, statement: name, portal: portal, resultFormats: formats))
    if random.chance(40) { messages.append(.describePortal(portal)) }
    messages.append(.execute(portal: portal, rows: random.chance(10) ? 1 : 0))
    if random.chance(5) { messages.append(.execute(portal: portal)) }
    if random.chance(8) { messages.append(.flush) }
    if random.chance(5) { messages.append(.closeStatement(name)) }
    if random.chance(5) { messages.append(.closePortal(portal)) }
    return messages
  }

  /// Many requests behind one another, without a wait.
  mutating func pipeline() -> [ScriptMessage] {
    var messages: [ScriptMessage] = []
    for _ in 0..<2 + random.below(random.chance(10) ? 40 : 6) {
      switch random.below(8) {
      case 0...2: messages.append(.query(any()))
      case 3: messages.append(.sync)
      case 4: messages.append(.functionCall(witness, [tenant, "function"]))
      default: messages += batch()
      }
    }
    return messages
  }

  mutating func transaction() -> [Act] {
    var acts = [Act(kind: "transaction", messages: run("BEGIN"))]
    for _ in 0..<1 + random.below(4) {
      let messages: [ScriptMessage] =
        switch random.below(8) {
        case 0: run("SAVEPOINT a")
        case 1: run("ROLLBACK TO a")
        case 2: [.query(bad())]
        case 3: batch()
        default: run(good())
        }
      acts.append(Act(kind: "transaction", messages: messages))
    }
    acts.append(
      Act(kind: "transaction", messages: run(random.pick(["COMMIT", "ROLLBACK", "END"]))))
    return acts
  }

  private mutating func run(_ sql: String) -> [ScriptMessage] {
    random.chance(60) ? [.query(sql)] : [.parse(sql), .bind(), .execute(), .sync]
  }

  mutating func chain() -> [ScriptMessage] {
    let ending = random.pick(["COMMIT AND CHAIN", "ROLLBACK AND CHAIN"])
    return [.query("BEGIN"), .query(any()), .query(ending), .query(good())]
      + run(random.pick(["COMMIT", "ROLLBACK AND CHAIN"])) + run("ROLLBACK") + [.query(good())]
  }

  mutating func timeout() -> Act {
    let sleep = "SELECT public.witness('\(tenant)', 'timeout') FROM pg_sleep(0.03)"
    let sql = random.pick([
      "BEGIN; SET LOCAL statement_timeout = 8; \(sleep)",
      "SET LOCAL statement_timeout = 8; \(sleep); SELECT \(Self.me)",
    ])
    let messages: [ScriptMessage] = [.query(sql), .query("SELECT \(Self.me)")]
    return Act(kind: "timeout", messages: messages + [.query("ROLLBACK")])
  }

  mutating func copyOut() -> Act {
    let columns = "tenant_id, own, \(Self.me)"
    let sql = random.pick([
      "COPY (SELECT \(columns) FROM item ORDER BY id LIMIT 20) TO STDOUT",
      "COPY (SELECT \(columns), 1 / (5 - row_number() OVER ()) FROM item LIMIT 9) TO STDOUT",
      "COPY item (tenant_id, own) TO STDOUT", "COPY place TO STDOUT; SELECT \(Self.me)",
    ])
    let isSimple = sql.contains(";") || random.chance(60)
    return Act(
      kind: "copy out",
      messages: isSimple ? [.query(sql)] : [.parse(sql), .bind(), .execute(), .sync])
  }

  /// With its data in the same write, or once the server asks for it.
  mutating func copyIn() -> Act {
    let command = "COPY pile (own, way) FROM STDIN"
    var rows = (0..<1 + random.below(4)).map { _ in ScriptMessage.copyData("\(tenant)\tcopy\n") }
    if random.chance(20) { rows.append(.copyData("\(tenant)\n")) }
    let end: ScriptMessage = random.chance(80) ? .copyDone : .copyFail("stopped")
    switch random.below(5) {
    case 0:
      return Act(kind: "copy in", messages: [.query(command)], copy: rows + [end])
    case 3:
      // As libpq does it. The server ignores the first Sync if it has begun to copy.
      let messages: [ScriptMessage] = [.parse(command), .bind(), .execute(), .sync]
      return Act(kind: "copy in", messages: messages, copy: rows + [end, .sync])
    case 1:
      let sql = "SELECT \(Self.me); \(command); SELECT public.witness('\(tenant)', 'copied')"
      return Act(kind: "copy in", messages: [.query(sql)] + rows + [end])
    case 2:
      let messages: [ScriptMessage] = [.parse(command), .bind(), .execute()]
      return Act(kind: "copy in", messages: messages + rows + [end, .sync])
    default: return Act(kind: "copy in", messages: [.query(command)] + rows + [end])
    }
  }

  /// What no driver sends.
  mutating func stray() -> [ScriptMessage] {
    let batch: [ScriptMessage] = [
      .parse(good()), .bind(), .execute(), .query(any()), .query(good()), .sync,
    ]
    return random.pick([
      batch, Array(batch.dropLast()) + [.query("DISCARD ALL"), .query(good()), .query(good())],
      [.parse(good()), .query(random.pick(["RESET ALL", "DISCARD ALL"])), .query(good())],
      [
        .query("COPY pile (own, way) FROM STDIN"), .copyData("x"), .query("RESET ALL"),
        .query(good()),
      ],
      [.copyData("x"), .copyDone, .query(good())],
      [.query("COPY pile (own, way) FROM STDIN"), .query(good()), .query(good())],
      [.query("COPY pile (own, way) FROM STDIN"), .sync, .query(good()), .sync],
      [ScriptMessage(text: "nameless Parse", bytes: Frame.message("P", [0x6e])), .query(good())],
      [.execute(portal: "p"), .sync, .query(good())],
      [ScriptMessage(text: "invalid type", bytes: [0x21, 0, 0, 0, 4])],
    ])
  }
}
