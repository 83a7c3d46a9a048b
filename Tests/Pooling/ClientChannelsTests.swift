import Pooling
import Testing

@Suite struct ClientChannelsTests {
  private static let a = ChannelName("a".utf8)
  private static let b = ChannelName("b".utf8)

  /// A client that has LISTENed to the channels.
  private static func client(_ names: [ChannelName]) -> ClientChannels {
    var channels = ClientChannels()
    channels.ask(for: names)
    for name in names { channels.confirmed(name) }
    _ = channels.endLease(committed: names)
    return channels
  }

  @Test func `a channel is missing until it is confirmed`() {
    var channels = ClientChannels()
    #expect(channels.missing([Self.a, Self.b]) == [Self.a, Self.b])
    channels.ask(for: [Self.a])
    #expect(channels.missing([Self.a]) == [Self.a])
    channels.confirmed(Self.a)
    #expect(channels.missing([Self.a, Self.b]) == [Self.b])
    #expect(channels.provisional == [Self.a])
  }

  @Test func `the lease's end tells what is subscribed and what need not be listened to`() {
    var channels = ClientChannels()
    channels.ask(for: [Self.a, Self.b])
    channels.confirmed(Self.a)
    channels.confirmed(Self.b)
    let change = channels.endLease(committed: [Self.a])
    #expect(change.dropped == [Self.b])
    #expect(change.missing == [])
    #expect(channels.subscribed == [Self.a])
    #expect(!channels.hasLease)
  }

  @Test func `a channel that the text did not show is still to be listened to`() {
    var channels = ClientChannels()
    let end1 = channels.endLease(committed: [Self.a])
    #expect(end1.missing == [Self.a])
    #expect(channels.subscribed == [Self.a])
    channels.ask(for: [Self.a])
    channels.confirmed(Self.a)
    #expect(channels.provisional.isEmpty)
  }

  @Test func `where nobody knows what was committed, what was asked for counts`() {
    var channels = ClientChannels()
    channels.ask(for: [Self.a])
    channels.confirmed(Self.a)
    let end2 = channels.endLease(committed: nil)
    #expect(end2.dropped == [])
    #expect(channels.subscribed == [Self.a])
  }

  @Test func `UNLISTEN counts unless it is in doubt`() {
    for isDoubtful in [false, true] {
      var channels = Self.client([Self.a, Self.b])
      #expect(channels.unlisten([Self.a], all: false) == true)
      if isDoubtful { channels.doubt() }
      let end3 = channels.endLease(committed: [])
      #expect(end3.dropped == (isDoubtful ? [] : [Self.a]))
      #expect(channels.unlisten([], all: true) == true)
      if isDoubtful { channels.doubt() }
      let end4 = channels.endLease(committed: [])
      #expect(end4.dropped.count == (isDoubtful ? 0 : 1))
    }
  }

  @Test func `what failed before UNLISTEN casts no doubt on it`() {
    var channels = Self.client([Self.a])
    channels.doubt()
    #expect(channels.unlisten([Self.a], all: false) == true)
    let end5 = channels.endLease(committed: [])
    #expect(end5.dropped == [Self.a])
  }

  @Test func `UNLISTEN of what is not listened to is nothing`() {
    var channels = ClientChannels()
    #expect(channels.unlisten([Self.a], all: true) == false)
    channels = Self.client([Self.b])
    #expect(channels.unlisten([Self.a], all: false) == false)
    #expect(!channels.hasLease)
  }

  @Test func `LISTEN behind UNLISTEN of all stays`() {
    var channels = Self.client([Self.a, Self.b])
    _ = channels.unlisten([], all: true)
    let change = channels.endLease(committed: [Self.b])
    #expect(change.dropped == [Self.a])
    #expect(channels.subscribed == [Self.b])
  }

  @Test func `a refused channel is the client's no longer`() {
    var channels = Self.client([Self.a])
    channels.ask(for: [Self.b])
    #expect(channels.refused(Self.b) == false)
    #expect(channels.refused(Self.a) == true)
    #expect(channels.isEmpty)
  }

  @Test func `messages come in order, those that had to wait first`() {
    var channels = Self.client([Self.a])
    #expect(channels.deliver(Self.a, [1], isReady: true) == .now)
    #expect(channels.deliver(Self.a, [2], isReady: false) == .kept)
    #expect(channels.deliver(Self.a, [3], isReady: true) == .kept)
    #expect(channels.deliver(nil, [4], isReady: true) == .kept)
    #expect(channels.deliver(Self.b, [5], isReady: true) == .notWanted)
    #expect(channels.takeKept() == [2, 3, 4])
    #expect(!channels.hasKept)
    #expect(channels.deliver(Self.a, [6], isReady: true) == .now)
  }

  @Test func `messages of a provisional channel wait for what becomes of it`() {
    var channels = ClientChannels()
    channels.ask(for: [Self.a, Self.b])
    #expect(channels.deliver(Self.a, [0], isReady: true) == .notWanted)
    channels.confirmed(Self.a)
    channels.confirmed(Self.b)
    #expect(channels.deliver(Self.a, [1], isReady: true) == .kept)
    #expect(channels.deliver(Self.b, [2], isReady: true) == .kept)
    _ = channels.endLease(committed: [Self.b])
    #expect(channels.takeKept() == [2])
  }

  @Test func `no more is kept than the limit`() {
    var channels = Self.client([Self.a])
    let message = [UInt8](repeating: 0, count: 8_000)
    var count = 0
    while channels.deliver(Self.a, message, isReady: false) == .kept, count < 1_000 { count += 1 }
    #expect(channels.deliver(Self.a, message, isReady: false) == .tooMuch)
    #expect(count * message.count <= ClientChannels.keptLimit)
    #expect(count * message.count > ClientChannels.keptLimit / 2)
  }

  @Test func `there is a most of channels`() {
    let channels = Self.client([Self.a])
    #expect(channels.hasRoom(for: ClientChannels.limit - 1))
    #expect(!channels.hasRoom(for: ClientChannels.limit))
  }
}
