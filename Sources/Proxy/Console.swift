import Admin
import PostgresWire
import Settings

/// The databases under which the pooler itself answers.
enum Console {
  /// PgBouncer's name for it, and in tables.
  static let database = "pgbouncer"
  /// The other, unless there is a database of that name.
  private static let ownName = "sluice"

  /// Whether that name leads to the console.
  static func isNamed(_ name: String, in settings: Settings) -> Bool {
    name == database || (name == ownName && settings.databases[ownName] == nil)
  }

  /// What a client is told when it enters, after AuthenticationOk.
  static func greeting(isAdmin: Bool) -> [UInt8] {
    var writer = MessageWriter()
    writer.authenticationOk()
    let parameters = [
      ("server_version", "\(Version.number)/sluice"), ("client_encoding", "UTF8"),
      ("server_encoding", "UTF8"), ("DateStyle", "ISO, MDY"), ("TimeZone", "GMT"),
      ("IntervalStyle", "postgres"), ("standard_conforming_strings", "on"),
      ("is_superuser", isAdmin ? "on" : "off"), ("integer_datetimes", "on"),
    ]
    for (name, value) in parameters { writer.parameterStatus(name: name, value: value) }
    // A key that no cancel request finds: drivers want one.
    writer.backendKeyData(CancelKey(processID: 0, secret: [0, 0, 0, 0]))
    writer.readyForQuery(status: UInt8(ascii: "I"))
    return writer.bytes
  }
}

/// One client of the console.
final class ConsoleClient {
  var session: ConsoleSession
  /// Tells outcomes of its commands from those of another client's in the same place.
  let serial: UInt64
  /// Its command has begun.
  var isRunning = false
  /// Asked again and again until it has an outcome: what a command waits for.
  var isDone: (() -> ConsoleOutcome?)?

  init(session: ConsoleSession, serial: UInt64) {
    self.session = session
    self.serial = serial
  }
}
