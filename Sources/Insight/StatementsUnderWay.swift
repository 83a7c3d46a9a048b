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
/// is owed (the ledger tells), nothing is left here either. Alike entries in succession are one with
/// a count, so a driver's batch takes no more room than a single statement. Where even that is too
/// long, what follows can't be told until nothing is owed.
public struct StatementsUnderWay: Sendable {
  static let most = 256

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
    /// It runs on where it was suspended, or has done so; not a call of its own.
    public var duration: UInt64
  }

  private var entries: [Entry] = []
  private var counts: [UInt32] = []
  private var first = 0
  /// More were sent than there is room for.
  private var isOverfull = false
  /// Of the simple query at hand.
  private var rows: UInt64 = 0
  private var hasFailed = false
  /// When the last one ended.
  private var lastEnd: UInt64 = 0

  public init() {}

  public var isEmpty: Bool { first == entries.count && !isOverfull }

  /// The oldest, which the server is at.
  public var oldest: Entry? { first < entries.count ? entries[first] : nil }

  public mutating func push(_ entry: Entry) {
    if isOverfull { return }
    if first < entries.count, entry.kind == .execute, entries[entries.count - 1] == entry {
      counts[entries.count - 1] &+= 1
      return
    }
    if first > 0, first == entries.count || entries.count >= Self.most {
      entries.removeFirst(first)
      counts.removeFirst(first)
      first = 0
    }
    guard entries.count < Self.most else {
      isOverfull = true
      return
    }
    entries.append(entry)
    counts.append(1)
  }

  private mutating func pop() {
    counts[first] &-= 1
    if counts[first] == 0 { first &+= 1 }
  }

  private mutating func ended(
    _ entry: Entry, rows: UInt64, isError: Bool, now: UInt64
  ) -> Ended {
    let start = max(entry.start, lastEnd)
    lastEnd = now
    return Ended(entry: entry, rows: rows, isError: isError, duration: now &- min(now, start))
  }

  /// A statement of a batch has come to its end, or one of a simple query's statements.
  /// - Parameter isSuspended: PortalSuspended.
  /// - Returns: nil: it is not the end of what was sent.
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
      entries[first].place = .none
      return ended(entry, rows: 0, isError: true, now: now)
    case .execute:
      while first < entries.count, entries[first].kind == .execute { first &+= 1 }
      return ended(entry, rows: 0, isError: true, now: now)
    }
  }

  /// ReadyForQuery has come.
  /// - Parameter isSettled: nothing is owed any longer, and no batch is open.
  public mutating func ready(isSettled: Bool, now: UInt64) -> Ended? {
    while let entry = oldest, entry.kind == .execute { pop() }
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
  private mutating func forget() {
    entries.removeAll(keepingCapacity: entries.capacity <= 32)
    counts.removeAll(keepingCapacity: counts.capacity <= 32)
    first = 0
    isOverfull = false
  }
}
