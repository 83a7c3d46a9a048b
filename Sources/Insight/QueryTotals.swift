/// What all loops together know of one statement.
public struct QueryTotals: Sendable {
  public let database: String
  public let user: String
  public let text: String
  public internal(set) var counts: QueryCounts
  public internal(set) var histogram: LatencyHistogram
  public internal(set) var tenants = TopTenants()
  public internal(set) var repeatedBy: RepeatedBy?

  /// The text that stands for statements that have given way, or that could not be told.
  public static let others = "(other statements)"

  /// Microseconds of one call.
  public var mean: UInt64 { counts.calls == 0 ? 0 : counts.time / counts.calls }

  /// Microseconds.
  public var p99: UInt64 { min(counts.longest, histogram.quantile(0.99)) }

  /// The statements of all loops, those that took the most time first.
  public static func merge(_ copies: [QueryCopy]) -> [QueryTotals] {
    var all: [QueryTotals] = []
    var places: [QueryTable.Name: Int] = [:]
    for copy in copies {
      for statement in copy.statements where statement.counts.calls > 0 {
        let scope = copy.scopes[Int(statement.scope)]
        let name = QueryTable.Name(database: scope.database, user: scope.user, hash: statement.hash)
        if let place = places[name] {
          all[place].counts += statement.counts
          all[place].histogram += statement.histogram
          all[place].tenants += statement.tenants
          all[place].repeatedBy = statement.repeatedBy ?? all[place].repeatedBy
        } else {
          places[name] = all.count
          var totals = QueryTotals(scope, statement.text, statement.counts, statement.histogram)
          totals.tenants = statement.tenants
          totals.repeatedBy = statement.repeatedBy
          all.append(totals)
        }
      }
    }
    let order = all.indices.sorted {
      (all[$0].counts.time, all[$1].text) > (all[$1].counts.time, all[$0].text)
    }
    return order.map { all[$0] } + mergeOthers(copies)
  }

  private static func mergeOthers(_ copies: [QueryCopy]) -> [QueryTotals] {
    var all: [QueryTable.Name: QueryTotals] = [:]
    for scope in copies.flatMap(\.scopes) where scope.others.calls > 0 {
      let key = QueryTable.Name(database: scope.database, user: scope.user, hash: 0)
      var totals = all[key] ?? QueryTotals(scope, others, QueryCounts(), LatencyHistogram())
      totals.counts += scope.others
      totals.histogram += scope.othersHistogram
      all[key] = totals
    }
    return all.values.sorted { $0.counts.time > $1.counts.time }
  }

  private init(
    _ scope: QueryTable.Scope, _ text: String, _ counts: QueryCounts, _ histogram: LatencyHistogram
  ) {
    database = scope.database
    user = scope.user
    self.text = text
    self.counts = counts
    self.histogram = histogram
  }
}
