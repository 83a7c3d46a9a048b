import Logging
import Synchronization

/// Counts the lines of each cause, and says whether one more may be written. It is asked before
/// a line is made, and takes no lock: loops that refuse clients in a storm do not wait for each
/// other.
///
/// It is a leaky bucket by times (GCRA): a cause has one number, the time up to which its lines so
/// far have used up what it may.
public final class LogLimiter: Sendable {
  /// How many seconds' worth of lines may come at once.
  public static let burstSeconds: UInt64 = 10
  /// How much more of `LogCause.Rate.routine` is written.
  static let routineFactor: UInt64 = 100

  private final class Account: Sendable {
    /// In microseconds.
    let usedUpTo = Atomic<UInt64>(0)
    let suppressed = Atomic<Int>(0)
    /// The gravest of what was suppressed, as its place in `Logger.Level`.
    let level = Atomic<Int>(0)
    /// When it was first seen that lines were suppressed; 0: none were. Of `takeReports` alone.
    let since = Atomic<UInt64>(0)
    init() {}
  }

  private let accounts: [Account]
  private let rate = Atomic<UInt64>(0)
  /// All lines that were not written.
  public let suppressed = LogCounter()

  init() { accounts = LogCause.allCases.map { _ in Account() } }

  /// Lines of one cause a second; 0: all.
  public var limit: Int {
    get { Int(rate.load(ordering: .relaxed)) }
    set { rate.store(UInt64(max(0, newValue)), ordering: .relaxed) }
  }

  /// Whether a line may be written now; one that may not is counted.
  /// - Parameters:
  ///   - now: microseconds of a clock that does not go back.
  ///   - lines: how many come together.
  public func admits(
    _ cause: LogCause, _ level: Logger.Level, now: UInt64, lines: Int = 1
  ) -> Bool {
    let limit = rate.load(ordering: .relaxed)
    if limit == 0 || cause.rate == .unlimited { return true }
    let perSecond = cause.rate == .routine ? limit &* Self.routineFactor : limit
    let step = max(1, 1_000_000 / perSecond)
    let account = accounts[cause.rawValue]
    var used = account.usedUpTo.load(ordering: .relaxed)
    // Others may be faster than this one a few times; who loses each time writes one too many.
    for _ in 0..<16 {
      let start = max(used, now)
      if start &- now >= step &* perSecond &* Self.burstSeconds {
        suppress(account, level, lines)
        return false
      }
      let (isDone, current) = account.usedUpTo.weakCompareExchange(
        expected: used, desired: start &+ step, ordering: .relaxed)
      if isDone { return true }
      used = current
    }
    return true
  }

  private func suppress(_ account: Account, _ level: Logger.Level, _ lines: Int) {
    account.suppressed.wrappingAdd(lines, ordering: .relaxed)
    suppressed.add(lines)
    let place = Logger.Level.allCases.firstIndex(of: level) ?? 0
    // Of two at once one may be lost: it is about the level of one line.
    if place > account.level.load(ordering: .relaxed) {
      account.level.store(place, ordering: .relaxed)
    }
  }

  /// What is to be said of lines that were not written.
  public struct Report: Equatable, Sendable {
    public let cause: LogCause
    public let level: Logger.Level
    public let lines: Int
    public let seconds: Int

    public var text: String {
      "\(lines) more lines like this in the last \(seconds) s: "
        + "\(cause.name.split(separator: "_").joined(separator: " ")) (log_rate_limit)"
    }
  }

  static let reportMicroseconds: UInt64 = 10_000_000

  /// What is due to be said. One thread calls it, about once a second.
  /// - Parameter isLast: nothing is put off.
  public func takeReports(now: UInt64, isLast: Bool = false) -> [Report] {
    var reports: [Report] = []
    for cause in LogCause.allCases {
      let account = accounts[cause.rawValue]
      guard account.suppressed.load(ordering: .relaxed) > 0 else { continue }
      let since = account.since.load(ordering: .relaxed)
      if since == 0 && !isLast {
        account.since.store(now, ordering: .relaxed)
        continue
      }
      let age = since == 0 ? 0 : now &- since
      guard isLast || age >= Self.reportMicroseconds else { continue }
      account.since.store(0, ordering: .relaxed)
      let lines = account.suppressed.exchange(0, ordering: .relaxed)
      let level = account.level.exchange(0, ordering: .relaxed)
      reports.append(
        Report(
          cause: cause, level: Logger.Level.allCases[level], lines: lines,
          seconds: max(1, Int((age + 999_999) / 1_000_000))))
    }
    return reports
  }
}
