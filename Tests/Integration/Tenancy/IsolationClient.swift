import Glibc
import TestSupport

/// One client after another, each of some tenant, on one thread.
struct IsolationClient {
  let run: IsolationRun
  let index: Int
  private var random: SeededGenerator
  private var check = IsolationCheck(0)
  private var client: WireClient?
  private var last: [String] = []
  private var isInTransaction = false

  init(_ run: IsolationRun, _ index: Int) {
    self.run = run
    self.index = index
    random = SeededGenerator(seed: run.seed &+ UInt64(index) &* 7_919)
  }

  mutating func play() {
    while !run.isOver {
      do {
        try begin()
        try live()
      } catch {
        if "\(error)".contains("no answer") {
          let text = "client \(index) of \(check.tenant): \(error) \(last.suffix(12))"
          run.findings.change { $0.stalls.append(text) }
        }
      }
      client?.close()
      client = nil
    }
  }

  private mutating func begin() throws {
    let number = random.below(run.database.tenants)
    check = IsolationCheck(number)
    isInTransaction = false
    last = []
    let client = try WireClient(to: run.endpoint, seconds: 60)
    self.client = client
    run.findings.change { $0.connections += 1 }
    let user = run.isControl ? "app" : "app.\(check.tenant)"
    let login = try client.startUp([("user", user), ("database", "app")])
    guard login.status != nil else { throw HarnessError("no login: \(login)") }
    if run.isControl {
      _ = try client.query("SET app.tenant_id = '\(check.tenant)'").checked()
    }
  }

  /// Some acts, then one of the ways to leave.
  private mutating func live() throws {
    for _ in 0..<1 + random.below(run.longestLife) {
      if run.isOver { break }
      var traffic = IsolationTraffic(
        tenant: check.tenant, witness: run.database.witness, client: index,
        leavesSession: run.isControl, random: SeededGenerator(seed: random.next()))
      for act in traffic.acts() {
        guard try play(act) else { return }
      }
      // A client that keeps its server would leave too few to the others.
      if isInTransaction, random.chance(80) {
        let end = IsolationTraffic.Act(kind: "end", messages: [.query("ROLLBACK")])
        guard try play(end) else { return }
      }
    }
    switch random.below(4) {
    case 0: client?.close()
    case 1: client?.reset()
    default: client?.terminate()
    }
  }

  /// - Returns: false: the connection is over.
  private mutating func play(_ act: IsolationTraffic.Act) throws -> Bool {
    guard let client else { return false }
    run.findings.change { $0.acts[act.kind, default: 0] += 1 }
    for message in act.messages.prefix(30) { last.append(message.text) }
    last.removeFirst(max(0, last.count - 30))
    let bytes = act.messages.flatMap(\.bytes)
    if case .cut(let count) = act.ending {
      try client.send(Array(bytes.prefix(count)))
      leave(client)
      return false
    }
    // In pieces, at times.
    let cut = random.chance(20) ? random.below(bytes.count + 1) : bytes.count
    try client.send(Array(bytes[..<cut]))
    if cut < bytes.count {
      if random.chance(50) { usleep(UInt32(random.below(1_000))) }
      try client.send(Array(bytes[cut...]))
    }
    switch act.ending {
    case .leave(let count):
      for _ in 0..<count {
        guard client.isReadable(within: 0.05), let message = try client.receive() else { break }
        look(at: message)
      }
      leave(client)
      return false
    case .part:
      for _ in 0..<100 {
        guard client.isReadable(within: 0.1), let message = try client.receive() else { break }
        look(at: message)
      }
      leave(client)
      return false
    case .cancel(let delay):
      usleep(delay)
      if let canceller = try? WireClient(to: run.endpoint) {
        try? canceller.send(Frame.cancel(client.key))
        canceller.close()
      }
    case .read, .cut: break
    }
    return try read(act, client)
  }

  private static let noCopy = [ScriptMessage.copyFail("not meant"), .sync].flatMap(\.bytes)

  private mutating func read(_ act: IsolationTraffic.Act, _ client: WireClient) throws -> Bool {
    var readies = 0
    while readies < act.readies {
      guard let message = try client.receive() else {
        run.findings.change { $0.ended += 1 }
        return false
      }
      look(at: message)
      if message.type == "Z" {
        readies += 1
        isInTransaction = message.body != [0x49]
      }
      if message.type == "G" {
        // The unnamed statement may be a COPY still, which the act has bound unawares.
        let answer = act.copiesIn ? act.copy.flatMap(\.bytes) : Self.noCopy
        if !answer.isEmpty { try client.send(answer) }
      }
    }
    return true
  }

  private mutating func leave(_ client: WireClient) {
    if random.chance(50) { client.reset() } else { client.close() }
  }

  private func look(at message: ServerMessage) {
    let values = check.values(message)
    var foreign = values.filter(check.isForeign)
    var sqlstate: String?
    if message.type == "E" {
      let error = ServerError(message)
      sqlstate = error.sqlstate
      if check.isForeign(error) { foreign.append(error.description) }
    }
    guard !values.isEmpty || sqlstate != nil else { return }
    let text = foreign.isEmpty ? "" : "\(check.tenant) got \(foreign) behind \(last.suffix(8))"
    run.findings.change { state in
      state.values += values.count
      if let sqlstate { state.errors[sqlstate, default: 0] += 1 }
      if !text.isEmpty { state.foreign.append(text) }
    }
  }
}
