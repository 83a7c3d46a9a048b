/// A client's prepared statements by the names that it knows them by.
///
/// Changes are made when a message is sent, since those behind it in the same batch rely on them.
/// Each leaves an undo, which is dropped when the server has answered and carried out when the
/// server has skipped the message. Undos are first in, first out, as the answers are.
public struct ClientStatements: Sendable {
  public typealias Reference = StatementRegistry.Reference

  /// PostgreSQL looks at no more of a statement's name (NAMEDATALEN, less one).
  @inlinable public static var longestName: Int { 63 }
  /// How many bytes of statements one client may have prepared, with what each takes besides.
  public static let byteLimit = 16 << 20
  private static let bytesBesides = 1_000
  /// Changes of earlier batches among which a name is looked for.
  private static let mostUndos = 256

  @usableFromInline
  struct Entry: Sendable {
    var key: NameKey
    var reference: Reference
  }

  @usableFromInline
  struct Undo: Sendable {
    var name: [UInt8]
    var before: Reference?
    var batch: UInt32
  }

  /// Indices into `entries` plus one, 0 where free; linear probing, at most half full.
  @usableFromInline var slots: [Int32] = []
  @usableFromInline var entries: [Entry] = []
  @usableFromInline var undos: [Undo] = []
  @usableFromInline var firstUndo = 0
  public private(set) var byteCount = 0

  public init() {}

  /// What the statements take, of ``byteLimit``.
  public var bytesTaken: Int { byteCount + entries.count * Self.bytesBesides }

  public var count: Int { entries.count }
  /// Every statement that the client counts a use of, those of undos among them.
  public var references: [Reference] {
    entries.map(\.reference) + undos[firstUndo...].compactMap(\.before)
  }

  /// Looks a name up that stands in `bytes`.
  @inlinable @inline(__always)
  public func find(_ bytes: RawSpan, at start: Int, count: Int) -> Reference? {
    guard !slots.isEmpty else { return nil }
    let known = min(count, Self.longestName)
    return Self.find(bytes, at: start, count: known, slots, entries)
  }

  /// Without the other fields: they would be copied for every call.
  @usableFromInline
  static func find(
    _ bytes: RawSpan, at start: Int, count: Int, _ slots: [Int32], _ entries: [Entry]
  ) -> Reference? {
    let words = NameKey.words(bytes, at: start, count: count)
    let mask = slots.count &- 1
    var hash = NameKey.hash(words.0, words.1, count)
    if count > 16 { hash ^= NameKey.hash(end: NameKey.end(bytes, at: start, count: count)) }
    var slot = hash & mask
    while true {
      let index = Int(slots[slot]) &- 1
      if index < 0 { return nil }
      if entries[index].key.isEqual(words, bytes, at: start, count: count) {
        return entries[index].reference
      }
      slot = (slot &+ 1) & mask
    }
  }

  /// Whether what a name means depends on a batch before `batch` that has not been answered; or may
  /// do so: of very many changes not all are looked at.
  public func isUndecided(_ name: [UInt8], batch: UInt32) -> Bool {
    for undo in undos[firstUndo...].prefix(Self.mostUndos) {
      if undo.batch == batch { return false }
      if undo.name == name { return true }
    }
    return undos.count - firstUndo > Self.mostUndos
  }

  /// Something is still to be decided.
  @inlinable public var hasUndos: Bool { firstUndo < undos.count }

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

  /// Changes what is kept of a statement, under every name that it has.
  public mutating func update(
    _ index: StatementRegistry.Index, _ change: (inout Reference) -> Void
  ) {
    for place in entries.indices where entries[place].reference.index == index {
      change(&entries[place].reference)
    }
  }

  public mutating func update(serial: UInt64, _ change: (inout Reference) -> Void) {
    for place in entries.indices where entries[place].reference.serial == serial {
      change(&entries[place].reference)
    }
  }

  /// The client has been told the shape of a statement.
  public mutating func learn(serial: UInt64, _ shape: StatementShape) {
    update(serial: serial) { $0.shape.learn(shape) }
  }

  /// A statement of an older epoch has a shape that the client was told.
  public func hasTold(before epoch: UInt32) -> Bool {
    entries.contains {
      $0.reference.epoch != epoch && $0.reference.shape.isKnown && !$0.reference.isChanged
    }
  }

  /// The name under which the client knows a statement; if there are several, that with the tag.
  public func name(ofSerial serial: UInt64, tag: UInt32 = 0) -> [UInt8]? {
    let named = entries.first { $0.reference.serial == serial && $0.reference.tag == tag }
    if let named { return named.key.name }
    // It may have been closed already by a message behind the one that failed.
    let closed = undos[firstUndo...].last { $0.before?.serial == serial && $0.before?.tag == tag }
    if let closed { return closed.name }
    return anyName(ofSerial: serial)
  }

  private func anyName(ofSerial serial: UInt64) -> [UInt8]? {
    entries.first { $0.reference.serial == serial }?.key.name
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
    let key = NameKey(name)
    if slots.isEmpty { slots = Array(repeating: 0, count: 16) }
    var slot = key.hash & (slots.count - 1)
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      if entries[index].key == key {
        let before = entries[index].reference
        byteCount -= before.byteCount
        if var reference {
          reference.tag = UInt32(truncatingIfNeeded: key.hash)
          entries[index].reference = reference
          byteCount += reference.byteCount
        } else {
          remove(index, at: slot)
        }
        return before
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    guard var reference else { return nil }
    reference.tag = UInt32(truncatingIfNeeded: key.hash)
    byteCount += reference.byteCount
    entries.append(Entry(key: key, reference: reference))
    slots[slot] = Int32(entries.count)
    if entries.count * 2 > slots.count { rebuild(slots.count * 2) }
    return nil
  }

  /// Takes the entry away, and the last one to its place.
  private mutating func remove(_ index: Int, at slot: Int) {
    let mask = slots.count - 1
    let last = entries.count - 1
    if index != last {
      var moved = entries[last].key.hash & mask
      while slots[moved] != Int32(last + 1) { moved = (moved + 1) & mask }
      slots[moved] = Int32(index + 1)
      entries.swapAt(index, last)
    }
    entries.removeLast()
    // Those behind it move up, unless they would come to stand in front of where they belong.
    var free = slot
    var next = (slot + 1) & mask
    while slots[next] != 0 {
      let home = entries[Int(slots[next]) - 1].key.hash & mask
      if (next &- home) & mask >= (next &- free) & mask {
        slots[free] = slots[next]
        free = next
      }
      next = (next + 1) & mask
    }
    slots[free] = 0
  }

  private mutating func rebuild(_ count: Int) {
    slots = Array(repeating: 0, count: count)
    for (index, entry) in entries.enumerated() {
      var slot = entry.key.hash & (count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (count - 1) }
      slots[slot] = Int32(index + 1)
    }
  }
}

/// A statement's name of up to 63 bytes, the first 16 of them in two words, which may overlap.
struct NameKey: Sendable {
  private var first: UInt64
  private var second: UInt64
  private var count: Int
  /// The last 8 bytes of a name of more than 16, by which those differ that a driver counts.
  private var end: UInt64
  /// What follows the first 16 bytes. No array: one would be counted at every look-up.
  private var rest: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)

  init(_ name: [UInt8]) {
    count = name.count
    first = Self.word(name.prefix(8))
    second = name.count > 8 ? Self.word(name[..<min(name.count, 16)].suffix(8)) : 0
    end = name.count > 16 ? Self.word(name.suffix(8)) : 0
    for index in 0..<6 { setRest(index, Self.word(name.dropFirst(16 + 8 * index).prefix(8))) }
  }

  static func == (left: NameKey, right: NameKey) -> Bool {
    left.first == right.first && left.second == right.second && left.count == right.count
      && (0..<6).allSatisfy { left.restWord($0) == right.restWord($0) }
  }

  private mutating func setRest(_ index: Int, _ word: UInt64) {
    switch index {
    case 0: rest.0 = word
    case 1: rest.1 = word
    case 2: rest.2 = word
    case 3: rest.3 = word
    case 4: rest.4 = word
    default: rest.5 = word
    }
  }

  private func restWord(_ index: Int) -> UInt64 {
    switch index {
    case 0: rest.0
    case 1: rest.1
    case 2: rest.2
    case 3: rest.3
    case 4: rest.4
    default: rest.5
    }
  }

  private func restByte(_ offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: restWord(offset / 8) &>> UInt64(8 * (offset % 8)))
  }

  /// The first is the lowest.
  private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  @inline(__always)
  var hash: Int { Self.hash(first, second, count) ^ Self.hash(end: end) }

  @inline(__always)
  static func hash(_ first: UInt64, _ second: UInt64, _ count: Int) -> Int {
    let mixed =
      (first ^ second &* 0xC2B2_AE3D_27D4_EB4F ^ UInt64(truncatingIfNeeded: count))
      &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed &>> 32)
  }

  /// What the end of a longer name adds; 0 for none.
  @inline(__always)
  static func hash(end: UInt64) -> Int {
    Int(truncatingIfNeeded: end &* 0x94D0_49BB_1331_11EB &>> 32)
  }

  /// The words of a name that stands in `bytes`, as those of a key.
  @inline(__always)
  static func words(_ bytes: RawSpan, at start: Int, count: Int) -> (UInt64, UInt64) {
    if count < 8 { return (SQLText.loadShort(bytes, from: start, count: count), 0) }
    let first = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
    if count == 8 { return (UInt64(littleEndian: first), 0) }
    let second = unsafe bytes.unsafeLoadUnaligned(
      fromByteOffset: start &+ min(count, 16) &- 8, as: UInt64.self)
    return (UInt64(littleEndian: first), UInt64(littleEndian: second))
  }

  /// The last 8 bytes of a name of more than 16.
  @inline(__always)
  static func end(_ bytes: RawSpan, at start: Int, count: Int) -> UInt64 {
    let end = unsafe bytes.unsafeLoadUnaligned(
      fromByteOffset: start &+ count &- 8, as: UInt64.self)
    return UInt64(littleEndian: end)
  }

  /// - Parameter words: those of the name.
  @inline(__always)
  func isEqual(
    _ words: (UInt64, UInt64), _ bytes: RawSpan, at start: Int, count: Int
  ) -> Bool {
    first == words.0 && second == words.1 && self.count == count
      && (count <= 16 || restIsEqual(bytes, at: start &+ 16))
  }

  private func restIsEqual(_ bytes: RawSpan, at start: Int) -> Bool {
    for offset in 0..<(count - 16) {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: start + offset, as: UInt8.self)
      if restByte(offset) != byte { return false }
    }
    return true
  }

  var name: [UInt8] {
    let head = (0..<min(count, 8)).map { UInt8(truncatingIfNeeded: first &>> UInt64(8 * $0)) }
    guard count > 8 else { return head }
    // The second word ends where the first 16 bytes do.
    let shared = 16 - min(count, 16)
    let next = (shared..<8).map { UInt8(truncatingIfNeeded: second &>> UInt64(8 * $0)) }
    return head + next + (0..<max(0, count - 16)).map(restByte)
  }
}
