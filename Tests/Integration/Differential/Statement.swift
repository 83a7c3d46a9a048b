import TestSupport

/// A statement for the extended protocol.
struct Statement: Sendable {
  var sql: String
  /// The parameters' types; none leaves them to the server.
  var types: [Int] = []
  /// Good values for its parameters, as text.
  var values: [[UInt8]?] = []

  init(_ sql: String, types: [Int] = [], _ values: [String?] = []) {
    self.sql = sql
    self.types = types
    self.values = values.map { $0.map { Array($0.utf8) } }
  }
}

/// Object ids of built-in types: they are the same everywhere.
enum TypeID {
  static let int8 = 20
  static let int4 = 23
  static let text = 25
  static let numeric = 1700
}

/// SQL texts. Every list of rows is ordered: a table's own order may change.
extension Traffic {
  mutating func number(_ bound: Int = 12) -> Int { random.below(bound) }

  /// A statement that succeeds in a transaction that has not failed.
  mutating func goodSQL() -> String {
    switch random.below(12) {
    case 0: "SELECT \(number()), 'text \(number())', NULL"
    case 1: "SELECT * FROM \(schema).t WHERE id <= \(number()) ORDER BY id"
    case 2: "SELECT count(*), sum(id) FROM diff_shared.r WHERE id % \(1 + number()) = 0"
    case 3: "INSERT INTO \(schema).log (note) VALUES ('note \(number(100))') RETURNING id, note"
    case 4: "UPDATE \(schema).t SET n = n + 0.5, v = v || '\(number())' WHERE id = \(number())"
    case 5: "DELETE FROM \(schema).t WHERE id = \(number()) RETURNING id"
    case 6:
      "INSERT INTO \(schema).t VALUES (\(number()), 'new', 1, 0) ON CONFLICT (id) DO NOTHING"
    case 7: "VALUES (1, 'one'), (2, 'two')"
    case 8: "SELECT g, repeat('ab', g) FROM generate_series(1, \(number(40))) g"
    case 9: "SELECT label FROM diff_shared.r ORDER BY id DESC LIMIT \(number(40))"
    case 10: "SELECT nextval('\(schema).numbers')"
    default: "TABLE \(schema).child ORDER BY id"
    }
  }

  /// A statement that fails while it is parsed, analysed, planned or run.
  mutating func badSQL() -> String {
    switch random.below(12) {
    case 0: "SELEC \(number())"
    case 1: "SELECT 'not ended"
    case 2: "SELECT nothing_\(number()) FROM \(schema).t"
    case 3: "SELECT * FROM \(schema).missing_\(number())"
    case 4: "SELECT 1 / 0"
    case 5: "SELECT 10 / (g - 3) FROM generate_series(1, 5) g"
    case 6: "INSERT INTO \(schema).t SELECT * FROM \(schema).t ORDER BY id"
    case 7: "INSERT INTO \(schema).t VALUES (99, 'check', 1, -1)"
    case 8: "INSERT INTO \(schema).t (v) VALUES ('no id')"
    case 9: "SELECT 'words'::int"
    case 10: "DO $$ BEGIN RAISE EXCEPTION 'raised %', \(number()) USING HINT = 'none'; END $$"
    default: "SELECT ARRAY[1, 2]::text::int[][\(number())] + 'x'"
    }
  }

  /// A statement with parameters. It never fails by a value that the planner could compute with:
  /// whether it does depends on how often a statement was planned.
  mutating func goodStatement() -> Statement {
    let id = "\(number())"
    switch random.below(13) {
    case 0: return Statement("SELECT $1::int + $2::int", [id, "\(number())"])
    case 1: return Statement("SELECT $1", types: random.chance(50) ? [TypeID.int8] : [], [id])
    case 2:
      return Statement("SELECT $1 || '-' || $2", types: [TypeID.text, TypeID.text], [id, nil])
    case 3: return Statement("SELECT * FROM \(schema).t WHERE id = $1", [id])
    case 4:
      return Statement("INSERT INTO \(schema).log (note) VALUES ($1) RETURNING *", ["bound \(id)"])
    case 5:
      return Statement("UPDATE \(schema).t SET v = $2, n = $3 WHERE id = $1", [id, "set", "1.25"])
    case 6: return Statement("SELECT g FROM generate_series(1, $1) g", [id])
    case 7: return Statement("SELECT id, label FROM diff_shared.r WHERE id < $1 ORDER BY id", [id])
    case 8: return Statement("SELECT 1")
    case 9: return Statement("DELETE FROM \(schema).t WHERE id = $1", types: [TypeID.int4], [id])
    case 10:
      let types = random.pick([[TypeID.int4], [TypeID.int8], [TypeID.numeric], []])
      return Statement("SELECT $1 + 1, pg_typeof($1)", types: types, [id])
    case 11:
      return Statement("SELECT id, label FROM diff_shared.r WHERE label = $1", ["label \(id)"])
    default: return Statement(goodSQL())
    }
  }

  /// One that fails at Parse, at Bind or at Execute.
  mutating func badStatement() -> Statement {
    switch random.below(6) {
    case 0: Statement("SELECT 10 / (g - 3) FROM generate_series($1, 5) g", ["0"])
    case 1: Statement("SELECT $1::int", ["words"])
    case 2: Statement("SELECT $1::int, $2::int", ["1"])
    case 3: Statement("INSERT INTO \(schema).t (id, x) VALUES ($1, $2)", ["98", "-1"])
    case 4: Statement("SELECT 1; SELECT 2")
    default: Statement(badSQL())
    }
  }
}
