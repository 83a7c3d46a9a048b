import Glibc
import Pooling
import Testing

/// The promise that a release rests on: the ledger may think that more is owed than really is, and
/// never less. Nor may it wait for what never comes, unless it says that it can't be trusted.
/// `LEDGER_SEED=n` runs one seed alone, `FUZZ_FACTOR=n` runs n times as many.
@Suite struct LedgerFuzzTests {
  private static func variable(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  private static let seeds: Range<UInt64> = {
    if let seed = variable("LEDGER_SEED") { return seed..<seed + 1 }
    return 1..<20_000 * (variable("FUZZ_FACTOR") ?? 1)
  }()

  @Test func `a clean ledger means a free server, whatever both sides do`() {
    var cleanChecks = 0
    var quietChecks = 0
    var faults = 0
    for seed in Self.seeds {
      var run = LedgerRun(seed: seed, isTracing: false)
      run.run(steps: 60)
      cleanChecks += run.cleanChecks
      quietChecks += run.quietChecks
      guard run.fault != nil else { continue }
      var again = LedgerRun(seed: seed, isTracing: true)
      again.run(steps: 60)
      Issue.record(
        "LEDGER_SEED=\(seed): \(again.fault ?? "")\n\(again.trace.joined(separator: "\n"))")
      faults += 1
      if faults == 5 { return }
    }
    // A check that is never reached would prove nothing.
    #expect(Self.seeds.count == 1 || (cleanChecks > 50_000 && quietChecks > 50_000))
  }

  @Test func `what drivers send leaves the ledger clean in the end`() {
    for seed in Self.seeds where seed % 4 == 0 || Self.seeds.count == 1 {
      var run = LedgerRun(seed: seed, isTracing: false)
      run.failPercent = 0
      run.runPolitely(parts: 12)
      guard run.fault != nil else { continue }
      var again = LedgerRun(seed: seed, isTracing: true)
      again.failPercent = 0
      again.runPolitely(parts: 12)
      Issue.record(
        "LEDGER_SEED=\(seed): \(again.fault ?? "")\n\(again.trace.joined(separator: "\n"))")
      return
    }
  }

  @Test func `however a COPY fails, what is owed is told`() {
    var (recounts, lateReadies) = (0, 0)
    for seed in Self.seeds {
      var run = LedgerRun(seed: seed, isTracing: false)
      run.failPercent = 30
      run.runPolitely(parts: 8, copyPercent: 60)
      recounts += run.recounts
      lateReadies += run.lateReadies
      guard run.fault != nil else { continue }
      var again = LedgerRun(seed: seed, isTracing: true)
      again.failPercent = 30
      again.runPolitely(parts: 8, copyPercent: 60)
      Issue.record(
        "LEDGER_SEED=\(seed): \(again.fault ?? "")\n\(again.trace.joined(separator: "\n"))")
      return
    }
    #expect(
      Self.seeds.count == 1 || (recounts > 1_000 && lateReadies > 100),
      "\(recounts) questions, \(lateReadies) late answers")
  }
}
