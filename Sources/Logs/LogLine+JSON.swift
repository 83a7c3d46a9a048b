import Glibc
import Logging

// A line as a JSON object (RFC 8259): `log_format = json`.
extension LogLine {
  /// In this order, behind what every line has; what else there is follows by name.
  private static let order = [
    "database", "user", "tenant", "client", "client_id", "server", "server_id", "cause",
  ]
  private static let own: Set<String> = ["time", "level", "pid", "message"]

  var json: String {
    var object = JSONObject()
    object.add("time", utcTime)
    object.add("level", Self.levelName(level))
    object.add("pid", Int(process))
    object.add("message", message, limit: Self.longestMessage)
    for key in Self.order {
      if let value = metadata[key] { object.add(key, value) }
    }
    for key in metadata.keys.sorted() where !Self.order.contains(key) {
      object.add(Self.own.contains(key) ? "\(key)_" : key, metadata[key]!)
    }
    return object.text + "\n"
  }

  /// Of RFC 3339, in UTC.
  private var utcTime: String {
    var seconds = time.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return "\(Self.format("%Y-%m-%dT%H:%M:%S", &parts)).\(milliseconds)Z"
  }

  /// The level as JSON lines, metrics and the dashboard name it.
  public static func levelName(_ level: Logger.Level) -> String {
    switch level {
    case .notice: "info"
    case .trace, .debug, .info, .warning, .error, .critical: level.rawValue
    }
  }
}

/// A flat JSON object as it is written.
private struct JSONObject {
  private var members = ""

  var text: String { "{\(members)}" }

  private mutating func begin(_ key: String) {
    if !members.isEmpty { members += "," }
    quote(key, limit: LogLine.longestValue)
    members += ":"
  }

  mutating func add(_ key: String, _ value: String, limit: Int = LogLine.longestValue) {
    begin(key)
    quote(value, limit: limit)
  }

  mutating func add(_ key: String, _ value: Int) {
    begin(key)
    members += String(value)
  }

  mutating func add(_ key: String, _ value: Logger.Metadata.Value) {
    guard case .stringConvertible(let value) = value else { return add(key, value.description) }
    switch value {
    case let number as any BinaryInteger:
      begin(key)
      members += number.description
    case let number as Double where number.isFinite:
      begin(key)
      members += number.description
    case let flag as Bool:
      begin(key)
      members += flag ? "true" : "false"
    default: add(key, value.description)
    }
  }

  /// Adds a text in quotes, cut off behind so many bytes. What `LogText` calls a control character
  /// is escaped, and so a line stays a line for whoever shows it.
  private mutating func quote(_ text: String, limit: Int) {
    members += "\""
    defer { members += "\"" }
    if text.utf8.count <= limit, text.utf8.allSatisfy(Self.isPlain) {
      members += text
      return
    }
    var room = limit
    for scalar in text.unicodeScalars {
      let piece =
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case _ where LogText.isControl(scalar): Self.escape(scalar)
        default: String(Character(scalar))
        }
      room -= piece.utf8.count
      guard room >= 0 else {
        members += "..."
        return
      }
      members += piece
    }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x20..<0x7f).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// All that is escaped so fits four digits.
  private static func escape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
  }
}
