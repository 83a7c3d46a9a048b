import Glibc
import Logging
import Reactor
import Synchronization

/// What is known of the log besides its lines. Any thread may ask and tell.
public final class LogState: Sendable {
  public let limiter = LogLimiter()
  public let problems = RecentProblems()
  private let lines: [LogCounter]
  /// Lines that no target took.
  public let lost = LogCounter()
  /// Whether lines have fields beside their text, so that they are to be made.
  private let fields = Atomic<Bool>(false)

  public init() { lines = Logger.Level.allCases.map { _ in LogCounter() } }

  public var wantsFields: Bool {
    get { fields.load(ordering: .relaxed) }
    set { fields.store(newValue, ordering: .relaxed) }
  }

  /// Lines by level since the start, under the names of ``LogLine/levelName(_:)``.
  public var lineCounts: [(level: String, lines: Int)] {
    var counts: [(level: String, lines: Int)] = []
    for (level, counter) in zip(Logger.Level.allCases, lines) {
      let name = LogLine.levelName(level)
      if let last = counts.last, last.level == name {
        counts[counts.count - 1].lines += counter.count
      } else {
        counts.append((name, counter.count))
      }
    }
    return counts
  }

  /// Takes note of a line.
  func note(_ line: LogLine) {
    if let index = Logger.Level.allCases.firstIndex(of: line.level) { lines[index].add(1) }
    if line.level >= .warning { problems.add(line) }
  }
}

/// A number that several threads change.
public final class LogCounter: Sendable {
  private let value = Atomic<Int>(0)
  init() {}
  public var count: Int { value.load(ordering: .relaxed) }
  func add(_ count: Int) { value.wrappingAdd(count, ordering: .relaxed) }
}

/// A line of the level warning or worse.
public struct LogProblem: Sendable, Equatable {
  /// Seconds since 1970.
  public let time: Double
  /// As ``LogLine/levelName(_:)`` has it.
  public let level: String
  public let text: String
}

/// The last lines of the level warning or worse, for the dashboard.
public final class RecentProblems: Sendable {
  /// How many are kept, and how long their texts are at most, in bytes.
  public static let limit = 50
  static let longestText = 500

  private struct Ring {
    var problems: [LogProblem] = []
    /// The oldest, once all places are taken.
    var next = 0
  }

  /// Guards the ring. It is taken alone.
  private let ring = Lock(Ring())

  init() {}

  func add(_ line: LogLine) {
    let problem = LogProblem(
      time: Double(line.time.tv_sec) + Double(line.time.tv_nsec / 1_000_000) / 1000,
      level: LogLine.levelName(line.level),
      text: LogText.escaped(line.message, limit: Self.longestText))
    ring.withLock { ring in
      if ring.problems.count < Self.limit {
        ring.problems.append(problem)
      } else {
        ring.problems[ring.next] = problem
        ring.next = (ring.next + 1) % Self.limit
      }
    }
  }

  /// All, the newest first.
  public var all: [LogProblem] {
    ring.withLock { ring in
      Array((ring.problems[ring.next...] + ring.problems[..<ring.next]).reversed())
    }
  }
}
