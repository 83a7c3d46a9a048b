import Pooling
import Testing

/// What tenants get of a pool's servers, in simulated minutes.
@Suite struct FairnessTests {
  private typealias Load = FairnessWorld.Load
  private typealias Outcome = FairnessWorld.Outcome

  private static func outcomes(
    servers: Int, seconds: UInt64, _ loads: [Load], seed: UInt64 = 1
  ) -> [Outcome] {
    var world = FairnessWorld(seed: seed, servers: servers, loads: loads)
    world.run(seconds: seconds)
    return world.outcomes
  }

  /// Eleven tenants: ten with one client each, and one with `clients`.
  private static func eleven(
    _ clients: Int, hold: ClosedRange<UInt64> = 500...1_500
  ) -> [Load] {
    (0..<10).map { Load(tenant: "small \($0)") }
      + [Load(tenant: "large", clients: clients, hold: hold)]
  }

  private static func percentile(_ values: KeyPath<Outcome, [UInt64]>, _ all: [Outcome]) -> UInt64 {
    Outcome.percentile(0.99, of: all.dropLast().flatMap { $0[keyPath: values] })
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `beside 300 clients of one tenant others wait at most twice as long as alone`(
    _ seed: UInt64
  ) {
    let alone = Self.outcomes(servers: 8, seconds: 3, Self.eleven(1), seed: seed)
    let crowded = Self.outcomes(servers: 8, seconds: 3, Self.eleven(300), seed: seed)
    let (usual, now) = (Self.percentile(\.waits, alone), Self.percentile(\.waits, crowded))
    #expect(usual > 0 && now <= 2 * usual, "\(usual) alone, \(now) in the crowd")
    let held = crowded.map { Double($0.held) }
    #expect(held[10] > 0.95 * 3e6 * 8 / 11, "nor is the crowd shut out: \(held)")
  }

  @Test(arguments: [500...1_500, 10_000...20_000] as [ClosedRange<UInt64>])
  func `where there are servers enough for all others they hardly wait`(
    _ hold: ClosedRange<UInt64>
  ) {
    let alone = Self.outcomes(servers: 20, seconds: 3, Self.eleven(1))
    let crowded = Self.outcomes(servers: 20, seconds: 3, Self.eleven(300, hold: hold))
    #expect(Self.percentile(\.waits, alone) == 0)
    let (usual, now) = (Self.percentile(\.latencies, alone), Self.percentile(\.latencies, crowded))
    // One of the large one's ten servers or so comes back in a tenth of its transactions' time.
    let share = hold.upperBound / 2
    #expect(now <= max(2 * usual, usual + share), "\(usual) alone, \(now) in the crowd")
  }

  @Test func `weights are shares of the servers' time, whatever the transactions' length`() {
    let loads = [
      Load(tenant: "four", limits: .init(weight: 4), clients: 100, hold: 1_000...3_000),
      Load(tenant: "one", limits: .init(weight: 1), clients: 100, hold: 5_000...50_000),
    ]
    for seed: UInt64 in 1...3 {
      let held = Self.outcomes(servers: 10, seconds: 12, loads, seed: seed).map(\.held)
      let ratio = Double(held[0]) / Double(held[1])
      #expect(abs(ratio - 4) < 0.2, "\(ratio)")
    }
  }

  @Test func `those without a tenant are together as one of weight 1`() {
    let loads = [
      Load(tenant: nil, clients: 200, hold: 200...400),
      Load(tenant: "three", limits: .init(weight: 3), clients: 50, hold: 2_000...9_000),
      Load(tenant: "two", limits: .init(weight: 2), clients: 20, hold: 500...2_000),
    ]
    let held = Self.outcomes(servers: 12, seconds: 8, loads).map { Double($0.held) }
    #expect(abs(held[1] / held[0] - 3) < 0.15, "\(held)")
    #expect(abs(held[2] / held[0] - 2) < 0.1, "\(held)")
  }

  @Test func `what a tenant does not want the others share`() {
    let loads = [
      Load(tenant: "modest", limits: .init(weight: 10), clients: 1, think: 9_000...11_000),
      Load(tenant: "a", clients: 40), Load(tenant: "b", clients: 80),
    ]
    let outcomes = Self.outcomes(servers: 4, seconds: 5, loads)
    let held = outcomes.map { Double($0.held) }
    #expect(held.reduce(0, +) > 0.99 * 5e6 * 4, "no server rests: \(held)")
    #expect(abs(held[1] / held[2] - 1) < 0.02, "\(held)")
    #expect(Outcome.percentile(0.99, of: outcomes[0].waits) < 1_500)
  }

  @Test func `a tenant that was idle has saved up nothing`() {
    let loads = [
      Load(tenant: "late", clients: 30, rest: 1_000_000..<4_000_000),
      Load(tenant: "busy", clients: 30),
    ]
    let busy = Self.outcomes(servers: 4, seconds: 6, loads)[1]
    // Thirty clients on two servers, a millisecond each.
    #expect(busy.longestWait < 25_000)
  }

  @Test func `a tenant with long transactions does not take all servers at once`() {
    let small = (0..<10).map { Load(tenant: "small \($0)", clients: 3) }
    let long = Load(
      tenant: "long", clients: 300, hold: 40_000...60_000, rest: 0..<500_000)
    let outcomes = Self.outcomes(servers: 8, seconds: 6, small + [long])
    let held = outcomes.map { Double($0.held) }
    #expect(outcomes[10].mostServers <= 3, "at the least while nothing is known of it")
    #expect(held[10] > 0.9 * 5.5e6 * 8 / 11, "its share it gets: \(held)")
    #expect(Self.percentile(\.waits, outcomes) < 10_000)
  }

  @Test func `a cap holds although servers are idle, and is used to the full`() {
    let loads = [
      Load(tenant: "capped", limits: .init(maxServers: 3), clients: 50),
      Load(tenant: "other", clients: 4),
    ]
    let outcomes = Self.outcomes(servers: 20, seconds: 3, loads)
    #expect(outcomes[0].mostServers == 3)
    #expect(Double(outcomes[0].held) > 0.99 * 3 * 3e6)
    #expect(outcomes[1].longestWait < 1_500)
  }

  @Test(arguments: [(1_000, 1), (100, 50), (7, 0), (30, 1)])
  func `a rate holds in every window, and is nearly used up`(_ rate: Int, _ burst: Int) {
    let loads = [
      Load(tenant: "limited", limits: .init(rate: rate, burst: burst), clients: 80),
      Load(tenant: "other", clients: 8),
    ]
    let seconds: UInt64 = 5
    let starts = Self.outcomes(servers: 10, seconds: seconds, loads)[0].starts
    let most = burst == 0 ? rate : burst
    // From any start on, the next `n` may come once the burst and the rate allow them.
    for first in starts.indices {
      for count in [1, most, most + 1, 2 * most + 3, rate, rate + most + 1] {
        guard first + count < starts.count else { continue }
        let time = Double(starts[first + count] - starts[first] + 1) / 1e6
        let allowed = Double(most) + Double(rate) * time
        if Double(count + 1) > allowed + 1e-6 {
          Issue.record("\(count + 1) within \(time) s")
          return
        }
      }
    }
    #expect(Double(starts.count) > 0.9 * Double(rate) * Double(seconds), "\(starts.count)")
  }

  @Test func `counters tell what happened`() throws {
    var world = FairnessWorld(
      seed: 4, servers: 2,
      loads: [Load(tenant: "a", limits: .init(weight: 2), clients: 3), Load(tenant: "b")])
    world.run(seconds: 2)
    let outcome = world.outcomes[0]
    let found = world.census(0)
    let census = try #require(found)
    #expect(census.name == "a" && census.limits.weight == 2 && census.clients == 3)
    #expect(census.leases == UInt64(outcome.waits.count))
    #expect(census.waitMicroseconds == outcome.waits.reduce(0, +))
    #expect(census.waits.reduce(0, +) == census.leases)
    #expect(census.waits[0] == UInt64(outcome.waits.count { $0 == 0 }))
    #expect(census.waits[11] == UInt64(outcome.waits.count { (513...1024).contains($0) }))
  }
}
