import Admin
import Insight
import Settings

// Which statements take the time, for the dashboard.
extension Pooler {
  /// How many statements each loop names as those that took the most time on it. The others are
  /// taken for those that did not on all loops together either.
  private static var ranked: Int { 1000 }

  /// As SHOW QUERIES has them, at most so many; nil: query_stats is off. A loop hands over what is
  /// asked for, and no copy of all: that would be a long turn, and another one when it counts next.
  func queries(limit: Int) async -> [QueryReport]? {
    guard settings.queryStats else { return nil }
    let rankings = await inquirer.ask(.ranking(Self.ranked), of: mailboxes)
    let names = QuerySelection.first(limit, of: rankings.flatMap(\.ranking))
    let reports = await inquirer.ask(.statements(names), of: mailboxes)
    return QueryTotals.merge(reports.compactMap(\.queries)).prefix(limit).map { query in
      QueryReport(
        database: query.database, user: query.user, fingerprint: query.text,
        calls: query.counts.calls, errors: query.counts.errors, rows: query.counts.rows,
        total: query.counts.time, mean: query.mean, p99: query.p99,
        repeats: query.counts.repeats, repeatApplication: query.repeatedBy?.application,
        repeatTenant: query.repeatedBy?.tenant)
    }
  }
}
