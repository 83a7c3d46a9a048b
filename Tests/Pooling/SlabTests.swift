import Testing

@testable import Pooling

@Suite struct SlabTests {
  private struct Item: Linked {
    var links = Links()
    var value: Int
  }

  private func walk(_ slab: borrowing Slab<Item>, _ list: LinkedList) -> [Int] {
    var found: [Int] = []
    var index = list.first
    while index >= 0 {
      found.append(slab[index].value)
      index = slab[index].links.next
    }
    return found
  }

  @Test func `a table keeps its elements when it grows`() {
    var table = Table<Int>()
    for number in 0..<1000 { table.append(number) }
    table[500] = -1
    #expect(table.count == 1000)
    #expect(table[0] == 0 && table[500] == -1 && table[999] == 999)
  }

  @Test func `freed places are used again`() {
    var slab = Slab<Item>()
    let places = (0..<50).map { slab.insert(Item(value: $0)) }
    for place in places[10..<20] { slab.remove(place) }
    #expect(slab.count == 40)
    let again = (0..<10).map { slab.insert(Item(value: 100 + $0)) }
    #expect(Set(again) == Set(places[10..<20]))
    #expect(slab.count == 50)
    #expect(slab[places[9]].value == 9 && slab[places[20]].value == 20)
  }

  @Test func `a list is linked and unlinked anywhere`() {
    var slab = Slab<Item>()
    var list = LinkedList()
    let places = (0..<5).map { slab.insert(Item(value: $0)) }
    for place in places[1...] { slab.append(place, to: &list) }
    slab.prepend(places[0], to: &list)
    #expect(walk(slab, list) == [0, 1, 2, 3, 4])
    for place in [places[2], places[0], places[4]] { slab.unlink(place, from: &list) }
    #expect(walk(slab, list) == [1, 3])
    for place in [places[3], places[1]] { slab.unlink(place, from: &list) }
    #expect(list.first == -1 && list.last == -1)
  }
}
