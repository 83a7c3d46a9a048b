import PostgresWire

@testable import Pooling

/// The ways of a preamble, and a query of the pooler's own that brings settings. Each has two
/// statements.
enum PreambleWay: CaseIterable, Sendable {
  case own, prefix, batch, asideOfQuery, asideOfBatch

  /// What a server answers to the preamble alone, in messages.
  var answers: [[UInt8]] {
    switch self {
    case .own:
      [tag("BEGIN"), tag("RESET"), tag("SET"), tag("COMMIT"), frame("Z", [0x49])]
    case .prefix: [tag("RESET"), tag("SET")]
    case .batch:
      [frame("1"), frame("2"), tag("RESET"), frame("1"), frame("2"), tag("SET")]
    case .asideOfQuery, .asideOfBatch:
      ["BEGIN", "RESET", "SET", "COMMIT"].flatMap { [frame("1"), frame("2"), tag($0)] }
    }
  }

  /// What it answers to the client, which has asked nothing yet behind a query of the pooler's own.
  var own: [UInt8] {
    if self == .own { return [] }
    let rows = frame("T", zeros(9)) + frame("D", zeros(8)) + tag("SELECT 1")
    let isBatch = self == .batch || self == .asideOfBatch
    return (isBatch ? frame("1") + frame("2") : []) + rows + frame("Z", [0x49])
  }

  var ledger: Ledger {
    var ledger = Ledger()
    switch self {
    case .own:
      ledger.poolerSendsCounted(statements: 2)
    case .prefix, .asideOfQuery:
      ledger.poolerSendsPreamble(statements: 2, self == .prefix ? .prefix : .aside)
      _ = ledger.clientSends(UInt8(ascii: "Q"))
    case .batch, .asideOfBatch:
      ledger.poolerSendsPreamble(statements: 2, self == .batch ? .batch : .aside)
      for type in "PBES".utf8 { _ = ledger.clientSends(type) }
    }
    return ledger
  }
}

func tag(_ text: String) -> [UInt8] { frame("C", Array(text.utf8) + [0]) }

/// A server's bytes behind a preamble: what of them its client would be told.
struct PreambleFeed {
  enum Event: Equatable {
    case done, failed, ownReady, ownError, ready, violation, other
  }

  var scanner = ServerScanner()
  var ledger: Ledger
  var events: [Event] = []
  var told: [UInt8] = []
  private var carry: [UInt8] = []

  init(_ form: PreambleWay) { ledger = form.ledger }

  mutating func feed(_ bytes: [UInt8], cutAt cuts: [Int] = []) {
    var start = 0
    for cut in cuts + [bytes.count] {
      feed(piece: bytes[start..<cut])
      start = cut
    }
  }

  private mutating func feed(piece: ArraySlice<UInt8>) {
    if events.last == .violation { return }
    carry += piece
    let bytes = carry
    var replies = ReplyQueue()
    var position = 0
    scanning: while true {
      let isOwn = ledger.isAnsweringOwn || ledger.owesPreamble
      let scan = scanner.next(
        bytes.span.bytes, from: position, ledger: &ledger, replies: &replies)
      if !isOwn { told += bytes[position..<scan.position] }
      position = scan.position
      switch scan.event {
      case .drained, .passing: break scanning
      case .violation:
        events.append(.violation)
        break scanning
      case .preambleDone: events.append(.done)
      case .preambleFailed: events.append(.failed)
      case .ownReadyForQuery: events.append(.ownReady)
      case .errorResponse: events.append(isOwn ? .ownError : .other)
      case .readyForQuery: events.append(.ready)
      default: events.append(.other)
      }
    }
    carry.removeFirst(position)
  }
}
