import Pooling
import PostgresWire
import Testing

/// A RowDescription's body: names, types and modifiers; tables and formats as given.
private func columns(
  _ columns: [(String, UInt32, Int32)], table: UInt32 = 0, format: UInt8 = 0
) -> [UInt8] {
  func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * $0)) }
  }
  var body: [UInt8] = [0, UInt8(columns.count)]
  for (name, type, modifier) in columns {
    body += Array(name.utf8) + [0] + bytes(table) + [0, 1] + bytes(type) + [0, 4]
    body += bytes(UInt32(bitPattern: modifier)) + [0, format]
  }
  return body
}

@Suite struct SchemaCheckTests {
  private static let rows = ServerMessageType.rowDescription

  @Test func `names, types and modifiers make a shape; tables and formats do not`() {
    let shape = StatementShape(Self.rows, columns([("a", 23, -1), ("b", 25, -1)]))
    #expect(
      shape
        == StatementShape(Self.rows, columns([("a", 23, -1), ("b", 25, -1)], table: 7, format: 1)))
    for other in [
      [("a", 23, -1)], [("a", 23, -1), ("c", 25, -1)], [("a", 20, -1), ("b", 25, -1)],
      [("a", 23, -1), ("b", 25, 12)], [],
    ] as [[(String, UInt32, Int32)]] {
      #expect(shape.contradicts(StatementShape(Self.rows, columns(other))))
    }
    #expect(shape.contradicts(StatementShape(ServerMessageType.noData, [])))
    #expect(!shape.contradicts(StatementShape()))
    #expect(!shape.contradicts(StatementShape(ServerMessageType.parameterDescription, [0, 0])))
    let truncated = columns([("a", 23, -1), ("b", 25, -1)])
    for count in 0..<truncated.count {
      _ = StatementShape(Self.rows, Array(truncated.prefix(count)))
    }
  }

  @Test func `answers are taken in order up to an error`() {
    var check = SchemaCheck()
    check.add(1, serial: 11, isParsed: true)
    check.add(2, serial: 12, isParsed: false)
    check.add(3, serial: 13, isParsed: true)
    check.add(4, serial: 14, isParsed: true)
    #expect(check.unparsed == [11, 13, 14])
    #expect(check.answer(ServerMessageType.parseComplete, []) == 11)
    #expect(check.unparsed == [13, 14])
    #expect(check.answer(ServerMessageType.parameterDescription, [0, 0]) == nil)
    #expect(check.answer(Self.rows, columns([("a", 23, -1)])) == nil)
    #expect(check.answer(ServerMessageType.parameterDescription, [0, 0]) == nil)
    #expect(check.answer(ServerMessageType.noData, []) == nil)
    #expect(check.answer(ServerMessageType.parseComplete, []) == 13)
    // An error in place of the Describe's answer.
    #expect(check.unparsed == [14])
    #expect(check.items.map(\.isAnswered) == [true, true, false, false])
    for _ in 0..<9 { _ = check.answer(ServerMessageType.noData, []) }
  }

  @Test func `a new epoch gives every statement a new serial, once`() {
    var registry = StatementRegistry()
    let first = registry.intern(tail: [1], analysis: nil)
    #expect(registry.intern(tail: [1], analysis: nil) == first)
    let epoch = registry.beginEpoch()
    #expect(epoch != first.epoch)
    let serial = registry.refresh(first.index)
    #expect(serial != first.serial)
    #expect(registry.refresh(first.index) == serial)
    let later = registry.intern(tail: [1], analysis: nil)
    #expect(later.serial == serial)
    #expect(later.epoch == epoch)
    _ = registry.beginEpoch()
    #expect(registry.intern(tail: [1], analysis: nil).serial != serial)
  }

  @Test func `a Describe's answer is told from others`() {
    var replies = ReplyQueue()
    replies.push(.init(.bind, batch: 0))
    replies.push(.init(.describeStatement, batch: 0, serial: 5))
    var ledger = Ledger()
    ledger.watches = .descriptions
    _ = ledger.clientSends(ClientMessageType.bind)
    _ = ledger.clientSends(ClientMessageType.sync)
    var scanner = ServerScanner()
    func message(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
      [type, 0, 0, 0, UInt8(4 + body.count)] + body
    }
    // The portal's columns, which nobody has asked to be told, come in front.
    let bytes =
      message(ServerMessageType.bindComplete, []) + message(Self.rows, columns([("a", 23, -1)]))
      + message(ServerMessageType.parameterDescription, [0, 0])
      + message(ServerMessageType.noData, [])
    var events: [UInt8] = []
    var position = 0
    while position < bytes.count {
      let scan = scanner.next(
        bytes.span.bytes, from: position, ledger: &ledger, replies: &replies)
      if case .described(let entry, let type, _) = scan.event {
        #expect(entry.serial == 5)
        events.append(type)
      }
      position = scan.position
    }
    #expect(events == [ServerMessageType.parameterDescription, ServerMessageType.noData])
    let isEmpty = replies.isEmpty
    #expect(isEmpty)
  }
}
