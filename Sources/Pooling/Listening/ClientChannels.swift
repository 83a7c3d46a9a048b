/// What one client listens to, and the notifications that it has still to get.
///
/// A client's own LISTEN runs on whichever server it has at the moment, after the database's
/// listening connection has LISTENed too. What the client's transaction has made of it shows at the
/// end of the lease: till then a channel is *provisional*, and its notifications are kept.
public struct ClientChannels: Sendable {
  /// The most channels of one client.
  public static let limit = 10_000
  /// The most bytes of messages that are kept for one client.
  public static let keptLimit = 1_048_576
  /// What a kept message costs beyond its bytes.
  static let messageOverhead = 64

  /// Channels that the client has LISTENed to for good.
  public private(set) var subscribed: Set<ChannelName> = []
  /// Channels that are listened to for the sake of the lease at hand.
  public private(set) var provisional: Set<ChannelName> = []
  /// Channels that the listening connection has been asked for and has not answered.
  public private(set) var asked: Set<ChannelName> = []

  /// What the lease's statements UNLISTEN.
  private var unlistened: Set<ChannelName> = []
  private var unlistensAll = false
  /// An error or a ROLLBACK came after an UNLISTEN: nobody knows whether it counts.
  private var isDoubtful = false

  private var kept: [(channel: ChannelName?, message: [UInt8])] = []
  private var keptBytes = 0

  public init() {}

  public var isEmpty: Bool { subscribed.isEmpty && provisional.isEmpty && asked.isEmpty }
  public var hasKept: Bool { !kept.isEmpty }
  /// The lease has to be looked at when it ends.
  public var hasLease: Bool { !provisional.isEmpty || isUnlistening }
  /// The lease has an UNLISTEN that may count.
  public var isUnlistening: Bool { unlistensAll || !unlistened.isEmpty }

  // MARK: the listening connection

  /// Those of `names` that are not listened to for this client.
  public func missing(_ names: [ChannelName]) -> [ChannelName] {
    names.filter { !subscribed.contains($0) && !provisional.contains($0) }
  }

  /// Whether so many more would be too many.
  public func hasRoom(for count: Int) -> Bool {
    subscribed.count + provisional.count + asked.count + count <= Self.limit
  }

  public mutating func ask(for names: [ChannelName]) { asked.formUnion(names) }

  /// The listening connection listens to it.
  public mutating func confirmed(_ name: ChannelName) {
    guard asked.remove(name) != nil, !subscribed.contains(name) else { return }
    provisional.insert(name)
  }

  /// The listening connection can't listen to it.
  /// - Returns: whether the client thinks that it has it.
  public mutating func refused(_ name: ChannelName) -> Bool {
    asked.remove(name)
    provisional.remove(name)
    return subscribed.remove(name) != nil
  }

  // MARK: the lease

  /// A statement with UNLISTEN is about to be sent.
  /// - Returns: whether it could mean anything.
  public mutating func unlisten(_ names: [ChannelName], all: Bool) -> Bool {
    guard !subscribed.isEmpty else { return false }
    let known = names.filter { subscribed.contains($0) }
    guard all || !known.isEmpty else { return false }
    if !isUnlistening { isDoubtful = false }
    unlistened.formUnion(known)
    unlistensAll = unlistensAll || all
    return true
  }

  /// A statement has failed, or has been rolled back.
  public mutating func doubt() { isDoubtful = true }

  /// The lease is over.
  /// - Parameter committed: the channels that the client's server listened to then; nil: nobody
  ///   knows, and what was asked for counts.
  /// - Returns: what the listening connection need not listen to any longer for this client, and
  ///   what it is to listen to yet.
  public mutating func endLease(
    committed: [ChannelName]?
  ) -> (dropped: [ChannelName], missing: [ChannelName]) {
    let before = subscribed.union(provisional)
    if isUnlistening && !isDoubtful {
      if unlistensAll { subscribed.removeAll() } else { subscribed.subtract(unlistened) }
    }
    let fresh = committed.map(Set.init) ?? provisional
    subscribed.formUnion(fresh)
    provisional.removeAll()
    unlistened.removeAll()
    unlistensAll = false
    isDoubtful = false
    let missing = subscribed.subtracting(before)
    return (Array(before.subtracting(subscribed)), Array(missing))
  }

  /// DISCARD ALL: nothing is left, not even what has come.
  public mutating func removeAll() { self = ClientChannels() }

  // MARK: kept messages

  public enum Delivery: Equatable, Sendable {
    case now
    case kept
    case notWanted
    /// More has come than is kept for a client that does not take it.
    case tooMuch
  }

  /// What is to become of a message that has come for the client.
  /// - Parameters:
  ///   - channel: nil for what it is told whatever it listens to.
  ///   - isReady: it could be sent now.
  public mutating func deliver(
    _ channel: ChannelName?, _ message: [UInt8], isReady: Bool
  ) -> Delivery {
    if let channel {
      let isSubscribed = subscribed.contains(channel)
      guard isSubscribed || provisional.contains(channel) else { return .notWanted }
      if isReady && isSubscribed && kept.isEmpty { return .now }
    } else if isReady && kept.isEmpty {
      return .now
    }
    let bytes = message.count + Self.messageOverhead
    guard keptBytes + bytes <= Self.keptLimit else { return .tooMuch }
    keptBytes += bytes
    kept.append((channel, message))
    return .kept
  }

  /// The messages that were kept, in order, but for those of channels that the client has not.
  public mutating func takeKept() -> [UInt8] {
    var bytes: [UInt8] = []
    for (channel, message) in kept {
      if let channel, !subscribed.contains(channel) { continue }
      bytes += message
    }
    kept.removeAll()
    keptBytes = 0
    return bytes
  }
}
