import Glibc
import Logging
import Pooling
import Testing

@testable import Logs

struct LogLimiterTests {
  private static let second: UInt64 = 1_000_000

  private static func count(
    _ limiter: LogLimiter, _ cause: LogCause, _ attempts: Int, at now: UInt64
  ) -> Int {
    (0..<attempts).reduce(0) { sum, _ in sum + (limiter.admits(cause, .info, now: now) ? 1 : 0) }
  }

  @Test(arguments: Ending.Label.allCases)
  func `how a client ends has one name in the log and in metrics`(label: Ending.Label) {
    #expect(LogCause(name: label.rawValue)?.name == label.rawValue)
    #expect(LogCause(name: label.rawValue + "x") == nil)
  }

  @Test func `ten seconds' worth come at once, then so many a second`() {
    let limiter = LogLimiter()
    limiter.limit = 10
    var now: UInt64 = 77 * Self.second
    #expect(Self.count(limiter, .noSuchDatabase, 5000, at: now) == 100)
    for _ in 0..<5 {
      now += Self.second
      #expect(Self.count(limiter, .noSuchDatabase, 5000, at: now) == 10)
    }
    #expect(limiter.suppressed.count == 6 * 5000 - 150)
    #expect(Self.count(limiter, .authenticationFailed, 5000, at: now) == 100, "another cause")
    #expect(Self.count(limiter, .noSuchDatabase, 5000, at: now + 1000 * Self.second) == 100)
  }

  @Test func `logins and disconnections have a hundred times as much`() {
    let limiter = LogLimiter()
    limiter.limit = 10
    #expect(Self.count(limiter, .login, 20_000, at: 5) == 10_000)
    #expect(Self.count(limiter, .login, 20_000, at: 5 + Self.second) == 1000)
  }

  @Test func `0 is no limit, and what is never left out is not`() {
    let limiter = LogLimiter()
    #expect(Self.count(limiter, .noSuchDatabase, 50_000, at: 5) == 50_000)
    limiter.limit = 1
    #expect(Self.count(limiter, .command, 50_000, at: 5) == 50_000)
    #expect(Self.count(limiter, .statistics, 50_000, at: 5) == 50_000)
    #expect(limiter.suppressed.count == 0)
    #expect(LogCause.allCases.filter { $0.rate == .unlimited } == [.command, .statistics])
  }

  @Test(arguments: [1, 3, 7, 999, 1_000_000])
  func `any limit keeps its rate over a minute`(_ limit: Int) {
    let limiter = LogLimiter()
    limiter.limit = limit
    var written = 0
    var now: UInt64 = 9
    // Each 10 ms more than may be written, but of the last.
    for _ in 0..<6000 {
      now += 10_000
      written += Self.count(limiter, .serverLost, min(limit, 50), at: now)
    }
    if limit <= 999 {
      #expect((60 * limit...71 * limit + 1).contains(written), "\(written)")
    } else {
      #expect(written == 6000 * 50)
    }
  }

  @Test func `what was left out is told of, with the gravest level and the time`() {
    let limiter = LogLimiter()
    limiter.limit = 1
    var now: UInt64 = 1000 * Self.second
    for _ in 0..<25 { _ = limiter.admits(.noSuchDatabase, .info, now: now, lines: 2) }
    _ = limiter.admits(.noSuchDatabase, .warning, now: now, lines: 2)
    #expect(limiter.takeReports(now: now) == [])
    now += 9 * Self.second
    #expect(limiter.takeReports(now: now) == [])
    now += Self.second
    let reports = limiter.takeReports(now: now)
    #expect(
      reports == [
        LogLimiter.Report(cause: .noSuchDatabase, level: .warning, lines: 32, seconds: 10)
      ])
    #expect(
      reports.first?.text
        == "32 more lines like this in the last 10 s: no such database (log_rate_limit)")
    #expect(limiter.takeReports(now: now + 20 * Self.second, isLast: true) == [])
  }

  @Test func `threads that storm write hardly more than may be, and every line is counted`() {
    let limiter = LogLimiter()
    limiter.limit = 100
    let threads = 4
    let tries = 50_000
    var handles: [pthread_t] = []
    let total = LogCounter()
    for _ in 0..<threads {
      var handle = pthread_t()
      let work = Unmanaged.passRetained(
        Storm { total.add(Self.count(limiter, .serverLost, tries, at: 1_000_000)) })
      pthread_create(
        &handle, nil,
        { context in
          Unmanaged<Storm>.fromOpaque(context!).takeRetainedValue().run()
          return nil
        }, work.toOpaque())
      handles.append(handle)
    }
    for handle in handles { pthread_join(handle, nil) }
    #expect((1000...1100).contains(total.count))
    #expect(total.count + limiter.suppressed.count == threads * tries)
  }

  private final class Storm: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  @Test func `causes have names of their own, in lower case`() {
    let names = LogCause.allCases.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.wholeMatch(of: /[a-z]+(_[a-z]+)*/) != nil })
    #expect(LogCause.clientUnexpectedEof.name == "client_unexpected_eof")
  }
}
