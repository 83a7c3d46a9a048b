import PostgresWire

/// What is known of one client's statements: those under way, and what its names mean.
///
/// Its owner feeds it with the client's messages, as they go to the server, and with what the
/// server says.
public struct ObservedClient: ~Copyable {
  /// A statement that a name stands for.
  public struct Named: Equatable, Sendable {
    public var hash: UInt64
    public var isRead: Bool
    /// What came in the text; 0: nothing.
    public var comment: UInt32 = 0

    public init(hash: UInt64, isRead: Bool, comment: UInt32 = 0) {
      self.hash = hash
      self.isRead = isRead
      self.comment = comment
    }
  }

  struct Portal: Sendable {
    var name: UInt64
    var place: QueryTable.Place
    var hash: UInt64
    var comment: UInt32
    var hasRun: Bool
  }

  /// Names of statements, and portals, that are kept.
  static let mostNames = 256
  static let mostPortals = 16

  public var walker = MessageWalker()
  public var underWay = StatementsUnderWay()
  public var repeats = RepeatCounter()
  /// The statement that was sent last, and the one that has come to its end last.
  public private(set) var last = QueryTable.Place.none
  public var lastEnded: StatementsUnderWay.Entry?
  /// Bytes that go to the server once more, and have been seen.
  public var repeatedBytes = 0
  /// The pool that `scope` is of.
  public var pool: Int32 = -1
  public var scope: Int32 = 0

  /// The last comment of sqlcommenter's form, its number, and the number of its trace.
  public private(set) var comment: [UInt8] = []
  public private(set) var commentNumber: UInt32 = 0
  public private(set) var trace: UInt64 = 0

  private var unnamed: Named?
  private var names = SlotIndex()
  private var named: [(key: UInt64, statement: Named)] = []
  private var nextName = 0
  private var portal: Portal?
  private var portals: [Portal] = []
  /// What the batch has prepared and not run, if that is one.
  private var prepared = QueryTable.Place.none
  private var preparedHash: UInt64 = 0
  private var hasSeveralPrepared = false

  public init() {}

  // MARK: comments

  /// Keeps a comment.
  /// - Returns: its number.
  public mutating func keep(_ text: Span<UInt8>, _ range: Range<Int>, _ key: KeyedHash) -> UInt32 {
    guard range.count <= TraceComment.longest else { return 0 }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    for index in range { bytes.append(text[index]) }
    guard let read = TraceComment(bytes[...]) else { return 0 }
    comment = bytes
    commentNumber = commentNumber == .max ? 1 : commentNumber + 1
    trace = read.traceID.map { key.hash(Array($0.utf8)) | 1 } ?? 0
    return commentNumber
  }

  /// The comment that came with a statement, if it is still the last.
  public func comment(of entry: StatementsUnderWay.Entry) -> TraceComment? {
    guard entry.comment != 0, entry.comment == commentNumber else { return nil }
    return TraceComment(comment[...])
  }

  public func trace(of entry: StatementsUnderWay.Entry) -> UInt64 {
    entry.comment != 0 && entry.comment == commentNumber ? trace : 0
  }

  // MARK: what the client sends

  public mutating func sentQuery(
    _ place: QueryTable.Place, _ statement: Named, now: UInt64
  ) {
    last = place
    underWay.push(
      StatementsUnderWay.Entry(
        .simple, place, hash: statement.isRead ? statement.hash : 0, start: now,
        comment: statement.comment))
  }

  /// - Parameter name: the hash of its name; 0: it has none.
  public mutating func sentParse(_ name: UInt64, _ statement: Named, _ place: QueryTable.Place) {
    hasSeveralPrepared = prepared != .none
    prepared = place
    preparedHash = statement.hash
    guard name != 0 else {
      unnamed = statement
      return
    }
    // A comment in it was somebody's who prepared it, not of who runs it.
    var statement = statement
    statement.comment = 0
    learn(name, statement)
  }

  /// Keeps what a name stands for, of a bounded number of names.
  public mutating func learn(_ name: UInt64, _ statement: Named) {
    if let known = names.find(name) {
      named[Int(known)].statement = statement
    } else if named.count < Self.mostNames {
      names.set(name, Int32(named.count))
      named.append((name, statement))
    } else {
      names.remove(named[nextName].key)
      names.set(name, Int32(nextName))
      named[nextName] = (name, statement)
      nextName = (nextName + 1) % Self.mostNames
    }
  }

  /// - Parameter name: 0: the unnamed one.
  public func statement(_ name: UInt64) -> Named? {
    name == 0 ? unnamed : names.find(name).map { named[Int($0)].statement }
  }

  public mutating func sentBind(
    portal name: UInt64, _ statement: Named?, _ place: QueryTable.Place
  ) {
    let made = Portal(
      name: name, place: place, hash: statement?.isRead == true ? statement?.hash ?? 0 : 0,
      comment: statement?.comment ?? 0, hasRun: false)
    guard name != 0 else {
      portal = made
      return
    }
    portals.removeAll { $0.name == name }
    if portals.count == Self.mostPortals { portals.removeFirst() }
    portals.append(made)
  }

  public mutating func sentExecute(portal name: UInt64, rowLimit: UInt32, now: UInt64) {
    prepared = .none
    hasSeveralPrepared = false
    if name == 0 {
      push(portal, rowLimit, now)
      portal?.hasRun = true
    } else if let index = portals.firstIndex(where: { $0.name == name }) {
      push(portals[index], rowLimit, now)
      portals[index].hasRun = true
    } else {
      push(nil, rowLimit, now)
    }
  }

  private mutating func push(_ portal: Portal?, _ rowLimit: UInt32, _ now: UInt64) {
    last = portal?.place ?? .none
    underWay.push(
      StatementsUnderWay.Entry(
        .execute, last, hash: portal?.hash ?? 0, start: now, comment: portal?.comment ?? 0,
        rowLimit: rowLimit, isContinued: portal?.hasRun ?? false))
  }

  public mutating func sentSync(now: UInt64) {
    let place = hasSeveralPrepared ? .none : prepared
    underWay.push(StatementsUnderWay.Entry(.sync, place, start: now))
    prepared = .none
    hasSeveralPrepared = false
  }

  public mutating func sentFunctionCall(now: UInt64) {
    underWay.push(StatementsUnderWay.Entry(.simple, .none, start: now))
  }

  /// A simple query ends the unnamed statement, as Close does a named one.
  public mutating func forgetStatement(_ name: UInt64) {
    if name == 0 { unnamed = nil }
  }
}
