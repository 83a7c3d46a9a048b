import Pooling
import PostgresWire
import Testing

/// A client's bytes as they come, in pieces; what the scanner does not take is shown to it again.
private struct ClientFeed {
  var scanner = ClientScanner()
  var ledger = Ledger()
  var forwarded: [UInt8] = []
  var messages = 0
  var stop = ClientScan.Stop.drained
  private var carry: [UInt8] = []
  var maxPacketSize: UInt32 = 0x7fff_ffff

  var carried: Int { carry.count }

  mutating func feed(_ bytes: [UInt8], cutAt cuts: [Int]) {
    var start = 0
    for cut in cuts + [bytes.count] {
      feed(Array(bytes[start..<cut]))
      start = cut
    }
  }

  mutating func feed(_ piece: [UInt8]) {
    guard stop == .drained || stop == .mustWait else { return }
    carry += piece
    let bytes = carry
    let scan = scanner.scan(bytes.span.bytes, ledger: &ledger, maxPacketSize: maxPacketSize)
    forwarded += carry[..<scan.forward]
    carry.removeFirst(scan.forward)
    messages += scan.messages
    stop = scan.stop
  }
}

@Suite struct ClientScannerTests {
  static let streams: [[UInt8]] = [
    frame("Q", zeros(9)),
    frame("P", zeros(40)) + frame("B", zeros(3)) + frame("E", zeros(5)) + frame("S"),
    frame("Q", zeros(20)) + frame("d", zeros(300)) + frame("c"),
    frame("S") + frame("H") + frame("F", zeros(12)) + frame("C", zeros(2)) + frame("D", zeros(2)),
    frame("f", zeros(7)) + frame("d") + frame("S"),
  ]

  @Test(arguments: streams)
  func `however the bytes are cut, the same goes to the server`(_ bytes: [UInt8]) {
    var whole = ClientFeed()
    whole.feed(bytes)
    #expect(whole.forwarded == bytes)
    for cut in cuts(of: bytes) {
      var feed = ClientFeed()
      feed.feed(bytes, cutAt: cut)
      #expect(feed.forwarded == bytes)
      #expect(feed.ledger == whole.ledger)
      #expect(feed.messages == whole.messages)
      #expect(feed.scanner == whole.scanner)
      #expect(!feed.scanner.isMidMessage)
    }
  }

  @Test func `a header that has not come whole is not taken`() {
    var feed = ClientFeed()
    feed.feed(frame("S") + Array(frame("Q", zeros(4))[..<4]))
    #expect(feed.forwarded == frame("S"))
    #expect(feed.carried == 4)
    #expect(feed.messages == 1)
  }

  @Test func `a long message goes on before it has come whole`() {
    var feed = ClientFeed()
    feed.feed(header("d", 100_004) + zeros(10))
    #expect(feed.forwarded.count == 15)
    #expect(feed.scanner.isMidMessage)
    feed.feed(zeros(99_989))
    #expect(feed.scanner.isMidMessage)
    feed.feed(zeros(1))
    #expect(!feed.scanner.isMidMessage)
  }

  @Test(
    arguments: [
      ("Q", 3), ("Q", 0), ("Q", 0x3fff_ffff), ("Q", 0x8000_0004), ("Q", 0xffff_ffff),
      ("S", 3), ("S", 10_001), ("E", 10_001), ("D", 0x7fff_ffff), ("c", 10_001), ("H", 2),
      ("P", 0x4000_0000), ("d", 0x3fff_ffff), ("F", 1),
    ] as [(Character, UInt32)])
  func `a length that PostgreSQL refuses is refused`(_ type: Character, _ length: UInt32) {
    var feed = ClientFeed()
    feed.feed(frame("Q", zeros(1)) + header(type, length))
    #expect(feed.stop == .invalidLength)
    #expect(feed.forwarded == frame("Q", zeros(1)))
    #expect(feed.messages == 1)
  }

  @Test(
    arguments: [
      ("Q", 4), ("Q", 0x3fff_fffe), ("S", 4), ("E", 10_000), ("d", 0x3fff_fffe),
    ] as [(Character, UInt32)])
  func `a length that PostgreSQL takes is taken`(_ type: Character, _ length: UInt32) {
    var feed = ClientFeed()
    feed.feed(header(type, length))
    #expect(feed.stop == .drained)
    #expect(feed.forwarded.count == 5)
  }

  @Test func `a simple query is let through unless it is refused`() {
    for refused in [false, true] {
      var feed = ClientFeed()
      feed.scanner.refusesQuery = refused
      feed.feed(frame("P", zeros(40)) + frame("F", zeros(4)) + frame("S"))
      #expect(feed.stop == .drained)
      let before = feed.forwarded.count
      feed.feed(frame("Q", zeros(9)))
      #expect(feed.stop == (refused ? .refusedQuery : .drained))
      #expect((feed.forwarded.count == before) == refused)
    }
  }

  @Test func `max_packet_size bounds every message`() {
    for (length, stop): (UInt32, ClientScan.Stop) in [(64, .drained), (65, .invalidLength)] {
      for type in "QPBEdc" {
        var feed = ClientFeed()
        feed.maxPacketSize = 64
        feed.feed(header(type, length))
        #expect(feed.stop == stop)
      }
    }
  }

  @Test(arguments: Array("AGIJKLMNORTUVWYZabeghipz01\u{0}"))
  func `a message that no client sends is refused`(_ type: Character) {
    var feed = ClientFeed()
    feed.feed(frame("S") + frame(type))
    #expect(feed.stop == .invalidType(type.asciiValue ?? 0))
    #expect(feed.forwarded == frame("S"))
  }

  @Test func `Terminate ends the scan in front of it`() {
    var feed = ClientFeed()
    feed.feed(frame("Q", zeros(2)) + frame("X"))
    #expect(feed.stop == .terminate)
    #expect(feed.forwarded == frame("Q", zeros(2)))
    #expect(feed.ledger.owesOneReply)
  }

  @Test func `what must wait is shown again once a reply has come`() {
    let bytes = (0...Ledger.capacity).flatMap { _ in frame("S") }
    var feed = ClientFeed()
    feed.feed(bytes)
    #expect(feed.stop == .mustWait)
    #expect(feed.messages == Ledger.capacity)
    #expect(feed.carried == 5)
    let ready = feed.ledger.readyForQueryReceived(TransactionStatus.idle)
    #expect(ready == .client)
    feed.feed([])
    #expect(feed.stop == .drained)
    #expect(feed.forwarded == bytes)
  }
}
