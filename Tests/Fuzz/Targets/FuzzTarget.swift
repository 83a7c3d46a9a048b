/// What can be fuzzed: ways from any bytes into the code that faces a peer.
enum FuzzTarget: String, CaseIterable, Sendable {
  /// The first packet of a client, and the parameters in it.
  case startup
  /// Messages of both sides of a login.
  case login
  /// The bytes of a client that has logged in.
  case client
  /// The bytes of a server that has been logged in to.
  case server
  /// Prepared statements of two clients on two servers.
  case statements
  /// Texts of queries.
  case sql
  /// Fingerprints of texts, and what else is seen of statements.
  case insight

  /// Runs the target on an input.
  /// - Throws: what is wrong, where something is. The code may as well trap.
  func run(_ input: [UInt8]) throws(Finding) {
    switch self {
    case .startup: try StartupFuzz.run(input)
    case .login: try LoginFuzz.run(input)
    case .client: try ClientFuzz.run(input)
    case .server: try ServerFuzz.run(input)
    case .statements: try StatementsFuzz.run(input)
    case .sql: try SQLFuzz.run(input)
    case .insight: try InsightFuzz.run(input)
    }
  }
}

/// Something that should not be.
struct Finding: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// States what must hold.
func check(_ condition: Bool, _ description: @autoclosure () -> String) throws(Finding) {
  if !condition { throw Finding(description()) }
}
