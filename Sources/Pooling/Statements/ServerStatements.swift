/// The prepared statements that one server connection has, by serial number, least recently used
/// ones first to give way.
///
/// Messages are sent ahead of answers, and those of one batch may parse a statement and close it
/// more than once. So of each statement is kept what the server has for certain (`isHeld`), what it
/// will have once all is answered (`isPlanned`), and how many answers are missing (`pending`), all
/// to the same batch:
///
/// | event | isHeld | isPlanned | pending |
/// |---|---|---|---|
/// | `insert`: a Parse is sent | | true | + 1 |
/// | `evict`: a Close is sent | | false | + 1 |
/// | `parsed`: ParseComplete has come | true | | - 1 |
/// | `closed`: CloseComplete has come | false | | - 1 |
/// | `skipped`: either has failed or was skipped | | as isHeld if none is pending | - 1 |
///
/// One that is neither held nor planned nor pending is gone.
///
/// Open addressing with linear probing, at most half full; made at the first use.
@safe
public struct ServerStatements: ~Copyable {
  struct Entry {
    /// 0 where the place is free.
    var serial: UInt64 = 0
    var batch: UInt32 = 0
    var used: UInt32 = 0
    var pending: UInt32 = 0
    var isHeld = false
    var isPlanned = false
    /// It can't be prepared anew.
    var isOnlyCopy = false
  }

  /// What the server has of a statement, as far as messages sent in a batch may rely on it.
  public enum Presence: Equatable, Sendable {
    case present
    case absent
    /// It depends on a batch that has not been answered.
    case undecided
  }

  private var base: UnsafeMutablePointer<Entry>?
  private var capacity = 0
  private var clock: UInt32 = 0
  /// Places that are taken.
  private var taken = 0
  /// How many are present or on their way.
  public private(set) var count = 0

  public init() { unsafe base = nil }

  deinit { unsafe base?.deallocate() }

  /// Looks a statement up for a message of `batch`, and counts as a use.
  public mutating func use(_ serial: UInt64, batch: UInt32) -> Presence {
    guard let index = find(serial) else { return .absent }
    clock &+= 1
    unsafe base![index].used = clock
    if unsafe base![index].pending != 0 && base![index].batch != batch { return .undecided }
    return unsafe base![index].isPlanned ? .present : .absent
  }

  /// A Parse of the statement goes out in `batch`.
  /// - Parameter isOnlyCopy: its text is kept nowhere else: it never gives way.
  public mutating func insert(_ serial: UInt64, batch: UInt32, isOnlyCopy: Bool = false) {
    clock &+= 1
    let index = find(serial) ?? take(serial)
    unsafe base![index].used = clock
    unsafe base![index].batch = batch
    unsafe base![index].pending += 1
    unsafe base![index].isOnlyCopy = isOnlyCopy
    plan(index, true)
  }

  /// ParseComplete has come for a statement; a Close of it may be on its way meanwhile.
  public mutating func parsed(_ serial: UInt64) { answered(serial, isHeld: true) }

  /// CloseComplete has come for a statement; it may have been parsed anew meanwhile.
  public mutating func closed(_ serial: UInt64) { answered(serial, isHeld: false) }

  /// A Parse or a Close of the statement has failed or was skipped: the server has what it had.
  public mutating func skipped(_ serial: UInt64) { answered(serial, isHeld: nil) }

  /// The server no longer has the statement, by a command of the client's.
  public mutating func remove(_ serial: UInt64) {
    guard let index = find(serial) else { return }
    unsafe base![index].isHeld = false
    settle(index)
  }

  /// The statement that has gone unused for longest, to be closed in `batch`, where `limit` leaves
  /// no room for one more. Those that have still to be decided stay.
  public mutating func evict(limit: Int, batch: UInt32) -> UInt64? {
    guard count >= limit, count > 0 else { return nil }
    var oldest = -1
    var age: UInt32 = 0
    for index in 0..<capacity where canClose(index, batch) {
      let own = unsafe clock &- base![index].used
      if oldest < 0 || own > age {
        oldest = index
        age = own
      }
    }
    guard oldest >= 0 else { return nil }
    unsafe base![oldest].batch = batch
    unsafe base![oldest].pending += 1
    plan(oldest, false)
    return unsafe base![oldest].serial
  }

  /// The server has none any longer, but for those that are on their way.
  public mutating func removeAll() {
    var isAnyPending = false
    for index in 0..<capacity {
      unsafe base![index].isHeld = false
      if unsafe base![index].pending != 0 { isAnyPending = true }
    }
    if isAnyPending { return sweep() }
    unsafe base?.deallocate()
    unsafe base = nil
    capacity = 0
    taken = 0
    count = 0
  }

  private func canClose(_ index: Int, _ batch: UInt32) -> Bool {
    let entry = unsafe base![index]
    return entry.isPlanned && !entry.isOnlyCopy && (entry.pending == 0 || entry.batch == batch)
  }

  // MARK: answers

  private mutating func answered(_ serial: UInt64, isHeld: Bool?) {
    guard let index = find(serial), unsafe base![index].pending != 0 else { return }
    unsafe base![index].pending -= 1
    if let isHeld { unsafe base![index].isHeld = isHeld }
    settle(index)
  }

  /// Once nothing is pending, what the server has is what counts.
  private mutating func settle(_ index: Int) {
    guard unsafe base![index].pending == 0 else { return }
    let isHeld = unsafe base![index].isHeld
    plan(index, isHeld)
    if !isHeld { erase(index) }
  }

  private mutating func plan(_ index: Int, _ isPlanned: Bool) {
    if unsafe base![index].isPlanned == isPlanned { return }
    unsafe base![index].isPlanned = isPlanned
    count += isPlanned ? 1 : -1
  }

  /// Takes away what has nothing pending.
  private mutating func sweep() {
    let serials = (0..<capacity).map { unsafe base![$0].serial }
    for serial in serials where serial != 0 {
      if let index = find(serial) { settle(index) }
    }
  }

  // MARK: table

  /// A place for a statement that has none.
  private mutating func take(_ serial: UInt64) -> Int {
    if (taken + 1) * 2 > capacity { grow() }
    var index = slot(serial)
    while unsafe base![index].serial != 0 { index = (index + 1) & (capacity - 1) }
    unsafe base![index] = Entry(serial: serial)
    taken += 1
    return index
  }

  private func slot(_ serial: UInt64) -> Int {
    Int(truncatingIfNeeded: serial &* 0x9E37_79B9_7F4A_7C15 >> 32) & (capacity - 1)
  }

  private func find(_ serial: UInt64) -> Int? {
    guard capacity != 0 else { return nil }
    var index = slot(serial)
    while unsafe base![index].serial != 0 {
      if unsafe base![index].serial == serial { return index }
      index = (index + 1) & (capacity - 1)
    }
    return nil
  }

  /// Empties a place and moves up those behind it that had to go further because of it.
  private mutating func erase(_ place: Int) {
    taken -= 1
    var hole = place
    var index = place
    while true {
      index = (index + 1) & (capacity - 1)
      if unsafe base![index].serial == 0 { break }
      let home = unsafe slot(base![index].serial)
      let distance = (index - home) & (capacity - 1)
      if distance >= (index - hole) & (capacity - 1) {
        unsafe base![hole] = base![index]
        hole = index
      }
    }
    unsafe base![hole] = Entry()
  }

  private mutating func grow() {
    let old = unsafe base
    let oldCapacity = capacity
    capacity = max(32, capacity * 2)
    let fresh = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    unsafe fresh.initialize(repeating: Entry(), count: capacity)
    unsafe base = fresh
    for place in 0..<oldCapacity where unsafe old![place].serial != 0 {
      let entry = unsafe old![place]
      var index = slot(entry.serial)
      while unsafe fresh[index].serial != 0 { index = (index + 1) & (capacity - 1) }
      unsafe fresh[index] = entry
    }
    unsafe old?.deallocate()
  }
}
