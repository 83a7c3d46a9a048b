import Insight
import Settings

typealias InsightPointer = UnsafeMutablePointer<QueryInsight>
typealias ObservedPointer = UnsafeMutablePointer<ObservedClient>

/// What one loop knows about statements; there is none while query_stats and log_min_duration are
/// off.
///
/// At an address of its own, so that the way of a query neither counts references nor checks for
/// exclusivity.
struct QueryInsight: ~Copyable {
  /// Texts whose fingerprints are remembered, by the hash of the text; a power of two.
  private static let rememberedTexts = 512

  var table: QueryTable
  private var normaliser = Normaliser()
  private var remembered: [(raw: UInt64, statement: ObservedClient.Named)]
  let key: KeyedHash
  /// Microseconds; `max`: none is slow.
  var slowDuration: UInt64
  /// `max`: repetitions are not told.
  var repeatThreshold: UInt32
  let limit: Int
  /// SHOW QUERIES tells of what is counted.
  var isShown: Bool

  init(_ settings: Settings, key: KeyedHash, seed: UInt64) {
    self.key = key
    limit = settings.queryStatsMax
    table = QueryTable(limit: limit, seed: seed)
    remembered = Array(
      repeating: (0, ObservedClient.Named(hash: 0, isRead: false)), count: Self.rememberedTexts)
    slowDuration = .max
    repeatThreshold = .max
    isShown = false
    apply(settings)
  }

  static func isWanted(_ settings: Settings) -> Bool {
    settings.queryStats || settings.logMinDuration != .zero
  }

  mutating func apply(_ settings: Settings) {
    let least = settings.logMinDuration.microseconds
    slowDuration = least == 0 ? .max : least
    let times = UInt32(clamping: settings.queryRepeatThreshold)
    // Once is no repetition.
    repeatThreshold = settings.queryStats && times > 0 ? max(2, times) : .max
    isShown = settings.queryStats
  }

  /// The statement that a text is, and its place in the table.
  /// - Parameter observed: whose comment it becomes, if it has one.
  mutating func statement(
    _ text: UnsafeRawBufferPointer, scope: Int32, of observed: ObservedPointer?
  ) -> (statement: ObservedClient.Named, place: QueryTable.Place) {
    let raw = key.hash(text.bytes)
    let slot = Int(truncatingIfNeeded: raw) & (Self.rememberedTexts - 1)
    if remembered[slot].raw == raw {
      let statement = remembered[slot].statement
      if let place = table.find(statement.hash, scope: scope) { return (statement, place) }
    }
    let bytes = text.assumingMemoryBound(to: UInt8.self).span
    let reading = normaliser.read(bytes)
    var statement = ObservedClient.Named(hash: normaliser.hash(key), isRead: reading.isRead)
    if reading.leading == nil && reading.trailing == nil {
      remembered[slot] = (raw, statement)
    } else if let observed {
      for range in [reading.trailing, reading.leading].compactMap(\.self) {
        statement.comment = observed.pointee.keep(bytes, range, key)
        if statement.comment != 0 { break }
      }
    }
    if let place = table.find(statement.hash, scope: scope) { return (statement, place) }
    let place = table.insert(
      statement.hash, scope: scope, text: normaliser.shown, isRead: statement.isRead)
    return (statement, place)
  }
}
