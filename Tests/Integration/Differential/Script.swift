import TestSupport

/// Mixed traffic of several clients, made from a seed alone: the same seed and kinds give the same
/// bytes.
struct Script: Sendable {
  /// How many clients there may be.
  static let clients = 6...12

  let seed: UInt64
  let kinds: Set<TrafficKind>
  /// How Sluice is set up for it.
  let poolSize: Int
  let threads: Int
  let maxPreparedStatements: Int
  var programs: [ScriptProgram]

  init(seed: UInt64, kinds: Set<TrafficKind> = TrafficKind.enabled) {
    self.seed = seed
    self.kinds = kinds
    var random = SeededGenerator(seed: seed)
    let shared = random.pick([1, 2, 2, 2, 3])
    threads = random.pick([1, 2, 2])
    maxPreparedStatements = random.pick([2, 5, 5, 200])
    // A client that keeps its server would leave too few to the others, who then wait for its end.
    let pins = random.pick([false, false, true])
    // Behind a Query that ends no batch, and behind a COPY that fails with its Sync sent ahead,
    // what the server has skipped can't be told: such a server stays with its client, and in
    // pipelines what becomes of names there is not always as in PostgreSQL.
    let strays = random.pick([false, false, true])
    let own = kinds.subtracting(pins ? [] : TrafficKind.pinning)
      .subtracting(strays ? TrafficKind.naming.union([.pipeline]) : [.unsynced, .copyExtended])
    let count = random.pick(Array(Self.clients))
    poolSize = pins ? count : shared
    programs = (0..<count).map { client in
      var traffic = Traffic(client: client, kinds: own, seed: random.next())
      return traffic.program()
    }
  }

  var settings: SluiceConfiguration.Section {
    [
      "default_pool_size": .integer(poolSize), "threads": .integer(threads),
      "max_prepared_statements": .integer(maxPreparedStatements),
    ]
  }
}

/// What one client does.
struct ScriptProgram: Sendable {
  let client: Int
  /// Of the startup packet, besides user and database.
  var startup: [(String, String)] = []
  var steps: [ScriptStep] = []
}

/// Some bytes, and what is read before the next ones are sent.
struct ScriptStep: Sendable {
  enum Wait: Sendable, Equatable {
    /// So many ReadyForQuery.
    case ready(Int)
    /// The first message of one of these types. Unless one of them is ReadyForQuery, an error will
    /// do as well, and behind an error nothing is waited for until the batch ends.
    case answer(String)
    /// Nothing but the connection's end; then the client connects anew.
    case reconnect
  }

  /// Of the act that it belongs to.
  let kind: TrafficKind
  let messages: [ScriptMessage]
  let wait: Wait
  /// Only if the last message read was CopyInResponse.
  var needsCopy = false
  /// Where the bytes are cut into pieces, in order.
  var cuts: [Int] = []
  /// How long the sender rests between two pieces.
  var pauseMicroseconds: UInt32 = 0

  /// All is answered behind it, whatever came before: a script may be cut here.
  var isSettled: Bool {
    switch wait {
    case .ready(let count): count > 0
    case .answer: false
    case .reconnect: true
    }
  }

  var bytes: [UInt8] { messages.flatMap(\.bytes) }
}

extension Script: CustomStringConvertible {
  var description: String {
    let head =
      "seed \(seed), pool size \(poolSize), threads \(threads), max_prepared_statements "
      + "\(maxPreparedStatements), \(programs.count) clients\n"
    return head + programs.filter { !$0.steps.isEmpty }.map(\.description).joined()
  }
}

extension ScriptProgram: CustomStringConvertible {
  var description: String {
    var text = "client \(client) \(startup.isEmpty ? "" : "\(startup)")\n"
    for (index, step) in steps.enumerated() {
      text += "  step \(index) (\(step.kind.rawValue)) \(step)\n"
    }
    return text
  }
}

extension ScriptStep: CustomStringConvertible {
  var description: String {
    var text = needsCopy ? "if in COPY, " : ""
    switch wait {
    case .ready(let count): text += "up to \(count) ReadyForQuery"
    case .answer(let types): text += "up to one of \(types)"
    case .reconnect: text += "and connect anew"
    }
    if !cuts.isEmpty { text += ", cut at \(cuts), pauses of \(pauseMicroseconds) µs" }
    for message in messages {
      let line = message.text
      text += "\n      " + line.prefix(300) + (line.utf8.count > 300 ? "..." : "")
    }
    return text
  }
}
