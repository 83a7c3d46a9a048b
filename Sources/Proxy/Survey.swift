import Admin
import Insight
import Pooling

/// What one loop asks others, itself included.
enum Question: Sendable {
  /// What has been counted.
  case traffic
  /// How many clients of each pool do what.
  case tallies
  /// Every connection.
  case connections
  /// How the loop itself fares.
  case thread
  /// All that metrics tell.
  case metrics
  /// Clients that wait, and those that have servers.
  case waits
  /// All that is counted about statements.
  case queries
  /// Which statements took the most time; so many at most.
  case ranking(Int)
  /// What is counted about these statements.
  case statements([QueryTable.Name])
  /// End clients.
  case kill(Victims)
  /// Stop reading what clients send, or go on.
  case suspend(closesBlocked: Bool)
  /// For the first loop alone.
  case reload
  case set(name: String, value: String)
  case shutdown(ConsoleCommand.ShutdownMode)

  /// Which clients an administrator wants gone.
  enum Victims: Sendable {
    case number(UInt64)
    case place(Handle)
    /// nil: of all databases.
    case database(String?)
  }
}

/// One loop's answer.
struct LoopReport: Sendable {
  var loop: Int32
  var traffic: [String: TrafficCounters] = [:]
  var tallies: [PoolTally] = []
  var connections: [ConnectionFacts] = []
  var thread = ThreadFacts()
  var metrics: LoopCounts?
  /// nil: query_stats and log_min_duration are off.
  var queries: QueryCopy?
  var ranking: [QuerySelection.Ranked] = []
  /// What has been made of other loops' reports.
  var table: ConsoleTable?
  /// How many clients have been ended.
  var killed = 0
  /// How many clients have not taken all that was sent to them.
  var blocked = 0
  var error: ConsoleError?
}

/// What the clients of one pool do on one loop.
struct PoolTally: Sendable {
  var pool: PoolID
  var active = 0
  var waiting = 0
  /// Since when the first of those has waited; the greatest number where none does.
  var oldestWait = UInt64.max
  /// Cancel requests on their way, and servers that they are for.
  var cancelling = 0
  var beingCancelled = 0
  /// Servers that are reset or checked.
  var tested = 0
}

/// How a loop fares.
struct ThreadFacts: Sendable {
  var clients = 0
  var loggingIn = 0
  var consoles = 0
  var waiting = 0
  var servers = 0
  var serverLogins = 0
  var cancels = 0
  var turns: UInt64 = 0
  var cpuMicroseconds: UInt64 = 0
  var busyMicroseconds: UInt64 = 0
  var busyPercent = 0
  var longestTurn: UInt64 = 0
}

/// What a loop has counted.
struct LoopCounts: Sendable {
  var traffic: [TrafficReport] = []
  var clientEnds: [String: UInt64] = [:]
  var loginFailures: [String: UInt64] = [:]
  var serverEnds: [ServerDeparture: UInt64] = [:]
  var findings: [QueryTable.Findings] = []
  var backlog = 0
  var backlogLimit = 0
}

/// One connection, of a client or to a server.
struct ConnectionFacts: Sendable {
  enum Kind: Sendable {
    case client
    case server
  }

  var kind: Kind
  var number: UInt64
  var fd: Int32
  var place: Handle
  /// The server that a client has, or the client that has a server; 0: none.
  var link: Handle = 0
  var pool: PoolID
  var user = ""
  var database = ""
  var tenant: String?
  var replication = "none"
  var state = ""
  var host = ""
  var port = 0
  var localHost = ""
  var localPort = 0
  var connectedAt: UInt64 = 0
  var requestedAt: UInt64 = 0
  /// How long it has waited for a server; 0: it does not.
  var wait: UInt64 = 0
  /// A client: how long it has had its server, and what it does with it.
  var held: UInt64 = 0
  var hold = ""
  /// The statement that it runs, or has run last, where statements are counted.
  var query: String?
  var isToBeClosed = false
  var remotePID = 0
  var application: String?
  var preparedStatements = 0
  /// Bytes of messages that have not come whole, and bytes that could not be sent.
  var carried = 0
  var unsent = 0
}

/// A question under way on a loop: clients, or statements, are looked at in pieces, so that the
/// loop's connections do not wait for it.
final class Survey {
  let question: Question
  /// Who asks, and its number for the question.
  let asker: Int32
  let serial: UInt64
  /// Where it goes on among the places of clients.
  var nextChunk = 0
  /// The statements that have been chosen; nil: it is not about those.
  var selection: QuerySelection?
  var report: LoopReport

  init(_ question: Question, asker: Int32, serial: UInt64, loop: Int32) {
    self.question = question
    self.asker = asker
    self.serial = serial
    report = LoopReport(loop: loop)
    beginStatements()
  }

  /// What is asked about statements begins, or begins anew: there is another table of them.
  func beginStatements() {
    switch question {
    case .queries: report.queries = QueryCopy()
    case .ranking(let most): selection = QuerySelection(most: most)
    default: break
    }
  }
}

/// A question that this loop has asked, and what has been answered.
struct Inquiry {
  var missing: Int
  var reports: [LoopReport] = []
  let then: ([LoopReport]) -> Void
}
