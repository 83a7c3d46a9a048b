import Testing

@testable import Tenancy

@Suite struct TenantRowsTests {
  private static let lifetime: UInt64 = 1_000

  private static func answer(
    _ weight: Int, askedAt: UInt64 = 0, epoch: UInt64 = 1
  ) -> TenantRows.Answer {
    var row = TenantOverride()
    row.limits.weight = weight
    return TenantRows.Answer(.row(row), askedAt: askedAt, lifetime: lifetime, epoch: epoch)
  }

  private static func fault(askedAt: UInt64, epoch: UInt64 = 1) -> TenantRows.Answer {
    TenantRows.Answer(.refused(.tableSilent), askedAt: askedAt, lifetime: 100, epoch: epoch)
  }

  private static func rows(limit: Int = 10) -> TenantRows {
    var rows = TenantRows()
    rows.begin(limit: limit)
    return rows
  }

  @Test func `an answer holds for its lifetime and not a moment longer`() {
    var rows = Self.rows()
    #expect(rows.find(name("a"), epoch: 1, now: 0) == nil)
    #expect(rows.store(name("a"), Self.answer(3)) == true)
    #expect(rows.find(name("a"), epoch: 1, now: 999)?.answer == Self.answer(3))
    #expect(rows.find(name("a"), epoch: 1, now: 1_000) == nil)
    #expect(rows.count == 0)
  }

  @Test func `one of those who look is told to ask anew, in the second half`() {
    var rows = Self.rows()
    #expect(rows.store(name("a"), Self.answer(3)) == true)
    #expect(rows.find(name("a"), epoch: 1, now: 499)?.isDue == false)
    #expect(rows.find(name("a"), epoch: 1, now: 500)?.isDue == true)
    #expect(rows.find(name("a"), epoch: 1, now: 501)?.isDue == false)
    #expect(rows.store(name("a"), Self.answer(4, askedAt: 500)) == true)
    #expect(rows.find(name("a"), epoch: 1, now: 1_200)?.answer == Self.answer(4, askedAt: 500))
  }

  @Test func `a fault takes nothing away that still holds, and is kept where nothing does`() {
    var rows = Self.rows()
    #expect(rows.store(name("a"), Self.answer(3)) == true)
    #expect(rows.find(name("a"), epoch: 1, now: 600)?.isDue == true)
    rows.storeFault(name("a"), Self.fault(askedAt: 600), now: 600)
    let found = rows.find(name("a"), epoch: 1, now: 601)
    #expect(found?.answer == Self.answer(3))
    #expect(found?.isDue == true, "it is asked once more")
    rows.storeFault(name("a"), Self.fault(askedAt: 1_000), now: 1_000)
    #expect(rows.find(name("a"), epoch: 1, now: 1_001)?.answer == Self.fault(askedAt: 1_000))
    #expect(rows.find(name("a"), epoch: 1, now: 1_100) == nil)
  }

  @Test func `a new configuration begins with nothing, and takes nothing of an old one`() {
    var rows = Self.rows()
    #expect(rows.store(name("a"), Self.answer(3)) == true)
    rows.begin(limit: 10)
    #expect(rows.count == 0)
    #expect(rows.store(name("a"), Self.answer(3)) == false)
    rows.storeFault(name("a"), Self.fault(askedAt: 0), now: 0)
    #expect(rows.count == 0)
    #expect(rows.store(name("a"), Self.answer(3, epoch: 2)) == true)
    #expect(rows.find(name("a"), epoch: 1, now: 0) == nil)
    #expect(rows.find(name("a"), epoch: 2, now: 0) != nil)
  }

  @Test(arguments: [1, 2, 3, 10, 100])
  func `no more are kept than allowed, and those in use are`(limit: Int) {
    var rows = Self.rows(limit: limit)
    #expect(rows.store(name("used"), Self.answer(7)) == true)
    for number in 0..<1_000 {
      #expect(rows.store(name("t\(number)"), Self.answer(1)) == true)
      #expect(rows.count <= limit)
      let found = rows.find(name("used"), epoch: 1, now: 1)
      if limit >= 10 { #expect(found?.answer == Self.answer(7)) }
      if limit >= 2 { #expect(rows.find(name("t\(number)"), epoch: 1, now: 1) != nil) }
      #expect(rows.count <= limit)
    }
  }
}
