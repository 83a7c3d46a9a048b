/// What a client that has logged in through Sluice as the tenant acme tries in order to read or
/// write rows of the tenant globex, or to become it.
///
/// The table "Attempts to forge" in docs/tenancy.md is made of these.
struct ForgingAttempt: Sendable {
  /// What comes of it.
  enum Outcome: String, Sendable {
    /// Sluice or PostgreSQL has an error for it.
    case refused
    /// It runs, with no rows but acme's own.
    case harmless
    /// It reads or writes rows of globex.
    case forges
  }

  enum Step: Sendable {
    /// A simple query.
    case query(String)
    /// One statement by the extended protocol, unnamed.
    case extended(String, [String])
    /// Messages, the last of which is answered by ReadyForQuery.
    case bytes([UInt8])
    /// The same, with a pause behind each piece.
    case pieces([[UInt8]])
    /// A login with these parameters, and all that follows on its connection.
    case login([String: String])
  }

  let name: String
  let plain: Outcome
  let signed: Outcome
  /// What stops it with plain policies.
  let stop: Stop
  let steps: [Step]

  enum Stop: String, Sendable {
    case protected = "the name is protected"
    case unknown = "Sluice refuses what could set any name"
    case own = "it names acme again"
    case preamble = "the preamble of what comes next"
    case privileges = "PostgreSQL's privileges"
    case policy = "the policy"
    case names = "names of statements are each client's own"
    case call = "Sluice ends a client that calls such a function"
    case length = "Sluice ends a client whose long text can't be told to be one plain statement"
    case startup = "Sluice takes no such startup parameter"
    case syntax = "PostgreSQL takes no such text"
    case unused = "plain policies have no token"
    case nothing = "nothing"
  }

  init(
    _ name: String, _ plain: Outcome, signed: Outcome? = nil, by stop: Stop, _ steps: [Step]
  ) {
    self.name = name
    self.plain = plain
    self.signed = signed ?? (plain == .forges ? .harmless : plain)
    self.stop = stop
    self.steps = steps
  }

  /// Of simple queries.
  init(
    _ name: String, _ plain: Outcome, signed: Outcome? = nil, by stop: Stop,
    _ queries: String...
  ) {
    self.init(name, plain, signed: signed, by: stop, queries.map { .query($0) })
  }

  static let all = settings + calls + words + code + statements + messages + server + tokens

  /// Its simple queries, where it has nothing else.
  var queries: [String]? {
    var queries: [String] = []
    for step in steps {
      guard case .query(let text) = step else { return nil }
      queries.append(text)
    }
    return queries
  }

  var needsXML: Bool { ["table_to_xml", "cursor_to_xml"].contains(name) }

  /// It calls a function of tablefunc, which is one of contrib.
  var needsTablefunc: Bool { name.hasPrefix("tablefunc: ") }

  /// Its line in the table.
  var line: String {
    "| \(name) | \(plain.rawValue) | \(stop.rawValue) | \(signed.rawValue) |"
  }
}
