import PostgresWire

/// What a server has still to answer of the extended messages that need care: Parse, Bind and Close
/// of a client whose statements are mapped, and those of the pooler's own among them.
///
/// It is what tells whose ParseComplete, BindComplete or CloseComplete has come, and which messages
/// an error has made the server skip. The server answers in order, and skips from an error up to
/// the Sync of the same batch: so entries go from the front, and an error takes all those of its
/// batch. A batch is named by its ordinal, ``Ledger/openBatch``.
@safe
public struct ReplyQueue: ~Copyable {
  public enum Kind: UInt8, Sendable {
    /// The client's Parse of a named statement.
    case parse
    /// The client's Parse of the unnamed statement.
    case parseUnnamed
    /// A Parse of the pooler's own, of what the server lacks; no client sees the answer.
    case ownParse
    /// The same of the client's unnamed statement.
    case ownParseUnnamed
    case bind
    case close
    /// A Close of the pooler's own: of a statement that gives way, or of a foreign unnamed one.
    case ownClose
    /// A Close sent in place of the client's Parse, of a statement that the server has: its answer
    /// becomes ParseComplete.
    case closeForParse
    /// A Parse of the pooler's own that fails in place of a Bind: the client is to hear that the
    /// statement's result has another shape.
    case planChange
    /// Describe of a prepared statement.
    case describeStatement
    /// Describe of a portal, right behind the Bind that made it, whose statement's shape is to be
    /// learned. Others have no entry.
    case describePortal
  }

  public struct Entry: Equatable, Sendable {
    public var kind: Kind
    /// The client's table of names was changed on the strength of it.
    public var hasUndo: Bool
    public var batch: UInt32
    /// Tells the client's name for the statement from its other names for the same one.
    public var tag: UInt32
    /// The statement's, 0 where there is none.
    public var serial: UInt64

    @inlinable
    public init(
      _ kind: Kind, batch: UInt32, serial: UInt64 = 0, tag: UInt32 = 0, hasUndo: Bool = false
    ) {
      self.tag = tag
      self.kind = kind
      self.hasUndo = hasUndo
      self.batch = batch
      self.serial = serial
    }
  }

  /// More are not sent before some have been answered.
  @inlinable public static var limit: Int { 65_536 }

  @usableFromInline var base: UnsafeMutablePointer<Entry>?
  /// A power of two, or 0.
  @usableFromInline var capacity = 0
  @usableFromInline var first = 0
  @usableFromInline var count = 0
  /// Parses of the unnamed statement, the client's and the pooler's, that have not been answered.
  @usableFromInline var unnamedCount = 0
  /// Entries that the server has skipped or refused, oldest first, until the caller takes them.
  var failed: [Entry] = []
  @usableFromInline var hasFailures = false
  /// The oldest entry's ParameterDescription has come.
  private var isDescribingStatement = false
  /// The last batch in which an error has come.
  private var failedBatch: UInt32?

  public init() { unsafe base = nil }

  deinit { unsafe base?.deallocate() }

  @inlinable public var isEmpty: Bool { count == 0 }
  @inlinable public var hasRoom: Bool { count < Self.limit }
  /// The batch of the last Parse of the unnamed statement may still fail.
  @inlinable public var unnamedIsPending: Bool { unnamedCount != 0 }
  /// ``takeFailed()`` has something.
  @inlinable public var hasFailed: Bool { hasFailures }

  @inlinable @inline(__always)
  public mutating func push(_ entry: Entry) {
    if count == capacity { grow() }
    unsafe (base! + ((first &+ count) & (capacity &- 1))).initialize(to: entry)
    count &+= 1
    if entry.kind == .parseUnnamed || entry.kind == .ownParseUnnamed { unnamedCount &+= 1 }
  }

  /// The oldest entry, which has been answered.
  @inlinable
  public mutating func pop() -> Entry? {
    guard count != 0 else { return nil }
    let entry = unsafe base![first]
    first = (first &+ 1) & (capacity &- 1)
    count &-= 1
    if entry.kind == .parseUnnamed || entry.kind == .ownParseUnnamed { unnamedCount &-= 1 }
    return entry
  }

  /// RowDescription, NoData or ParameterDescription has come.
  /// - Returns: the Describe that it answers, if that has an entry. The entry goes with the first
  ///   two; the last is what tells a statement's answer from a portal's.
  mutating func described(_ type: UInt8) -> Entry? {
    guard let oldest = oldestKind else { return nil }
    if type == ServerMessageType.parameterDescription {
      guard oldest == .describeStatement else { return nil }
      isDescribingStatement = true
      return unsafe base![first]
    }
    guard oldest == .describePortal || (oldest == .describeStatement && isDescribingStatement)
    else { return nil }
    isDescribingStatement = false
    return pop()
  }

  /// The batch of the oldest entry.
  @inlinable public var oldestBatch: UInt32? { count == 0 ? nil : unsafe base![first].batch }

  /// An error has come in a batch: what it had still to answer it never will, nor what is yet to be
  /// sent in it.
  public mutating func fail(batch: UInt32) {
    failedBatch = batch
    isDescribingStatement = false
    takeBack(batch)
  }

  /// Takes for skipped what is in front of the first entry that such a message could answer.
  @usableFromInline @inline(never)
  mutating func skip(to type: UInt8) {
    while let kind = oldestKind, !Self.isAnswer(type, to: kind), let entry = pop() {
      failed.append(entry)
      hasFailures = true
    }
  }

  private var oldestKind: Kind? { count == 0 ? nil : unsafe base![first].kind }

  private static func isAnswer(_ type: UInt8, to kind: Kind) -> Bool {
    switch kind {
    case .parse, .parseUnnamed, .ownParse, .ownParseUnnamed: type == UInt8(ascii: "1")
    case .bind: type == UInt8(ascii: "2")
    case .close, .ownClose, .closeForParse: type == UInt8(ascii: "3")
    case .planChange, .describeStatement, .describePortal: false
    }
  }

  /// The ReadyForQuery of all batches before this one have come.
  /// - Returns: false where one of them has left something unanswered without an error.
  @usableFromInline @inline(never)
  mutating func endBatches(before batch: UInt32) -> Bool {
    guard let oldest = oldestBatch, Int32(bitPattern: oldest &- batch) < 0 else { return true }
    guard oldest == failedBatch else { return false }
    takeBack(oldest)
    return oldestBatch.map { Int32(bitPattern: $0 &- batch) >= 0 } ?? true
  }

  private mutating func takeBack(_ batch: UInt32) {
    while let oldest = oldestBatch, oldest == batch, let entry = pop() { failed.append(entry) }
    hasFailures = !failed.isEmpty
  }

  /// What the server has answered with the error.
  public var firstFailed: Entry? { failed.first }

  /// What has failed since the last call, oldest first.
  public mutating func takeFailed() -> [Entry] {
    hasFailures = false
    defer { failed.removeAll() }
    return failed
  }

  @usableFromInline @inline(never)
  mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: max(16, capacity * 2))
    for index in 0..<count {
      unsafe (larger + index).initialize(to: base![(first + index) & (capacity - 1)])
    }
    unsafe base?.deallocate()
    unsafe base = larger
    capacity = max(16, capacity * 2)
    first = 0
  }
}
