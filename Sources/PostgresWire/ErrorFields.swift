/// The fields of an ErrorResponse or NoticeResponse that a pooler looks at.
public struct ErrorFields: Hashable, Sendable {
  /// Not translated where the server tells it so (field V), else as shown to the user (S).
  public var severity: String
  public var sqlstate: String
  public var message: String
  public var detail: String?
  public var hint: String?

  public init(
    severity: String, sqlstate: String, message: String, detail: String? = nil,
    hint: String? = nil
  ) {
    self.severity = severity
    self.sqlstate = sqlstate
    self.message = message
    self.detail = detail
    self.hint = hint
  }

  /// Parses a body (what follows the length).
  ///
  /// Fields of other kinds are passed over; of a repeated field the last counts. Bytes that are
  /// not UTF-8 become U+FFFD.
  ///
  /// - Returns: nil where the body is malformed or lacks its severity, code or message.
  public static func parse(_ body: [UInt8]) -> ErrorFields? { parse(body.span) }

  /// As ``parse(_:)-([UInt8])``, without a copy of the body.
  public static func parse(_ body: Span<UInt8>) -> ErrorFields? {
    var cursor = ByteCursor()
    var shownSeverity: String?
    var plainSeverity: String?
    var sqlstate: String?
    var message: String?
    var detail: String?
    var hint: String?
    while let code = cursor.readUInt8(in: body) {
      if code == 0 {
        guard cursor.remaining(in: body) == 0, let sqlstate, let message,
          let severity = plainSeverity ?? shownSeverity
        else { return nil }
        return ErrorFields(
          severity: severity, sqlstate: sqlstate, message: message, detail: detail, hint: hint)
      }
      guard let text = cursor.readText(in: body) else { return nil }
      switch code {
      case UInt8(ascii: "S"): shownSeverity = text
      case UInt8(ascii: "V"): plainSeverity = text
      case UInt8(ascii: "C"): sqlstate = text
      case UInt8(ascii: "M"): message = text
      case UInt8(ascii: "D"): detail = text
      case UInt8(ascii: "H"): hint = text
      default: continue  // PostgreSQL adds kinds of fields over time
      }
    }
    return nil
  }

  /// The fields as they are written.
  var codedFields: [(code: UInt8, text: String)] {
    var fields = [
      (UInt8(ascii: "S"), severity), (UInt8(ascii: "V"), severity),
      (UInt8(ascii: "C"), sqlstate), (UInt8(ascii: "M"), message),
    ]
    if let detail { fields.append((UInt8(ascii: "D"), detail)) }
    if let hint { fields.append((UInt8(ascii: "H"), hint)) }
    return fields
  }
}
