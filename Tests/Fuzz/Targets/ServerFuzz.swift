import Pooling
import PostgresWire

/// The bytes of a server that owes something: walked at once, in pieces, and by a simple model.
///
/// The first byte tells what is watched, the second the size of the pieces, the third how many
/// types of a client's messages follow; the rest is what the server sends.
enum ServerFuzz {
  struct Options {
    var watches: Ledger.Watches = []
    /// The client's statements are mapped.
    var isMapped: Bool
    var asksOwn: Bool

    init(_ byte: UInt8) {
      if byte & 1 != 0 { watches.insert(.tags) }
      if byte & 8 != 0 { watches.insert(.notifications) }
      if byte & 16 != 0 { watches.insert(.ends) }
      isMapped = byte & 2 != 0
      asksOwn = byte & 4 != 0
    }
  }

  /// What a walk found, its places counted from the stream's start.
  struct Outcome: Equatable {
    var scans: [ServerScan] = []
    var failures: [ReplyQueue.Entry] = []
    var ledger = Ledger()
    var end = 0
    var remaining = ServerScanner()
  }

  static func run(_ input: [UInt8]) throws(Finding) {
    var choices = Choices(input)
    let options = Options(choices.byte())
    let pieces = Int(choices.byte()) + 1
    var types: [UInt8] = []
    for _ in 0..<choices.number(below: 64) { types.append(choices.byte()) }
    let bytes = choices.rest
    try parse(bytes)
    let whole = try walk(bytes, pieces: max(1, bytes.count), types, options)
    let parts = try walk(bytes, pieces: pieces, types, options)
    try check(whole == parts, "in pieces: \(parts), at once: \(whole)")
    let readies = whole.scans.filter {
      $0.event == .readyForQuery || $0.event == .ownReadyForQuery
    }
    let unread = Self.model(bytes, upTo: whole.end) - readies.count
    // One that nobody has asked for is a violation.
    let isViolated = whole.scans.last?.event == .violation
    try check(unread == 0 || unread == 1 && isViolated, "\(unread) ReadyForQuery are not told")
    for scan in whole.scans { try look(at: scan, bytes) }
  }

  private static func walk(
    _ bytes: [UInt8], pieces: Int, _ types: [UInt8], _ options: Options
  ) throws(Finding) -> Outcome {
    var outcome = Outcome()
    outcome.ledger.watches = options.watches
    if options.asksOwn { outcome.ledger.poolerSendsQuery() }
    var replies = ReplyQueue()
    for type in types { send(type, &outcome.ledger, &replies, options) }
    var scanner = ServerScanner()
    var start = 0
    var shown = min(pieces, bytes.count)
    while true {
      let part = Array(bytes[start..<shown])
      var position = 0
      while true {
        var scan = scanner.next(
          part.span.bytes, from: position, ledger: &outcome.ledger, replies: &replies)
        try check((position...part.count).contains(scan.position), "from \(position) to \(scan)")
        outcome.failures += replies.takeFailed()
        let hasMoved = scan.position > position
        position = scan.position
        if scan.event == .drained { break }
        try check(hasMoved || scan.event == .violation, "\(scan.event) without a byte")
        scan.move(by: start)
        outcome.scans.append(scan)
        try ClientFuzz.checkLedger(outcome.ledger)
        if scan.event == .violation {
          outcome.end = scan.position
          return outcome
        }
      }
      start += position
      if shown == bytes.count { break }
      shown = min(shown + pieces, bytes.count)
    }
    outcome.end = start
    outcome.remaining = scanner
    return outcome
  }

  private static func send(
    _ type: UInt8, _ ledger: inout Ledger, _ replies: inout ReplyQueue, _ options: Options
  ) {
    guard "QPBDECHSFdcf".utf8.contains(type), ledger.clientSends(type), options.isMapped else {
      return
    }
    let batch = ledger.openBatch
    switch type {
    case ClientMessageType.parse:
      replies.push(.init(.parse, batch: batch, serial: 7, hasUndo: true))
    case ClientMessageType.bind: replies.push(.init(.bind, batch: batch))
    case ClientMessageType.close: replies.push(.init(.close, batch: batch))
    case ClientMessageType.describe: replies.push(.init(.ownParse, batch: batch, serial: 8))
    default: break
    }
  }

  /// How many whole ReadyForQuery there are in front of `end`.
  private static func model(_ bytes: [UInt8], upTo end: Int) -> Int {
    var position = 0
    var count = 0
    while position + 5 <= end {
      let length = bytes[position + 1..<position + 5].reduce(0) { $0 << 8 | Int($1) }
      if bytes[position] == ServerMessageType.readyForQuery, position + 6 <= end { count += 1 }
      position += length + 1
    }
    return count
  }
}

// The bodies that a pooler reads.
extension ServerFuzz {
  private static func look(at scan: ServerScan, _ bytes: [UInt8]) throws(Finding) {
    switch scan.event {
    case .parameterStatus(let body), .errorResponse(let body), .ownRow(let body),
      .commandComplete(let body), .notification(let body), .described(_, _, let body),
      .ownAnswer(_, let body), .notice(let body), .preambleFailed(let body):
      try check(
        body.start >= 5 && body.count >= 0 && body.start + body.count == scan.position,
        "a body at \(body) of a message up to \(scan.position)")
      try parse(Array(bytes[body.start..<body.start + body.count]))
    case .passing: throw Finding("a scan is passing")
    case .drained, .readyForQuery, .ownReadyForQuery, .lateReadyForQuery, .completed, .violation,
      .preambleDone, .statementEnd:
      break
    }
  }

  private static func parse(_ body: [UInt8]) throws(Finding) {
    var writer = MessageWriter()
    if let parameter = ParameterStatus.parse(body) {
      writer.parameterStatus(name: parameter.name, value: parameter.value)
      let again = ParameterStatus.parse(Array(writer.bytes.dropFirst(5)))
      try check(again?.name == parameter.name, "another parameter when written again")
      try check(again?.value == parameter.value, "another value when written again")
    }
    if let key = BackendKeyData.parse(body) {
      writer = MessageWriter()
      writer.backendKeyData(key)
      try check(Array(writer.bytes.dropFirst(5)) == body, "another key when written again")
    }
    if let fields = ErrorFields.parse(body) {
      writer = MessageWriter()
      writer.errorResponse(
        severity: fields.severity, sqlstate: fields.sqlstate, message: fields.message,
        detail: fields.detail, hint: fields.hint)
      let again = ErrorFields.parse(Array(writer.bytes.dropFirst(5)))
      try check(again == fields, "another error when written again")
    }
    if let row = DataRow.parse(body) {
      let bytes = row.reduce(2) { $0 + 4 + ($1?.count ?? 0) }
      try check(bytes == body.count, "a row of \(bytes) bytes in \(body.count)")
      let probe = SessionProbe(
        effects: [.advisoryLock, .temporary, .listen], names: ["search_path"])
      if let answer = probe.answer(row) {
        try check(answer.settings.count == 1, "not every setting is answered")
      }
    }
    _ = AuthenticationRequest.parse(body)
  }
}

extension ServerScan {
  /// Counts from a place `distance` further in front.
  fileprivate mutating func move(by distance: Int) {
    position += distance
    switch event {
    case .parameterStatus(var body):
      body.start += distance
      event = .parameterStatus(body)
    case .errorResponse(var body):
      body.start += distance
      event = .errorResponse(body)
    case .ownRow(var body):
      body.start += distance
      event = .ownRow(body)
    case .commandComplete(var body):
      body.start += distance
      event = .commandComplete(body)
    case .notification(var body):
      body.start += distance
      event = .notification(body)
    case .described(let entry, let type, var body):
      body.start += distance
      event = .described(entry, type, body)
    case .ownAnswer(let type, var body):
      body.start += distance
      event = .ownAnswer(type, body)
    case .notice(var body):
      body.start += distance
      event = .notice(body)
    case .preambleFailed(var body):
      body.start += distance
      event = .preambleFailed(body)
    case .passing, .drained, .readyForQuery, .ownReadyForQuery, .lateReadyForQuery, .completed,
      .violation, .preambleDone, .statementEnd:
      break
    }
  }
}
