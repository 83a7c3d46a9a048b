/// A channel's name as PostgreSQL has it, in UTF-8.
public typealias ChannelName = [UInt8]

/// Who listens to which channels of one database, and what its listening connection has to be told.
///
/// A channel's states:
///
/// | state | becomes | by |
/// |---|---|---|
/// | wanted | asked | ``nextRequest(limit:)`` |
/// | asked | listening | ``succeeded()`` |
/// | asked | gone, or wanted if others have it too | ``failed()`` |
/// | listening | leaving | ``nextRequest(limit:)``, once it has no subscriber |
/// | leaving | gone, or wanted if somebody has come meanwhile | ``succeeded()``, ``failed()`` |
/// | any | wanted, or gone without subscribers | ``connectionLost()`` |
///
/// One request is under way at a time.
public struct ChannelTable<Subscriber: Hashable & Sendable>: Sendable {
  /// What the connection is to be told: LISTEN or UNLISTEN of these channels.
  public enum Request: Equatable, Sendable {
    case listen([ChannelName])
    case unlisten([ChannelName])
  }

  /// What a subscriber waited for.
  public struct Answer: Hashable, Sendable {
    public var subscriber: Subscriber
    public var channel: ChannelName

    public init(subscriber: Subscriber, channel: ChannelName) {
      self.subscriber = subscriber
      self.channel = channel
    }
  }

  private enum State: Sendable {
    case wanted, asked, listening, leaving
  }

  private struct Channel: Sendable {
    var state = State.wanted
    var subscribers: Set<Subscriber> = []
    /// Those who have not been told yet that it is listened to.
    var waiting: Set<Subscriber> = []
  }

  private var channels: [ChannelName: Channel] = [:]
  private var names: [Subscriber: Set<ChannelName>] = [:]
  /// Channels that are to be LISTENed to, and those that may have to be left. May name some that
  /// are in another state by now.
  private var wanted: Set<ChannelName> = []
  private var abandoned: Set<ChannelName> = []
  private var request: Request?

  public init() {}

  /// Nobody listens to anything.
  public var isEmpty: Bool { names.isEmpty }
  public var isAsking: Bool { request != nil }
  public var subscribers: some Collection<Subscriber> { names.keys }

  /// Who is to get a notification of the channel.
  public func subscribers(of channel: ChannelName) -> Set<Subscriber> {
    channels[channel]?.subscribers ?? []
  }

  // MARK: subscribers

  /// - Returns: whether the channel is listened to already; if not, an answer will follow.
  public mutating func subscribe(_ subscriber: Subscriber, to name: ChannelName) -> Bool {
    names[subscriber, default: []].insert(name)
    var channel = channels.removeValue(forKey: name) ?? Channel()
    channel.subscribers.insert(subscriber)
    let isThere = channel.state == .listening
    if !isThere { channel.waiting.insert(subscriber) }
    if channel.state == .wanted { wanted.insert(name) }
    channels[name] = channel
    return isThere
  }

  public mutating func unsubscribe(_ subscriber: Subscriber, from name: ChannelName) {
    guard names[subscriber]?.remove(name) != nil else { return }
    if names[subscriber]?.isEmpty == true { names[subscriber] = nil }
    drop(subscriber, from: name)
  }

  public mutating func remove(_ subscriber: Subscriber) {
    for name in names.removeValue(forKey: subscriber) ?? [] { drop(subscriber, from: name) }
  }

  private mutating func drop(_ subscriber: Subscriber, from name: ChannelName) {
    guard var channel = channels.removeValue(forKey: name) else { return }
    channel.subscribers.remove(subscriber)
    channel.waiting.remove(subscriber)
    if channel.subscribers.isEmpty {
      switch channel.state {
      case .wanted:
        wanted.remove(name)
        return
      case .listening: abandoned.insert(name)
      case .asked, .leaving: break
      }
    }
    channels[name] = channel
  }

  // MARK: requests

  /// What to tell the connection next; nil if there is nothing, or a request under way.
  /// - Parameter limit: the most channels of one request.
  public mutating func nextRequest(limit: Int) -> Request? {
    guard request == nil else { return nil }
    if let names = take(limit, from: \.wanted, in: .wanted, to: .asked) {
      request = .listen(names)
    } else if let names = take(limit, from: \.abandoned, in: .listening, to: .leaving) {
      request = .unlisten(names)
    }
    return request
  }

  private mutating func take(
    _ limit: Int, from list: WritableKeyPath<Self, Set<ChannelName>>, in state: State,
    to next: State
  ) -> [ChannelName]? {
    var names: [ChannelName] = []
    while names.count < limit, let name = self[keyPath: list].popFirst() {
      guard let channel = channels[name], channel.state == state,
        (state == .wanted) != channel.subscribers.isEmpty
      else { continue }
      channels[name]?.state = next
      names.append(name)
    }
    return names.isEmpty ? nil : names
  }

  /// The request has been done.
  /// - Returns: who can be told of which channels.
  public mutating func succeeded() -> [Answer] {
    switch request {
    case nil: return []
    case .unlisten?:
      endUnlisten()
      return []
    case .listen(let listened)?:
      request = nil
      var answers: [Answer] = []
      for name in listened {
        guard var channel = channels.removeValue(forKey: name) else { continue }
        channel.state = .listening
        answers += channel.waiting.map { Answer(subscriber: $0, channel: name) }
        channel.waiting = []
        if channel.subscribers.isEmpty { abandoned.insert(name) }
        channels[name] = channel
      }
      return answers
    }
  }

  private mutating func endUnlisten() {
    guard case .unlisten(let names)? = request else { return }
    request = nil
    for name in names {
      guard channels[name]?.subscribers.isEmpty == false else {
        channels[name] = nil
        continue
      }
      channels[name]?.state = .wanted
      wanted.insert(name)
    }
  }

  /// The request has been refused. Those who wait for its channels lose them.
  ///
  /// - Returns: they, and whether others have such a channel who have been told that it is
  ///   listened to: then the connection is of no use.
  public mutating func failed() -> (refused: [Answer], isBroken: Bool) {
    guard case .listen(let asked)? = request else {
      endUnlisten()
      return ([], false)
    }
    request = nil
    var refused: [Answer] = []
    var isBroken = false
    for name in asked {
      channels[name]?.state = .wanted
      refused += refuse(name)
      if let channel = channels[name] {
        if channel.subscribers.isEmpty {
          channels[name] = nil
        } else {
          isBroken = true
          wanted.insert(name)
        }
      }
    }
    return (refused, isBroken)
  }

  /// The request was for several channels and has been refused: they are to be asked for again.
  public mutating func askAgain() {
    guard case .listen(let asked)? = request else { return endUnlisten() }
    request = nil
    for name in asked {
      guard channels[name]?.subscribers.isEmpty == false else {
        channels[name] = nil
        continue
      }
      channels[name]?.state = .wanted
      wanted.insert(name)
    }
  }

  /// Takes a channel from those who wait for it.
  private mutating func refuse(_ name: ChannelName) -> [Answer] {
    let waiting = channels[name]?.waiting ?? []
    for subscriber in waiting { unsubscribe(subscriber, from: name) }
    return waiting.map { Answer(subscriber: $0, channel: name) }
  }

  // MARK: the connection

  /// The connection is gone: all is to be asked for anew on the next one.
  public mutating func connectionLost() {
    request = nil
    abandoned.removeAll()
    wanted.removeAll()
    for name in channels.keys {
      guard channels[name]?.subscribers.isEmpty == false else {
        channels[name] = nil
        continue
      }
      channels[name]?.state = .wanted
      wanted.insert(name)
    }
  }

  /// There is no connection, and none to be had: whoever waits gets nothing.
  public mutating func refuseWaiting() -> [Answer] {
    var refused: [Answer] = []
    for name in Array(channels.keys) where channels[name]?.waiting.isEmpty == false {
      refused += refuse(name)
    }
    return refused
  }
}
