/// Elements at stable indices, freed places used again.
@usableFromInline
struct Slab<Element: Sendable>: Sendable {
  @usableFromInline var elements: ContiguousArray<Element> = []
  @usableFromInline var free: ContiguousArray<Int32> = []

  @usableFromInline init() {}

  @inlinable var count: Int { elements.count - free.count }

  @inlinable
  mutating func insert(_ element: Element) -> Int32 {
    if let index = free.popLast() {
      elements[Int(index)] = element
      return index
    }
    elements.append(element)
    return Int32(elements.count - 1)
  }

  @inlinable
  mutating func remove(_ index: Int32) { free.append(index) }

  @inlinable
  subscript(index: Int32) -> Element {
    get { elements[Int(index)] }
    _modify { yield &elements[Int(index)] }
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
  @inlinable
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

  @inlinable
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
