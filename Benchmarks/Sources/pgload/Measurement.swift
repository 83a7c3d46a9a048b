import CBench
import FoundationEssentials
import Histogram

/// The clocks at one end of what is measured.
struct Snapshot {
  let nanoseconds = cb_now_nanoseconds()
  /// pgload's own CPU time: where it fills a core, pgload is what limits the throughput.
  let ownCPU = cb_cpu_nanoseconds(0)
  let watchedCPU: UInt64
  /// Of the watched process, by /proc/PID/stat.
  let userSeconds: Double
  let systemSeconds: Double

  init(watching process: Int32?) {
    watchedCPU = process.map { cb_cpu_nanoseconds($0) } ?? 0
    (userSeconds, systemSeconds) = process.map(Snapshot.stat) ?? (0, 0)
  }

  /// Fields 14 and 15 of proc(5)'s stat, counted behind the name, which may hold spaces.
  private static func stat(_ process: Int32) -> (Double, Double) {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let name = text.lastIndex(of: ")")
    else { return (0, 0) }
    let fields = text[name...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else {
      return (0, 0)
    }
    let ticks = Double(cb_ticks_per_second())
    return (user / ticks, system / ticks)
  }
}

/// What a run found.
struct Measurement {
  let counts: Load.Counts
  let histogram: Histogram<UInt64>
  let begin: Snapshot
  let end: Snapshot

  func report(mode: Mode, plan: Plan, loginSeconds: Double) -> Report {
    let seconds = Double(end.nanoseconds - begin.nanoseconds) / 1e9
    func microseconds(_ percentile: Double) -> Double {
      counts.transactions == 0 ? 0 : Double(histogram.valueAtPercentile(percentile)) / 1e3
    }
    var report = Report(
      mode: mode.rawValue, clients: plan.clientCount, loginSeconds: loginSeconds,
      transactions: counts.transactions, errors: counts.errors, firstError: counts.firstError,
      seconds: seconds, transactionsPerSecond: Double(counts.transactions) / seconds,
      bytes: counts.bytes,
      latencyMicroseconds: Report.Latency(
        p50: microseconds(50), p99: microseconds(99), p999: microseconds(99.9),
        max: counts.transactions == 0 ? 0 : Double(histogram.max) / 1e3,
        mean: counts.transactions == 0 ? 0 : histogram.mean / 1e3),
      ownCPUSeconds: Double(end.ownCPU - begin.ownCPU) / 1e9)
    if plan.watchedProcess != nil {
      report.watched = Report.Watched(
        cpuSeconds: Double(max(end.watchedCPU, begin.watchedCPU) - begin.watchedCPU) / 1e9,
        userSeconds: end.userSeconds - begin.userSeconds,
        systemSeconds: end.systemSeconds - begin.systemSeconds)
    }
    return report
  }
}

/// What is printed, as JSON or as lines.
struct Report: Codable {
  struct Latency: Codable {
    let p50, p99, p999, max, mean: Double
  }
  struct Watched: Codable {
    let cpuSeconds, userSeconds, systemSeconds: Double
  }

  let mode: String
  let clients: Int
  let loginSeconds: Double
  let transactions: Int
  let errors: Int
  let firstError: String?
  let seconds: Double
  let transactionsPerSecond: Double
  let bytes: Int
  let latencyMicroseconds: Latency
  let ownCPUSeconds: Double
  var watched: Watched?

  var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    guard let data = try? encoder.encode(self) else { return "{}" }
    return String(decoding: data, as: UTF8.self)
  }

  var lines: String {
    let latency = latencyMicroseconds
    var lines = """
      \(mode), \(clients) clients: \(transactions) transactions in \(rounded(seconds)) s, \
      \(Int(transactionsPerSecond)) a second, \(errors) errors
      latency in microseconds: p50 \(rounded(latency.p50)), p99 \(rounded(latency.p99)), \
      p99.9 \(rounded(latency.p999)), max \(rounded(latency.max))
      """
    if bytes > 0 {
      lines += "\nCOPY: \(bytes) bytes, \(rounded(Double(bytes) / 1e6 / seconds)) MB a second"
    }
    if let watched {
      let each = watched.cpuSeconds * 1e6 / Double(max(1, transactions))
      lines += "\nwatched process: \(rounded(watched.cpuSeconds)) s of CPU,"
      lines += " \(rounded(each)) microseconds a transaction"
    }
    if let firstError { lines += "\nfirst error: \(firstError)" }
    return lines
  }

  private func rounded(_ value: Double) -> String { String((value * 100).rounded() / 100) }
}
