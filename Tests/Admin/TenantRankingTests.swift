import Testing

@testable import Admin

@Suite struct TenantRankings {
  private static func tenant(
    _ name: String, _ transactions: UInt64, clients: Int = 0
  ) -> TenantMetrics {
    var tenant = TenantMetrics(name: name)
    tenant.transactions = transactions
    tenant.clients = clients
    tenant.waits.add(10, times: transactions)
    return tenant
  }

  @Test func `as many as the limit allows have figures of their own, the rest is summed`() {
    var ranking = TenantRanking(limit: 2)
    let shown = ranking.take(
      [
        Self.tenant("a", 1, clients: 1), Self.tenant("b", 20), Self.tenant("c", 10),
        Self.tenant("d", 3, clients: 2),
      ], now: 0)
    #expect(shown.map(\.name) == ["b", "c", "other"])
    #expect(shown.last?.transactions == 4)
    #expect(shown.last?.clients == 3)
    #expect(shown.last?.waits.count == 4)
  }

  @Test func `without a rest there is no sum`() {
    var ranking = TenantRanking(limit: 2)
    #expect(ranking.take([Self.tenant("a", 1)], now: 0).map(\.name) == ["a"])
  }

  @Test func `the sum never goes down, and counts everything once, as tenants change places`() {
    var ranking = TenantRanking(limit: 1)
    var counts: [String: UInt64] = ["a": 0, "b": 0, "c": 0]
    var last: [String: UInt64] = [:]
    var risen: UInt64 = 0
    var names: Set<String> = []
    for step in 0..<400 {
      // Now one, now the other is the busiest.
      let busy = ["a", "b", "c"][(step / 100) % 3]
      for name in counts.keys { counts[name]! += name == busy ? 100 : 1 }
      let shown = ranking.take(
        counts.sorted { $0.key < $1.key }.map { Self.tenant($0.key, $0.value) },
        now: UInt64(step) * 2_000_000)
      for tenant in shown {
        // Prometheus takes a series that was away for as it was.
        if let before = last[tenant.name] {
          #expect(tenant.transactions >= before)
          risen += tenant.transactions - before
        } else if tenant.name == "other" {
          risen += tenant.transactions
        }
        last[tenant.name] = tenant.transactions
      }
      for name in Set(last.keys).subtracting(shown.map(\.name)) { last[name] = nil }
      names.formUnion(shown.map(\.name))
    }
    #expect(names == ["a", "b", "c", "other"])
    let all = counts.values.reduce(0, +)
    #expect(risen <= all)
    #expect(risen > all * 9 / 10)
  }

  @Test func `a tenant with the sum's name is told from it`() {
    var ranking = TenantRanking(limit: 3)
    let shown = ranking.take(
      [
        Self.tenant("other", 9), Self.tenant("_other", 8), Self.tenant("__other", 7),
        Self.tenant("x", 1),
      ], now: 0)
    #expect(shown.map(\.name) == ["___other", "__other", "_other", "other"])
    #expect(shown.map(\.transactions) == [7, 8, 9, 1])
  }

  @Test func `one that is forgotten and comes again begins anew`() {
    var ranking = TenantRanking(limit: 0)
    #expect(ranking.take([Self.tenant("a", 5)], now: 0).last?.transactions == 5)
    #expect(ranking.take([], now: 1).last?.transactions == 5)
    #expect(ranking.take([Self.tenant("a", 2)], now: 2).last?.transactions == 7)
    #expect(ranking.take([Self.tenant("a", 1)], now: 3).last?.transactions == 8)
  }
}
