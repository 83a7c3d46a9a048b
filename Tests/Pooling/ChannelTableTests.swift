import Pooling
import TestSupport
import Testing

@Suite struct ChannelTableTests {
  private typealias Table = ChannelTable<Int>

  private static func name(_ text: String) -> ChannelName { Array(text.utf8) }
  private static func answer(_ subscriber: Int, _ channel: String) -> Table.Answer {
    Table.Answer(subscriber: subscriber, channel: name(channel))
  }

  /// A table in which each of the subscribers listens to the channel.
  private static func listening(_ subscribers: [Int], to channel: String) -> Table {
    var table = Table()
    for subscriber in subscribers { _ = table.subscribe(subscriber, to: name(channel)) }
    _ = table.nextRequest(limit: 10)
    _ = table.succeeded()
    return table
  }

  @Test func `the first subscriber has the channel asked for, others join it`() {
    var table = Table()
    #expect(table.isEmpty)
    #expect(table.subscribe(1, to: Self.name("a")) == false)
    #expect(table.nextRequest(limit: 10) == .listen([Self.name("a")]))
    #expect(table.nextRequest(limit: 10) == nil, "one request at a time")
    #expect(table.subscribe(2, to: Self.name("a")) == false, "not answered yet")
    #expect(Set(table.succeeded()) == [Self.answer(1, "a"), Self.answer(2, "a")])
    #expect(table.subscribe(3, to: Self.name("a")) == true)
    #expect(table.subscribers(of: Self.name("a")) == [1, 2, 3])
    #expect(table.nextRequest(limit: 10) == nil)
  }

  @Test func `the last subscriber's leaving has the channel left`() {
    var table = Self.listening([1, 2], to: "a")
    table.unsubscribe(1, from: Self.name("a"))
    #expect(table.nextRequest(limit: 10) == nil)
    table.remove(2)
    #expect(table.isEmpty)
    #expect(table.nextRequest(limit: 10) == .unlisten([Self.name("a")]))
    #expect(table.succeeded() == [])
    #expect(table.nextRequest(limit: 10) == nil)
  }

  @Test func `whoever comes back before UNLISTEN is sent finds the channel there`() {
    var table = Self.listening([1], to: "a")
    table.remove(1)
    #expect(table.subscribe(2, to: Self.name("a")) == true)
    #expect(table.nextRequest(limit: 10) == nil)
  }

  @Test func `whoever comes back behind UNLISTEN has the channel asked for anew`() {
    var table = Self.listening([1], to: "a")
    table.remove(1)
    #expect(table.nextRequest(limit: 10) == .unlisten([Self.name("a")]))
    #expect(table.subscribe(2, to: Self.name("a")) == false)
    #expect(table.succeeded() == [])
    #expect(table.nextRequest(limit: 10) == .listen([Self.name("a")]))
    #expect(table.succeeded() == [Self.answer(2, "a")])
  }

  @Test func `whoever leaves before the answer gets none, and the channel is left again`() {
    var table = Table()
    _ = table.subscribe(1, to: Self.name("a"))
    _ = table.nextRequest(limit: 10)
    table.remove(1)
    #expect(table.succeeded() == [])
    #expect(table.nextRequest(limit: 10) == .unlisten([Self.name("a")]))
  }

  @Test func `a request has no more channels than it may`() {
    var table = Table()
    for number in 0..<5 { _ = table.subscribe(1, to: Self.name("\(number)")) }
    var seen: Set<ChannelName> = []
    for _ in 0..<5 {
      guard case .listen(let names)? = table.nextRequest(limit: 2) else { break }
      #expect(names.count <= 2)
      seen.formUnion(names)
      _ = table.succeeded()
    }
    #expect(seen.count == 5)
  }

  @Test func `a refusal of one among several has all asked for again`() {
    var table = Table()
    _ = table.subscribe(1, to: Self.name("a"))
    _ = table.subscribe(2, to: Self.name("b"))
    _ = table.nextRequest(limit: 10)
    table.askAgain()
    for _ in 0..<2 {
      guard case .listen(let names)? = table.nextRequest(limit: 1) else { break }
      if names == [Self.name("a")] {
        #expect(table.failed() == ([Self.answer(1, "a")], false))
      } else {
        #expect(table.succeeded() == [Self.answer(2, "b")])
      }
    }
    #expect(table.subscribers(of: Self.name("a")).isEmpty)
    #expect(table.subscribers(of: Self.name("b")) == [2])
  }

  @Test func `a channel that somebody has already can't be refused`() {
    var table = Self.listening([1], to: "a")
    table.connectionLost()
    _ = table.subscribe(2, to: Self.name("a"))
    #expect(table.nextRequest(limit: 1) == .listen([Self.name("a")]))
    let (refused, isBroken) = table.failed()
    #expect(refused == [Self.answer(2, "a")])
    #expect(isBroken)
    #expect(table.nextRequest(limit: 1) == .listen([Self.name("a")]))
  }

  @Test func `a new connection is told all channels that have subscribers`() {
    var table = Self.listening([1], to: "a")
    _ = table.subscribe(2, to: Self.name("b"))
    _ = table.nextRequest(limit: 10)
    table.connectionLost()
    #expect(table.refuseWaiting() == [Self.answer(2, "b")])
    #expect(table.nextRequest(limit: 10) == .listen([Self.name("a")]))
    #expect(table.succeeded() == [], "nobody waited for it")
    #expect(table.subscribers(of: Self.name("a")) == [1])
  }

  /// Against the plainest of models.
  @Test(arguments: 0..<50)
  func `it always settles on what its subscribers want`(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    var table = Table()
    var wanted: [Int: Set<Int>] = [:]
    var listened: Set<ChannelName> = []
    var request: Table.Request?
    func finish() {
      switch request {
      case .listen(let names)?: listened.formUnion(names)
      case .unlisten(let names)?: listened.subtract(names)
      case nil: return
      }
      request = nil
      _ = table.succeeded()
    }
    for _ in 0..<400 {
      let subscriber = generator.below(4)
      let channel = generator.below(5)
      switch generator.below(8) {
      case 0...2:
        let isThere = table.subscribe(subscriber, to: Self.name("\(channel)"))
        #expect(!isThere || listened.contains(Self.name("\(channel)")))
        wanted[subscriber, default: []].insert(channel)
      case 3...4:
        table.unsubscribe(subscriber, from: Self.name("\(channel)"))
        wanted[subscriber]?.remove(channel)
      case 5: if request == nil { request = table.nextRequest(limit: 1 + generator.below(3)) }
      case 6: finish()
      default:
        guard generator.below(5) == 0 else { continue }
        table.connectionLost()
        listened = []
        request = nil
      }
    }
    for _ in 0..<50 {
      finish()
      request = table.nextRequest(limit: 2)
    }
    #expect(request == nil)
    #expect(listened == Set(wanted.values.joined().map { Self.name("\($0)") }))
    for channel in 0..<5 {
      let subscribers = wanted.filter { $0.value.contains(channel) }.keys
      #expect(table.subscribers(of: Self.name("\(channel)")) == Set(subscribers))
    }
  }
}
