import Reactor
import Testing

@Suite struct PointerSlabTests {
  @Test func `a place keeps its address while others come`() {
    var slab = PointerSlab<Int> { 0 }
    let first = slab.take()
    first.pointee = 42
    let others = (0..<500).map { _ in slab.take() }
    #expect(Set(others + [first]).count == 501)
    #expect(first.pointee == 42)
    #expect(slab.count == 501)
  }

  @Test func `a place that was given back is used again after recycle, and is fresh`() {
    var slab = PointerSlab<Int> { -1 }
    let place = slab.take()
    place.pointee = 5
    slab.retire(place)
    #expect(slab.count == 0)
    #expect(place.pointee == -1)
    let others = (0..<200).map { _ in slab.take() }
    #expect(!others.contains(place))
    slab.recycle()
    let again = (0..<64).map { _ in slab.take() }
    #expect(again.contains(place))
    #expect(place.pointee == -1)
  }

  @Test func `every place is visited`() {
    var slab = PointerSlab<Int> { 0 }
    let places = (0..<100).map { _ in slab.take() }
    for place in places { place.pointee = 1 }
    var sum = 0
    slab.forEachPlace { sum += $0.pointee }
    #expect(sum == 100)
  }
}
