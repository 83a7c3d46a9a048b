import PostgresWire

/// The question to a server what a client's statements have left in its session.
///
/// A statement's text tells what may have happened; whether it has (a lock that was not granted, a
/// SET that was rolled back) only the server knows. The client's own search_path is in force when
/// the question is asked, so every name and operator in it is qualified: nothing that the client
/// has made can answer in place of the server's own.
public struct SessionProbe: Sendable {
  public struct Answer: Equatable, Sendable {
    /// Which of the effects asked about the session has now.
    public var effects: SessionEffects
    /// Settings in the order asked for; nil: there is no such setting.
    public var settings: [(name: String, value: String?)]
    /// Channels that the session listens to.
    public var channels: [[UInt8]]

    public static func == (left: Answer, right: Answer) -> Bool {
      left.effects == right.effects && left.channels == right.channels
        && left.settings.elementsEqual(right.settings) {
          $0.name == $1.name && $0.value == $1.value
        }
    }
  }

  /// What can be asked about.
  public static let questions: [(SessionEffects, String)] = [
    (
      .advisoryLock,
      "EXISTS (SELECT 1 FROM pg_catalog.pg_locks WHERE locktype OPERATOR(pg_catalog.=) 'advisory'"
        + " AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid())"
    ),
    (
      // Everything in a schema depends on it; this has an index.
      .temporary,
      "EXISTS (SELECT 1 FROM pg_catalog.pg_depend WHERE refclassid OPERATOR(pg_catalog.=)"
        + " 'pg_catalog.pg_namespace'::pg_catalog.regclass"
        + " AND refobjid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema())"
    ),
    (.holdCursor, "EXISTS (SELECT 1 FROM pg_catalog.pg_cursors WHERE is_holdable)"),
    (.preparedSQL, "EXISTS (SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE from_sql)"),
  ]

  public var effects: SessionEffects
  public var names: [String]

  public init(effects: SessionEffects, names: [String]) {
    self.effects = effects
    self.names = names
  }

  /// One statement that yields one row. Who asks for channels takes them from the session, in one
  /// go: behind it stands UNLISTEN, in the same transaction.
  public var query: String {
    var columns = Self.questions.filter { effects.contains($0.0) }.map(\.1)
    if effects.contains(.listen) {
      columns.append(
        "(SELECT pg_catalog.string_agg(pg_catalog.encode(pg_catalog.convert_to(c, 'UTF8'), 'hex'),"
          + " ',') FROM pg_catalog.pg_listening_channels() AS l(c))")
    }
    columns += names.map { "pg_catalog.current_setting(\(SQLLiteral.quote($0)), true)" }
    return "SELECT " + (columns.isEmpty ? ["1"] : columns).joined(separator: ", ")
      + (effects.contains(.listen) ? ";UNLISTEN *" : "")
  }

  /// Reads the row; nil where it isn't one.
  public func answer(_ row: [[UInt8]?]) -> Answer? {
    var rest = row[...]
    var answer = Answer(effects: [], settings: [], channels: [])
    for (effect, _) in Self.questions where effects.contains(effect) {
      guard let value = rest.popFirst() else { return nil }
      if value != [UInt8(ascii: "f")] { answer.effects.insert(effect) }
    }
    if effects.contains(.listen) {
      guard let value = rest.popFirst() else { return nil }
      answer.channels = (value ?? []).split(separator: UInt8(ascii: ",")).compactMap(Self.unhex)
      if !answer.channels.isEmpty { answer.effects.insert(.listen) }
    }
    for name in names {
      guard let value = rest.popFirst() else { return nil }
      answer.settings.append((name, value.map { String(decoding: $0, as: UTF8.self) }))
    }
    return answer
  }

  private static func unhex(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      let value: UInt8
      switch digit {
      case 0x30...0x39: value = digit - 0x30
      case 0x61...0x66: value = digit - 0x61 + 10
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }
}
