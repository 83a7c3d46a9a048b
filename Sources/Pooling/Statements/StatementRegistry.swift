import PostgresWire

/// The prepared statements of all clients: identical ones (text and parameter types) are one, with
/// one name on the servers.
///
/// Names are made of serial numbers that are never used twice, so that no server can have an older
/// statement under a newer one's name. Counted: a statement that no client has any longer is kept
/// for those who will come with the same text, until such ones take more than a limit.
public struct StatementRegistry: Sendable {
  /// Names a statement as long as it is counted.
  public typealias Index = Int32

  /// What a client keeps of a statement.
  public struct Reference: Equatable, Sendable {
    public var index: Index
    /// Of its name on servers: see ``StatementName``.
    public var serial: UInt64
    /// It can't change its session: ``StatementRegistry/analysis(_:)`` has nothing.
    public var isPlain: Bool
    /// It reads or writes data, and can't end its transaction.
    public var isHarmless = false
    /// Bytes of its text and types.
    public var byteCount: Int
    /// Of the name under which a client has it; see ``ReplyQueue/Entry/tag``.
    public var tag: UInt32 = 0
    /// The epoch of the registry that the serial belongs to; 0: look at it closely.
    public var epoch: UInt32 = 0
    /// What its client has been told of it.
    public var shape = StatementShape()
    /// Its result has another shape than the client knows, and the client has still to be told.
    public var isChanged = false

    /// A statement whose text is not kept.
    public init(serial: UInt64) {
      self.init(index: -1, serial: serial, isPlain: true, byteCount: 0)
    }

    init(index: Index, serial: UInt64, isPlain: Bool, byteCount: Int, epoch: UInt32 = 0) {
      self.epoch = epoch
      self.index = index
      self.serial = serial
      self.isPlain = isPlain
      self.byteCount = byteCount
    }
  }

  private struct Entry: Sendable {
    var tail: [UInt8]
    var serial: UInt64
    var uses: Int
    var analysis: SQLAnalysis?
    var isHarmless: Bool
    /// Statements under different paths are different ones.
    var space: [UInt8]
    var epoch: UInt32
    /// Tells a spare entry from one that was taken up again meanwhile.
    var releases: UInt32 = 0
  }

  private let spareLimit: Int

  private var entries: [Entry?] = []
  private var free: [Index] = []
  private var indices: [[UInt8]: Index] = [:]
  private var lastSerial: UInt64 = 0
  /// Which schema statements have been prepared under: counts the changes that were seen of any
  /// database's. What was prepared under an older one is prepared anew, under a new serial.
  public private(set) var epoch: UInt32 = 1
  /// Statements that no client has, longest first; some have been taken up again.
  private var spare: [(index: Index, releases: UInt32)] = []
  private var firstSpare = 0
  private var spareBytes = 0
  /// Bytes of all texts and types.
  public private(set) var byteCount = 0

  /// - Parameter spareLimit: how many bytes of statements that no client has are kept.
  public init(spareLimit: Int = 8 << 20) { self.spareLimit = spareLimit }

  /// How many different statements there are.
  public var count: Int { indices.count }

  /// The statement with this tail of a Parse message (text, NUL, parameter types), with one more
  /// use of it.
  /// - Parameters:
  ///   - analysis: what it could do to its session; nil: nothing.
  ///   - isHarmless: see ``Reference``.
  ///   - space: names in the text mean something else in another one: the search_path of a tenant.
  public mutating func intern(
    tail: [UInt8], analysis: SQLAnalysis?, isHarmless: Bool = false, space: [UInt8] = []
  ) -> Reference {
    let key = Self.key(tail, space)
    if let index = indices[key] {
      retain(index)
      _ = refresh(index)
      return reference(index)
    }
    lastSerial += 1
    let entry = Entry(
      tail: tail, serial: lastSerial, uses: 1, analysis: analysis, isHarmless: isHarmless,
      space: space, epoch: epoch)
    let index: Index
    if let reused = free.popLast() {
      index = reused
      entries[Int(reused)] = entry
    } else {
      index = Index(entries.count)
      entries.append(entry)
    }
    indices[key] = index
    byteCount += tail.count
    return reference(index)
  }

  /// No other pair has the same: a client chooses what its tail ends with.
  private static func key(_ tail: [UInt8], _ space: [UInt8]) -> [UInt8] {
    let count = UInt32(truncatingIfNeeded: space.count)
    return tail + space + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }
  }

  /// Every statement with the number of clients that have it, oldest first. For the console.
  public var listing: [(serial: UInt64, uses: Int, byteCount: Int)] {
    entries.compactMap { $0 }.map { ($0.serial, $0.uses, $0.tail.count) }
      .sorted { $0.serial < $1.serial }
  }

  /// A serial of a statement whose text is not kept: one client's alone, on one server.
  public mutating func makeSerial() -> UInt64 {
    lastSerial += 1
    return lastSerial
  }

  public mutating func retain(_ index: Index) {
    guard index >= 0, let entry = entries[Int(index)] else { return }
    if entry.uses == 0 { spareBytes -= entry.tail.count }
    entries[Int(index)]?.uses += 1
  }

  /// Counts one use less.
  public mutating func release(_ index: Index) {
    guard index >= 0, let entry = entries[Int(index)] else { return }
    entries[Int(index)]?.uses = entry.uses - 1
    guard entry.uses == 1 else { return }
    entries[Int(index)]?.releases = entry.releases &+ 1
    spareBytes += entry.tail.count
    spare.append((index, entry.releases &+ 1))
    while spareBytes > spareLimit, firstSpare < spare.count {
      let oldest = spare[firstSpare]
      firstSpare += 1
      dropSpare(oldest.index, releases: oldest.releases)
    }
    if firstSpare > 1_024 || firstSpare == spare.count {
      spare.removeFirst(firstSpare)
      firstSpare = 0
    }
    if spare.count > 4 * (entries.count + 256) { forgetTaken() }
  }

  private mutating func dropSpare(_ index: Index, releases: UInt32) {
    guard let entry = entries[Int(index)], entry.uses == 0, entry.releases == releases else {
      return
    }
    spareBytes -= entry.tail.count
    byteCount -= entry.tail.count
    indices[Self.key(entry.tail, entry.space)] = nil
    entries[Int(index)] = nil
    free.append(index)
  }

  /// Leaves in the list of spare statements those that are spare.
  private mutating func forgetTaken() {
    spare = spare[firstSpare...].filter { place in
      guard let entry = entries[Int(place.index)] else { return false }
      return entry.uses == 0 && entry.releases == place.releases
    }
    firstSpare = 0
  }

  private func reference(_ index: Index) -> Reference {
    guard let entry = entries[Int(index)] else {
      return Reference(index: -1, serial: 0, isPlain: true, byteCount: 0)
    }
    var reference = Reference(
      index: index, serial: entry.serial, isPlain: entry.analysis == nil,
      byteCount: entry.tail.count, epoch: entry.epoch)
    reference.isHarmless = entry.isHarmless
    return reference
  }

  /// What a counted statement could do to its session; nil: nothing.
  public func analysis(_ index: Index) -> SQLAnalysis? {
    index >= 0 ? entries[Int(index)]?.analysis : nil
  }

  /// A counted statement's text, NUL and parameter types.
  public func tail(_ index: Index) -> [UInt8] { index >= 0 ? entries[Int(index)]?.tail ?? [] : [] }

  /// A server can no longer run the statement as it was prepared there: its result has another
  /// shape since. From now on it has a new serial, under which every server prepares it anew.
  /// - Parameter serial: the one that has failed; where the statement has a newer one already, that
  ///   will do.
  public mutating func renew(_ index: Index, failed serial: UInt64) -> UInt64 {
    guard index >= 0, let entry = entries[Int(index)] else { return serial }
    guard entry.serial == serial else { return entry.serial }
    return renew(index)
  }

  private mutating func renew(_ index: Index) -> UInt64 {
    lastSerial += 1
    entries[Int(index)]?.serial = lastSerial
    entries[Int(index)]?.epoch = epoch
    return lastSerial
  }

  // MARK: schema

  /// The shape of any statement's result may have changed.
  /// - Returns: the new epoch.
  public mutating func beginEpoch() -> UInt32 {
    epoch = epoch == .max ? 1 : epoch + 1
    return epoch
  }

  /// The serial of a counted statement in this epoch.
  public mutating func refresh(_ index: Index) -> UInt64 {
    guard index >= 0, let entry = entries[Int(index)] else { return 0 }
    return entry.epoch == epoch ? entry.serial : renew(index)
  }
}

/// The names of statements on servers: `SLUICE_` and a serial number.
public enum StatementName {
  public static let prefix: [UInt8] = Array("SLUICE_".utf8)
  /// The longest such name.
  @inlinable public static var longest: Int { 27 }

  public static func make(_ serial: UInt64) -> [UInt8] { prefix + Array(String(serial).utf8) }

  /// The serial of a name; nil where it is none of these.
  public static func serial(of name: [UInt8]) -> UInt64? {
    guard name.starts(with: prefix), name.count > prefix.count else { return nil }
    var serial: UInt64 = 0
    for byte in name[prefix.count...] {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      let (product, overflow) = serial.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
      guard !overflow, !carry else { return nil }
      serial = sum
    }
    return serial
  }
}
