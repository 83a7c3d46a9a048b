import Logs
import Pooling
import Reactor
import Settings
import Tenancy

typealias ClientPointer = UnsafeMutablePointer<ClientConnection>

/// Where a client connection stands.
///
/// | phase | becomes | by |
/// |---|---|---|
/// | unused | login | accept |
/// | login | idle | authentication, and a server that has told its parameters |
/// | idle | active, preparing or waiting | bytes from the client |
/// | waiting | granted | a server comes |
/// | granted | active or preparing | its turn in the loop's list |
/// | preparing | active | the server's checks and SETs are through |
/// | active | idle | the server is clean and goes back |
/// | login | console | a login to the database `pgbouncer` |
/// | any | closed | the end, whoever brings it about |
/// | closed | unused | nothing refers to it any longer |
enum ClientPhase: UInt8 {
  case unused
  case login
  case idle
  case waiting
  case granted
  case preparing
  case active
  /// It talks to the pooler itself.
  case console
  /// Ended; a server that was granted meanwhile has still to come and be sent back.
  case closed
}

/// One client, in a place of its loop's slab for life. Only that loop touches it.
struct ClientConnection: ~Copyable {
  var stream = Stream()
  var scanner = ClientScanner()
  var phase = ClientPhase.unused
  var mode = PoolMode.transaction
  /// What the scanner left waits for replies, not for more bytes.
  var isHeld = false
  /// It is in the loop's list of clients to be run.
  var isListed = false
  /// A server that another loop has granted is on its way: the place must not be used again yet.
  var isAwaited = false
  /// It has a server of its own for life, opened for it with the parameter `replication`.
  var isReplication = false
  /// Which of its messages are looked at.
  var inspection = ClientScanner.Inspection.none
  /// Its server does not go back once it is clean: see `settleSession`.
  var keepsServer = false
  /// A text that is too long to be looked at as a whole is on its way.
  var isSendingText = false
  /// It counts towards max_client_conn.
  var isCounted = false
  var pool = PoolID(-1)
  var waiter = WaiterID.none
  var parameterSet: ParameterSets.Number = -1
  /// What RESET and DISCARD ALL bring back: the parameters that it came with.
  var startupSet: ParameterSets.Number = -1
  var server: ServerPointer?
  var nextListed: ClientPointer?
  /// When the present phase began, in microseconds.
  var since: UInt64 = 0
  /// When it was given its server, or the last one that it had.
  var leasedAt: UInt64 = 0
  /// What its pool's clients on this loop have done. Until the login is complete it is what nobody
  /// looks at.
  var traffic: TrafficPointer
  var connectedAt: UInt64 = 0
  /// The process id of its cancel key; 0: it has none yet.
  var cancelKey: UInt32 = 0
  /// Only until the login is complete.
  var login: ClientLogin?
  /// Who it is, for the log.
  var identity: ClientIdentity?
  /// What goes with it from server to server; nil while it has only said plain queries.
  var session: SessionPointer?
  /// Under which tenant it runs; nil: there are no tenants.
  var tenant: TenantPointer?
  /// Its statements, where somebody wants to know about them.
  var observed: ObservedPointer?

  init(traffic: TrafficPointer) { self.traffic = traffic }
}

/// Who a client is, for the log and for errors. One small object a client.
final class ClientIdentity {
  let address: SocketAddress
  /// Tells it from every other connection, of clients and to servers, since the start.
  let number: UInt64
  /// The process at the other end of a unix socket; 0 if unknown.
  let peerProcess: Int32
  /// As the client gave them.
  var user = ""
  var database = ""
  /// The same without suffixes: who logs in, and to which database.
  var login = ""
  var databaseName = ""
  /// What its login came to; nil: there are no tenants, or it has not proven who it is.
  var resolution: TenantResolution?
  /// The tenant that it acts for now.
  var tenant: TenantName?
  /// `physical` or `logical`, where it replicates.
  var replication: String?
  /// client_idle_timeout of the user in microseconds; 0: none.
  var idleTimeout: UInt64 = 0

  init(address: SocketAddress, number: UInt64, peerProcess: Int32) {
    self.address = address
    self.number = number
    self.peerProcess = peerProcess
  }

  /// `db/user`, with the tenant in brackets. Until the login is through it has what the client
  /// gave.
  var title: String {
    let database = LogText.shortened(shownDatabase)
    let user = LogText.shortened(shownUser)
    return "\(database.isEmpty ? "(nodb)" : database)/\(user.isEmpty ? "(nouser)" : user)"
      + (tenant.map { "[\($0)]" } ?? "")
  }

  var shownDatabase: String { resolution == nil ? database : databaseName }
  var shownUser: String { resolution == nil ? user : login }

  /// `host:port`, or `unix(pid):port` as PgBouncer writes it.
  func place(unixPort: Int) -> String {
    address.isUnix ? "unix(\(peerProcess)):\(unixPort)" : address.description
  }
}

extension UnsafeMutablePointer where Pointee: ~Copyable {
  /// The address as a handle, which pools and mail carry.
  @inline(__always)
  var asHandle: Handle { Handle(UInt(bitPattern: self)) }

  /// The pointer that a handle was made from.
  @inline(__always)
  init(handle: Handle) {
    // A handle is only ever made by `asHandle`.
    self.init(bitPattern: UInt(handle))!
  }
}
