/// The prepared statements that one server connection has, by serial number, least recently used
/// ones first to give way.
///
/// | state | becomes | by |
/// |---|---|---|
/// | absent | parsing | `insert` |
/// | parsing | present | `parsed` |
/// | parsing | absent | `remove`: its Parse failed or was skipped |
/// | present, or parsing in the same batch | closing | `evict` |
/// | closing | absent | `closed`: CloseComplete came |
/// | closing | present | `keep`: its Close was skipped |
/// | closing | parsing | `insert`, in the same batch |
///
/// Open addressing with linear probing, at most half full; made at the first use.
@safe
public struct ServerStatements: ~Copyable {
  enum State: UInt8 {
    case absent
    case present
    case parsing
    case closing
  }

  struct Entry {
    var serial: UInt64 = 0
    var batch: UInt32 = 0
    var used: UInt32 = 0
    var state = State.absent
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
  /// How many are present or on their way.
  public private(set) var count = 0

  public init() { unsafe base = nil }

  deinit { unsafe base?.deallocate() }

  /// Looks a statement up for a message of `batch`, and counts as a use.
  public mutating func use(_ serial: UInt64, batch: UInt32) -> Presence {
    guard let index = find(serial) else { return .absent }
    clock &+= 1
    unsafe base![index].used = clock
    switch unsafe base![index].state {
    case .present: return .present
    case .parsing: return unsafe base![index].batch == batch ? .present : .undecided
    case .closing: return unsafe base![index].batch == batch ? .absent : .undecided
    case .absent: return .absent
    }
  }

  /// A Parse of the statement goes out in `batch`.
  public mutating func insert(_ serial: UInt64, batch: UInt32) {
    clock &+= 1
    if let index = find(serial) {
      if unsafe base![index].state == .closing { count += 1 }
      unsafe base![index].state = .parsing
      unsafe base![index].batch = batch
      return
    }
    if (count + closing + 1) * 2 > capacity { grow() }
    var index = slot(serial)
    while unsafe base![index].state != .absent { index = (index + 1) & (capacity - 1) }
    unsafe base![index] = Entry(serial: serial, batch: batch, used: clock, state: .parsing)
    count += 1
  }

  /// ParseComplete has come for a statement; a Close of it may be on its way meanwhile.
  public mutating func parsed(_ serial: UInt64) {
    guard let index = find(serial), unsafe base![index].state == .parsing else { return }
    unsafe base![index].state = .present
  }

  /// The Close of a statement was skipped. If its Parse was too, that is said next.
  public mutating func keep(_ serial: UInt64) {
    guard let index = find(serial), unsafe base![index].state == .closing else { return }
    closing -= 1
    count += 1
    unsafe base![index].state = .present
  }

  /// The server does not have the statement.
  public mutating func remove(_ serial: UInt64) {
    guard let index = find(serial) else { return }
    if unsafe base![index].state == .closing { closing -= 1 } else { count -= 1 }
    erase(index)
  }

  /// CloseComplete has come for a statement; it may have been parsed anew meanwhile.
  public mutating func closed(_ serial: UInt64) {
    guard let index = find(serial), unsafe base![index].state == .closing else { return }
    closing -= 1
    erase(index)
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
    unsafe base![oldest].state = .closing
    unsafe base![oldest].batch = batch
    count -= 1
    closing += 1
    return unsafe base![oldest].serial
  }

  /// The server has none any longer.
  public mutating func removeAll() {
    unsafe base?.deallocate()
    unsafe base = nil
    capacity = 0
    count = 0
    closing = 0
  }

  private var closing = 0

  private func canClose(_ index: Int, _ batch: UInt32) -> Bool {
    switch unsafe base![index].state {
    case .present: true
    case .parsing: unsafe base![index].batch == batch
    case .closing, .absent: false
    }
  }

  private func slot(_ serial: UInt64) -> Int {
    Int(truncatingIfNeeded: serial &* 0x9E37_79B9_7F4A_7C15 >> 32) & (capacity - 1)
  }

  private func find(_ serial: UInt64) -> Int? {
    guard capacity != 0 else { return nil }
    var index = slot(serial)
    while unsafe base![index].state != .absent {
      if unsafe base![index].serial == serial { return index }
      index = (index + 1) & (capacity - 1)
    }
    return nil
  }

  /// Empties a place and moves up those behind it that had to go further because of it.
  private mutating func erase(_ place: Int) {
    var hole = place
    var index = place
    while true {
      index = (index + 1) & (capacity - 1)
      if unsafe base![index].state == .absent { break }
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
    for place in 0..<oldCapacity where unsafe old![place].state != .absent {
      let entry = unsafe old![place]
      var index = slot(entry.serial)
      while unsafe fresh[index].state != .absent { index = (index + 1) & (capacity - 1) }
      unsafe fresh[index] = entry
    }
    unsafe old?.deallocate()
  }
}
