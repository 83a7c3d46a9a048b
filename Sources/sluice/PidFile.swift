import Glibc
import Reactor

/// The file that tells which process is the service. An empty path means none.
enum PidFile {
  /// - Throws: where the process that the file names is alive.
  static func check(_ path: String) throws {
    // In a container the process before may have had this one's number.
    guard !path.isEmpty, let process = read(path), process != getpid() else { return }
    if kill(process, 0) == 0 || errno == EPERM {
      throw StartFailure(
        "pidfile \"\(path)\" is in use by process \(process): another instance is running, or "
          + "the file is stale and is to be removed")
    }
  }

  static func write(_ path: String) throws {
    guard !path.isEmpty else { return }
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard fd >= 0 else {
      throw StartFailure("can't write pidfile \"\(path)\": \(SystemError.reason(errno))")
    }
    let text = "\(getpid())\n"
    _ = Glibc.write(fd, text, text.utf8.count)
    close(fd)
  }

  static func remove(_ path: String) {
    if !path.isEmpty { unlink(path) }
  }

  private static func read(_ path: String) -> pid_t? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = Glibc.read(fd, &buffer, buffer.count)
    guard count > 0 else { return nil }
    let digits = String(decoding: buffer.prefix(count), as: UTF8.self).prefix { $0.isNumber }
    return pid_t(digits).flatMap { $0 > 0 ? $0 : nil }
  }
}
