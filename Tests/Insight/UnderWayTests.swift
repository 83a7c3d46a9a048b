import Insight
import Testing

@Suite struct UnderWayTests {
  private typealias Entry = StatementsUnderWay.Entry

  private static func place(_ number: Int) -> QueryTable.Place {
    var table = QueryTable(limit: 10)
    let scope = table.scope(database: "d", user: "u")
    var place = QueryTable.Place.none
    for index in 0...number {
      place = table.insert(UInt64(index + 1), scope: scope, text: "t", isRead: true)
    }
    return place
  }

  private let first = place(0)
  private let second = place(1)

  @Test func `a simple query ends with ReadyForQuery and has all its rows`() {
    var queue = StatementsUnderWay()
    queue.push(Entry(.simple, first, start: 100))
    #expect(queue.completed(rows: 2, isSuspended: false, now: 150) == nil)
    #expect(queue.completed(rows: 3, isSuspended: false, now: 160) == nil)
    let ended = queue.ready(isSettled: true, now: 170)
    #expect(ended?.entry.place == first && ended?.rows == 5 && ended?.duration == 70)
    #expect(ended?.isError == false && queue.isEmpty)
  }

  @Test func `statements of a batch end one by one`() {
    var queue = StatementsUnderWay()
    queue.push(Entry(.execute, first, start: 100))
    queue.push(Entry(.execute, second, start: 100))
    queue.push(Entry(.sync, .none, start: 100))
    let one = queue.completed(rows: 1, isSuspended: false, now: 130)
    #expect(one?.entry.place == first && one?.duration == 30)
    let two = queue.completed(rows: 7, isSuspended: false, now: 180)
    #expect(two?.entry.place == second && two?.rows == 7 && two?.duration == 50, "since the last")
    #expect(queue.ready(isSettled: true, now: 190) == nil && queue.isEmpty)
  }

  @Test func `an error ends its statement and those behind it up to Sync have not run`() {
    var queue = StatementsUnderWay()
    queue.push(Entry(.execute, first))
    queue.push(Entry(.execute, second))
    queue.push(Entry(.sync, .none))
    queue.push(Entry(.execute, second))
    queue.push(Entry(.sync, .none))
    let failed = queue.failed(now: 5)
    #expect(failed?.entry.place == first && failed?.isError == true)
    #expect(queue.ready(isSettled: false, now: 6) == nil)
    #expect(queue.completed(rows: 1, isSuspended: false, now: 7)?.entry.place == second)
    #expect(queue.ready(isSettled: true, now: 8) == nil && queue.isEmpty)
  }

  @Test func `an error of a simple query is told at its end`() {
    var queue = StatementsUnderWay()
    queue.push(Entry(.simple, first))
    #expect(queue.failed(now: 5) == nil)
    #expect(queue.ready(isSettled: true, now: 6)?.isError == true)
    queue.push(Entry(.simple, first))
    #expect(queue.ready(isSettled: true, now: 7)?.isError == false)
  }

  @Test func `an error of a Parse alone is its statement's`() {
    var queue = StatementsUnderWay()
    queue.push(Entry(.sync, first))
    #expect(queue.failed(now: 5)?.entry.place == first)
    #expect(queue.failed(now: 5) == nil)
    #expect(queue.ready(isSettled: true, now: 6) == nil && queue.isEmpty)
  }

  @Test func `a suspended portal has as many rows as were asked for`() {
    var queue = StatementsUnderWay()
    queue.push(Entry(.execute, first, rowLimit: 10))
    queue.push(Entry(.sync, .none))
    #expect(queue.completed(rows: 0, isSuspended: true, now: 5)?.rows == 10)
  }

  @Test func `a driver's batch takes no more room than a statement`() {
    var queue = StatementsUnderWay()
    for _ in 0..<100_000 { queue.push(Entry(.execute, first)) }
    queue.push(Entry(.sync, .none))
    for _ in 0..<100_000 {
      #expect(queue.completed(rows: 1, isSuspended: false, now: 1)?.entry.place == first)
    }
    #expect(queue.ready(isSettled: true, now: 2) == nil && queue.isEmpty)
  }

  @Test func `what there is no room for is nobody's, until nothing is owed`() {
    var queue = StatementsUnderWay()
    for index in 0..<1_000 { queue.push(Entry(.execute, index % 2 == 0 ? first : second)) }
    queue.push(Entry(.sync, .none))
    var none = 0
    for index in 0..<1_000 {
      let ended = queue.completed(rows: 1, isSuspended: false, now: 1)
      if ended?.entry.place == QueryTable.Place.none {
        none += 1
      } else {
        #expect(ended?.entry.place == (index % 2 == 0 ? first : second))
      }
    }
    #expect(none == 1_000 - 256)
    #expect(queue.ready(isSettled: true, now: 2) == nil && queue.isEmpty)
    queue.push(Entry(.simple, second))
    #expect(queue.ready(isSettled: true, now: 3)?.entry.place == second)
  }

  @Test func `Syncs that a COPY has ignored are forgotten once nothing is owed`() {
    var queue = StatementsUnderWay()
    queue.push(Entry(.execute, first))
    queue.push(Entry(.sync, .none))
    queue.push(Entry(.sync, .none))
    #expect(queue.completed(rows: 3, isSuspended: false, now: 1)?.rows == 3)
    #expect(queue.ready(isSettled: true, now: 2) == nil && queue.isEmpty)
    queue.push(Entry(.simple, second))
    #expect(queue.ready(isSettled: true, now: 3)?.entry.place == second)
  }
}

@Suite struct RepeatTests {
  @Test func `repetitions in a transaction are counted whatever is between`() {
    var repeats = RepeatCounter()
    #expect(repeats.add(0, trace: 0, start: 0) == 0)
    for time in 1...12 {
      #expect(repeats.add(7, trace: 0, start: 0) == UInt32(time))
      _ = repeats.add(8, trace: 0, start: 0)
      _ = repeats.add(0, trace: 0, start: 0)
    }
    #expect(repeats.endTransaction(now: 1) == 0)
    #expect(repeats.add(7, trace: 0, start: 2) == 1, "a new one")
  }

  private func run(
    _ repeats: inout RepeatCounter, _ hash: UInt64, trace: UInt64 = 0, at start: UInt64
  ) -> UInt32 {
    _ = repeats.add(hash, trace: trace, start: start)
    return repeats.endTransaction(now: start + 10)
  }

  @Test func `without a transaction an unbroken succession counts`() {
    var repeats = RepeatCounter()
    var time: UInt64 = 1_000
    for count in 1...5 {
      #expect(run(&repeats, 7, at: time) == UInt32(count))
      time += 1_000
    }
    #expect(run(&repeats, 8, at: time) == 1)
    #expect(run(&repeats, 7, at: time + 10) == 1, "it was broken")
    #expect(run(&repeats, 7, at: time + 20 + RepeatCounter.longestGap) == 2)
    #expect(run(&repeats, 7, at: time + 31 + 2 * RepeatCounter.longestGap) == 1, "by time")
    #expect(run(&repeats, 0, at: time + 100 + 2 * RepeatCounter.longestGap) == 0)
    #expect(run(&repeats, 7, at: time + 120 + 2 * RepeatCounter.longestGap) == 1)
  }

  @Test func `with traces those of the same one count`() {
    var repeats = RepeatCounter()
    #expect(run(&repeats, 7, trace: 1, at: 1) == 1)
    #expect(run(&repeats, 8, trace: 1, at: 20) == 1)
    #expect(run(&repeats, 7, trace: 1, at: 10_000_000) == 2, "whatever the time")
    #expect(run(&repeats, 7, trace: 2, at: 10_000_020) == 1)
    #expect(run(&repeats, 7, trace: 0, at: 10_000_040) == 1)
  }

  @Test func `more statements than are counted do no harm`() {
    var repeats = RepeatCounter()
    for _ in 0..<20 { _ = repeats.add(7, trace: 0, start: 0) }
    for hash in 100..<10_000 { _ = repeats.add(UInt64(hash), trace: 0, start: 0) }
    #expect(repeats.add(7, trace: 0, start: 0) == 21, "the most frequent stay")
  }
}
