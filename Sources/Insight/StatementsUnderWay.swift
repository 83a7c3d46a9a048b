/// The statements that a client has sent and its server has not answered, in the order of answers.
///
/// | entry | pushed by | popped by |
/// |---|---|---|
/// | simple | Query, FunctionCall | ReadyForQuery |
/// | execute | Execute | CommandComplete, EmptyQueryResponse, PortalSuspended, an error |
/// | sync | Sync | ReadyForQuery |
///
/// An error takes all entries up to the Sync of its batch, of which the first one has failed: the
/// others have not run. In COPY a server ignores Syncs, so the count may be too high: once nothing
/// is owed (the ledger tells), nothing is left here either. Alike entries in succession are one
/// with a count, so a driver's batch takes no more room than a single statement. Where even that is
/// too long, what follows can't be told until nothing is owed.
@safe
public struct StatementsUnderWay: ~Copyable {
  @usableFromInline static var most: Int { 256 }

  public enum Kind: Sendable {
    case simple, execute, sync
  }

  /// A statement on its way.
  public struct Entry: Equatable, Sendable {
    public var kind: Kind
    public var place: QueryTable.Place
    /// Of its fingerprint.
    public var hash: UInt64
    /// When it was sent, in microseconds.
    public var start: UInt64
    /// The comment that came with it; see ``ObservedClient``.
    public var comment: UInt32
    /// Rows after which the portal is suspended; 0: never.
    public var rowLimit: UInt32
    /// It goes on with a portal that has been suspended.
    public var isContinued: Bool
    /// How many alike there are.
    @usableFromInline var count: UInt32 = 1

    @inlinable
    public init(
      _ kind: Kind, _ place: QueryTable.Place, hash: UInt64 = 0, start: UInt64 = 0,
      comment: UInt32 = 0, rowLimit: UInt32 = 0, isContinued: Bool = false
    ) {
      self.kind = kind
      self.place = place
      self.hash = hash
      self.start = start
      self.comment = comment
      self.rowLimit = rowLimit
      self.isContinued = isContinued
    }
  }

  /// A statement that has come to its end.
  public struct Ended: Equatable, Sendable {
    public var entry: Entry
    public var rows: UInt64
    public var isError: Bool
    /// Microseconds.
    public var duration: UInt64

    @inlinable
    init(entry: Entry, rows: UInt64, isError: Bool, duration: UInt64) {
      self.entry = entry
      self.rows = rows
      self.isError = isError
      self.duration = duration
    }
  }

  @usableFromInline var base: UnsafeMutablePointer<Entry>?
  /// A power of two, or 0.
  @usableFromInline var capacity = 0
  @usableFromInline var first = 0
  @usableFromInline var count = 0
  /// More were sent than there is room for.
  @usableFromInline var isOverfull = false
  /// Of the simple query at hand.
  @usableFromInline var rows: UInt64 = 0
  @usableFromInline var hasFailed = false
  /// When the last one ended.
  @usableFromInline var lastEnd: UInt64 = 0

  public init() { unsafe base = nil }

  deinit { unsafe base?.deallocate() }

  @inlinable public var isEmpty: Bool { count == 0 && !isOverfull }

  /// The oldest, which the server is at.
  @inlinable public var oldest: Entry? { count == 0 ? nil : unsafe base![first] }

  @inlinable
  public mutating func push(_ entry: Entry) {
    if isOverfull { return }
    if count != 0, entry.kind == .execute {
      let last = (first &+ count &- 1) & (capacity &- 1)
      if unsafe base![last].isLike(entry) {
        unsafe base![last].count &+= 1
        return
      }
    }
    if count == capacity { grow() }
    guard count < capacity else {
      isOverfull = true
      return
    }
    unsafe (base! + ((first &+ count) & (capacity &- 1))).initialize(to: entry)
    count &+= 1
  }

  @usableFromInline @inline(never)
  mutating func grow() {
    guard capacity < Self.most else { return }
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: max(4, capacity * 2))
    for index in 0..<count {
      unsafe (larger + index).initialize(to: base![(first + index) & (capacity - 1)])
    }
    unsafe base?.deallocate()
    unsafe base = larger
    capacity = max(4, capacity * 2)
    first = 0
  }

  @inlinable @inline(__always)
  mutating func pop() {
    let left = unsafe base![first].count &- 1
    unsafe base![first].count = left
    if left == 0 { drop() }
  }

  /// Takes the oldest away, with all alike.
  @inlinable @inline(__always)
  mutating func drop() {
    first = (first &+ 1) & (capacity &- 1)
    count &-= 1
  }

  @inlinable @inline(__always)
  mutating func ended(
    _ entry: Entry, rows: UInt64, isError: Bool, now: UInt64
  ) -> Ended {
    let start = max(entry.start, lastEnd)
    lastEnd = now
    return Ended(entry: entry, rows: rows, isError: isError, duration: now &- min(now, start))
  }

  /// A statement of a batch has come to its end, or one of a simple query's statements.
  /// - Parameter isSuspended: PortalSuspended.
  /// - Returns: nil: it is not the end of what was sent.
  @inlinable @inline(__always)
  public mutating func completed(rows: UInt64, isSuspended: Bool, now: UInt64) -> Ended? {
    guard let entry = oldest else {
      return isOverfull ? ended(Entry(.execute, .none), rows: rows, isError: false, now: now) : nil
    }
    switch entry.kind {
    case .simple:
      self.rows &+= rows
      return nil
    case .sync: return nil
    case .execute:
      pop()
      let rows = isSuspended ? UInt64(entry.rowLimit) : rows
      return ended(entry, rows: rows, isError: false, now: now)
    }
  }

  /// ErrorResponse has come.
  public mutating func failed(now: UInt64) -> Ended? {
    guard let entry = oldest else { return nil }
    switch entry.kind {
    case .simple:
      hasFailed = true
      return nil
    case .sync:
      // Of what was prepared in the batch, if that is known.
      guard entry.place != .none else { return nil }
      unsafe base![first].place = .none
      return ended(entry, rows: 0, isError: true, now: now)
    case .execute:
      while oldest?.kind == .execute { drop() }
      return ended(entry, rows: 0, isError: true, now: now)
    }
  }

  /// ReadyForQuery has come.
  /// - Parameter isSettled: nothing is owed any longer, and no batch is open.
  @inlinable @inline(__always)
  public mutating func ready(isSettled: Bool, now: UInt64) -> Ended? {
    while oldest?.kind == .execute { drop() }
    var result: Ended?
    if let entry = oldest {
      pop()
      if entry.kind == .simple {
        result = ended(entry, rows: rows, isError: hasFailed, now: now)
      }
    }
    rows = 0
    hasFailed = false
    if isSettled { forget() }
    return result
  }

  /// Nothing is under way.
  @inlinable @inline(__always)
  mutating func forget() {
    count = 0
    isOverfull = false
    // A large pipeline's room is not kept.
    if capacity > 16 {
      unsafe base?.deallocate()
      unsafe base = nil
      capacity = 0
      first = 0
    }
  }
}

extension StatementsUnderWay.Entry {
  @inlinable
  func isLike(_ other: Self) -> Bool {
    kind == other.kind && place == other.place && hash == other.hash && start == other.start
      && comment == other.comment && rowLimit == other.rowLimit && isContinued == other.isContinued
  }
}
