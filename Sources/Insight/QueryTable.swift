/// What one loop counts about statements: a bounded number of them, by pool and fingerprint.
///
/// Where there are more, the least used gives way; what was counted of it goes to its pool's
/// `others`, so that sums stay right.
public struct QueryTable: Sendable {
  /// A pool's database and user.
  public struct Scope: Sendable {
    public let database: String
    public let user: String
    /// Of statements that have given way, or could not be told.
    public internal(set) var others = QueryCounts()
    public internal(set) var othersHistogram = LatencyHistogram()
    /// Of all of them, as far as they were slow or repeated.
    public internal(set) var slow: UInt64 = 0
    public internal(set) var repeats: UInt64 = 0
  }

  /// What was slow or repeated of one pool's statements.
  public struct Findings: Sendable {
    public let database: String
    public let user: String
    public let slow: UInt64
    public let repeats: UInt64
  }

  /// A statement's place, as long as it has not given way.
  public struct Place: Equatable, Sendable {
    public var index: Int32
    @usableFromInline var generation: UInt32

    @inlinable
    init(index: Int32, generation: UInt32) {
      self.index = index
      self.generation = generation
    }

    /// Of a statement that could not be told.
    @inlinable public static var none: Place { Place(index: -1, generation: 0) }
  }

  /// One run of a statement.
  public struct Run: Equatable, Sendable {
    public var calls: UInt32
    public var rows: UInt64
    /// Microseconds; of a portal that goes on (no call), they are not in the histogram.
    public var duration: UInt64
    public var isError: Bool
    public var isSlow: Bool

    public init(
      calls: UInt32, rows: UInt64, duration: UInt64, isError: Bool = false, isSlow: Bool = false
    ) {
      self.calls = calls
      self.rows = rows
      self.duration = duration
      self.isError = isError
      self.isSlow = isSlow
    }
  }

  /// Pools that are told apart. Those that come later are one.
  static let mostScopes = 10_000
  /// Candidates that are looked at for the least used.
  private static let sample = 16

  public private(set) var statements: [QueryStatement] = []
  public private(set) var scopes: [Scope] = []
  private var scopeIndex: [String: [String: Int32]] = [:]
  private var index = SlotIndex()
  private var limit: Int
  private var age: UInt32 = 0
  private var evictions: UInt64 = 0
  /// Of the choice of candidates; nothing hangs on how good it is.
  private var random: UInt64

  public init(limit: Int, seed: UInt64 = 1) {
    self.limit = max(1, limit)
    random = seed | 1
  }

  // MARK: pools

  public mutating func scope(database: String, user: String) -> Int32 {
    if let known = scopeIndex[database]?[user] { return known }
    guard scopes.count < Self.mostScopes else { return Int32(scopes.count - 1) }
    let number = Int32(scopes.count)
    let isLast = scopes.count == Self.mostScopes - 1
    scopes.append(
      Scope(database: isLast ? "(others)" : database, user: isLast ? "(others)" : user))
    scopeIndex[database, default: [:]][user] = number
    return number
  }

  // MARK: statements

  /// The place of a statement that is known.
  public mutating func find(_ hash: UInt64, scope: Int32) -> Place? {
    guard let place = index.find(Self.key(hash, scope)) else { return nil }
    return use(Int(place))
  }

  /// The place of a statement that was not known.
  public mutating func insert(
    _ hash: UInt64, scope: Int32, text: String, isRead: Bool
  ) -> Place {
    let fresh = QueryStatement(
      hash: hash, scope: scope, text: text, isRead: isRead, generation: UInt32(1))
    let place: Int
    if statements.count < limit {
      place = statements.count
      statements.append(fresh)
    } else {
      place = evict()
      let generation = statements[place].generation
      statements[place] = fresh
      statements[place].generation = generation &+ 1
    }
    statements[place].age = age
    index.set(Self.key(hash, scope), Int32(place))
    return use(place)
  }

  @inline(__always)
  private mutating func use(_ place: Int) -> Place {
    if statements[place].age != age {
      statements[place].usage = usage(place)
      statements[place].age = age
    }
    statements[place].usage &+= statements[place].usage == .max ? 0 : 1
    return Place(index: Int32(truncatingIfNeeded: place), generation: statements[place].generation)
  }

  private func usage(_ place: Int) -> UInt32 {
    let ages = age &- statements[place].age
    return ages < 32 ? statements[place].usage >> ages : 0
  }

  /// Makes room by the least used of some.
  private mutating func evict() -> Int {
    evictions += 1
    if evictions % UInt64(limit) == 0 { age &+= 1 }
    var least = next()
    for _ in 1..<Self.sample {
      let other = next()
      if usage(other) < usage(least) { least = other }
    }
    let old = statements[least]
    index.remove(Self.key(old.hash, old.scope))
    scopes[Int(old.scope)].others += old.counts
    scopes[Int(old.scope)].othersHistogram += old.histogram
    return least
  }

  private mutating func next() -> Int {
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return Int(random % UInt64(statements.count))
  }

  private static func key(_ hash: UInt64, _ scope: Int32) -> UInt64 {
    hash ^ (UInt64(UInt32(bitPattern: scope)) &+ 1) &* 0x9e37_79b9_7f4a_7c15
  }

  public func statement(_ place: Place) -> QueryStatement? {
    isThere(place) ? statements[Int(place.index)] : nil
  }

  @inline(__always)
  private func isThere(_ place: Place) -> Bool {
    place.index >= 0 && Int(place.index) < statements.count
      && statements[Int(place.index)].generation == place.generation
  }

  /// It reads, and its repetition counts.
  public func isRead(_ place: Place) -> Bool {
    isThere(place) && statements[Int(place.index)].isRead
  }

  /// Of the pools that have any.
  public var findings: [Findings] {
    scopes.lazy.filter { $0.slow > 0 || $0.repeats > 0 }.map {
      Findings(database: $0.database, user: $0.user, slow: $0.slow, repeats: $0.repeats)
    }
  }

  /// What is counted about a statement of a pool.
  func statement(_ name: Name) -> QueryStatement? {
    guard let scope = number(of: name), let place = index.find(Self.key(name.hash, scope)) else {
      return nil
    }
    return statements[Int(place)]
  }

  private func number(of name: Name) -> Int32? {
    if let known = scopeIndex[name.database]?[name.user] { return known }
    guard let last = scopes.last, last.database == name.database, last.user == name.user else {
      return nil
    }
    return Int32(scopes.count - 1)
  }

  // MARK: counting

  public mutating func add(_ run: Run, at place: Place, scope: Int32) {
    if run.isSlow { scopes[Int(scope)].slow &+= 1 }
    guard isThere(place) else {
      Self.count(run, &scopes[Int(scope)].others)
      if run.calls > 0 { scopes[Int(scope)].othersHistogram.add(run.duration) }
      return
    }
    let index = Int(place.index)
    Self.count(run, &statements[index].counts)
    if run.calls > 0 { statements[index].histogram.add(run.duration) }
  }

  /// For whom a statement has run.
  public mutating func add(_ duration: UInt64, of tenant: String, at place: Place) {
    if isThere(place) { statements[Int(place.index)].tenants.add(tenant, duration) }
  }

  private static func count(_ run: Run, _ counts: inout QueryCounts) {
    counts.calls &+= UInt64(run.calls)
    counts.rows &+= run.rows
    counts.time &+= run.duration
    counts.longest = max(counts.longest, run.duration)
    if run.isError { counts.errors &+= 1 }
    if run.isSlow { counts.slow &+= 1 }
  }

  /// A statement has been repeated as often as makes it worth telling, or once more.
  /// - Parameter by: at first; nil: once more.
  public mutating func addRepeat(
    at place: Place, scope: Int32, calls: UInt64, by: RepeatedBy?
  ) {
    if by != nil { scopes[Int(scope)].repeats &+= 1 }
    guard isThere(place) else { return }
    let index = Int(place.index)
    statements[index].counts.repeatedCalls &+= calls
    guard let by else { return }
    statements[index].counts.repeats &+= 1
    statements[index].repeatedBy = by
  }

  /// Of a text that PostgreSQL could not read no more is shown than stands in front of its first
  /// literal.
  public mutating func shorten(at place: Place) {
    guard isThere(place) else { return }
    let text = statements[Int(place.index)].text
    guard let literal = text.utf8.firstIndex(of: UInt8(ascii: "?")) else { return }
    statements[Int(place.index)].text = text[...literal] + " ..."
  }

  /// Whether something about a statement may be logged, which was not for `interval`.
  public mutating func mayLog(at place: Place, now: UInt64, interval: UInt64) -> Bool {
    guard isThere(place) else { return false }
    let index = Int(place.index)
    guard statements[index].loggedAt == 0 || now &- statements[index].loggedAt >= interval else {
      return false
    }
    statements[index].loggedAt = now
    return true
  }
}
