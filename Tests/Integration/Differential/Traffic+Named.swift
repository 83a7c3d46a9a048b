import TestSupport

/// Named statements, used again in later transactions.
extension Traffic {
  /// Few, so that clients use the same ones for different texts.
  private static let names = ["s1", "s2", "s3", "s4", "s5", "s6", "S_1", "a \"quoted\" name"]

  private mutating func name() -> String { random.pick(Self.names) }

  /// Texts that several clients have under several names.
  private mutating func namedStatement() -> Statement {
    let id = "\(number())"
    switch random.below(8) {
    case 0: return Statement("SELECT id, label FROM diff_shared.r WHERE id = $1", [id])
    case 1: return Statement("SELECT $1::int * 2 AS doubled", [id])
    case 2: return Statement("SELECT $1 AS given", types: [TypeID.int4], [id])
    case 3: return Statement("SELECT $1 AS given", types: [TypeID.text], [id])
    case 4: return Statement("SELECT $1 AS given", [id])
    case 5: return Statement(random.pick(["BEGIN", "COMMIT", "SELECT 'constant'", ""]))
    default: return goodStatement()
    }
  }

  private mutating func parse(_ name: String) -> ScriptMessage {
    let statement = namedStatement()
    prepared[name] = statement
    return .parse(statement.sql, name: name, types: statement.types)
  }

  /// Bind and Execute with what is probably right for the statement of that name.
  private mutating func use(_ name: String) -> [ScriptMessage] {
    var values = prepared[name]?.values ?? []
    if random.chance(5) { values.append(Array("surplus".utf8)) }
    let portal = random.chance(10) ? "p" : ""
    var messages: [ScriptMessage] = [
      .bind(values, statement: name, portal: portal, resultFormats: random.chance(10) ? [1] : [])
    ]
    if random.chance(40) { messages.append(.describePortal(portal)) }
    messages.append(.execute(portal: portal))
    return messages
  }

  /// Prepared once, used many times. Often one that is there already.
  mutating func named() {
    let name = name()
    if prepared[name] == nil || random.chance(10) {
      var messages: [ScriptMessage] = [.closeStatement(name), parse(name)]
      if random.chance(50) { messages.append(.describeStatement(name)) }
      if random.chance(50) { messages += use(name) }
      send(messages + [.sync])
    }
    for _ in 0..<1 + random.below(4) {
      switch random.below(10) {
      case 0: send([.describeStatement(name), .sync])
      case 1: query(goodSQL())
      case 2: send(use(name) + use(name) + [.sync])
      case 3:
        send([.describeStatement(name), .flush], until: "Tn")
        send(use(name) + [.sync])
      default: send(use(name) + [.sync])
      }
    }
    if random.chance(15) {
      prepared[name] = nil
      send([.closeStatement(name), .sync])
    }
  }

  /// Many of them in one write.
  mutating func namedBatch() {
    var messages: [ScriptMessage] = []
    for _ in 0..<2 + random.below(6) {
      let name = name()
      switch random.below(8) {
      case 0: messages += [.closeStatement(name), parse(name)]
      case 1: messages += [.closeStatement(name), parse(name), .describeStatement(name)]
      case 2: messages += unnamedMessages(goodStatement())
      case 3: messages.append(.query(goodSQL()))
      default: messages += use(name)
      }
      if random.chance(50) { messages.append(.sync) }
    }
    // A query behind an open batch is another kind's business.
    var isOpen = false
    var closed: [ScriptMessage] = []
    for message in messages {
      if isOpen, message.text.hasPrefix("Query") { closed.append(.sync) }
      isOpen = !message.isAnswered
      closed.append(message)
    }
    send(closed + [.sync])
  }

  /// What a pooler that keeps names itself may get wrong.
  mutating func namedNasty() {
    let name = name()
    let other = self.name()
    switch random.below(12) {
    case 0: send(use("never") + [.sync])
    case 1: send([.describeStatement("never"), .sync])
    case 2: send([.closeStatement("never"), .closePortal("never"), .sync])
    // Exists already, perhaps.
    case 3:
      send([.parse("SELECT 'again'", name: name), .sync] + use(name) + [.sync])
      prepared[name] = prepared[name] ?? Statement("SELECT 'again'")
    case 4:
      send([.closeStatement(name), .parse("SELEC 1", name: name), .sync])
      send(use(name) + [.sync])
      prepared[name] = nil
    // Behind an error everything is skipped.
    case 5:
      send([.parse("SELEC 1"), .closeStatement(name), parse(name), .sync] + use(name) + [.sync])
    case 6:
      send([.bind([], statement: "never"), .closeStatement(name), .sync])
      send(use(name) + [.sync])
    case 7:
      send(
        [.closeStatement(name), parse(name)] + use(name) + [.closeStatement(name)]
          + [parse(name)] + use(name) + [.sync])
    case 8:
      send([.closeStatement(name), parse(name), .closeStatement(name)] + use(name) + [.sync])
    // Prepared in a transaction that is rolled back: it stays.
    case 9:
      query("BEGIN")
      send([.closeStatement(name), parse(name), .sync])
      query("ROLLBACK")
      send(use(name) + [.sync])
    // A failing statement, planned and run.
    case 10:
      send([
        .closeStatement(other),
        .parse("SELECT 10 / (g - 3) FROM generate_series(1, 5) g", name: other),
      ])
      send(use(other) + use(name) + [.sync])
      prepared[other] = Statement("")
    default:
      query("BEGIN; \(badSQL())")
      send([.closeStatement(name), parse(name)] + use(name) + [.sync])
      query("ROLLBACK")
      send(use(name) + [.sync])
    }
  }

  /// The unnamed statement is there until the next one, or until a simple query.
  mutating func unnamedAcross() {
    let statement = goodStatement()
    send([.parse(statement.sql, types: statement.types), .sync])
    switch random.below(4) {
    case 0: query(goodSQL())
    case 1: send([.describeStatement(), .sync])
    case 2: send([.closeStatement(), .sync])
    default: break
    }
    for _ in 0..<1 + random.below(3) { send([.bind(statement.values), .execute(), .sync]) }
  }

  mutating func deallocate() {
    let name = name()
    if random.chance(40) {
      query("DEALLOCATE ALL")
      prepared = [:]
    } else {
      run("DEALLOCATE \"\(name.split(separator: "\"").joined(separator: "\"\""))\"")
      prepared[name] = nil
    }
    send(use(name) + [.sync])
    send([parse(name)] + use(name) + [.sync])
  }

  mutating func discardAll() {
    run("DISCARD ALL")
    prepared = [:]
    send(use(name()) + [.sync])
    query("SHOW work_mem; SHOW TimeZone")
  }

  /// A prepared `SELECT *` of a table whose columns change.
  mutating func alteredTable() {
    let table = "\(schema).altered"
    send([.closeStatement("star"), .parse("SELECT * FROM \(table)", name: "star"), .sync])
    send(use("star") + [.sync])
    let column = "c\(number(4))"
    query(
      random.chance(60)
        ? "ALTER TABLE \(table) ADD COLUMN IF NOT EXISTS \(column) int DEFAULT 5"
        : "ALTER TABLE \(table) DROP COLUMN IF EXISTS \(column)")
    send(use("star") + [.sync])
    send([.describeStatement("star"), .sync])
    send([.closeStatement("star"), .parse("SELECT * FROM \(table)", name: "star"), .sync])
    send(use("star") + [.sync])
  }
}
