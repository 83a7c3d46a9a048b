import PostgresWire

/// The pooler's own answers to who connects to the database `pgbouncer`.
///
/// Pure: a query in, messages out. It knows SHOW VERSION and SHOW HELP; the console's other
/// commands come with the console proper, and until then their answer says which signal does the
/// work.
enum Console {
  static let database = "pgbouncer"

  /// What a client is told when it enters, after AuthenticationOk.
  static func greeting() -> [UInt8] {
    var writer = MessageWriter()
    writer.authenticationOk()
    let parameters = [
      ("server_version", "\(Version.number)/sluice"), ("client_encoding", "UTF8"),
      ("server_encoding", "UTF8"), ("DateStyle", "ISO, MDY"), ("TimeZone", "GMT"),
      ("standard_conforming_strings", "on"), ("is_superuser", "on"), ("integer_datetimes", "on"),
    ]
    for (name, value) in parameters { writer.parameterStatus(name: name, value: value) }
    writer.readyForQuery(status: 0x49)
    return writer.bytes
  }

  /// The whole answer to a simple query.
  static func answer(_ query: String, _ facts: Facts = Facts()) -> [UInt8] {
    var writer = MessageWriter()
    let words = query.lowercased().split { " \t\r\n;".contains($0) }
    switch words.map(String.init) {
    case []: writer.emptyQueryResponse()
    case ["show", "version"], ["select", "version"]:
      writer.rowDescription([.text("version")])
      writer.dataRow([Version.text])
      writer.commandComplete("SHOW")
    case ["show", "pinned"]: facts.writePinned(to: &writer)
    case ["show", "prepared"]: facts.writePrepared(to: &writer)
    case ["show", "pinning"]: facts.writePinning(to: &writer)
    case ["show"], ["show", "help"]:
      writer.noticeResponse(
        severity: "NOTICE", sqlstate: SQLState.successfulCompletion, message: "Console usage",
        detail: "SHOW HELP\nSHOW PINNED\nSHOW PINNING\nSHOW PREPARED\nSHOW VERSION")
      writer.commandComplete("SHOW")
    default:
      writer.errorResponse(
        severity: "ERROR", sqlstate: SQLState.featureNotSupported,
        message: "the console of this version has only SHOW VERSION, PINNED, PINNING, PREPARED "
          + "and HELP",
        hint: "Signals reload (HUP), pause (USR1), resume (USR2) and end (TERM, INT, QUIT) Sluice.")
    }
    writer.readyForQuery(status: 0x49)
    return writer.bytes
  }
}

/// What this program is.
public enum Version {
  public static let number = "0.1.0"
  /// The first line of `--version`, and the answer to SHOW VERSION.
  public static let text = "Sluice \(number)"
}
