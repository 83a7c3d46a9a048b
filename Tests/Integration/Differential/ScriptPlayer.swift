import Glibc

/// One client that plays its program.
struct ScriptPlayer {
  let program: ScriptProgram
  let endpoint: Endpoint
  private var transcript = Transcript()
  private var client: WireClient?
  /// An error came in the batch that is open: nothing but ReadyForQuery follows.
  private var isSkipping = false
  private var lastType: Character = "Z"

  init(program: ScriptProgram, endpoint: Endpoint) {
    self.program = program
    self.endpoint = endpoint
  }

  mutating func play() -> Transcript {
    do {
      try logIn()
      for (index, step) in program.steps.enumerated() {
        transcript.step = index
        try play(step)
      }
      client?.terminate()
    } catch {
      transcript.failure = "\(error)"
      client?.close()
    }
    return transcript
  }

  private mutating func logIn() throws {
    let client = try WireClient(to: endpoint, seconds: 10)
    self.client = client
    let login = try client.startUp([("user", "app"), ("database", "app")] + program.startup)
    // The order in which a server tells its parameters means nothing.
    let parameters = login.messages.filter { $0.type == "S" }
      .sorted { $0.body.lexicographicallyPrecedes($1.body) }
    for message in parameters + login.messages.filter({ $0.type != "S" }) { record(message) }
    if login.status == nil { throw HarnessError("the login failed") }
    lastType = "Z"
  }

  private mutating func play(_ step: ScriptStep) throws {
    if step.needsCopy, lastType != "G" { return }
    if case .reconnect = step.wait {
      // Who says goodbye piece by piece may be let go at the first of them.
      try? send(step)
    } else {
      try send(step)
    }
    switch step.wait {
    case .ready(let count):
      for _ in 0..<count { try receive { $0.type == "Z" } }
    case .answer(let types):
      if isSkipping { return }
      let isWhole = types.contains("Z")
      try receive { types.contains($0.type) || !isWhole && $0.type == "E" }
      isSkipping = lastType == "E"
    case .reconnect:
      // What has ended has let go of its locks.
      guard client?.isClosedByPeer() == true else { throw HarnessError("still connected") }
      client?.close()
      try logIn()
    }
  }

  private func send(_ step: ScriptStep) throws {
    let bytes = step.bytes
    var start = 0
    for end in step.cuts + [bytes.count] where end > start {
      try client?.send(Array(bytes[start..<end]))
      start = end
      if step.pauseMicroseconds > 0, start < bytes.count { usleep(step.pauseMicroseconds) }
    }
  }

  private mutating func receive(until isLast: (ServerMessage) -> Bool) throws {
    while let message = try client?.receive() {
      record(message)
      if isLast(message) { return }
    }
    throw HarnessError("the connection was closed")
  }

  private mutating func record(_ message: ServerMessage) {
    transcript.replies.append(.init(step: transcript.step, message: message.normalised))
    // A parameter or a notice may come at any place.
    if message.type != "S", message.type != "N" { lastType = message.type }
    if message.type == "Z" { isSkipping = false }
  }
}
