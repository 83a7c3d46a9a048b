import BenchWire

/// One client of the fake backend: bytes in, bytes out, no socket.
///
/// Phases: `startup` (SSLRequest and GSSENCRequest are declined) → `ready` → `ended`. In `ready`
/// the statements of a simple query wait in `queue`, so that a COPY in the middle of them streams
/// block by block; the next message is looked at when the queue is empty and no COPY runs.
final class Session {
  enum Phase { case startup, ready, ended }
  static let messageLimit = 16 << 20

  var input: [UInt8] = []
  var inputStart = 0
  var output = MessageBuffer()
  var outputStart = 0
  /// The socket may have more bytes than were read.
  var isReadable = false
  /// The peer will send no more: there is an end to be read, which no further event announces.
  var isHalfClosed = false

  private(set) var phase = Phase.startup
  private var status = UInt8(ascii: "I")
  private var queue: ArraySlice<Statement> = []
  private var owesReady = false
  private var copyRowsLeft: Int?
  private var copyRows = 0
  /// After an error in the extended protocol everything up to Sync is skipped.
  private var skipsToSync = false
  /// Texts that were parsed before: a closed loop says the same again and again.
  private var known: [String: [Statement]] = [:]
  private var statements: [String: Statement] = [:]
  private var portals: [String: Statement] = [:]

  var hasOutput: Bool { outputStart < output.bytes.count }

  /// Works until the input is used up or a batch of replies is worth a write.
  func advance() {
    while phase != .ended && output.bytes.count < 32_768 {
      if copyRowsLeft != nil {
        copyOneBlock()
      } else if let statement = queue.popFirst() {
        run(statement)
      } else if owesReady {
        owesReady = false
        ready()
      } else if !takeMessage() {
        return
      }
    }
  }

  private func takeMessage() -> Bool {
    let have = input.count - inputStart
    let header = phase == .startup ? 4 : 5
    guard have >= header else { return false }
    let at = inputStart + header - 4
    let length = int32(at)
    guard length >= 4 && length <= Session.messageLimit else {
      phase = .ended
      return true
    }
    guard have >= header - 4 + length else { return false }
    let body = (at + 4)..<(at + length)
    inputStart = at + length
    if phase == .startup {
      startup(body)
    } else {
      handle(input[body.lowerBound - 5], body)
    }
    return true
  }

  private func handle(_ type: UInt8, _ body: Range<Int>) {
    if skipsToSync && type != UInt8(ascii: "S") && type != UInt8(ascii: "X") { return }
    switch type {
    case UInt8(ascii: "Q"): query(body)
    case UInt8(ascii: "P"): parse(body)
    case UInt8(ascii: "B"): bind(body)
    case UInt8(ascii: "D"): describe(body)
    case UInt8(ascii: "E"): execute(body)
    case UInt8(ascii: "C"): close(body)
    case UInt8(ascii: "S"):
      skipsToSync = false
      ready()
    case UInt8(ascii: "H"): break
    case UInt8(ascii: "X"): phase = .ended
    default:
      error("08P01", "the fake backend does not know this message")
      ready()
    }
  }

  private func startup(_ body: Range<Int>) {
    guard body.count >= 4 else {
      phase = .ended
      return
    }
    switch int32(body.lowerBound) {
    case 80_877_103, 80_877_104: output.byte(UInt8(ascii: "N"))
    case 196_608...196_610: login(body.dropFirst(4))
    default: phase = .ended
    }
  }

  private func login(_ body: Range<Int>) {
    var settings = [
      "server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8",
      "DateStyle": "ISO, MDY", "TimeZone": "UTC", "IntervalStyle": "postgres",
      "integer_datetimes": "on", "standard_conforming_strings": "on", "is_superuser": "off",
      "session_authorization": "bench", "application_name": "", "in_hot_standby": "off",
      "default_transaction_read_only": "off",
    ]
    var at = body.lowerBound
    while at < body.upperBound && input[at] != 0 {
      let name = string(&at, body.upperBound)
      let value = string(&at, body.upperBound)
      if let reported = Replies.reported[name.lowercased()] { settings[reported] = value }
    }
    output.message("R") { $0.int32(0) }
    for (name, value) in settings.sorted(by: { $0.key < $1.key }) { report(name, value) }
    output.message("K") {
      $0.int32(1)
      $0.int32(1)
    }
    phase = .ready
    ready()
  }

  // MARK: Extended protocol

  private func parse(_ body: Range<Int>) {
    var at = body.lowerBound
    let name = string(&at, body.upperBound)
    statements[name] = parsed(string(&at, body.upperBound))[0]
    output.bytes += Replies.parseComplete
  }

  private func bind(_ body: Range<Int>) {
    var at = body.lowerBound
    let portal = string(&at, body.upperBound)
    let name = string(&at, body.upperBound)
    guard let statement = statements[name] else {
      return fail("26000", "prepared statement \"\(name)\" does not exist")
    }
    portals[portal] = statement
    output.bytes += Replies.bindComplete
  }

  private func describe(_ body: Range<Int>) {
    guard !body.isEmpty else { return fail("08P01", "invalid Describe message") }
    let isStatement = input[body.lowerBound] == UInt8(ascii: "S")
    var at = body.lowerBound + 1
    let name = string(&at, body.upperBound)
    guard let statement = isStatement ? statements[name] : portals[name] else {
      return fail("26000", "nothing to describe by the name \"\(name)\"")
    }
    if isStatement { output.bytes += Replies.noParameters }
    output.bytes += statement == .select ? Replies.rowDescription : Replies.noData
  }

  private func execute(_ body: Range<Int>) {
    var at = body.lowerBound
    let name = string(&at, body.upperBound)
    guard let statement = portals[name] else {
      return fail("34000", "portal \"\(name)\" does not exist")
    }
    if statement == .select && status != UInt8(ascii: "E") {
      output.bytes += Replies.row
    } else {
      let before = output.bytes.count
      run(statement)
      if output.bytes.count > before && output.bytes[before] == UInt8(ascii: "E") {
        skipsToSync = true
      }
    }
  }

  private func close(_ body: Range<Int>) {
    guard !body.isEmpty else { return fail("08P01", "invalid Close message") }
    var at = body.lowerBound + 1
    let name = string(&at, body.upperBound)
    if input[body.lowerBound] == UInt8(ascii: "S") {
      statements[name] = nil
    } else {
      portals[name] = nil
    }
    output.bytes += Replies.closeComplete
  }

  private func fail(_ code: String, _ text: String) {
    error(code, text)
    skipsToSync = true
  }

  // MARK: Statements

  private func parsed(_ text: String) -> [Statement] {
    if let statements = known[text] { return statements }
    let statements = Statement.parse(text)
    if known.count < 64 { known[text] = statements }
    return statements
  }

  private func query(_ body: Range<Int>) {
    if status != UInt8(ascii: "E") && bodyIs("SELECT 1\0", body) {
      output.bytes += Replies.select
      return ready()
    }
    var at = body.lowerBound
    queue = parsed(string(&at, body.upperBound))[...]
    owesReady = true
  }

  private func run(_ statement: Statement) {
    if status == UInt8(ascii: "E") && statement != .commit && statement != .rollback {
      return error("25P02", "current transaction is aborted")
    }
    switch statement {
    case .select: output.bytes += Replies.select
    case .begin:
      status = UInt8(ascii: "T")
      complete("BEGIN")
    case .commit:
      complete(status == UInt8(ascii: "E") ? "ROLLBACK" : "COMMIT")
      status = UInt8(ascii: "I")
    case .rollback:
      status = UInt8(ascii: "I")
      complete("ROLLBACK")
    case .set(let name, let value):
      if let reported = Replies.reported[name.lowercased()] { report(reported, value) }
      complete("SET")
    case .reset: complete("RESET")
    case .discardAll:
      statements = [:]
      portals = [:]
      complete("DISCARD ALL")
    case .copyOut(let byteCount):
      output.bytes += Replies.copyOutResponse
      copyRows = (byteCount + Replies.rowByteCount - 1) / Replies.rowByteCount
      copyRowsLeft = copyRows
    case .empty: output.bytes += Replies.emptyQuery
    case .unknown(let text): error("42601", "the fake backend does not know: \(text)")
    }
  }

  private func copyOneBlock() {
    guard let left = copyRowsLeft else { return }
    let rows = min(left, Replies.rowsInBlock)
    output.bytes += Replies.copyBlock[..<(rows * Replies.copyMessageByteCount)]
    if left > rows {
      copyRowsLeft = left - rows
    } else {
      copyRowsLeft = nil
      output.message("c")
      complete("COPY \(copyRows)")
    }
  }

  // MARK: Messages

  private func ready() {
    let status = status
    output.message("Z") { $0.byte(status) }
  }

  private func complete(_ tag: String) { output.message("C") { $0.cString(tag) } }

  private func report(_ name: String, _ value: String) {
    output.message("S") {
      $0.cString(name)
      $0.cString(value)
    }
  }

  private func error(_ code: String, _ text: String) {
    queue = []
    if status == UInt8(ascii: "T") { status = UInt8(ascii: "E") }
    output.message("E") {
      for (field, value) in [("S", "ERROR"), ("V", "ERROR"), ("C", code), ("M", text)] {
        $0.bytes += Array(field.utf8)
        $0.cString(value)
      }
      $0.byte(0)
    }
  }

  private func int32(_ at: Int) -> Int {
    let value =
      UInt32(input[at]) << 24 | UInt32(input[at + 1]) << 16
      | UInt32(input[at + 2]) << 8 | UInt32(input[at + 3])
    return Int(value)
  }

  private func bodyIs(_ text: StaticString, _ body: Range<Int>) -> Bool {
    guard body.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<body.count where input[body.lowerBound + index] != text.utf8Start[index] {
      return false
    }
    return true
  }

  /// The zero-ended string at `at`, which moves behind it.
  private func string(_ at: inout Int, _ end: Int) -> String {
    let zero = input[at..<end].firstIndex(of: 0) ?? end
    defer { at = min(zero + 1, end) }
    return String(decoding: input[at..<zero], as: UTF8.self)
  }
}
