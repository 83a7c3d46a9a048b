import Pooling
import PostgresWire

/// The bytes of a logged-in client: walked at once, in pieces, and by a simple model.
///
/// The first byte tells the limit and what is left to be inspected, the second the size of the
/// pieces; what follows is sent.
enum ClientFuzz {
  struct Outcome: Equatable {
    var forward = 0
    var messages = 0
    var stop = ClientScan.Stop.drained
    var ledger = Ledger()
    var scanner = ClientScanner()
  }

  static func run(_ input: [UInt8]) throws(Finding) {
    var choices = Choices(input)
    let options = choices.byte()
    let pieces = Int(choices.byte()) + 1
    let bytes = choices.rest
    let limit: UInt32 = options & 1 == 0 ? 0x7fff_ffff : 100
    let inspection = ClientScanner.Inspection(rawValue: options >> 1 & 3) ?? .none
    var start = Outcome()
    start.scanner.refusesQuery = options & 8 != 0
    let whole = try walk(bytes, pieces: max(1, bytes.count), limit, inspection, start)
    let parts = try walk(bytes, pieces: pieces, limit, inspection, start)
    if inspection == .sessions {
      // A query that has not come whole is left to be looked at.
      try check(whole.forward == parts.forward && whole.stop == parts.stop, "pieces differ")
      try check(whole.ledger == parts.ledger, "pieces differ in the ledger")
    } else {
      try check(whole == parts, "in pieces: \(parts), at once: \(whole)")
    }
    try check(
      whole.forward == Self.model(bytes, limit, start.scanner), "\(whole.forward) bytes go on")
  }

  /// Shows the bytes piece by piece, and answers whatever must be waited for.
  private static func walk(
    _ bytes: [UInt8], pieces: Int, _ limit: UInt32, _ inspection: ClientScanner.Inspection,
    _ start: Outcome
  ) throws(Finding) -> Outcome {
    var outcome = start
    var shown = min(pieces, bytes.count)
    var answers = 0
    while true {
      let part = Array(bytes[outcome.forward..<shown])
      let scan = outcome.scanner.scan(
        part.span.bytes, ledger: &outcome.ledger, maxPacketSize: limit, inspection: inspection)
      try check((0...part.count).contains(scan.forward), "\(scan.forward) of \(part.count) bytes")
      try check(scan.messages <= scan.forward, "\(scan.messages) messages")
      outcome.forward += scan.forward
      outcome.messages += scan.messages
      outcome.stop = scan.stop
      try checkLedger(outcome.ledger)
      if scan.forward > 0 { answers = 0 }
      switch scan.stop {
      case .drained:
        let left = part.count - scan.forward
        try check(left < 5, "\(left) bytes are left lying")
        if shown == bytes.count { return outcome }
        shown = min(shown + pieces, bytes.count)
      case .mustWait:
        // One ReadyForQuery after the other: there must be room at last.
        answers += 1
        try check(answers <= Ledger.capacity + 1, "waits for ever")
        _ = outcome.ledger.readyForQueryReceived(TransactionStatus.idle)
      case .inspect: answers = try pass(&outcome, part, scan.forward, answers)
      case .terminate, .refusedQuery, .invalidLength, .invalidType: return outcome
      }
    }
  }

  /// What the caller looks at goes on as it is.
  private static func pass(
    _ outcome: inout Outcome, _ part: [UInt8], _ start: Int, _ answers: Int
  ) throws(Finding) -> Int {
    let here = part.count - start
    try check(here >= 5, "a part of a header is to be inspected")
    let length = part[start + 1..<start + 5].reduce(0) { $0 << 8 | Int($1) }
    guard outcome.ledger.clientSends(part[start]) else {
      try check(answers <= Ledger.capacity + 1, "waits for ever")
      _ = outcome.ledger.readyForQueryReceived(TransactionStatus.idle)
      return answers + 1
    }
    outcome.scanner.pass(whole: length + 1, here: here)
    outcome.forward += min(length + 1, here)
    outcome.messages += 1
    return 0
  }

  static func checkLedger(_ ledger: Ledger) throws(Finding) {
    try check(!ledger.isClean || ledger.isSettled, "clean, but not settled")
    try check(!ledger.isSettled || !ledger.owesReply, "settled, but owes a reply")
    let ahead = ledger.openBatch &- ledger.readyCount
    try check(ahead <= UInt32(Ledger.capacity), "the open batch is \(ahead) ahead")
  }

  /// How many bytes may go to the server: all up to a message that is refused.
  private static func model(_ bytes: [UInt8], _ limit: UInt32, _ scanner: ClientScanner) -> Int {
    var position = 0
    while position + 5 <= bytes.count {
      let length = bytes[position + 1..<position + 5].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let most: UInt32
      switch Character(Unicode.Scalar(bytes[position])) {
      case "Q", "P", "B", "F", "d", "f": most = 0x3fff_fffe
      case "E", "S", "D", "C", "H", "c": most = 10_000
      default: return position
      }
      guard length >= 4, length <= min(most, limit) else { return position }
      if scanner.refusesQuery && bytes[position] == ClientMessageType.query { return position }
      position += Int(length) + 1
    }
    return min(position, bytes.count)
  }
}
