import PostgresWire

/// What a server connection still owes, and whether it could serve another client now.
///
/// The ledger watches both directions of one server connection. It is what makes a release safe: a
/// server that goes back to the pool while a ReadyForQuery is still under way would answer the next
/// client with the last one's reply. So the ledger may think that more is owed than really is (the
/// client then keeps its server longer than it needs), and never less.
///
/// Entries, oldest first:
///
/// | entry | pushed by | popped by |
/// |---|---|---|
/// | simple | Query, FunctionCall | ReadyForQuery |
/// | sync | Sync | ReadyForQuery, or CopyInResponse: in copy mode the server ignores Sync |
/// | copyEnd | CopyDone, CopyFail outside of a batch | CopyInResponse; ReadyForQuery around it |
/// | copyEndInBatch | CopyDone, CopyFail in an open batch | CopyInResponse; ReadyForQuery behind |
///
/// A query of the pooler's own is a simple one, always the oldest, whose answer no client sees.
///
/// Besides: a batch is open from the first extended message until its Sync; COPY IN lasts from
/// CopyInResponse until the client's CopyDone or CopyFail, or the server's error. Each end ends one
/// COPY: one that is sent once CopyInResponse has come has no entry, one that was sent ahead loses
/// it then. A Sync sent in a COPY is taken for ignored. What makes the count ambiguous (a Query
/// behind a batch that has no Sync or amid a COPY, an Execute behind an end in its batch, an error
/// when Syncs were taken for ignored) taints the server: it stays with its client and is closed
/// after it, unless one Sync is all that is in doubt. Whether that one is still to be answered a
/// batch of the pooler's own tells: what is owed comes before its answer.
/// Source: PostgreSQL documentation, "Message Flow", sections on extended query and COPY.
public struct Ledger: Equatable, Sendable {
  @usableFromInline
  enum Entry: UInt64 {
    case simple = 0
    case sync = 1
    case copyEnd = 2
    case copyEndInBatch = 3
  }

  /// The most entries that may be outstanding. Whoever sends more is held until replies come.
  @inlinable public static var capacity: Int { 30 }

  /// The bits that are set in the entries that end a COPY alone.
  @usableFromInline static var ends: UInt64 { 0xAAAA_AAAA_AAAA_AAAA }

  /// Two bits an entry, the oldest in the lowest bits.
  @usableFromInline var entries: UInt64 = 0
  @usableFromInline var count: UInt8 = 0
  @usableFromInline var oldestIsOwn = false
  /// How many ReadyForQuery have come.
  @inlinable public var readyCount: UInt32 { readies }
  @usableFromInline var readies: UInt32 = 0
  /// The transaction status of the last ReadyForQuery: `I`, `T` or `E`.
  @inlinable public var status: UInt8 { lastStatus }
  @usableFromInline var lastStatus = TransactionStatus.idle
  @usableFromInline var batchIsOpen = false
  /// The open batch has an Execute in it.
  @usableFromInline var batchExecutes = false
  @usableFromInline var isCopyingIn = false
  /// Syncs were taken for ignored by a COPY, and nothing has proved it yet.
  @usableFromInline var syncsAreDoubtful = false
  /// The count can no longer be trusted: the server stays with its client and is closed after it.
  @inlinable public var isTainted: Bool { taint }
  @usableFromInline var taint = false
  /// A COPY has been taken to ignore one Sync, and nothing but the COPY's data, its end and Syncs
  /// was sent behind it.
  @usableFromInline var onlyOneSyncIsDoubtful = false
  /// The pooler's own query is the one that tells what is owed, and its answer has not begun.
  public internal(set) var isRecounting = false

  /// The next messages of the server answer what the pooler has put in front of a client's query or
  /// batch. The client is not to see them.
  @inlinable public var owesPreamble: Bool { preambleAnswers != 0 }
  /// How many they are, and one more: the first of the client's own answer, which is looked at. If
  /// that were the answer's end, all answers would have shifted by one.
  @usableFromInline var preambleAnswers: UInt16 = 0
  /// In which way it has been sent; of the last one if none is owed.
  public internal(set) var preambleForm = PreambleForm.prefix
  /// The answer to its BEGIN has come.
  var preambleIsBegun = false
  /// How many of its answers had come when the last one failed.
  var preambleProgress: UInt16 = 0
  var preambleLength: UInt16 = 0

  /// Which of a tenant's settings the server has refused in the last preamble that failed; nil:
  /// what stands around them, or what comes behind.
  public var failedSetting: Int? {
    let index =
      switch preambleForm {
      case .prefix: Int(preambleProgress)
      case .batch: Int(preambleProgress) / 3
      case .aside: Int(preambleProgress) / 3 - 1
      }
    let count =
      switch preambleForm {
      case .prefix: Int(preambleLength)
      case .batch: Int(preambleLength) / 3
      case .aside: Int(preambleLength) / 3 - 2
      }
    return (0..<max(0, count)).contains(index) ? index : nil
  }

  /// How many messages the pooler's own query is still to be answered with, the ReadyForQuery
  /// included; zero where nobody counts, or where it has failed.
  var countedAnswers: UInt16 = 0

  /// Which messages are to be events that otherwise pass: what the client runs may change more than
  /// its transaction.
  public var watches: Watches = []

  /// Messages of a server that somebody waits for.
  public struct Watches: OptionSet, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// CommandComplete.
    @inlinable public static var tags: Watches { Watches(rawValue: 1) }
    /// NotificationResponse: the client has LISTENed on this server.
    @inlinable public static var notifications: Watches { Watches(rawValue: 2) }
    /// NoticeResponse: its position counts from the pooler's own text.
    @inlinable public static var notices: Watches { Watches(rawValue: 8) }
    /// RowDescription and its like: somebody's statement has a shape to be learned.
    @inlinable public static var descriptions: Watches { Watches(rawValue: 4) }
    /// CommandComplete, EmptyQueryResponse, PortalSuspended: somebody counts statements.
    @inlinable public static var ends: Watches { Watches(rawValue: 16) }
  }

  public init() {}

  /// Nothing owed, no open batch, no COPY: only the transaction status may keep the server.
  @inlinable public var isSettled: Bool {
    count == 0 && !batchIsOpen && !isCopyingIn && !isTainted && !owesPreamble
  }

  /// The server could serve anybody now.
  @inlinable public var isClean: Bool { isSettled && status == TransactionStatus.idle }

  /// Another message may be sent.
  public var hasRoom: Bool { count < Self.capacity }

  /// A reply is owed: a query is running. COPY data that the client has still to send is not a
  /// query.
  @inlinable public var owesReply: Bool { count != 0 }

  /// All that is owed is the answer to the pooler's own query; a batch may be open behind it.
  public var owesOnlyOwn: Bool { oldestIsOwn && count == 1 }

  /// Syncs that a COPY has been taken to ignore.
  var hasDoubtfulSyncs: Bool { syncsAreDoubtful }

  /// The next message will find the transaction status that was last told.
  public var statusHolds: Bool { count == 0 && !batchExecutes && !isCopyingIn && !isTainted }

  /// COPY data is expected of the client.
  public var isCopying: Bool { isCopyingIn }

  /// Extended messages have been sent that have no Sync yet.
  public var hasOpenBatch: Bool { batchIsOpen }

  /// One reply is owed and nothing else is under way.
  public var owesOneReply: Bool { count == 1 && !batchIsOpen && !isCopyingIn && !isTainted }

  /// A transaction block is open and no statement runs in it.
  @inlinable public var isIdleInTransaction: Bool {
    count == 0 && !isCopyingIn && status != TransactionStatus.idle
  }

  /// The oldest entry is a query of the pooler's own, whose replies no client sees.
  @inlinable public var isAnsweringOwn: Bool { oldestIsOwn }

  /// Which ReadyForQuery, counted from the first, will end what is sent now.
  @inlinable public var openBatch: UInt32 {
    // Those that end a COPY have none of their own: their codes have the high bit.
    let ends = entries & Self.ends
    let last = readies &+ UInt32(count)
    return ends == 0 ? last : last &- UInt32(truncatingIfNeeded: ends.nonzeroBitCount)
  }

  // MARK: client to server

  /// Records a message that the client is about to send; false if it must wait for replies first.
  @inlinable
  public mutating func clientSends(_ type: UInt8) -> Bool {
    switch type {
    case ClientMessageType.query, ClientMessageType.functionCall:
      guard count < Self.capacity else { return false }
      if batchIsOpen || isCopyingIn { taint = true }
      onlyOneSyncIsDoubtful = false
      push(.simple)
    case ClientMessageType.sync:
      guard count < Self.capacity else { return false }
      if isCopyingIn {
        onlyOneSyncIsDoubtful = count == 0 && !taint && !syncsAreDoubtful
        syncsAreDoubtful = true
      } else {
        push(.sync)
        batchIsOpen = false
        batchExecutes = false
      }
    case ClientMessageType.copyData, ClientMessageType.copyDone, ClientMessageType.copyFail:
      return clientSendsCopy(type)
    case ClientMessageType.execute:
      batchIsOpen = true
      batchExecutes = true
      onlyOneSyncIsDoubtful = false
      if entries & Self.ends != 0 { executesBehindEnd() }
    default:
      if isCopyingIn && type == ClientMessageType.flush { return true }
      batchIsOpen = true
      onlyOneSyncIsDoubtful = false
    }
    return true
  }

  /// Records an Execute and the Sync behind it, which end the open batch.
  /// - Returns: false where each has to be recorded for itself.
  @inlinable
  public mutating func clientEndsBatch() -> Bool {
    guard batchIsOpen, !isCopyingIn, count < Self.capacity, entries & Self.ends == 0 else {
      return false
    }
    onlyOneSyncIsDoubtful = false
    push(.sync)
    batchIsOpen = false
    batchExecutes = false
    return true
  }

  /// Records a query of the pooler's own. Only for a settled server.
  public mutating func poolerSendsQuery() {
    push(.simple)
    oldestIsOwn = true
  }

  /// Records a query of the pooler's own all of whose answers count: BEGIN, some statements and
  /// COMMIT. Only for a settled server.
  /// - Parameter statements: how many there are between the two.
  public mutating func poolerSendsCounted(statements: Int) {
    poolerSendsQuery()
    countedAnswers = UInt16(clamping: statements + 3)
  }

  /// Records a preamble in front of the message that is sent next. Only on a settled server.
  /// - Parameter statements: those of the tenant's settings.
  public mutating func poolerSendsPreamble(statements: Int, _ form: PreambleForm) {
    let answers =
      switch form {
      case .prefix: statements
      case .batch: 3 * statements
      case .aside: 3 * (statements + 2)
      }
    preambleAnswers = UInt16(clamping: answers + 1)
    preambleLength = preambleAnswers - 1
    preambleForm = form
    preambleIsBegun = false
  }

  // MARK: server to client

  /// What a ReadyForQuery answered.
  public enum Ready: Sendable {
    case client
    case own
    /// A Sync that a COPY had been taken to ignore, and the one behind it is answered already.
    case late
    /// Nothing was owed: the server does not speak the protocol, or somebody else answers for it.
    case unexpected
  }

  /// Records a ReadyForQuery with its status byte.
  @inlinable
  public mutating func readyForQueryReceived(_ newStatus: UInt8) -> Ready {
    lastStatus = newStatus
    readies &+= 1
    // One client, one query: the common case.
    if count == 1 && entries < Entry.copyEnd.rawValue {
      let wasOwn = oldestIsOwn
      oldestIsOwn = false
      entries = 0
      count = 0
      isCopyingIn = false
      syncsAreDoubtful = false
      return wasOwn ? .own : .client
    }
    return readyForQueryReceivedBehindOthers()
  }

  @usableFromInline @inline(never)
  mutating func readyForQueryReceivedBehindOthers() -> Ready {
    isCopyingIn = false
    syncsAreDoubtful = false
    while count > 0 && isCopyEnd(at: 0) { pop() }
    guard count > 0 else {
      guard isTainted else { return .unexpected }
      guard onlyOneSyncIsDoubtful else { return .client }
      // No other is owed: this is its answer, and what is behind it is no COPY any longer. Where a
      // Sync has ended the batch since, its answer is what the client has taken this one for.
      let isLate = !batchIsOpen
      trust()
      batchIsOpen = false
      return isLate ? .late : .client
    }
    let wasOwn = oldestIsOwn
    oldestIsOwn = false
    pop()
    // One in a batch may end a COPY that has still to begin.
    while count > 0 && entries & 3 == Entry.copyEnd.rawValue { pop() }
    return wasOwn ? .own : .client
  }

  /// Records an ErrorResponse: COPY IN, if one was under way, is over.
  ///
  /// A COPY may fail before the server has read what was sent behind the command (a view that takes
  /// no rows, a time limit). A Sync in there is answered then, although CopyInResponse came first.
  @inlinable
  public mutating func errorReceived() {
    if syncsAreDoubtful { taint = true }
    isCopyingIn = false
  }

  // MARK: entries

  @inlinable
  mutating func push(_ entry: Entry) {
    entries |= entry.rawValue << (UInt64(count) &* 2)
    count &+= 1
  }

  private mutating func pop() {
    entries >>= 2
    count -= 1
  }

  @usableFromInline
  func entry(at index: Int) -> UInt64 { (entries >> UInt64(index * 2)) & 3 }

  func isCopyEnd(at index: Int) -> Bool { entry(at: index) >= Entry.copyEnd.rawValue }
}

/// The ways in which a preamble is sent.
public enum PreambleForm: CaseIterable, Sendable {
  /// In front of the text of a simple query.
  case prefix
  /// In front of a batch, as Parse, Bind and Execute of each statement: within its transaction.
  case batch
  /// The same messages, in a transaction of their own.
  case aside
}

/// The status byte of ReadyForQuery.
public enum TransactionStatus {
  @inlinable public static var idle: UInt8 { 0x49 }
  @inlinable public static var inTransaction: UInt8 { 0x54 }
  @inlinable public static var failed: UInt8 { 0x45 }
}
