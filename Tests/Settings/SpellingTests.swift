import Testing

@testable import Settings

struct SpellingTests {
  @Test(arguments: [
    ("", "", 0), ("a", "", 1), ("kitten", "sitten", 1), ("ab", "ba", 1), ("ab", "abcd", 2),
    ("pool_size", "poolsize", 1), ("abc", "xyz", 3),
  ])
  func `edits are counted`(_ left: String, _ right: String, _ edits: Int) {
    #expect(Spelling.distance(Array(left.utf8), Array(right.utf8)) == edits)
    #expect(Spelling.distance(Array(right.utf8), Array(left.utf8)) == edits)
  }

  @Test func `only a near name is meant`() {
    let names = ["host", "port", "pool_size"]
    #expect(Spelling.nearest(to: "prt", among: names) == "port")
    #expect(Spelling.nearest(to: "Pool_Size", among: names) == "pool_size")
    #expect(Spelling.nearest(to: "dbname", among: names) == nil)
    #expect(Spelling.nearest(to: "", among: names) == nil)
  }
}
