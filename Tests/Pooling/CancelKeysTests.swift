import Pooling
import PostgresWire
import Testing

@Suite struct CancelKeysTests {
  private static let short = CancelKey(processID: 42, secret: [1, 2, 3, 4])
  private static let long = CancelKey(processID: 43, secret: (1...32).map { UInt8($0) })

  @Test(arguments: [short, long])
  func `a key finds its client until it is removed`(key: CancelKey) {
    var keys = CancelKeys()
    let target = CancelKeys.Target(client: 7, loop: 1)
    let isNew = keys.insert(key, target)
    #expect(isNew)
    #expect(keys.target(key) == target)
    keys.remove(processID: key.processID)
    #expect(keys.target(key) == nil)
  }

  @Test(arguments: [short, long])
  func `a key counts as a whole`(key: CancelKey) {
    var keys = CancelKeys()
    _ = keys.insert(key, CancelKeys.Target(client: 7, loop: 1))
    for bit in 0..<key.secret.count * 8 {
      var wrong = key
      wrong.secret[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(keys.target(wrong) == nil)
    }
    for count in [0, 4, 8, 31, 32, 33, 256] where count != key.secret.count {
      var wrong = key
      // As a secret that was cut off, or filled up with zeroes.
      wrong.secret = (0..<count).map { $0 < key.secret.count ? key.secret[$0] : 0 }
      #expect(keys.target(wrong) == nil)
    }
    #expect(keys.target(CancelKey(processID: 44, secret: key.secret)) == nil)
  }

  @Test func `a process id that is taken stays with its client`() {
    var keys = CancelKeys()
    let first = keys.insert(Self.short, CancelKeys.Target(client: 7, loop: 0))
    let second = keys.insert(
      CancelKey(processID: 42, secret: [5, 6, 7, 8]), CancelKeys.Target(client: 8, loop: 0))
    #expect(first && !second)
    #expect(keys.target(Self.short)?.client == 7)
  }

  @Test(arguments: [(0, 4), (1, 4), (2, 32)])
  func `secrets are as long as PostgreSQL's`(minorVersion: Int, bytes: Int) {
    #expect(CancelKeys.secretBytes(minorVersion: minorVersion) == bytes)
  }
}
