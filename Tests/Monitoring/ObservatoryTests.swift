import Admin
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Monitoring

/// Counts what it is asked, and answers when it is told to: a pooler answers in microseconds.
private final class CountingSource: MetricsSource {
  struct Counts: Equatable {
    var snapshots = 0
    var waits = 0
    var queries = 0
  }

  private struct State {
    var counts = Counts()
    var isOpen = false
    var held: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  var counts: Counts { state.withLock { $0.counts } }

  func answer() {
    let held = state.withLock { state in
      state.isOpen = true
      defer { state.held = [] }
      return state.held
    }
    for continuation in held { continuation.resume() }
  }

  func snapshot() async -> MetricsSnapshot {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        state.counts.snapshots += 1
        if !state.isOpen { state.held.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
    var snapshot = MetricsSnapshot()
    snapshot.version = "of the source"
    return snapshot
  }

  func waits(limit: Int) async -> [WaitReport] {
    state.withLock { $0.counts.waits += 1 }
    return []
  }

  func queries(limit: Int) async -> [QueryReport]? {
    state.withLock { $0.counts.queries += 1 }
    return nil
  }

  func giveUpOnLateAnswers() {}

  var liveness: Health { .good }
  var readiness: Readiness { .known(.good) }
}

@Suite struct ObservatoryTests {
  @Test func `pages that poll at once share one look at the loops, later ones do not`()
    async throws
  {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let executor = LoopExecutor(group.any())
    let source = CountingSource()
    let observatory = Observatory(
      source: source, prober: ServerProber(group: group, executor: executor),
      executor: executor, tenants: 10)
    let pages = (0..<20).map { number in
      Task { await observatory.status(hasHistory: number % 2 == 0) }
    }
    for _ in 0..<10_000 where source.counts.snapshots == 0 {
      try await Task.sleep(for: .milliseconds(1))
    }
    // All have asked by then, but for a machine that sleeps.
    try await Task.sleep(for: .milliseconds(300))
    source.answer()
    for page in pages {
      let text = String(decoding: await page.value, as: UTF8.self)
      #expect(text.contains(#""version":"of the source""#))
    }
    #expect(source.counts == CountingSource.Counts(snapshots: 1, waits: 1, queries: 1))
    _ = await observatory.status(hasHistory: false)
    #expect(source.counts == CountingSource.Counts(snapshots: 2, waits: 2, queries: 2))
    try await group.shutdownGracefully()
  }
}
