import Testing

@testable import Admin

@Suite struct ConsoleValueTests {
  /// As PostgreSQL's numeric_send has them.
  private static let numerics: [(Int64, [UInt8])] = [
    (0, [0, 0, 0, 0, 0, 0, 0, 0]),
    (1, [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
    (10_000, [0, 1, 0, 1, 0, 0, 0, 0, 0, 1]),
    (-12_345, [0, 2, 0, 1, 0x40, 0, 0, 0, 0, 1, 0x09, 0x29]),
    (100_000_001, [0, 3, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
  ]

  @Test(arguments: numerics.indices)
  func `numerics are as PostgreSQL sends them`(index: Int) {
    let (value, bytes) = Self.numerics[index]
    #expect(ConsoleValue.integer(value).bytes(as: .numeric, isBinary: true) == bytes)
    #expect(
      ConsoleValue.integer(value).bytes(as: .numeric, isBinary: false)
        == Array(String(value).utf8))
  }

  @Test func `integers have their type's width, and stay within it`() {
    #expect(ConsoleValue.integer(Int64(258)).bytes(as: .int4, isBinary: true) == [0, 0, 1, 2])
    #expect(
      ConsoleValue.integer(Int64(-1)).bytes(as: .int8, isBinary: true)
        == Array(repeating: 255, count: 8))
    #expect(
      ConsoleValue.integer(Int64.max).bytes(as: .int4, isBinary: true) == [127, 255, 255, 255])
    #expect(ConsoleValue.null.bytes(as: .int4, isBinary: true) == nil)
    #expect(ConsoleValue.text("ä").bytes(as: .text, isBinary: true) == [0xc3, 0xa4])
  }

  @Test func `averages are of a second, or of one transaction`() {
    var old = TrafficCounters()
    old.transactions = 100
    old.transactionTime = 5_000
    var new = old
    new.transactions += 50
    new.queries = 100
    new.transactionTime += 10_000
    new.queryTime = 2_000
    new.waitTime = 4_000
    new.received = 8_192
    let averages = new.averages(since: old, microseconds: 2_000_000)
    #expect(averages == [0, 25, 50, 4_096, 0, 200, 20, 2_000, 0, 0, 0, 0])
    #expect(new.averages(since: old, microseconds: 0)[1] == 0)
    #expect(old.averages(since: new, microseconds: 1)[1] == 0, "a pool has gone meanwhile")
  }
}
