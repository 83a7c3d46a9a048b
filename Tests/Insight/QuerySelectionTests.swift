import Testing

@testable import Insight

@Suite struct QuerySelectionTests {
  /// A table of statements that took these times.
  private static func table(_ times: [UInt64], hashes: [UInt64]? = nil) -> QueryTable {
    var table = QueryTable(limit: times.count + 1)
    let scope = table.scope(database: "d", user: "u")
    for (index, time) in times.enumerated() {
      let hash = hashes?[index] ?? UInt64(index + 1)
      let place = table.insert(hash, scope: scope, text: "text \(hash)", isRead: true)
      table.add(QueryTable.Run(calls: 1, rows: 1, duration: time), at: place, scope: scope)
    }
    return table
  }

  private static func select(
    _ most: Int, in table: QueryTable, pieces: Int
  ) -> [QuerySelection.Ranked] {
    var selection = QuerySelection(most: most)
    for _ in 0...table.statements.count {
      if selection.goOn(in: table, count: pieces) {
        return selection.found(in: table).sorted { $0.time > $1.time }
      }
    }
    Issue.record("it comes to no end")
    return []
  }

  @Test(arguments: [1, 3, 64, 5_000])
  func `those with the most time are found, in pieces of any size`(pieces: Int) {
    var random = UInt64(pieces)
    let times = (0..<2_000).map { _ in
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return random >> 44
    }
    let sorted = times.sorted(by: >)
    for most in [1, 50, 1_999, 2_000, 3_000] {
      let found = Self.select(most, in: Self.table(times), pieces: pieces)
      #expect(found.map(\.time) == Array(sorted.prefix(most)))
    }
    let orders: [[UInt64]] = [sorted, sorted.reversed(), Array(repeating: 7, count: 2_000)]
    for order in orders {
      let found = Self.select(40, in: Self.table(order), pieces: pieces)
      #expect(found.map(\.time) == Array(order.sorted(by: >).prefix(40)))
    }
  }

  @Test func `of an empty table, and of statements that have not ended, there are none`() {
    var table = QueryTable(limit: 10)
    #expect(Self.select(5, in: table, pieces: 3).isEmpty)
    let scope = table.scope(database: "d", user: "u")
    _ = table.insert(1, scope: scope, text: "under way", isRead: true)
    #expect(Self.select(5, in: table, pieces: 3).isEmpty)
  }

  @Test func `what took long on all loops together comes before what did on one`() {
    let tables = [
      Self.table([60, 100, 5], hashes: [1, 2, 3]), Self.table([60, 90, 5], hashes: [1, 4, 3]),
    ]
    let ranked = tables.flatMap { Self.select(10, in: $0, pieces: 2) }
    let names = QuerySelection.first(3, of: ranked)
    #expect(names.map(\.hash) == [1, 2, 4])
  }

  @Test func `statements of the pools that are one are found too`() {
    var table = QueryTable(limit: 10)
    for index in 0..<QueryTable.mostScopes { _ = table.scope(database: "d\(index)", user: "u") }
    let scope = table.scope(database: "one more", user: "u")
    let place = table.insert(1, scope: scope, text: "select", isRead: true)
    table.add(QueryTable.Run(calls: 1, rows: 1, duration: 5), at: place, scope: scope)
    let ranked = Self.select(5, in: table, pieces: 5)
    let names = QuerySelection.first(5, of: ranked)
    let found = QueryTotals.merge([QueryCopy(of: names, in: table)])
    #expect(found.map(\.database) == ["(others)"] && found.first?.counts.calls == 1)
  }
}
