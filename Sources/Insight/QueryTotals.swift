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
  public static func merge(_ tables: [QueryTable]) -> [QueryTotals] {
    var all: [QueryTable.Name: QueryTotals] = [:]
    for table in tables {
      for statement in table.statements where statement.counts.calls > 0 {
        let scope = table.scopes[Int(statement.scope)]
        let key = QueryTable.Name(database: scope.database, user: scope.user, hash: statement.hash)
        guard var known = all[key] else {
          var totals = QueryTotals(scope, statement.text, statement.counts, statement.histogram)
          totals.tenants = statement.tenants
          totals.repeatedBy = statement.repeatedBy
          all[key] = totals
          continue
        }
        // Taken out meanwhile, lest it be copied.
        all[key] = nil
        known.counts += statement.counts
        known.histogram += statement.histogram
        known.tenants += statement.tenants
        known.repeatedBy = statement.repeatedBy ?? known.repeatedBy
        all[key] = known
      }
    }
    let others = mergeOthers(tables)
    return all.values.sorted { ($0.counts.time, $1.text) > ($1.counts.time, $0.text) } + others
  }

  private static func mergeOthers(_ tables: [QueryTable]) -> [QueryTotals] {
    var all: [QueryTable.Name: QueryTotals] = [:]
    for scope in tables.flatMap(\.scopes) where scope.others.calls > 0 {
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
