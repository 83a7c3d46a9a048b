import Pooling
import PostgresAuth
import PostgresWire
import Reactor
import Settings

/// A server connection on its way into its pool: hosts to try, the login, what the server tells of
/// itself.
final class ServerLogin {
  /// nil: it is for no pool.
  let opening: Opening?
  let route: Route
  /// Tells answers to this login's questions from those to another's in the same place.
  let serial: UInt64
  let startedAt: UInt64
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
  /// Of protocol 3: what is asked for, then what the server speaks.
  var minorVersion = StartupPacket.newestMinorVersion
  /// A server has refused newer versions than 3.0.
  var wasRefused = false
  /// The server has answered the StartupMessage.
  var isAnswered = false
  var isAuthenticated = false
  var parameters: [StartupParameter] = []
  var key: CancelKey?
  /// What the client that the server is for has asked for; nothing for one of the pool.
  var clientParameters: [StartupParameter] = []
  /// Its client has got the server's refusal.
  var isClientTold = false
  /// The application_name of a connection that is for no pool.
  var ownName = "sluice listener"
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
    startedAt = now
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

  /// The StartupMessage. What else a client wants is SET when it gets a server of the pool.
  var startupMessage: [UInt8] {
    var parameters = [
      StartupParameter(name: "user", value: route.user),
      StartupParameter(name: "database", value: route.database.serverDatabase),
    ]
    let isListener = opening == nil
    let extra = [
      // Names of channels are compared as they come.
      ("client_encoding", isListener ? "UTF8" : route.database.clientEncoding),
      ("application_name", isListener ? ownName : nil),
      ("datestyle", route.database.dateStyle), ("timezone", route.database.timeZone),
    ]
    for case (let name, let value?) in extra {
      parameters.append(StartupParameter(name: name, value: value))
    }
    // Of what is there twice the last counts.
    parameters += clientParameters
    var writer = MessageWriter()
    writer.startup(parameters: parameters, minorVersion: minorVersion)
    return writer.bytes
  }

  /// Whether the server refuses the protocol's version, which those older than negotiation do: it
  /// is to be asked for 3.0. PostgreSQL says 0A000, poolers that they can't read the packet.
  func isVersionRefusal(_ fields: ErrorFields) -> Bool {
    guard !isAnswered, minorVersion > 0 else { return false }
    guard fields.sqlstate == SQLState.protocolViolation else {
      return fields.sqlstate == SQLState.featureNotSupported
    }
    let message = fields.message.lowercased()
    return ["protocol", "version", "packet"].contains { message.contains($0) }
  }
}
