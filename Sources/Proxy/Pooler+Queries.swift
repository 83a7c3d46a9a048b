import Admin
import Insight
import Settings

// Which statements take the time, for the dashboard.
extension Pooler {
  /// As SHOW QUERIES has them, at most so many; nil: query_stats is off.
  func queries(limit: Int) async -> [QueryReport]? {
    guard settings.queryStats else { return nil }
    let reports = await inquirer.ask(.queries, of: mailboxes)
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
