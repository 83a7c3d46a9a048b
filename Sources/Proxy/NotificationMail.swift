import Pooling

/// A client as a database's listening connection knows it.
struct Subscriber: Hashable, Sendable {
  var client: Handle
  /// The loop that it lives on.
  var loop: Int32
  /// Tells it from others that have its place after it.
  var serial: UInt64
}

typealias ChannelAnswer = ChannelTable<Subscriber>.Answer

/// A message for some of a loop's clients.
struct Notification: Sendable {
  /// nil: they are told whatever they listen to.
  var channel: ChannelName?
  /// As it is sent, header included.
  var message: [UInt8]
  var subscribers: [Subscriber]
}

/// What loops tell each other of channels and notifications.
enum NotificationMail: Sendable {
  // To the loop that has the listening connections.

  /// Listen to these channels for a client of that pool.
  case subscribe(Subscriber, PoolID, [ChannelName])
  /// Do so no longer.
  case unsubscribe(Subscriber, database: String, [ChannelName])
  /// The client listens to nothing any longer.
  case leave(Subscriber, database: String)
  /// A listening connection has more to be read.
  case readOn(database: String)

  // To a client's loop.

  case confirmed([ChannelAnswer])
  case refused([ChannelAnswer], cause: String)
  case notified([Notification])
}
