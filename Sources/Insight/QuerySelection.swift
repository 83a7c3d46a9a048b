/// The statements of one loop that took the most time, found in pieces, as the loop has other
/// things to do. It keeps nothing of the table, of which so nothing has to be copied.
public struct QuerySelection: Sendable {
  /// A statement, and the time that it took on one loop, in microseconds.
  public struct Ranked: Equatable, Sendable {
    public let name: QueryTable.Name
    public let time: UInt64
  }

  private struct Candidate {
    let hash: UInt64
    let scope: Int32
    let time: UInt64
  }

  /// How many are looked for.
  private let most: Int
  private var next = 0
  private var candidates: [Candidate] = []
  /// What took less is not among them.
  private var leastTime: UInt64 = 0

  public init(most: Int) { self.most = max(1, most) }

  /// Looks at some more of the statements.
  /// - Returns: whether those were the last.
  public mutating func goOn(in table: borrowing QueryTable, count: Int) -> Bool {
    let end = min(table.statements.count, next + count)
    while next < end {
      let time = table.statements[next].counts.time
      if time >= leastTime, table.statements[next].counts.calls > 0 {
        candidates.append(
          Candidate(
            hash: table.statements[next].hash, scope: table.statements[next].scope, time: time))
        if candidates.count >= 2 * most { cut() }
      }
      next += 1
    }
    return next >= table.statements.count
  }

  private mutating func cut() {
    guard candidates.count > most else { return }
    candidates.sort { $0.time > $1.time }
    candidates.removeLast(candidates.count - most)
    leastTime = candidates[most - 1].time
  }

  /// What was found, in no order, by the names that other loops know too.
  public mutating func found(in table: borrowing QueryTable) -> [Ranked] {
    cut()
    return candidates.map { candidate in
      let scope = table.scopes[Int(candidate.scope)]
      return Ranked(
        name: QueryTable.Name(
          database: scope.database, user: scope.user, hash: candidate.hash),
        time: candidate.time)
    }
  }

  /// Those that took the most time on all loops together.
  public static func first(_ count: Int, of ranked: [Ranked]) -> [QueryTable.Name] {
    var times: [QueryTable.Name: UInt64] = [:]
    for one in ranked { times[one.name, default: 0] &+= one.time }
    return times.sorted { $0.value > $1.value }.prefix(count).map(\.key)
  }
}

extension QueryTable {
  /// What a statement of a pool is known by on all loops.
  public struct Name: Hashable, Sendable {
    public let database: String
    public let user: String
    public let hash: UInt64
  }
}
