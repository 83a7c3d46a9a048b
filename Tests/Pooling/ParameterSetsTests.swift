import Pooling
import Testing

@Suite struct ParameterSetsTests {
  private func values(_ sets: ParameterSets, _ encoding: String?) -> ParameterSets.Values {
    var values = sets.unknown
    values[0] = encoding
    return values
  }

  @Test func `equal sets have equal numbers`() {
    var sets = ParameterSets(extra: [])
    let one = sets.intern(values(sets, "UTF8"))
    let same = sets.intern(values(sets, "UTF8"))
    let other = sets.intern(values(sets, "LATIN1"))
    #expect(one == same)
    #expect(one != other)
    #expect(sets.values(one)[0] == "UTF8")
  }

  @Test func `values that are other bytes are other values`() {
    // To Swift they are equal.
    let (composed, accented) = ("\u{e9}", "e\u{301}")
    var sets = ParameterSets(extra: [])
    var (first, second) = (sets.unknown, sets.unknown)
    first.set("app.tenant", composed)
    second.set("app.tenant", accented)
    let (one, other) = (sets.intern(first), sets.intern(second))
    #expect(one != other)
    #expect(
      sets.steps(from: one, to: other)
        == [.reset("app.tenant"), .set("app.tenant", accented)])
    let (tracked, otherTracked) = (
      sets.intern(values(sets, composed)), sets.intern(values(sets, accented))
    )
    #expect(tracked != otherTracked && sets.steps(from: tracked, to: otherTracked).count == 1)
  }

  @Test func `a set goes with its last use, and its number is used again`() {
    var sets = ParameterSets(extra: [])
    let number = sets.intern(values(sets, "UTF8"))
    sets.retain(number)
    sets.release(number)
    #expect(sets.count == 1)
    sets.release(number)
    #expect(sets.count == 0)
    #expect(sets.values(number) == sets.unknown)
    #expect(sets.intern(values(sets, "SQL_ASCII")) == number)
  }

  @Test func `however many come and go, no more are kept than are in use`() {
    var sets = ParameterSets(extra: [])
    for round in 0..<1000 {
      let number = sets.intern(values(sets, "e\(round)"))
      #expect(number == 0)
      sets.release(number)
    }
    #expect(sets.count == 0)
  }

  @Test func `no number is nothing known, and may be retained and released`() {
    var sets = ParameterSets(extra: [])
    sets.retain(-1)
    sets.release(-1)
    #expect(sets.values(-1) == sets.unknown)
  }

  @Test func `the difference is what the server lacks, and what is not the client's`() {
    var sets = ParameterSets(extra: ["IntervalStyle"])
    let index = sets.index(of: "intervalstyle")
    #expect(index == 5)
    var have = sets.unknown
    have[0] = "UTF8"
    have[2] = "UTC"
    var want = have
    want[0] = "LATIN1"
    want[2] = nil
    want[5] = "iso_8601"
    let from = sets.intern(have)
    let to = sets.intern(want)
    #expect(
      sets.steps(from: from, to: to) == [
        .set("client_encoding", "LATIN1"), .reset("TimeZone"), .set("IntervalStyle", "iso_8601"),
      ])
    #expect(sets.steps(from: to, to: to).isEmpty)
    #expect(sets.steps(from: -1, to: from).count == 2)
  }

  @Test func `a tracked name is found in any case and counts once`() {
    let sets = ParameterSets(extra: ["datestyle", "search_path", "Search_Path"])
    #expect(sets.names.count == ParameterSets.standardNames.count + 1)
    #expect(sets.index(of: "TIMEZONE") == 2)
    #expect(sets.index(of: "work_mem") == nil)
  }
}
