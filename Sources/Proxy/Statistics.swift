import Admin

/// What has been counted in the past: of pools that have gone, and at the ends of the last two
/// periods (stats_period), between which the averages are taken.
struct Statistics: Sendable {
  struct Reading: Sendable {
    var time: UInt64
    var databases: [String: TrafficCounters] = [:]
  }

  /// Of pools that have gone, by database.
  private(set) var retired: [String: TrafficCounters] = [:]
  private(set) var older: Reading
  private(set) var newer: Reading

  init(now: UInt64) {
    older = Reading(time: now)
    newer = Reading(time: now)
  }

  mutating func retire(_ counters: TrafficCounters, database: String) {
    retired[database, default: TrafficCounters()] += counters
  }

  /// A period ends.
  mutating func take(_ databases: [String: TrafficCounters], now: UInt64) {
    older = newer
    newer = Reading(time: now, databases: databases)
  }

  func averages(_ database: String) -> [UInt64] {
    let none = TrafficCounters()
    return newer.databases[database, default: none].averages(
      since: older.databases[database, default: none], microseconds: newer.time &- older.time)
  }

  /// Of all databases together.
  var averages: [UInt64] {
    func sum(_ reading: Reading) -> TrafficCounters {
      reading.databases.values.reduce(into: TrafficCounters()) { $0 += $1 }
    }
    return sum(newer).averages(since: sum(older), microseconds: newer.time &- older.time)
  }
}
