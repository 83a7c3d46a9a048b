import TestSupport
import Testing

@testable import Pooling

@Suite struct ClientStatementsTests {
  /// Names as drivers count them, of all lengths up to the longest.
  private static func name(_ random: inout SeededGenerator) -> [UInt8] {
    let number = random.below(400)
    let text =
      switch random.below(5) {
      case 0: "\(number)"
      case 1: "__asyncpg_stmt_\(String(number, radix: 16))__"
      case 2: "S_\(number)"
      case 3: String(repeating: "p", count: 50) + "\(number)"
      default: "lrupsc_\(number / 20)_\(number % 20)"
      }
    return Array(text.utf8)
  }

  private static func find(_ name: [UInt8], in statements: ClientStatements) -> UInt64? {
    statements.find(name.span.bytes, at: 0, count: name.count)?.serial
  }

  @Test(arguments: 0..<8)
  func `a name is found with what it was given last, whatever was taken away`(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    var registry = StatementRegistry(spareLimit: 1_000)
    var statements = ClientStatements()
    var known: [[UInt8]: UInt64] = [:]
    for round in 0..<6_000 {
      let name = Self.name(&random)
      if random.below(5) < (round < 3_000 ? 2 : 3) {
        statements.set(name, nil, batch: 1)
        known[name] = nil
      } else {
        let tail = Array("SELECT \(random.below(50))".utf8) + [0, 0, 0]
        let reference = registry.intern(
          tail: tail, analysis: nil, isHarmless: true, space: [])
        statements.set(name, reference, batch: 1)
        known[name] = reference.serial
      }
      _ = statements.confirmOldest()
      let other = Self.name(&random)
      #expect(Self.find(other, in: statements) == known[other])
    }
    #expect(statements.count == known.count)
    for (name, serial) in known { #expect(Self.find(name, in: statements) == serial) }
    for name in known.keys { _ = statements.remove(name) }
    #expect(statements.count == 0 && statements.byteCount == 0)
  }

  @Test func `statements without a text are bounded in number too`() {
    var registry = StatementRegistry(spareLimit: 1_000)
    var statements = ClientStatements()
    for number in 0..<1_000 {
      let reference = registry.intern(
        tail: [0, 0, 0], analysis: nil, isHarmless: true, space: [])
      statements.set(Array("\(number)".utf8), reference, batch: 1)
    }
    #expect(statements.bytesTaken > 1_000 * 128)
  }

  @Test func `a name waits for an earlier batch that may change it`() {
    var registry = StatementRegistry(spareLimit: 1_000)
    var statements = ClientStatements()
    let reference = registry.intern(
      tail: [0x78, 0, 0, 0], analysis: nil, isHarmless: true, space: [])
    let name = Array("a".utf8)
    statements.set(name, reference, batch: 1)
    #expect(!statements.isUndecided(name, batch: 1))
    #expect(statements.isUndecided(name, batch: 2))
    #expect(!statements.isUndecided(Array("b".utf8), batch: 2))
    for number in 0..<1_000 { statements.set(Array("n\(number)".utf8), reference, batch: 1) }
    #expect(!statements.isUndecided(name, batch: 1))
    #expect(statements.isUndecided(Array("b".utf8), batch: 2), "of so many it may be one")
    for _ in 0...1_000 { _ = statements.confirmOldest() }
    #expect(!statements.isUndecided(name, batch: 2))
  }
}
