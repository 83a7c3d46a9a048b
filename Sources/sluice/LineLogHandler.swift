import Glibc
import Logging
import Reactor

/// Writes log lines as PgBouncer does: `YYYY-MM-DD HH:MM:SS.mmm TZ [pid] LEVEL text`.
struct LineLogHandler: LogHandler {
  let output: LogOutput
  var logLevel = Logger.Level.info
  var metadata = Logger.Metadata()

  init(output: LogOutput) { self.output = output }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    output.write(Self.line(level: event.level, message: event.message.description))
  }

  static func line(level: Logger.Level, message: String) -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    localtime_r(&now.tv_sec, &parts)
    let milliseconds = String(now.tv_nsec / 1_000_000 + 1_000).dropFirst()
    return "\(format("%Y-%m-%d %H:%M:%S", &parts)).\(milliseconds) \(format("%Z", &parts)) "
      + "[\(getpid())] \(name(level)) \(escaped(message))\n"
  }

  private static func format(_ pattern: String, _ parts: inout tm) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = strftime(&buffer, buffer.count, pattern, &parts)
    return String(
      decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
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

  /// Names that clients choose stand in the log: no control character of theirs gets into it.
  private static func escaped(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
      if isControl(scalar) {
        escaped += "\\x" + String(scalar.value, radix: 16)
      } else {
        escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
      || (0x2028...0x2029).contains(scalar.value)
  }
}

/// Where log lines go: the terminal, a file, or both.
final class LogOutput: Sendable {
  private let toTerminal: Bool
  /// Guards the file's descriptor against being exchanged under a writer.
  private let file = Lock<Int32>(-1)

  init(toTerminal: Bool) { self.toTerminal = toTerminal }

  /// Opens the file, or opens it again after it was rotated away. An empty path means no file.
  /// - Returns: false where it can't be opened; what was open stays so.
  func open(_ path: String) -> Bool {
    var fresh: Int32 = -1
    if !path.isEmpty {
      fresh = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
      guard fresh >= 0 else { return false }
    }
    let old = file.withLock { fd -> Int32 in
      defer { fd = fresh }
      return fd
    }
    if old >= 0 { close(old) }
    return true
  }

  func write(_ line: String) {
    var line = line
    line.withUTF8 { bytes in
      if toTerminal { _ = Glibc.write(2, bytes.baseAddress, bytes.count) }
      file.withLock { fd in
        if fd >= 0 { _ = Glibc.write(fd, bytes.baseAddress, bytes.count) }
      }
    }
  }
}
