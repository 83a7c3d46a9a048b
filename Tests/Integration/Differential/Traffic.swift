import TestSupport

/// Makes the program of one client.
///
/// Each act has random numbers of its own: a kind that is switched off or on leaves the other acts
/// as they are, so a seed keeps its worth. Nothing here may depend on time, on object ids or on the
/// order of a dictionary.
struct Traffic {
  let client: Int
  let kinds: Set<TrafficKind>
  var random: SeededGenerator
  var steps: [ScriptStep] = []
  var kind = TrafficKind.simple
  /// How many transactions are open around the act that is made.
  var depth = 0
  /// What the named statements probably are. A guess: errors may have made it wrong.
  var prepared: [String: Statement] = [:]

  init(client: Int, kinds: Set<TrafficKind>, seed: UInt64) {
    self.client = client
    self.kinds = kinds
    random = SeededGenerator(seed: seed)
  }

  /// The client's own schema.
  var schema: String { "diff_\(client)" }

  mutating func program() -> ScriptProgram {
    var program = ScriptProgram(client: client)
    let startup = startupParameters()
    if kinds.contains(.startup) { program.startup = startup }
    for _ in 0..<16 + random.below(24) { act() }
    finish()
    program.steps = steps
    return program
  }

  /// What a client may ask for at login.
  private mutating func startupParameters() -> [(String, String)] {
    var parameters: [(String, String)] = []
    if random.chance(40) { parameters.append(("application_name", "client \(client)")) }
    if random.chance(20) { parameters.append(("TimeZone", random.pick(["Asia/Tokyo", "UTC"]))) }
    if random.chance(20) {
      parameters.append(("DateStyle", random.pick(["German, DMY", "SQL, DMY"])))
    }
    if random.chance(10) { parameters.append(("client_encoding", "LATIN1")) }
    // PostgreSQL reports these as it spells them itself.
    let spelling = random.pick([
      ("DateStyle", "German"), ("TimeZone", "utc"), ("client_encoding", "latin1"),
    ])
    if kinds.contains(.startupSpelling), !parameters.contains(where: { $0.0 == spelling.0 }) {
      parameters.append(spelling)
    }
    return parameters
  }

  /// Adds the steps of one act, if its kind is switched on.
  mutating func act() {
    let chosen = TrafficKind.pick(&random)
    let seed = random.next()
    guard kinds.contains(chosen) else { return }
    let outer = (random, kind)
    random = SeededGenerator(seed: seed)
    kind = chosen
    make(chosen)
    (random, kind) = outer
  }

  private mutating func make(_ kind: TrafficKind) {
    switch kind {
    case .simple: simple()
    case .simpleError: simpleError()
    case .empty: empty()
    case .large: large()
    case .notice: notice()
    case .functionCall: functionCall()
    case .transaction: transaction()
    case .chain: chain()
    case .dropOnCommit: dropOnCommit()
    case .unnamed: unnamed()
    case .unnamedError: unnamedError()
    case .unnamedFlush: unnamedFlush()
    case .portal: portal()
    case .cursor: cursor()
    case .pipeline: pipeline()
    case .unsynced: unsynced()
    case .copyIn: copyIn()
    case .copyOut: copyOut()
    case .copyExtended: copyExtended()
    case .copyFailure: copyFailure()
    case .startup, .startupSpelling: break
    case .reconnect: reconnect()
    default: makeStateful(kind)
    }
  }

  private mutating func makeStateful(_ kind: TrafficKind) {
    switch kind {
    case .trackedSetting: trackedSetting()
    case .trackedSettingInTransaction: trackedSettingInTransaction()
    case .setting: setting()
    case .settingInTransaction: settingInTransaction()
    case .setConfig: setConfig()
    case .setLocal: setLocal()
    case .resetSetting: resetSetting()
    case .sessionCharacteristics: sessionCharacteristics()
    case .role: role()
    case .unnamedAcross: unnamedAcross()
    case .named: named()
    case .namedNasty: namedNasty()
    case .namedBatch: namedBatch()
    case .deallocate: deallocate()
    case .discardAll: discardAll()
    case .sqlPrepare: sqlPrepare()
    case .sqlAndProtocol: sqlAndProtocol()
    case .temporaryTable: temporaryTable()
    case .holdCursor: holdCursor()
    case .advisoryLock: advisoryLock()
    case .sequence: sequence()
    case .alteredTable: alteredTable()
    case .sessionViews: sessionViews()
    default: preconditionFailure("no function makes \(kind)")
    }
  }

  /// Leaves no transaction open, and looks at all that was written.
  private mutating func finish() {
    query("ROLLBACK")
    query("SELECT id, v, n, x FROM \(schema).t ORDER BY id")
    query("SELECT count(*), sum(id), max(note) FROM \(schema).log")
  }

  // MARK: steps

  /// Sends messages and reads all their answers.
  mutating func send(_ messages: [ScriptMessage], needsCopy: Bool = false) {
    add(messages, .ready(messages.count { $0.isAnswered }), needsCopy: needsCopy)
  }

  mutating func query(_ sql: String) { send([.query(sql)]) }

  /// Sends messages and reads up to one of these types, or an error.
  mutating func send(_ messages: [ScriptMessage], until types: String) {
    add(messages, .answer(types))
  }

  mutating func add(
    _ messages: [ScriptMessage], _ wait: ScriptStep.Wait, needsCopy: Bool = false
  ) {
    var step = ScriptStep(kind: kind, messages: messages, wait: wait, needsCopy: needsCopy)
    if random.chance(25) {
      let count = messages.reduce(0) { $0 + $1.bytes.count }
      step.cuts = (0..<1 + random.below(5)).map { _ in random.below(count) }.sorted()
      if random.chance(40) { step.pauseMicroseconds = UInt32(random.below(1500)) }
    }
    steps.append(step)
  }
}
