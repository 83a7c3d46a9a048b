/// Elements in one block of memory, changed in place.
///
/// An array would ask at each change whether it is shared; a table never is. Every access is
/// checked against the count. The pools' tables grow and never shrink.
@usableFromInline
@safe
struct Table<Element: Sendable>: ~Copyable, @unchecked Sendable {
  // Sendable: the block belongs to this value alone, which can't be copied.
  @usableFromInline var base: UnsafeMutablePointer<Element>
  @usableFromInline var count = 0
  @usableFromInline var capacity: Int

  @usableFromInline
  init() {
    capacity = 16
    unsafe base = .allocate(capacity: 16)
  }

  @inlinable
  deinit {
    unsafe base.deinitialize(count: count)
    unsafe base.deallocate()
  }

  @usableFromInline
  mutating func append(_ element: Element) {
    if count == capacity { grow() }
    unsafe (base + count).initialize(to: element)
    count += 1
  }

  @usableFromInline @inline(never)
  mutating func grow() {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
    unsafe larger.moveInitialize(from: base, count: count)
    unsafe base.deallocate()
    unsafe base = larger
    capacity *= 2
  }

  @inlinable
  subscript(index: Int) -> Element {
    @inline(__always) unsafeAddress {
      precondition(index >= 0 && index < count)
      return unsafe UnsafePointer(base + index)
    }
    @inline(__always) unsafeMutableAddress {
      precondition(index >= 0 && index < count)
      return unsafe base + index
    }
  }

  @usableFromInline var indices: Range<Int> { 0..<count }
}

/// Elements at stable indices, freed places used again.
@usableFromInline
struct Slab<Element: Sendable>: ~Copyable, Sendable {
  @usableFromInline var elements = Table<Element>()
  @usableFromInline var free = Table<Int32>()
  @usableFromInline var freeCount = 0

  @usableFromInline init() {}

  @inlinable var count: Int { elements.count - freeCount }

  @inlinable
  mutating func insert(_ element: Element) -> Int32 {
    if freeCount > 0 {
      freeCount &-= 1
      let index = free[freeCount]
      elements[Int(index)] = element
      return index
    }
    elements.append(element)
    return Int32(elements.count - 1)
  }

  @inlinable
  mutating func remove(_ index: Int32) {
    if freeCount == free.count { free.append(index) } else { free[freeCount] = index }
    freeCount &+= 1
  }

  @inlinable
  subscript(index: Int32) -> Element {
    @inline(__always) unsafeAddress {
      precondition(index >= 0 && index < elements.count)
      return unsafe UnsafePointer(elements.base + Int(index))
    }
    @inline(__always) unsafeMutableAddress {
      precondition(index >= 0 && index < elements.count)
      return unsafe elements.base + Int(index)
    }
  }
}

/// A doubly linked list whose links lie in the elements themselves.
@usableFromInline
struct Links: Sendable {
  @usableFromInline var previous: Int32 = -1
  @usableFromInline var next: Int32 = -1

  @usableFromInline init() {}
}

@usableFromInline
struct LinkedList: Sendable {
  @usableFromInline var first: Int32 = -1
  @usableFromInline var last: Int32 = -1

  @usableFromInline init() {}
}

@usableFromInline
protocol Linked: Sendable {
  var links: Links { get set }
}

extension Slab where Element: Linked {
  @inlinable @inline(__always)
  mutating func prepend(_ index: Int32, to list: inout LinkedList) {
    self[index].links.previous = -1
    self[index].links.next = list.first
    if list.first >= 0 { self[list.first].links.previous = index } else { list.last = index }
    list.first = index
  }

  @inlinable
  mutating func append(_ index: Int32, to list: inout LinkedList) {
    self[index].links.next = -1
    self[index].links.previous = list.last
    if list.last >= 0 { self[list.last].links.next = index } else { list.first = index }
    list.last = index
  }

  @inlinable @inline(__always)
  mutating func unlink(_ index: Int32, from list: inout LinkedList) {
    let links = self[index].links
    if links.previous >= 0 {
      self[links.previous].links.next = links.next
    } else {
      list.first = links.next
    }
    if links.next >= 0 {
      self[links.next].links.previous = links.previous
    } else {
      list.last = links.previous
    }
  }
}
