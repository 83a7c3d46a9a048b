import Pooling
import PostgresAuth
import PostgresWire
import Settings

/// A client on its way in: what it has said so far.
final class ClientLogin {
  enum Stage {
    /// No StartupMessage has come.
    case startup
    case authenticating
    /// It is who it says; it waits for the pool's first server to learn its parameters.
    case waitingForServer
  }

  var stage = Stage.startup
  /// Each kind of encryption may be asked for once.
  var askedForTLS = false
  var askedForGSS = false
  let deadline: UInt64
  var authenticator: ClientAuthenticator?
  var user = ""
  /// Of protocol 3: what is spoken with it.
  var minorVersion = 0
  /// It logs in to the console, not to a database.
  var isForConsole = false
  /// Tracked parameters that the client asked for.
  var parameters: [StartupParameter] = []
  /// What goes out first once the login is complete.
  var pendingBytes: [UInt8] = []

  init(deadline: UInt64) { self.deadline = deadline }

  /// Takes over the parameters of a StartupMessage.
  /// - Throws: PgBouncer's refusal of one that is neither tracked nor ignored.
  func take(
    _ message: StartupMessage, ignored: [String], isTracked: (String) -> Bool
  ) throws(LoginRefusal) {
    for parameter in message.parameters {
      switch parameter.name {
      case "user", "database": continue
      case "replication":
        guard ["", "0", "off", "false", "no"].contains(parameter.value.lowercased()) else {
          throw LoginRefusal(
            sqlstate: SQLState.featureNotSupported,
            message: "replication connections are not supported yet")
        }
      case "options":
        if !ignored.contains("options") {
          try takeOptions(parameter.value, ignored: ignored, isTracked: isTracked)
        }
      case let name where name.hasPrefix("_pq_."): continue
      case let name where isTracked(name): parameters.append(parameter)
      case let name where ignored.contains(name): continue
      case let name:
        throw LoginRefusal(
          sqlstate: SQLState.protocolViolation,
          message: "unsupported startup parameter: \(name)")
      }
    }
  }

  private func takeOptions(
    _ text: String, ignored: [String], isTracked: (String) -> Bool
  ) throws(LoginRefusal) {
    let options: [StartupParameter]
    do {
      options = try OptionsParameter.parse(text)
    } catch {
      throw LoginRefusal(sqlstate: error.sqlstate, message: error.message)
    }
    for option in options {
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
