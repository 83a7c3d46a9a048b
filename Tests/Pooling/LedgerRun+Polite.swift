import Pooling
import TestSupport

extension LedgerRun {
  /// What a driver sends, each part complete in itself.
  private static let parts: [[BackendModel.Message]] = [
    [.init(type: "Q")],
    [.init(type: "Q", script: [.begins])],
    [.init(type: "Q", script: [.completes, .fails])],
    [.init(type: "Q", script: [.copiesOut])],
    [.init(type: "F")],
    [.init(type: "S")],
    [.init(type: "P"), .init(type: "B"), .init(type: "D"), .init(type: "E"), .init(type: "S")],
    [.init(type: "P"), .init(type: "B", script: [.fails]), .init(type: "E"), .init(type: "S")],
    [.init(type: "Q", script: [.copiesIn]), .init(type: "d"), .init(type: "c")],
    [.init(type: "Q", script: [.copiesIn]), .init(type: "d"), .init(type: "f")],
    [.init(type: "Q", script: [.copiesIn]), .init(type: "d", script: [.fails]), .init(type: "c")],
    [
      .init(type: "P"), .init(type: "B"), .init(type: "E", script: [.copiesIn]),
      .init(type: "d"), .init(type: "c"), .init(type: "S"),
    ],
    [
      .init(type: "P"), .init(type: "B"), .init(type: "E", script: [.copiesIn]),
      .init(type: "d", script: [.fails]), .init(type: "d"), .init(type: "c"), .init(type: "S"),
    ],
    [.init(type: "E", script: [.copiesIn]), .init(type: "f"), .init(type: "S")],
  ]

  /// The extended COPY of libpq: a Sync behind the Execute, data once the server has asked for it.
  private static let askedCopy: [[BackendModel.Message]] = [
    [.init(type: "P"), .init(type: "B"), .init(type: "E", script: [.copiesIn]), .init(type: "S")],
    [.init(type: "d"), .init(type: "d"), .init(type: "c"), .init(type: "S")],
  ]
  /// The same, with data that the server does not take.
  private static let failedCopy: [[BackendModel.Message]] = [
    askedCopy[0],
    [.init(type: "d", script: [.fails]), .init(type: "d"), .init(type: "c"), .init(type: "S")],
  ]

  /// Sends what drivers send, pipelined and not. In the end nothing is under way.
  /// - Parameter copyPercent: how often it is a COPY as libpq runs it.
  mutating func runPolitely(parts count: Int, copyPercent: Int = 15) {
    for _ in 0..<count where fault == nil {
      if generator.chance(copyPercent) {
        settle()
        for half in generator.chance(50) ? Self.askedCopy : Self.failedCopy {
          sendPolitely(half)
          awaitCopy()
        }
        settle()
      } else {
        sendPolitely(Self.parts[generator.below(Self.parts.count)])
        if generator.chance(30) { settle() }
      }
    }
    settle()
    sendPolitely([.init(type: "Q", script: [.commits])])
    settle()
    if fault == nil && failPercent == 0 && !ledger.isClean {
      fault = "nothing is owed, but the ledger is not clean"
    }
  }

  private mutating func sendPolitely(_ messages: [BackendModel.Message]) {
    for message in messages where fault == nil {
      while !ledger.clientSends(message.type.asciiValue ?? 0), fault == nil {
        guard backend.canRun || !backend.output.isEmpty else {
          fault = "a message waits for ever"
          return
        }
        advance()
      }
      note("client sends \(message)")
      backend.receive(message)
      while generator.chance(progressPercent / 2) { advance() }
    }
  }

  /// Until the server asks for data: what was sent behind the command may not have been read.
  private mutating func awaitCopy() {
    while fault == nil && !ledger.isCopying && (backend.canRun || !backend.output.isEmpty) {
      advance()
    }
  }

  private mutating func settle() {
    while fault == nil && (backend.canRun || !backend.output.isEmpty) { advance() }
  }

  private mutating func advance() {
    progress()
    check()
    recount()
  }
}
