import Pooling

typealias SessionPointer = UnsafeMutablePointer<ClientSession>

/// What a client's session consists of beyond its transaction, while it goes from server to server:
/// its prepared statements, and what its statements may have done that has still to be looked at.
///
/// Made when a client in transaction or statement mode first says more than plain queries. At an
/// address of its own, so that the hot path neither counts references nor checks for exclusivity.
struct ClientSession: ~Copyable {
  /// The unnamed statement of the client.
  enum Unnamed {
    case none
    /// Its text and types are in `unnamedTail`.
    case kept
    /// There may be one on the server at hand; its text was too long to keep, or nobody knows which
    /// of several it is.
    case lost
  }

  /// Where a batch stands that is sent once more.
  enum Retry {
    case none
    /// The first attempt has failed, and its ReadyForQuery has still to come.
    case due
    /// The second one is sent, or about to be.
    case second
  }

  var statements = ClientStatements()
  /// Where names are not mapped, `statements` has those under which a client may bind something
  /// before it has named a tenant. False: it may have prepared others by SQL.
  var knowsNames = true
  /// Others may begin or end a transaction too.
  var hasUnknownControls = false
  var unnamed = Unnamed.none
  var unnamedTail = KeptBytes()
  /// The unnamed statement would leave a transaction block that has failed.
  var unnamedExits = false
  /// It reads or writes data, and can't end its transaction.
  var unnamedIsHarmless = false
  /// What it may do beyond its transaction, whenever it is bound.
  var unnamedAnalysis: ReadAnalysis?
  /// The serial of the statement that a message named last; 0: none.
  var lastUsed: UInt64 = 0
  /// The statement of the unnamed portal that a Bind has just made, where its shape is to be
  /// learned; 0: it is known.
  var boundSerial: UInt64 = 0
  /// No statement of an older epoch than this has been told to the client.
  var schemaEpoch: UInt32 = 1
  /// A batch that can be sent once more, and the statement it uses; 0: there is none.
  var retryBytes = KeptBytes()
  var retrySerial: UInt64 = 0
  var retry = Retry.none

  /// What statements of this lease may have done to the session.
  var suspicions: SessionEffects = []
  /// Settings that they may have changed, in that order.
  var touched: [String] = []
  /// The only such statement of the lease, as long as it is: it needs no question to the server.
  var assignment: SQLAnalysis.Assignment?
  /// Settings that are at their default once the lease has ended without an error.
  var resets: Set<String> = []
  /// Tracked parameters that have been RESET, in lower case: the client's are those of its login.
  var restored: Set<String> = []
  /// All of them have.
  var restoresAll = false
  /// An error has come to the client in this lease.
  var sawError = false
  /// Names of DEALLOCATE statements on their way.
  var deallocating: [SQLAnalysis.Deallocation] = []
  /// Nothing behind this batch is sent before it is answered: what it does to the session decides
  /// what becomes of the rest.
  var fence: UInt32?

  /// Why the client keeps its server; empty: it doesn't.
  var pin: SessionEffects = []
  /// When it was pinned, in microseconds.
  var pinnedAt: UInt64 = 0
  /// A text that is too long to be looked at as a whole goes by; this is what has been seen of it.
  var longText = LongText()
  /// What the server is being asked, and the row that it has answered.
  var probe: SessionProbe?
  var probed: [[UInt8]?]?

  /// What it listens to; nil while that is nothing.
  var channels: ClientChannels?
  /// The name of the database whose listening connection serves it, and the client's number there.
  var listenDatabase = ""
  var subscriberSerial: UInt64 = 0
  /// A LISTEN waits for the listening connection; or why that does not listen.
  var awaitsListener = false
  /// Its transaction, or its SET, waits for what the table of tenants has.
  var awaitsTenant = false
  var listenRefusal: String?

  /// The most settings that follow one client, and the longest value of one.
  static let maximumSettings = 64
  static let longestValue = 4_096
  /// Settings that a server is asked about at once. Where there are more, nobody looks for all.
  static let mostTouched = 256
  /// The longest text of an unnamed statement that is kept.
  static let longestUnnamed = 16_384
  /// The longest batch that is kept to be sent once more.
  static let longestRetry = 2_048

  /// Gives back what it holds by hand. Whoever ends a session calls it.
  mutating func release() {
    unnamedTail.release()
    retryBytes.release()
  }

  mutating func touch(_ name: String) {
    assignment = nil
    resets.remove(name)
    touched.removeAll { $0 == name }
    if touched.count < Self.mostTouched { touched.append(name) }
  }

  /// A new lease begins with nothing to look at.
  mutating func forgetLease() {
    suspicions = []
    touched.removeAll()
    assignment = nil
    resets.removeAll()
    restored.removeAll()
    restoresAll = false
    sawError = false
  }
}

/// What a text was found to do, at an address of its own: nearly all texts have none, and where
/// there is none nothing large is copied.
final class ReadAnalysis: Sendable {
  let value: SQLAnalysis

  init(_ value: SQLAnalysis) { self.value = value }
}
