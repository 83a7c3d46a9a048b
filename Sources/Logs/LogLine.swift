import Glibc
import Logging

/// One line of the log before it has a format.
public struct LogLine {
  public let level: Logger.Level
  public let message: String
  public let metadata: Logger.Metadata
  let time: timespec
  let process: pid_t

  /// The longest text of a line, and the longest value beside it, in bytes as they are written.
  static let longestMessage = 4000
  static let longestValue = 1000

  public init(level: Logger.Level, message: String, metadata: Logger.Metadata = [:]) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    self.init(
      level: level, message: message, metadata: metadata, time: now, process: getpid())
  }

  init(
    level: Logger.Level, message: String, metadata: Logger.Metadata = [:], time: timespec,
    process: pid_t
  ) {
    self.level = level
    self.message = message
    self.metadata = metadata
    self.time = time
    self.process = process
  }

  /// As PgBouncer writes it: `YYYY-MM-DD HH:MM:SS.mmm TZ [pid] LEVEL text`.
  var text: String {
    var seconds = time.tv_sec
    var parts = tm()
    localtime_r(&seconds, &parts)
    return "\(Self.format("%Y-%m-%d %H:%M:%S", &parts)).\(milliseconds) "
      + "\(Self.format("%Z", &parts)) [\(process)] \(Self.name(level)) \(plainMessage)\n"
  }

  /// The text alone, for syslog, which has the rest by itself.
  var plainMessage: String { LogText.escaped(message, limit: Self.longestMessage) }

  var milliseconds: Substring { String(time.tv_nsec / 1_000_000 + 1_000).dropFirst() }

  static func format(_ pattern: String, _ parts: inout tm) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = strftime(&buffer, buffer.count, pattern, &parts)
    return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static func name(_ level: Logger.Level) -> String {
    switch level {
    case .trace: "NOISE"
    case .debug: "DEBUG"
    case .info, .notice: "LOG"
    case .warning: "WARNING"
    case .error: "ERROR"
    case .critical: "FATAL"
    }
  }
}

/// Text of others in the log: names that clients choose stand there.
public enum LogText {
  /// The longest name in a line's text: what a client calls itself does not push out the rest.
  public static let longestName = 200

  /// A name for a line's text, cut off where it is too long.
  public static func shortened(_ name: String) -> String {
    if name.utf8.count <= longestName { return name }
    return String(decoding: name.utf8.prefix(longestName), as: UTF8.self) + "..."
  }

  /// A value that others chose, as one word of a line's text: in quotes where it could be taken
  /// for more.
  public static func quoted(_ value: String) -> String {
    let isWord =
      !value.utf8.isEmpty
      && value.utf8.allSatisfy { byte in
        byte > 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
          && byte != UInt8(ascii: "\\")
      }
    if isWord { return value }
    let escaped = value.replacing("\\", with: #"\\"#).replacing("\"", with: #"\""#)
    return "\"\(escaped)\""
  }

  /// The text with `\x..` in the place of characters that could end a line, or change how the rest
  /// of it is shown; cut off behind so many bytes.
  static func escaped(_ text: String, limit: Int) -> String {
    if text.utf8.count <= limit, text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) {
      return text
    }
    var escaped = ""
    var room = limit
    for scalar in text.unicodeScalars {
      let piece =
        isControl(scalar) ? "\\x" + String(scalar.value, radix: 16) : String(Character(scalar))
      room -= piece.utf8.count
      guard room >= 0 else { return escaped + "..." }
      escaped += piece
    }
    return escaped
  }

  /// Control characters, line ends of Unicode, and what turns the direction of text.
  static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
