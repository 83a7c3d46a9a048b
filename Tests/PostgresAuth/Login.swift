import PostgresAuth
import PostgresWire
import Testing

/// Secrets of user p4 with the password pencil.
let digest = StoredSecret(MadeByPostgreSQL.md5)
let verifier = StoredSecret(MadeByPostgreSQL.pencil)

/// A client of user p4 that logs in to a pooler with `method`, which knows `stored`.
struct Login: Sendable, CustomTestStringConvertible {
  var method: ClientAuthMethod
  var stored: StoredSecret?
  var given = "pencil"
  var userExists = true
  var isPlainRequest: Bool { method == .plain }

  var testDescription: String {
    "\(method), stored \(stored.map(String.init(describing:)) ?? "none"), given \(given), "
      + "user \(userExists ? "exists" : "does not exist")"
  }

  func authenticator() -> ClientAuthenticator {
    ClientAuthenticator(
      method: method, user: "p4", secret: stored, userExists: userExists,
      randomBytes: RandomBytes.make(32), scramIterations: 2)
  }

  /// Plays both sides until one ends.
  ///
  /// - Returns: the pooler's last step, the requests that it made, and the client's last step
  ///   after AuthenticationOk.
  func play() -> (end: AuthStep, requests: [AuthenticationRequest], client: ServerAuthStep) {
    var pooler = authenticator()
    var client = ServerAuthenticator(
      user: "p4", secret: .plain(given), scramKeys: nil, nonce: RandomBytes.make(18))
    var step = pooler.start()
    var requests: [AuthenticationRequest] = []
    while case .send(let messages) = step {
      guard let body = bodies(messages).first, let request = AuthenticationRequest.parse(body),
        case .send(let answer) = client.receive(request), let response = bodies(answer).first
      else { return (step, requests, .failed("the client gave no answer")) }
      requests.append(request)
      step = pooler.receive(passwordMessageBody: response)
    }
    guard case .succeeded(let messages, _, _) = step else {
      return (step, requests, .failed("refused"))
    }
    for body in bodies(messages) {
      guard let request = AuthenticationRequest.parse(body), client.receive(request) == .wait
      else { return (step, requests, .failed("the client refused the end")) }
    }
    return (step, requests, client.receive(.ok))
  }
}
