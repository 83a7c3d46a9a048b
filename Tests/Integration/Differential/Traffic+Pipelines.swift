import TestSupport

/// Many requests in one write.
extension Traffic {
  mutating func pipeline() {
    var messages: [ScriptMessage] = []
    for _ in 0..<2 + random.below(random.chance(20) ? 60 : 8) { messages += request() }
    send(messages)
    if random.chance(30) { query("ROLLBACK") }
  }

  /// One request up to the message that ReadyForQuery answers.
  private mutating func request() -> [ScriptMessage] {
    switch random.below(14) {
    case 0: return [.query(badSQL())]
    case 1: return [.query(failingSQL())]
    case 2: return [.query("")]
    case 3: return [.query(random.pick(["BEGIN", "COMMIT", "ROLLBACK", "BEGIN READ ONLY"]))]
    case 4: return [.sync]
    case 5: return unnamedMessages(badStatement()) + unnamedMessages(goodStatement()) + [.sync]
    case 6: return unnamedMessages(Statement("BEGIN")) + unnamedBatch()
    case 7: return unnamedBatch() + unnamedMessages(Statement("COMMIT")) + [.sync]
    case 8: return unnamedMessages(goodStatement()) + [.flush] + unnamedBatch()
    case 9: return copyRequest()
    case 10: return [.functionCall(177, ["1", "\(number())"])]
    case 11, 12: return unnamedBatch()
    default: return [.query(simpleSQL())]
    }
  }

  /// COPY with its data behind it. Where it fails, the server ignores the data.
  private mutating func copyRequest() -> [ScriptMessage] {
    let rows = copyRows(isGood: random.chance(70))
    let end: ScriptMessage = random.chance(80) ? .copyDone : .copyFail("stopped")
    if random.chance(50) { return [.query(copyCommand)] + rows + [end] }
    return [.parse(copyCommand), .bind(), .execute()] + rows + [end, .sync]
  }

  /// A simple query behind a batch that has no Sync: PostgreSQL allows it. It is skipped where the
  /// batch fails, so whether it does must be known, and may not depend on an open transaction.
  mutating func unsynced() {
    query("ROLLBACK")
    var messages = unnamedMessages(Statement("SELECT $1::int + 1", ["\(number())"]))
    if random.chance(30) {
      messages.append(.execute(portal: "missing"))
      messages.append(ScriptMessage(text: "Query (skipped)", bytes: Frame.query("SELECT 1")))
    } else {
      messages.append(.query(random.chance(20) ? badSQL() : goodSQL()))
    }
    messages.append(.sync)
    if random.chance(50) { messages += unnamedBatch() }
    send(messages)
  }
}
