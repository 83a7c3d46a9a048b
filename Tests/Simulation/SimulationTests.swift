import Glibc
import Pooling
import Testing

/// Pools lived in by many at once. `SIMULATION_SEED=n` replays one seed with its trace,
/// `FUZZ_FACTOR=n` runs n times as many.
@Suite struct SimulationTests {
  private static func variable(_ name: String) -> UInt64? {
    getenv(name).flatMap { UInt64(String(cString: $0)) }
  }

  private static let seeds: Range<UInt64> = {
    if let seed = variable("SIMULATION_SEED") { return seed..<seed + 1 }
    return 1..<300 * (variable("FUZZ_FACTOR") ?? 1)
  }()

  private struct Outcome {
    var fault: String?
    var trace: [String]
    var served: Int
    var expired: Int
  }

  private static func live(seed: UInt64, isTracing: Bool) -> Outcome {
    var world = PoolWorld(seed: seed, isTracing: isTracing)
    for _ in 0..<400 where world.fault == nil {
      let before = world.totals()
      world.step()
      world.checkCounts()
      world.checkCaps(before: before)
    }
    world.drain()
    return Outcome(
      fault: world.fault, trace: world.trace, served: world.served, expired: world.expired)
  }

  @Test func `limits hold, nobody is lost and nothing is given twice`() {
    var served = 0
    var expired = 0
    for seed in Self.seeds {
      let outcome = Self.live(seed: seed, isTracing: false)
      served += outcome.served
      expired += outcome.expired
      guard outcome.fault != nil else { continue }
      let again = Self.live(seed: seed, isTracing: true)
      Issue.record(
        "SIMULATION_SEED=\(seed): \(again.fault ?? "")\n\(again.trace.joined(separator: "\n"))")
      return
    }
    // A world in which nothing happens would prove nothing.
    #expect(Self.seeds.count == 1 || (served > 1_000 && expired > 20))
  }
}
