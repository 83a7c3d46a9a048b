import Pooling
import PostgresAuth
import PostgresWire
import Settings
import Tenancy

/// A client on its way in: what it has said so far.
final class ClientLogin {
  enum Stage {
    /// No StartupMessage has come.
    case startup
    case authenticating
    /// It is who it says; it waits for the pool's first server to learn its parameters.
    case waitingForServer
    /// It waits for what the table of tenants has for its tenant.
    case waitingForTenant
  }

  var stage = Stage.startup
  /// What it sends is not read.
  var isWaiting: Bool { stage == .waitingForServer || stage == .waitingForTenant }
  /// Each kind of encryption may be asked for once.
  var askedForTLS = false
  var askedForGSS = false
  let deadline: UInt64
  var authenticator: ClientAuthenticator?
  /// Who is to prove who it is: the user name without a suffix.
  var user = ""
  /// What the configuration says of tenants, from the StartupMessage on: a reload may not come
  /// between how names are parted and what is made of the parts.
  var rules = TenancyRules.none
  /// What tells the tenant, once the client has proven who it is.
  var facts: LoginFacts?
  /// Of protocol 3: what is spoken with it.
  var minorVersion = 0
  /// Of the console: it has said `options=-c old_columns=on`.
  var wantsOldColumns = false
  /// It logs in to the console, not to a database.
  var isForConsole = false
  /// Tracked parameters that the client asked for.
  var parameters: [StartupParameter] = []
  /// The parameter `replication`, where it asks for a replication connection, and `options` with
  /// it: its server gets both as they are.
  var replication: String?
  var replicationOptions: String?
  /// It waits until the limits allow a server of its own.
  var waitsForRoom = false
  /// What goes out first once the login is complete.
  var pendingBytes: [UInt8] = []

  init(deadline: UInt64) { self.deadline = deadline }

  /// Takes over the parameters of a StartupMessage, but for those that only tell the tenant.
  /// - Throws: PgBouncer's refusal of one that is neither tracked nor ignored.
  func take(
    _ message: StartupMessage, ignored: [String], isTracked: (String) -> Bool
  ) throws(LoginRefusal) {
    let sources = rules.resolver.startupNames
    try takeReplication(message["replication"])
    for parameter in message.parameters {
      switch parameter.name {
      case "user", "database", "replication": continue
      case "options" where replication != nil: replicationOptions = parameter.value
      case "options":
        if !ignored.contains("options") {
          try takeOptions(
            parameter.value, sources: sources, ignored: ignored, isTracked: isTracked)
        }
      case let name where name.hasPrefix("_pq_."): continue
      case let name where sources.contains(name.lowercased()): continue
      case let name where isTracked(name): parameters.append(parameter)
      case let name where ignored.contains(name): continue
      case let name:
        throw LoginRefusal(
          sqlstate: SQLState.protocolViolation,
          message: "unsupported startup parameter: \(name)")
      }
    }
  }

  /// `database`, or a boolean as PostgreSQL reads it.
  private func takeReplication(_ value: String?) throws(LoginRefusal) {
    guard let value else { return }
    if value == "database" || Self.isPrefix(value, of: "true", "yes", "on", "1") {
      replication = value
    } else if !Self.isPrefix(value, of: "false", "no", "off", "0") {
      throw LoginRefusal(
        sqlstate: SQLState.invalidParameterValue,
        message: "invalid value for parameter \"replication\": \"\(value)\"")
    }
  }

  /// Whether it begins one of the words, and only that: `o` may be on and off.
  private static func isPrefix(_ value: String, of words: String...) -> Bool {
    let lower = value.lowercased()
    return !lower.isEmpty && lower != "o" && words.contains { $0.hasPrefix(lower) }
  }

  /// Takes over what means something to the console; all else it lets pass.
  func takeForConsole(_ message: StartupMessage) {
    let options = message["options"].flatMap { try? OptionsParameter.parse($0) } ?? []
    wantsOldColumns = options.contains { $0.name == "old_columns" && $0.value == "on" }
  }

  private func takeOptions(
    _ text: String, sources: Set<String>, ignored: [String], isTracked: (String) -> Bool
  ) throws(LoginRefusal) {
    let options: [StartupParameter]
    do {
      options = try OptionsParameter.parse(text)
    } catch {
      throw LoginRefusal(sqlstate: error.sqlstate, message: error.message)
    }
    for option in options where !sources.contains(option.name.lowercased()) {
      if isTracked(option.name) {
        parameters.append(option)
      } else if !ignored.contains(option.name) {
        throw LoginRefusal(
          sqlstate: SQLState.protocolViolation,
          message: "unsupported startup parameter in options: \(option.name)")
      }
    }
  }
}

/// A StartupMessage that asks for what is not given.
struct LoginRefusal: Error {
  var sqlstate: String
  var message: String
}

extension AuthType {
  /// How it is proven.
  var method: ClientAuthMethod {
    switch self {
    case .any: .any
    case .trust: .trust
    case .plain: .plain
    case .md5: .md5
    case .scramSHA256: .scram
    }
  }
}
