/// A place in a pairing heap, whose links lie in the elements themselves.
@usableFromInline
struct HeapLinks: Sendable {
  @usableFromInline var child: Int32 = -1
  @usableFromInline var next: Int32 = -1
  /// The sibling before it; of the first child, the parent.
  @usableFromInline var previous: Int32 = -1

  @usableFromInline init() {}
}

@usableFromInline
protocol Heaped: Sendable {
  var heap: HeapLinks { get set }
  /// The least comes first. Keys wrap around: no two may be half of all numbers apart.
  var key: UInt64 { get }
  /// Among equal keys the least comes first.
  var order: UInt64 { get }
}

// A heap is the index of its first element, -1 where it is empty. Adding takes constant time,
// removing O(log n) on average over many.
extension Slab where Element: Heaped {
  mutating func add(_ index: Int32, toHeap first: inout Int32) {
    self[index].heap = HeapLinks()
    first = meld(first, index)
  }

  mutating func remove(_ index: Int32, fromHeap first: inout Int32) {
    let links = self[index].heap
    let orphans = meldAll(links.child)
    if index == first {
      first = orphans
      return
    }
    if self[links.previous].heap.child == index {
      self[links.previous].heap.child = links.next
    } else {
      self[links.previous].heap.next = links.next
    }
    if links.next >= 0 { self[links.next].heap.previous = links.previous }
    first = meld(first, orphans)
  }

  private mutating func comesFirst(_ one: Int32, _ other: Int32) -> Bool {
    let difference = Int64(bitPattern: self[one].key &- self[other].key)
    return difference != 0 ? difference < 0 : self[one].order < self[other].order
  }

  /// Two heaps in one; either may be empty.
  private mutating func meld(_ one: Int32, _ other: Int32) -> Int32 {
    if one < 0 { return other }
    if other < 0 { return one }
    let isInOrder = comesFirst(one, other)
    let parent = isInOrder ? one : other
    let child = isInOrder ? other : one
    let next = self[parent].heap.child
    self[child].heap.next = next
    self[child].heap.previous = parent
    if next >= 0 { self[next].heap.previous = child }
    self[parent].heap.child = child
    self[parent].heap.next = -1
    self[parent].heap.previous = -1
    return parent
  }

  /// Siblings in one heap: first each two of them, then the pairs from the last.
  private mutating func meldAll(_ first: Int32) -> Int32 {
    var pairs: Int32 = -1
    var one = first
    while one >= 0 {
      let other = self[one].heap.next
      let rest = other >= 0 ? self[other].heap.next : -1
      self[one].heap.next = -1
      self[one].heap.previous = -1
      if other >= 0 {
        self[other].heap.next = -1
        self[other].heap.previous = -1
      }
      let pair = meld(one, other)
      self[pair].heap.next = pairs
      pairs = pair
      one = rest
    }
    var result: Int32 = -1
    while pairs >= 0 {
      let rest = self[pairs].heap.next
      self[pairs].heap.next = -1
      result = meld(result, pairs)
      pairs = rest
    }
    return result
  }
}
