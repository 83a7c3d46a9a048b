import Admin
import Reactor
import Synchronization

/// Asks the loops from outside of them: for metrics. Nobody waits for it but the asker, and not for
/// ever: a loop that does not answer in time is left out.
final class Inquirer: Sendable {
  private struct Inquiry {
    var missing: Int
    var reports: [LoopReport] = []
    let deadline: UInt64
    let then: @Sendable ([LoopReport]) -> Void
  }

  private struct State {
    var lastSerial: UInt64 = 0
    var inquiries: [UInt64: Inquiry] = [:]
    /// A snapshot is being made, and these wait for it too.
    var isMakingSnapshot = false
    var sharers: [CheckedContinuation<MetricsSnapshot?, Never>] = []
    /// What each loop has last said for metrics.
    var lastReports: [Int32: LoopReport] = [:]
  }

  /// Nothing else is locked under it, and nobody is called.
  private let state = Lock(State())

  /// How long a loop has for its answer, in microseconds.
  static var patience: UInt64 { 3_000_000 }

  func ask(_ question: Question, of mailboxes: [Mailbox<Mail>]) async -> [LoopReport] {
    await withCheckedContinuation { continuation in
      let serial = state.withLock { state in
        state.lastSerial += 1
        state.inquiries[state.lastSerial] = Inquiry(
          missing: mailboxes.count, deadline: Clock.now &+ Self.patience,
          then: { continuation.resume(returning: $0) })
        return state.lastSerial
      }
      for mailbox in mailboxes {
        mailbox.post(.asked(question, by: Pooler.monitor, serial: serial))
      }
    }
  }

  /// A loop has answered. Called on it.
  func answered(_ serial: UInt64, _ report: LoopReport) {
    let done = state.withLock { state -> Inquiry? in
      guard state.inquiries[serial] != nil else { return nil }
      state.inquiries[serial]?.reports.append(report)
      state.inquiries[serial]?.missing -= 1
      return state.inquiries[serial]?.missing == 0
        ? state.inquiries.removeValue(forKey: serial) : nil
    }
    if let done { done.then(done.reports) }
  }

  /// Whether anybody waits for an answer still: a loop that has hung finds many questions.
  func isAwaited(_ serial: UInt64) -> Bool {
    state.withLock { $0.inquiries[serial] != nil }
  }

  /// Keeps what loops have said for metrics.
  /// - Returns: what the others said when they last did.
  func lastReports(besides reports: [LoopReport]) -> [LoopReport] {
    state.withLock { state in
      let answered = Set(reports.map(\.loop))
      let silent = state.lastReports.values.filter { !answered.contains($0.loop) }
      for report in reports { state.lastReports[report.loop] = report }
      return silent
    }
  }

  /// Gives up on loops that have not answered in time.
  func expire(now: UInt64) {
    let late = state.withLock { state -> [Inquiry] in
      let late = state.inquiries.filter { now >= $0.value.deadline }
      for serial in late.keys { state.inquiries[serial] = nil }
      return Array(late.values)
    }
    for inquiry in late { inquiry.then(inquiry.reports) }
  }

  /// Makes a snapshot, or waits for the one that is being made.
  func shared(_ make: () async -> MetricsSnapshot) async -> MetricsSnapshot {
    let others = await withCheckedContinuation {
      (continuation: CheckedContinuation<MetricsSnapshot?, Never>) in
      let mustMake = state.withLock { state in
        if state.isMakingSnapshot {
          state.sharers.append(continuation)
          return false
        }
        state.isMakingSnapshot = true
        return true
      }
      if mustMake { continuation.resume(returning: nil) }
    }
    if let others { return others }
    let snapshot = await make()
    let sharers = state.withLock { state in
      state.isMakingSnapshot = false
      defer { state.sharers = [] }
      return state.sharers
    }
    for sharer in sharers { sharer.resume(returning: snapshot) }
    return snapshot
  }
}
