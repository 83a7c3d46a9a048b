import TestSupport

/// COPY in both directions and by both protocols.
extension Traffic {
  var copyCommand: String { "COPY \(schema).copied FROM STDIN" }

  /// Rows, cut into CopyData messages anywhere.
  mutating func copyRows(isGood: Bool) -> [ScriptMessage] {
    var text = ""
    for row in 0..<random.below(random.chance(10) ? 2000 : 10) { text += "\(row)\trow \(row)\n" }
    if !isGood {
      text += random.pick(["words\tin a number\n", "1\n", "1\t2\t3\n", "no end"])
      text += String(repeating: "7\tbehind\n", count: random.below(50))
    }
    var rest = text[...]
    var messages: [ScriptMessage] = []
    while !rest.isEmpty {
      let piece = rest.prefix(1 + random.below(rest.count))
      messages.append(.copyData(String(piece)))
      rest = rest.dropFirst(piece.count)
    }
    return messages
  }

  /// As libpq does it: the data only when the server asks for it.
  mutating func copyIn() {
    send(
      [.query(random.chance(20) ? "SELECT 1; \(copyCommand); SELECT 2" : copyCommand)],
      until: "GZ")
    send(copyRows(isGood: true) + [.copyDone], copies: 1)
    query("SELECT count(*), sum(a) FROM \(schema).copied")
    if random.chance(30) { query("TRUNCATE \(schema).copied") }
  }

  mutating func copyFailure() {
    send([.query(copyCommand)], until: "GZ")
    if random.chance(50) {
      send(copyRows(isGood: false) + [.copyDone], copies: 1)
    } else {
      send(copyRows(isGood: true) + [.copyFail("changed my mind")], copies: 1)
    }
    query("SELECT count(*) FROM \(schema).copied")
  }

  mutating func copyOut() {
    let count = random.chance(10) ? 3000 : number(40)
    let sql = random.pick([
      "COPY (SELECT id, label FROM diff_shared.r ORDER BY id LIMIT \(count)) TO STDOUT",
      "COPY (SELECT g, 'x' FROM generate_series(1, \(count)) g) TO STDOUT (FORMAT csv, HEADER)",
      "COPY (SELECT g FROM generate_series(1, \(count)) g) TO STDOUT (FORMAT binary)",
      "COPY (SELECT 10 / (3 - g) FROM generate_series(1, \(count)) g) TO STDOUT",
    ])
    if random.chance(50) { return query(sql) }
    send([.parse(sql), .bind(), .describePortal(), .execute(), .sync])
  }

  /// The three ways of drivers: all in one write with one Sync; a Sync behind Execute, ignored by
  /// the server that takes data, and another one at the end (libpq); Flush, then the data.
  mutating func copyExtended() {
    let start: [ScriptMessage] = [.parse(copyCommand), .bind(), .describePortal(), .execute()]
    let rows = copyRows(isGood: random.chance(75))
    let end: ScriptMessage = random.chance(85) ? .copyDone : .copyFail("enough")
    switch random.below(3) {
    case 0:
      send(start + rows + [end, .sync])
    case 1:
      send(start + [.ignoredSync], until: "GZ")
      send(rows + [end, .sync], copies: 1)
    default:
      send(start + [.flush], until: "G")
      send(rows + [end], copies: 0)
      send([.sync])
    }
    query("SELECT count(*) FROM \(schema).copied")
  }

  /// What is sent only where the server takes data, and how many ReadyForQuery come of it.
  private mutating func send(_ messages: [ScriptMessage], copies count: Int) {
    add(messages, .ready(count), needsCopy: true)
  }
}
