import Pooling
import PostgresWire
import Reactor
import Synchronization

typealias ServerPointer = UnsafeMutablePointer<ServerConnection>

/// Where a server connection stands.
enum ServerPhase: UInt8 {
  case unused
  /// The host name is being resolved, the socket connected, the login under way.
  case login
  /// It listens for a database's clients; it is in no pool.
  case listening
  /// It reads the table of tenants; it is in no pool.
  case asking
  /// In a pool, or leased to a client.
  case ready
}

/// A query of the pooler's own that a server is answering.
enum ServerTask: UInt8 {
  case none
  /// connect_query, after the login.
  case connectQuery
  /// server_check_query, before a client gets a server that has been idle for long.
  case check
  /// SETs that bring the server to the client's parameters; the client's statement is behind them.
  case parameters
  /// What is left in the session, after a client's statements.
  case probe
  /// A prepared statement that the client's simple query behind it names.
  case statement
  /// What shape prepared statements have now; the client's batch waits.
  case shapes
  /// Whether the server still owes something, after a COPY that failed.
  case recount
  /// server_reset_query, after a client has left.
  case reset
}

/// What is due before a server serves somebody else.
enum ServerCleanup: UInt8 {
  case none
  /// server_reset_query.
  case reset
  /// DISCARD ALL, whatever server_reset_query says: something is left in the session.
  case discard
  /// It is closed: what is left in it no statement takes away.
  case close
}

/// Which loop a server connection belongs to, and whether it is idle, in one word: loops read it
/// without a lock to tell a stale event from their own, and write it only under the pools' lock.
struct Ownership: Equatable {
  var word: UInt32

  @inline(__always)
  init(word: UInt32) { self.word = word }

  @inline(__always)
  init(loop: Int32, isIdle: Bool) { word = UInt32(bitPattern: loop) << 1 | (isIdle ? 1 : 0) }

  static let nobody = Ownership(word: .max)
}

/// One server connection. Its place never moves; which loop may touch it is told by `ownership`.
///
/// All but `ownership` is touched by the owning loop alone.
struct ServerConnection: ~Copyable {
  var stream = Stream()
  var scanner = ServerScanner()
  var ledger = Ledger()
  /// Answers to extended messages that need care.
  var replies = ReplyQueue()
  /// The prepared statements that it has.
  var statements = ServerStatements()
  /// The unnamed statement is its client's own, since a Parse in the batch `unnamedBatch`.
  var unnamedIsClients = false
  var unnamedBatch: UInt32 = 0
  /// The statement that the task `statement` prepares.
  var broughtSerial: UInt64 = 0
  /// The query or batch that has its preamble in front already, by its ordinal. Only of a client
  /// with a tenant.
  var coveredBatch: UInt32 = 0
  /// How far the text of the last query is shifted by its preamble.
  var prefixLength = 0
  /// What the task `shapes` asks.
  var schemaCheck: SchemaCheck?
  var phase = ServerPhase.unused
  var task = ServerTask.none
  /// It was opened for its client, and is closed with it.
  var isDedicated = false
  /// The server has said FATAL: whoever it served knows why.
  var saidFatal = false
  /// It has been idle for long and is to be checked before its next use.
  var needsCheck = false
  /// The way to its database has changed since it was opened.
  var isOutdated = false
  /// What is due before its next use.
  var cleanup = ServerCleanup.none
  /// The reset under way is DISCARD ALL of the pooler's own accord.
  var isDiscarding = false
  /// Cancel requests that are on their way to this server.
  var cancels: Int32 = 0
  /// As ``ClientIdentity/number``.
  var number: UInt64 = 0
  var client: ClientPointer?
  var id = ServerID(-1)
  var pool = PoolID(-1)
  var parameterSet: ParameterSets.Number = -1
  /// When the running query and the transaction began; microseconds.
  var queryStartedAt: UInt64 = 0
  var transactionStartedAt: UInt64 = 0
  /// What the server said against the pooler's own query.
  var taskError: ErrorFields?
  var login: ServerLogin?
  var details: ServerDetails?
  /// Whose listening connection it is; nil for one of a pool.
  var hub: NotificationHub?
  /// What reads the table of tenants through it; nil for all others.
  var reader: TenantReader?
  /// Not the first: the thread sanitizer takes a change of any field for one of the first.
  let ownership = Atomic<UInt32>(Ownership.nobody.word)

  /// Back to unused, but for the ownership, which other loops may be reading.
  mutating func reset() {
    stream = Stream()
    scanner = ServerScanner()
    ledger = Ledger()
    phase = .unused
    task = .none
    isDedicated = false
    saidFatal = false
    needsCheck = false
    isOutdated = false
    cleanup = .none
    isDiscarding = false
    replies = ReplyQueue()
    statements = ServerStatements()
    unnamedIsClients = false
    schemaCheck = nil
    cancels = 0
    client = nil
    id = ServerID(-1)
    pool = PoolID(-1)
    parameterSet = -1
    taskError = nil
    login = nil
    details = nil
    hub = nil
    reader = nil
  }
}

extension UnsafeMutablePointer<ServerConnection> {
  @inline(__always)
  func own(_ ownership: Ownership) {
    pointee.ownership.store(ownership.word, ordering: .releasing)
  }

  @inline(__always)
  var ownership: Ownership { Ownership(word: pointee.ownership.load(ordering: .acquiring)) }
}

/// What is known of a server connection for its life and rarely looked at.
final class ServerDetails {
  let address: SocketAddress
  /// As the log names it: `host:port`.
  let place: String
  /// The pooler's end.
  let local: SocketAddress
  let connectedAt: UInt64
  let key: CancelKey?

  init(
    address: SocketAddress, place: String, local: SocketAddress, connectedAt: UInt64,
    key: CancelKey?
  ) {
    self.address = address
    self.place = place
    self.local = local
    self.connectedAt = connectedAt
    self.key = key
  }
}

/// Places for server connections, shared by all loops. A place is not used again before all loops
/// have long forgotten the events of its last user.
struct ServerPlaces: ~Copyable {
  private var free: [(place: Handle, since: UInt64)] = []
  private static var quarantineMicroseconds: UInt64 { 5_000_000 }

  mutating func take(now: UInt64) -> Handle {
    // The loop that gave it back may have read the clock later than this one.
    if let first = free.first, now > first.since &+ Self.quarantineMicroseconds {
      return free.removeFirst().place
    }
    let place = ServerPointer.allocate(capacity: 1)
    place.initialize(to: ServerConnection())
    return place.asHandle
  }

  mutating func giveBack(_ place: Handle, now: UInt64) {
    let server = ServerPointer(handle: place)
    server.own(.nobody)
    server.pointee.reset()
    free.append((place, now))
  }
}
