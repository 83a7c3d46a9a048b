import Pooling
import Testing

@Suite struct CancelKeysTests {
  @Test func `a key finds its client until it is removed`() {
    var keys = CancelKeys()
    let target = CancelKeys.Target(client: 7, loop: 1)
    let isNew = keys.insert(42, target)
    #expect(isNew)
    #expect(keys.target(42) == target)
    #expect(keys.target(43) == nil)
    keys.remove(42)
    #expect(keys.target(42) == nil)
  }

  @Test func `a key that is taken stays with its client`() {
    var keys = CancelKeys()
    let first = keys.insert(1, CancelKeys.Target(client: 7, loop: 0))
    let second = keys.insert(1, CancelKeys.Target(client: 8, loop: 0))
    #expect(first && !second)
    #expect(keys.target(1)?.client == 7)
  }
}
