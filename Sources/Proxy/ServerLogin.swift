import Pooling
import PostgresAuth
import PostgresWire
import Reactor

/// A server connection on its way into its pool: hosts to try, the login, what the server tells of
/// itself.
final class ServerLogin {
  /// nil: it is for no pool.
  let opening: Opening?
  let route: Route
  /// Tells answers to this login's questions from those to another's in the same place.
  let serial: UInt64
  let deadline: UInt64
  var authenticator: ServerAuthenticator
  /// Where in the list of hosts it began, and how many it has tried.
  let firstHost: Int
  var hostsTried = 0
  /// Addresses of the present host that have not been tried.
  var candidates: [SocketAddress] = []
  var address: SocketAddress?
  var place = ""
  var isConnected = false
  var isAuthenticated = false
  var parameters: [StartupParameter] = []
  var key: CancelKey?
  /// Why the last attempt to connect failed.
  var lastFailure = "no host is configured, and there is no unix_socket_dir"

  init(
    opening: Opening?, route: Route, learned: LearnedSecret?, firstHost: Int, serial: UInt64,
    now: UInt64
  ) {
    self.opening = opening
    self.route = route
    self.serial = serial
    self.firstHost = firstHost
    deadline = route.connectTimeout == 0 ? .max : now &+ route.connectTimeout
    var secret = route.secret
    if case .plain = secret {
    } else if let password = learned?.password {
      secret = .plain(password)
    }
    authenticator = ServerAuthenticator(
      user: route.user, secret: secret, scramKeys: learned?.keys, nonce: RandomBytes.make(18))
  }

  /// The next host to try; nil when all have been.
  func nextHost() -> String? {
    guard hostsTried < route.hosts.count else { return nil }
    hostsTried += 1
    return route.hosts[(firstHost + hostsTried - 1) % route.hosts.count]
  }

  /// The StartupMessage. What else the client wants is SET when it gets the server.
  var startupMessage: [UInt8] {
    var parameters = [
      StartupParameter(name: "user", value: route.user),
      StartupParameter(name: "database", value: route.database.serverDatabase),
    ]
    let isListener = opening == nil
    let extra = [
      // Names of channels are compared as they come.
      ("client_encoding", isListener ? "UTF8" : route.database.clientEncoding),
      ("application_name", isListener ? "sluice listener" : nil),
      ("datestyle", route.database.dateStyle), ("timezone", route.database.timeZone),
    ]
    for case (let name, let value?) in extra {
      parameters.append(StartupParameter(name: name, value: value))
    }
    var writer = MessageWriter()
    writer.startup(parameters: parameters)
    return writer.bytes
  }
}
