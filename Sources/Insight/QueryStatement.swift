/// How often a statement was run, and for how long.
public struct QueryCounts: Equatable, Sendable {
  public var calls: UInt64 = 0
  public var errors: UInt64 = 0
  public var rows: UInt64 = 0
  /// Microseconds.
  public var time: UInt64 = 0
  public var longest: UInt64 = 0
  /// Transactions and requests that ran it over and over, and its calls in them.
  public var repeats: UInt64 = 0
  public var repeatedCalls: UInt64 = 0
  /// Calls that took log_min_duration or longer.
  public var slow: UInt64 = 0

  public init() {}

  public static func += (left: inout QueryCounts, right: QueryCounts) {
    left.calls &+= right.calls
    left.errors &+= right.errors
    left.rows &+= right.rows
    left.time &+= right.time
    left.longest = max(left.longest, right.longest)
    left.repeats &+= right.repeats
    left.repeatedCalls &+= right.repeatedCalls
    left.slow &+= right.slow
  }
}

/// Who repeated a statement last.
public struct RepeatedBy: Equatable, Sendable {
  public var application: String?
  public var tenant: String?

  /// - Parameter application: a client's own choice, of which the beginning is kept.
  public init(application: String?, tenant: String?) {
    self.application = application.map { String($0.prefix(64)) }
    self.tenant = tenant
  }
}

/// The tenants that a statement took the most time for: of each of a few how much, at most. Who is
/// not among them and comes takes the place, and the time, of the least (Metwally's Space-Saving).
public struct TopTenants: Equatable, Sendable {
  static let most = 4

  public private(set) var names: [String] = []
  public private(set) var times: [UInt64] = []

  public mutating func add(_ name: String, _ time: UInt64) {
    if let index = names.firstIndex(of: name) {
      times[index] &+= time
    } else if names.count < Self.most {
      names.append(name)
      times.append(time)
    } else if let least = times.indices.min(by: { times[$0] < times[$1] }) {
      names[least] = name
      times[least] &+= time
    }
  }

  public static func += (left: inout TopTenants, right: TopTenants) {
    for (name, time) in zip(right.names, right.times) { left.add(name, time) }
  }

  /// `a=1200, b=300`; nil: there are none.
  public var text: String? {
    if names.isEmpty { return nil }
    return zip(names, times).sorted { $0.1 > $1.1 }.map { "\($0)=\($1)" }.joined(separator: ", ")
  }

  public var first: (name: String, time: UInt64)? {
    guard let most = times.indices.max(by: { times[$0] < times[$1] }) else { return nil }
    return (names[most], times[most])
  }
}

/// What one loop knows of one statement of one pool.
public struct QueryStatement: Sendable {
  public internal(set) var hash: UInt64
  public internal(set) var scope: Int32
  /// The fingerprint, cut where it is long.
  public internal(set) var text: String
  public internal(set) var isRead: Bool
  public internal(set) var counts = QueryCounts()
  public internal(set) var histogram = LatencyHistogram()
  public internal(set) var tenants = TopTenants()
  public internal(set) var repeatedBy: RepeatedBy?
  /// When its repetition was last logged, in microseconds; 0: never.
  public internal(set) var loggedAt: UInt64 = 0
  /// How much it was used, as of an age of the table: half as much with each age.
  var usage: UInt32 = 0
  var age: UInt32 = 0
  /// Tells it from others that were in its place.
  var generation: UInt32
}
