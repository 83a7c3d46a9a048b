import Glibc
import Logging
import Reactor
import Synchronization

/// Where log lines go: the terminal, a file, the system's logger.
public final class LogOutput: Sendable {
  /// What a reload may change.
  public struct Configuration: Sendable {
    public var isJSON = false
    /// Empty: none.
    public var path = ""
    /// nil: none.
    public var syslog: Syslog?

    public init() {}
  }

  /// How lines go to the system's logger.
  public struct Syslog: Sendable, Equatable {
    /// As in syslog.h, shifted.
    public var facility: Int32
    public var ident: String
    var socketPath = SyslogSocket.standardPath

    public init(facility: Int32, ident: String) {
      self.facility = facility
      self.ident = ident
    }
  }

  private struct Targets: ~Copyable {
    var terminal: LogSink?
    var file: LogSink?
    var syslog: LogSink?
    var isJSON = false
    var syslogAs: Syslog?
  }

  /// Guards where lines go. Nothing waits under it, but a file on a slow disk.
  private let targets: Lock<Targets>
  public let state: LogState

  /// - Parameter terminal: the descriptor of the terminal; nil: lines do not go there.
  public init(terminal: Int32?, state: LogState) {
    self.state = state
    targets = Lock(Targets(terminal: terminal.map { LogSink(.stream($0)) }))
  }

  /// Takes over a configuration. The file is opened, or opened again after it was rotated away.
  /// - Returns: false where it can't be opened; lines go on to where they went.
  public func configure(_ configuration: Configuration) -> Bool {
    let path = configuration.path
    let fd =
      path.isEmpty ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o640)
    let isOpen = path.isEmpty || fd >= 0
    state.wantsFields = configuration.isJSON
    let syslog = configuration.syslog
    targets.withLock { targets in
      targets.isJSON = configuration.isJSON
      if isOpen { Self.replace(&targets.file, fd >= 0 ? Self.target(fd) : nil) }
      guard targets.syslogAs != syslog else { return }
      targets.syslogAs = syslog
      Self.replace(
        &targets.syslog, syslog.map { .syslog(SyslogSocket(path: $0.socketPath)) })
    }
    return isOpen
  }

  /// A file may be a pipe, or a device.
  private static func target(_ fd: Int32) -> LogSink.Target {
    var status = stat()
    let isFile = fstat(fd, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    return isFile ? .file(fd) : .pipe(fd)
  }

  private static func replace(_ sink: inout LogSink?, _ target: LogSink.Target?) {
    guard let target else {
      sink = nil
      return
    }
    if sink == nil { sink = LogSink(target) } else { sink!.change(to: target) }
  }

  func write(_ line: LogLine) {
    state.note(line)
    // Made without the lock.
    let lines = targets.withLock { ($0.isJSON, $0.syslogAs) }
    let text = Array((lines.0 ? line.json : line.text).utf8)
    let datagram = lines.1.map { line.datagram(for: $0, isJSON: lines.0) }
    let lost = targets.withLock { targets in
      var lost = targets.terminal?.write(text) ?? 0
      lost += targets.file?.write(text) ?? 0
      if let datagram { lost += targets.syslog?.write(datagram) ?? 0 }
      return lost
    }
    if lost > 0 { state.lost.add(lost) }
  }

  /// Sends on what could not be written before. To be called now and then.
  /// - Returns: what there is to tell of targets that do not take lines, or do so again.
  public func flush() -> [String] {
    let conditions = targets.withLock { targets in
      [
        ("standard error", targets.terminal?.flush() ?? .fine),
        ("logfile", targets.file?.flush() ?? .fine),
        ("syslog", targets.syslog?.flush() ?? .fine),
      ]
    }
    return conditions.compactMap { name, condition in
      switch condition {
      case .fine: nil
      case .broken(let reason):
        "log: \(name) takes no lines (\(SystemError.reason(reason))): some are kept, more are lost"
      case .mended(let lost): "log: \(name) takes lines again; \(lost) are lost"
      }
    }
  }
}

extension LogLine {
  /// As syslog(3) sends it: `<PRIORITY>Mmm dd HH:MM:SS ident[pid]: text`.
  func datagram(for syslog: LogOutput.Syslog, isJSON: Bool) -> [UInt8] {
    var seconds = time.tv_sec
    var parts = tm()
    localtime_r(&seconds, &parts)
    // Month and day as in the C locale, which the process has.
    let stamp = Self.format("%b %e %H:%M:%S", &parts)
    let ident = LogText.escaped(syslog.ident, limit: Self.longestIdent)
    let body = isJSON ? String(json.dropLast()) : plainMessage
    return Array("<\(syslog.facility | severity)>\(stamp) \(ident)[\(process)]: \(body)".utf8)
  }

  private static var longestIdent: Int { 64 }

  /// PgBouncer's: a FATAL is critical, and all that only the verbose see is for debugging.
  private var severity: Int32 {
    switch level {
    case .trace, .debug: LOG_DEBUG
    case .info, .notice: LOG_INFO
    case .warning: LOG_WARNING
    case .error: LOG_ERR
    case .critical: LOG_CRIT
    }
  }
}
