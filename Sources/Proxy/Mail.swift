import Pooling
import PostgresWire
import Reactor

/// What one thread tells a loop.
enum Mail: Sendable {
  /// A connection that has been accepted is this loop's now.
  case accepted(fd: Int32, address: SocketAddress)
  /// A leased server has come to one of this loop's clients.
  case granted(server: Handle, client: Handle)
  /// Somebody asks to cancel what this client runs, and has shown its whole key; this is the key's
  /// process id. The asker's socket is this loop's now.
  case cancel(client: Handle, key: UInt32, requester: Int32)
  /// A host name of a login has been resolved.
  case resolved(server: Handle, serial: UInt64, answer: Resolver.Answer)
  /// No connection of the pool could be opened: those who wait for its first fail.
  case poolFailed(PoolID, sqlstate: String, message: String)
  /// The pool's database is gone from the configuration.
  case poolRemoved(PoolID)
  /// The pool has gone, and its number may come to mean another.
  case poolRetired(PoolID)
  /// About channels and notifications.
  case listening(NotificationMail)
  /// About the table of tenants.
  case tenants(TenantMail)
  /// A loop wants to know something, or to have something done.
  case asked(Question, by: Int32, serial: UInt64)
  case answered(UInt64, LoopReport)
  /// Questions that are looked into piece by piece go on.
  case surveysGoOn
  /// The configuration has been read anew.
  case reload
  /// SUSPEND is over.
  case goOnReading
  /// Stop listening.
  case stopListening
  /// Close every client and leave.
  case stop
}
