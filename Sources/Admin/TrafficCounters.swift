/// What a pool, a database, or the whole process has done since the start. Plain numbers, which
/// their owner alone changes.
public struct TrafficCounters: Equatable, Sendable {
  /// Servers given to clients.
  public var assignments: UInt64 = 0
  /// Transactions that have ended.
  public var transactions: UInt64 = 0
  /// Queries, or batches of extended messages, that are answered.
  public var queries: UInt64 = 0
  /// Bytes of clients, and to them, after their logins.
  public var received: UInt64 = 0
  public var sent: UInt64 = 0
  /// Microseconds within transactions, with queries, and of waits for a server.
  public var transactionTime: UInt64 = 0
  public var queryTime: UInt64 = 0
  public var waitTime: UInt64 = 0
  /// Named prepared statements: made by clients, made on servers, and bound.
  public var clientParses: UInt64 = 0
  public var serverParses: UInt64 = 0
  public var binds: UInt64 = 0
  public var logins: UInt64 = 0

  public init() {}

  /// In the order of the columns of SHOW STATS.
  public var figures: [UInt64] {
    [
      assignments, transactions, queries, received, sent, transactionTime, queryTime, waitTime,
      clientParses, serverParses, binds, logins,
    ]
  }

  public static func += (left: inout TrafficCounters, right: TrafficCounters) {
    left.assignments &+= right.assignments
    left.transactions &+= right.transactions
    left.queries &+= right.queries
    left.received &+= right.received
    left.sent &+= right.sent
    left.transactionTime &+= right.transactionTime
    left.queryTime &+= right.queryTime
    left.waitTime &+= right.waitTime
    left.clientParses &+= right.clientParses
    left.serverParses &+= right.serverParses
    left.binds &+= right.binds
    left.logins &+= right.logins
  }

  /// What has been done between an older reading and this one, as SHOW STATS tells it: counts and
  /// bytes in a second, the time of one transaction and of one query, and the time waited in a
  /// second.
  public func averages(since old: TrafficCounters, microseconds: UInt64) -> [UInt64] {
    let differences = zip(figures, old.figures).map { $0 > $1 ? $0 - $1 : 0 }
    var averages = differences.map { difference -> UInt64 in
      guard microseconds > 0 else { return 0 }
      let (high, low) = difference.multipliedFullWidth(by: 1_000_000)
      return high < microseconds ? microseconds.dividingFullWidth((high, low)).quotient : .max
    }
    averages[5] = differences[1] == 0 ? 0 : differences[5] / differences[1]
    averages[6] = differences[2] == 0 ? 0 : differences[6] / differences[2]
    return averages
  }
}
