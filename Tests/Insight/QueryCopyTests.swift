import Testing

@testable import Insight

extension QueryCopy {
  /// Of all of a table, at once.
  init(_ table: QueryTable) {
    self.init()
    _ = goOn(in: table, count: .max / 2)
  }
}

@Suite struct QueryCopyTests {
  private static func run(_ table: inout QueryTable, _ hash: UInt64, _ scope: Int32) {
    let place =
      table.find(hash, scope: scope)
      ?? table.insert(hash, scope: scope, text: "text \(hash)", isRead: true)
    let run = QueryTable.Run(calls: 1, rows: hash, duration: 10 * hash)
    table.add(run, at: place, scope: scope)
  }

  @Test(arguments: [1, 7, 64, 1_000])
  func `in pieces of any size it has all that was there at its beginning`(pieces: Int) {
    var table = QueryTable(limit: 200)
    let scope = table.scope(database: "d", user: "u")
    for hash in 1...150 { Self.run(&table, UInt64(hash), scope) }
    let whole = QueryTotals.merge([QueryCopy(table)])
    #expect(whole.count == 150)
    var copy = QueryCopy()
    var turns = 0
    while turns < 1_000, !copy.goOn(in: table, count: pieces) {
      turns += 1
      // Other pools and statements come meanwhile.
      let other = table.scope(database: "d", user: "u\(turns)")
      if turns <= 40 { Self.run(&table, UInt64(1_000 + turns), other) }
    }
    let copied = QueryTotals.merge([copy])
    for one in whole {
      let same = copied.first { $0.user == one.user && $0.text == one.text }
      #expect(same?.counts == one.counts && same?.p99 == one.p99)
    }
    #expect(turns < 1_000 && copied.count == 150 + min(turns, 40))
  }

  @Test func `a statement that gives way while it is copied is counted once`() {
    var table = QueryTable(limit: 50)
    let scope = table.scope(database: "d", user: "u")
    for hash in 1...60 { Self.run(&table, UInt64(hash), scope) }
    var copy = QueryCopy()
    var isDone = copy.goOn(in: table, count: 49)
    #expect(!isDone)
    for hash in 61...200 { Self.run(&table, UInt64(hash), scope) }
    isDone = copy.goOn(in: table, count: 50)
    #expect(isDone)
    let calls = QueryTotals.merge([copy]).reduce(0) { $0 + $1.counts.calls }
    #expect(calls == 60)
  }

  @Test func `of some statements it has all, and nothing of others`() {
    var table = QueryTable(limit: 10)
    let scope = table.scope(database: "d", user: "u")
    let other = table.scope(database: "d", user: "v")
    for hash in 1...4 { Self.run(&table, UInt64(hash), scope) }
    Self.run(&table, 1, other)
    table.add(QueryTable.Run(calls: 5, rows: 0, duration: 1), at: .none, scope: other)
    let names = [
      QueryTable.Name(database: "d", user: "v", hash: 1),
      QueryTable.Name(database: "d", user: "u", hash: 3),
      QueryTable.Name(database: "d", user: "u", hash: 77),
      QueryTable.Name(database: "none", user: "u", hash: 1),
    ]
    let whole = QueryTotals.merge([QueryCopy(table)])
    let some = QueryTotals.merge([QueryCopy(of: names, in: table)])
    #expect(some.map(\.text) == ["text 3", "text 1", QueryTotals.others])
    for one in some {
      let same = whole.first { $0.user == one.user && $0.text == one.text }
      #expect(same?.counts == one.counts && same?.p99 == one.p99)
    }
  }
}
