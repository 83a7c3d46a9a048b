import TestSupport
import Testing

@testable import Insight

@Suite struct QueryTableTests {
  private func add(
    _ table: inout QueryTable, _ hash: UInt64, _ scope: Int32, duration: UInt64 = 10
  ) {
    let place =
      table.find(hash, scope: scope)
      ?? table.insert(hash, scope: scope, text: "text \(hash)", isRead: true)
    table.add(QueryTable.Run(calls: 1, rows: 2, duration: duration), at: place, scope: scope)
  }

  @Test func `the same statement of two users is two`() {
    var table = QueryTable(limit: 10)
    let first = table.scope(database: "d", user: "u")
    let second = table.scope(database: "d", user: "v")
    #expect(first != second && table.scope(database: "d", user: "u") == first)
    add(&table, 1, first)
    add(&table, 1, second)
    add(&table, 1, second)
    let all = QueryTotals.merge([QueryCopy(table)])
    #expect(all.map(\.user) == ["v", "u"] && all.map(\.counts.calls) == [2, 1])
  }

  @Test func `the least used give way and sums stay right`() {
    var table = QueryTable(limit: 100, seed: 7)
    let scope = table.scope(database: "d", user: "u")
    for hash in 0..<20_000 {
      add(&table, UInt64(hash + 1_000) &* 0x9e37_79b9_7f4a_7c15, scope)
      add(&table, UInt64(hash % 5 + 1), scope)
    }
    #expect(table.statements.count == 100)
    let all = QueryTotals.merge([QueryCopy(table)])
    #expect(all.reduce(0) { $0 + $1.counts.calls } == 40_000)
    #expect(all.reduce(0) { $0 + $1.counts.rows } == 80_000)
    for hash in 1...5 {
      let often = all.first { $0.text == "text \(hash)" }
      #expect(often?.counts.calls == 4_000)
    }
    #expect(all.last?.text == QueryTotals.others)
  }

  @Test func `the place of a statement that has given way is no other's`() {
    var table = QueryTable(limit: 1)
    let scope = table.scope(database: "d", user: "u")
    let old = table.insert(1, scope: scope, text: "old", isRead: true)
    let new = table.insert(2, scope: scope, text: "new", isRead: true)
    table.add(QueryTable.Run(calls: 1, rows: 0, duration: 1), at: old, scope: scope)
    #expect(table.statement(old) == nil && table.find(1, scope: scope) == nil)
    #expect(table.statement(new)?.counts.calls == 0)
    #expect(table.scopes[0].others.calls == 1)
  }

  @Test func `tables of loops are put together`() {
    var tables = [QueryTable(limit: 10), QueryTable(limit: 10)]
    for index in 0..<2 {
      let scope = tables[index].scope(database: "d", user: "u")
      add(&tables[index], 1, scope, duration: 100)
      add(&tables[index], UInt64(index + 2), scope)
    }
    let all = QueryTotals.merge(tables.map { QueryCopy($0) })
    #expect(all.map(\.counts.calls) == [2, 1, 1])
    #expect(all[0].counts.time == 200 && all[0].mean == 100 && all[0].p99 <= 100)
  }

  @Test func `of a text that could not be read only what is in front of a literal is shown`() {
    var table = QueryTable(limit: 2)
    let scope = table.scope(database: "d", user: "u")
    let wrong = table.insert(
      1, scope: scope, text: "select ? s my secret ? from t", isRead: true)
    table.shorten(at: wrong)
    table.shorten(at: wrong)
    #expect(table.statement(wrong)?.text == "select ? ...")
    let bare = table.insert(2, scope: scope, text: "selec a from t", isRead: true)
    table.shorten(at: bare)
    table.shorten(at: .none)
    #expect(table.statement(bare)?.text == "selec a from t")
  }

  @Test func `a portal that goes on is no further call`() {
    var table = QueryTable(limit: 2)
    let scope = table.scope(database: "d", user: "u")
    let place = table.insert(1, scope: scope, text: "fetch", isRead: true)
    table.add(QueryTable.Run(calls: 1, rows: 5, duration: 10), at: place, scope: scope)
    for _ in 0..<9 {
      table.add(QueryTable.Run(calls: 0, rows: 5, duration: 900), at: place, scope: scope)
    }
    let total = QueryTotals.merge([QueryCopy(table)]).first
    #expect(total?.counts.calls == 1 && total?.counts.rows == 50)
    #expect(total?.counts.time == 8_110 && (total?.p99 ?? 0) < 20)
  }

  @Test func `pools are bounded`() {
    var table = QueryTable(limit: 10)
    for index in 0..<20_000 { _ = table.scope(database: "d\(index)", user: "u") }
    #expect(table.scopes.count == QueryTable.mostScopes)
    #expect(table.scopes.last?.database == "(others)")
  }

  @Test func `the tenants with the most time are told`() {
    var top = TopTenants()
    for index in 0..<100 { top.add("rare \(index)", 1) }
    for _ in 0..<100 { top.add("acme", 10) }
    #expect(top.first?.name == "acme" && top.names.count == TopTenants.most)
    #expect(top.text?.hasPrefix("acme=") == true)
  }

  @Test func `quantiles are right to an eighth`() {
    var histogram = LatencyHistogram()
    for value in 1...10_000 { histogram.add(UInt64(value)) }
    for (part, exact) in [(0.5, 5_000.0), (0.99, 9_900), (0.01, 100)] {
      let found = Double(histogram.quantile(part))
      #expect(abs(found - exact) / exact <= 0.125, "\(part): \(found)")
    }
    #expect(LatencyHistogram().quantile(0.99) == 0)
    var edges = LatencyHistogram()
    edges.add(.max)
    edges.add(0)
    #expect(edges.quantile(0.1) == 0)
  }

  @Test func `an index finds what it has, whatever was taken out`() {
    var random = SeededGenerator(seed: 3)
    var index = SlotIndex()
    var model: [UInt64: Int32] = [:]
    for step in 0..<20_000 {
      let key = UInt64(random.below(200)) &* 64
      if random.below(3) == 0 {
        index.remove(key)
        model[key] = nil
      } else {
        index.set(key, Int32(step))
        model[key] = Int32(step)
      }
      let asked = UInt64(random.below(200)) &* 64
      #expect(index.find(asked) == model[asked])
    }
    #expect(index.count == model.count)
  }
}
