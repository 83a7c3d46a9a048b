/// A client's prepared statements by the names that it knows them by.
///
/// Changes are made when a message is sent, since those behind it in the same batch rely on them.
/// Each leaves an undo, which is dropped when the server has answered and carried out when the
/// server has skipped the message. Undos are first in, first out, as the answers are.
public struct ClientStatements: Sendable {
  public typealias Reference = StatementRegistry.Reference

  /// PostgreSQL looks at no more of a statement's name (NAMEDATALEN, less one).
  @inlinable public static var longestName: Int { 63 }
  /// How many bytes of statements one client may have prepared.
  public static let byteLimit = 16 << 20

  private struct Entry: Sendable {
    var hash: UInt32
    var name: [UInt8]
    var reference: Reference
  }

  private struct Undo: Sendable {
    var name: [UInt8]
    var before: Reference?
    var batch: UInt32
  }

  /// Indices into `entries` plus one, 0 where free; linear probing, at most half full.
  private var slots: [Int32] = []
  private var entries: [Entry] = []
  private var undos: [Undo] = []
  private var firstUndo = 0
  public private(set) var byteCount = 0

  public init() {}

  public var count: Int { entries.count }
  /// Every statement that the client counts a use of, those of undos among them.
  public var references: [Reference] {
    entries.map(\.reference) + undos[firstUndo...].compactMap(\.before)
  }

  /// Looks a name up that stands in `bytes`.
  public func find(_ bytes: RawSpan, at start: Int, count: Int) -> Reference? {
    guard !slots.isEmpty else { return nil }
    let length = min(count, Self.longestName)
    let hash = Self.hash(bytes, start, length)
    var slot = Int(hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if entries[index].hash == hash, Self.equal(entries[index].name, bytes, start, length) {
        return entries[index].reference
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Whether what a name means depends on a batch before `batch` that has not been answered.
  public func isUndecided(_ name: [UInt8], batch: UInt32) -> Bool {
    undos[firstUndo...].contains { $0.batch != batch && $0.name == name }
  }

  /// Something is still to be decided.
  public var hasUndos: Bool { firstUndo < undos.count }

  /// Gives a name a statement, or takes it away, in `batch`.
  public mutating func set(_ name: [UInt8], _ reference: Reference?, batch: UInt32) {
    let before = replace(name, reference)
    undos.append(Undo(name: name, before: before, batch: batch))
  }

  /// The oldest change holds for certain.
  /// - Returns: the statement that the client no longer has.
  public mutating func confirmOldest() -> Reference? {
    guard firstUndo < undos.count else { return nil }
    let undo = undos[firstUndo]
    firstUndo += 1
    if firstUndo == undos.count {
      undos.removeAll(keepingCapacity: true)
      firstUndo = 0
    }
    return undo.before
  }

  /// The oldest `count` changes have come to nothing.
  /// - Returns: the statements that the client no longer has.
  public mutating func undoOldest(_ count: Int) -> [Reference] {
    var dropped: [Reference] = []
    let end = min(firstUndo + count, undos.count)
    for undo in undos[firstUndo..<end].reversed() {
      if let now = replace(undo.name, undo.before) { dropped.append(now) }
    }
    firstUndo = end
    if firstUndo == undos.count {
      undos.removeAll(keepingCapacity: true)
      firstUndo = 0
    }
    return dropped
  }

  /// A statement has a new serial.
  public mutating func renew(_ index: StatementRegistry.Index, serial: UInt64) {
    for place in entries.indices where entries[place].reference.index == index {
      entries[place].reference.serial = serial
    }
  }

  /// The name under which the client knows a statement.
  public func name(ofSerial serial: UInt64) -> [UInt8]? {
    entries.first { $0.reference.serial == serial }?.name
  }

  /// Takes one name away for good.
  public mutating func remove(_ name: [UInt8]) -> Reference? { replace(name, nil) }

  /// Takes all names away.
  /// - Returns: the statements that the client no longer has.
  public mutating func removeAll() -> [Reference] {
    let dropped = references
    self = ClientStatements()
    return dropped
  }

  // MARK: table

  private mutating func replace(_ name: [UInt8], _ reference: Reference?) -> Reference? {
    let hash = unsafe name.withUnsafeBytes { unsafe Self.hash($0.bytes, 0, $0.count) }
    if slots.isEmpty { slots = Array(repeating: 0, count: 16) }
    var slot = Int(hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if entries[index].name == name {
        let before = entries[index].reference
        byteCount -= before.byteCount
        if let reference {
          entries[index].reference = reference
          byteCount += reference.byteCount
        } else {
          erase(slot, index)
        }
        return before
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    guard let reference else { return nil }
    byteCount += reference.byteCount
    entries.append(Entry(hash: hash, name: name, reference: reference))
    slots[slot] = Int32(entries.count)
    if entries.count * 2 > slots.count { rebuild(slots.count * 2) }
    return nil
  }

  /// Empties a slot, and puts the last entry in the place of the one that goes.
  private mutating func erase(_ slot: Int, _ index: Int) {
    let last = entries.count - 1
    entries.swapAt(index, last)
    entries.removeLast()
    rebuild(slots.count)
  }

  private mutating func rebuild(_ count: Int) {
    slots = Array(repeating: 0, count: count)
    for (index, entry) in entries.enumerated() {
      var slot = Int(entry.hash) & (count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (count - 1) }
      slots[slot] = Int32(index + 1)
    }
  }

  private static func hash(_ bytes: RawSpan, _ start: Int, _ count: Int) -> UInt32 {
    var hash: UInt32 = 0x811C_9DC5
    for offset in start..<(start + count) {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      hash = (hash ^ UInt32(byte)) &* 0x0100_0193
    }
    return hash
  }

  private static func equal(
    _ name: [UInt8], _ bytes: RawSpan, _ start: Int, _ count: Int
  ) -> Bool {
    guard name.count == count else { return false }
    for offset in 0..<count {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: start + offset, as: UInt8.self)
      if name[offset] != byte { return false }
    }
    return true
  }
}
