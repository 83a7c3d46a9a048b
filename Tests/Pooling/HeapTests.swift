import TestSupport
import Testing

@testable import Pooling

@Suite struct HeapTests {
  private struct Item: Heaped {
    var heap = HeapLinks()
    var key: UInt64
    var order: UInt64
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the least is first, whatever is added and removed`(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var slab = Slab<Item>()
    var first: Int32 = -1
    var present: [Int32] = []
    // Around zero, where keys wrap.
    let base = UInt64.max - 20
    for number in 0..<500 {
      if present.isEmpty || generator.below(5) < 3 {
        let item = Item(key: base &+ UInt64(generator.below(40)), order: UInt64(number))
        let index = slab.insert(item)
        slab.add(index, toHeap: &first)
        present.append(index)
      } else {
        let place =
          generator.below(3) == 0 ? present.firstIndex(of: first)! : generator.below(present.count)
        let index = present.remove(at: place)
        slab.remove(index, fromHeap: &first)
        slab.remove(index)
      }
      let least = present.min {
        (slab[$0].key &- base, slab[$0].order) < (slab[$1].key &- base, slab[$1].order)
      }
      #expect(first == least ?? -1)
    }
  }
}
