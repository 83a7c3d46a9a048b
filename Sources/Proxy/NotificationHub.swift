import Pooling
import PostgresWire

/// The listening connection of one database, and who listens through it.
///
/// It belongs to the loop `Pooler.hubLoop` alone, and to no pool. Others reach it by mail.
///
/// | state | becomes | by |
/// |---|---|---|
/// | closed | opening | a subscriber, or `retryAt` with subscribers left |
/// | opening | open | the login |
/// | opening | closed | a failed login: those who wait for a channel are refused it |
/// | open | closed | its loss: subscribers are warned once all channels are LISTENed to anew |
/// | open | gone | no subscriber for `idleMicroseconds` |
final class NotificationHub {
  /// The database's key.
  let database: String
  var route: Route
  var table = ChannelTable<Subscriber>()
  /// The connection; nil while closed.
  var server: ServerPointer?
  var isOpen = false
  /// An empty query, which shows that the connection is alive, has not been answered.
  var isChecking = false
  /// When the query that is under way was sent.
  var askedAt: UInt64 = 0
  var heardAt: UInt64 = 0
  /// What the server said against the query under way.
  var refusal: ErrorFields?
  /// The server's last words.
  var farewell: String?
  /// Several channels at once were refused: each is asked for on its own.
  var asksSingly = false
  /// Notifications may have been missed, and the subscribers do not know yet.
  var owesWarning = false
  /// Since when there has been nobody to listen for; 0: there is.
  var emptySince: UInt64 = 0
  /// When the next attempt to connect is due, and what the one after it is kept waiting.
  var retryAt: UInt64 = 0
  var pause: UInt64 = 0

  static let idleMicroseconds: UInt64 = 5_000_000
  /// After how long without a word the connection has to prove that it is alive.
  static let checkMicroseconds: UInt64 = 30_000_000
  static let firstPause: UInt64 = 200_000
  static let longestPause: UInt64 = 15_000_000
  /// The most channels of one query.
  static let channelsPerQuery = 100

  init(route: Route) {
    self.route = route
    database = route.key
  }

  /// A query is under way.
  var isBusy: Bool { isChecking || table.isAsking }

  /// The connection is gone; the next attempt is put off.
  func closed(now: UInt64) {
    server = nil
    isOpen = false
    isChecking = false
    refusal = nil
    farewell = nil
    emptySince = 0
    table.connectionLost()
    retryAt = now &+ pause
    pause = min(max(pause * 2, Self.firstPause), Self.longestPause)
  }
}
