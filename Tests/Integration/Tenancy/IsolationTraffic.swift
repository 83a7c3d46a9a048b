import TestSupport

/// What a client of a tenant does, made from random numbers alone.
///
/// Nothing here knows what state the client is in: a statement that has not been prepared, a COMMIT
/// without a transaction, a block that has failed are all part of the mixture.
struct IsolationTraffic {
  /// Some messages, and how the client goes on.
  struct Act: Sendable {
    enum Ending: Sendable, Equatable {
      /// All is read.
      case read
      /// A cancel request goes after so many microseconds; then all is read.
      case cancel(UInt32)
      /// The client dies with so many bytes sent.
      case cut(Int)
      /// The client dies when it has sent all and read so many messages.
      case leave(Int)
      /// The pooler or the server may end the connection: what comes is read, then it is left.
      case part
    }

    let kind: String
    var messages: [ScriptMessage]
    var ending = Ending.read
    /// What follows CopyInResponse, if that comes.
    var copy: [ScriptMessage] = []

    /// It is meant to send rows to the server.
    var copiesIn: Bool { messages.contains { $0.text.contains("FROM STDIN") } }

    /// How many ReadyForQuery answer it.
    var readies: Int { messages.count { $0.isAnswered } }
  }

  static let me = "current_setting('app.tenant_id')"

  let tenant: String
  let witness: Int
  /// Of the client's own schema objects.
  let client: Int
  /// Nothing is SET or reset in the session.
  let leavesSession: Bool
  var random: SeededGenerator

  mutating func acts() -> [Act] {
    var acts = make()
    guard random.chance(14), let last = acts.last else { return acts }
    let count = last.messages.reduce(0) { $0 + $1.bytes.count }
    acts[acts.count - 1].ending =
      switch random.below(7) {
      case 0: .cut(random.below(max(1, count)))
      case 1: .leave(random.below(6))
      default: .cancel(UInt32(random.below(4_000)))
      }
    return acts
  }

  private mutating func make() -> [Act] {
    switch random.below(30) {
    case 0...4: return [act("simple", [.query(good())])]
    case 5: return [act("error", [.query(bad())])]
    case 6, 7: return [act("many", [.query(many())])]
    case 8...11: return [act("batch", batch())]
    case 12, 13: return [act("pipeline", pipeline())]
    case 14...17: return transaction()
    case 18: return [act("chain", chain())]
    case 19: return [timeout()]
    case 20: return [copyOut()]
    case 21: return [copyIn()]
    case 22: return [act("call", [.query("CALL public.settle('\(tenant)', 'call')")])]
    case 23: return [act("do", [.query(block())])]
    case 24: return [act("function", [.functionCall(witness, [tenant, "function"])])]
    case 25 where !leavesSession: return [act("alone", alone())]
    case 26 where !leavesSession: return [act("session", [.query(session())])]
    case 27: return [act("empty", [.query(random.pick(["", ";", "-- nothing", "/* t */ ;"]))])]
    case 28: return [Act(kind: "stray", messages: stray(), ending: .part)]
    default: return [act("place", [.query(Self.placeQuery)])]
    }
  }

  private func act(_ kind: String, _ messages: [ScriptMessage]) -> Act {
    Act(kind: kind, messages: messages)
  }

  // MARK: statements

  static let placeQuery =
    "SELECT spot, 'w:' || current_setting('work_mem'), \(me) FROM place"

  /// Those that both protocols can take, with the tenant as a constant.
  mutating func good() -> String {
    let read = Self.me
    return random.pick([
      "SELECT \(read)", "VALUES (\(read))", Self.placeQuery,
      "SELECT tenant_id, own, \(read) FROM item ORDER BY id LIMIT 5",
      "select tenant_id, own from item order by id desc limit 3",
      "INSERT INTO item (own, way) VALUES ('\(tenant)', 'insert') "
        + "RETURNING tenant_id, own, \(read)",
      "INSERT INTO item (tenant_id, own, way) VALUES ('\(tenant)', '\(tenant)', 'given')",
      "INSERT INTO item (own, way) SELECT '\(tenant)', 'select' FROM generate_series(1, 3)",
      "UPDATE item SET n = n + 1 WHERE id = (SELECT min(id) FROM item) RETURNING tenant_id, own",
      "WITH gone AS (DELETE FROM item WHERE id IN (SELECT id FROM item WHERE way <> 'seed' LIMIT 4)"
        + " "
        + "RETURNING tenant_id, own) SELECT tenant_id, own, \(read) FROM gone",
      "SELECT public.witness('\(tenant)', 'witness')", "SELECT \(read), '; ROLLBACK; SELECT'",
      "/* a; b */ SELECT \(read) -- ;", "SELECT own FROM item ORDER BY id LIMIT 1 FOR UPDATE",
      "SELECT own, \(read) FROM item WHERE tenant_id <> '\(tenant)'",
      "SELECT count(*) FROM (SELECT public.witness('\(tenant)', 'many') FROM item LIMIT 3) x",
    ])
  }

  mutating func bad() -> String {
    random.pick([
      "SELECT 1/0", "SELEC", "SELECT * FROM missing", "SELECT 1 FROM item WHERE n / 0 = 1",
      "INSERT INTO item (own, way) VALUES ('\(tenant)', NULL)",
      "INSERT INTO item (own, way) VALUES ('\(tenant)', 'doomed'); SELECT 1/0",
      "SELECT public.witness('\(tenant)', 'doomed'), 1/0", "ROLLBACK TO missing",
    ])
  }

  mutating func control() -> String {
    random.pick([
      "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "ABORT", "END",
      "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "START TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    ])
  }

  mutating func any() -> String {
    switch random.below(10) {
    case 0: bad()
    case 1...3: control()
    default: good()
    }
  }

  /// Several statements in one string.
  private mutating func many() -> String {
    let separators = [";", "; ", " ;\n", ";;", "; /* ; */ "]
    var text = random.chance(20) ? ";" : ""
    for _ in 0..<2 + random.below(4) { text += any() + random.pick(separators) }
    return text
  }

  private mutating func block() -> String {
    let own = "PERFORM public.witness('\(tenant)', 'do')"
    return random.pick([
      "DO $$BEGIN \(own); END$$",
      "DO $$BEGIN INSERT INTO public.item (own, way) VALUES ('\(tenant)', 'do'); COMMIT; \(own); "
        + "ROLLBACK; \(own); END$$",
      "DO $$BEGIN BEGIN PERFORM 1/0; EXCEPTION WHEN others THEN \(own); END; RAISE NOTICE '%', "
        + "\(Self.me); END$$",
      "SELECT 1; DO $$BEGIN \(own); COMMIT; END$$",
      "DO $$BEGIN ROLLBACK AND CHAIN; "
        + "EXECUTE 'SELECT public.witness(''\(tenant)'', ''do'')'; END$$",
    ])
  }

  /// What must be the only statement of its transaction.
  private mutating func alone() -> [ScriptMessage] {
    let sql = random.pick([
      "VACUUM spare", "CREATE INDEX CONCURRENTLY IF NOT EXISTS i\(client % 4) ON spare (a)",
      "DROP INDEX CONCURRENTLY IF EXISTS i\(client % 4)", "VACUUM (ANALYZE) spare",
      "DISCARD PLANS", "DISCARD ALL", "RESET ALL", "REINDEX TABLE CONCURRENTLY spare",
    ])
    return random.chance(50) ? [.query(sql)] : [.parse(sql), .bind(), .execute(), .sync]
  }

  /// What the pooler keeps for the client, and what it must not let it have.
  private mutating func session() -> String {
    random.pick([
      "SET geqo_threshold = \(5 + random.below(9))", "SET extra_float_digits = 0",
      "SET geqo_threshold = \(5 + random.below(9)); \(good())", "RESET geqo_threshold",
      "SET statement_timeout = \(random.pick([0, 40, 200]))",
      "SET default_transaction_isolation = 'repeatable read'",
      "SET default_transaction_read_only = \(random.pick(["off", "on", "off"]))",
      "SET TIME ZONE 'UTC'", "SET application_name = 'c\(client)'",
      "LISTEN c_\(tenant)", "NOTIFY c_\(tenant), '\(tenant)'", "UNLISTEN *",
      // Refused, or without effect.
      "SET app.tenant_id = 't0'", "SELECT set_config('app.tenant_id', 't0', false) IS NULL",
      "SET LOCAL app.tenant_id = 't0'", "RESET app.tenant_id", "SET search_path = odd",
      "BEGIN; SET app.tenant_id = 't0'; COMMIT", "SET work_mem = '9MB'",
    ])
  }
}
