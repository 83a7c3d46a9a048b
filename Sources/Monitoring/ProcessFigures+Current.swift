import Admin
import Glibc

extension ProcessFigures {
  /// What the kernel says now.
  static func current(startedAt: Double) -> ProcessFigures {
    var figures = ProcessFigures()
    figures.startedAt = startedAt
    var usage = rusage()
    if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
      let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
      let rest = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
      figures.cpuMicroseconds = UInt64(seconds) * 1_000_000 + UInt64(rest)
    }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      figures.fileLimit = Int(clamping: limit.rlim_cur)
    }
    figures.residentBytes = resident()
    figures.openFiles = files()
    return figures
  }

  /// The second number of /proc/self/statm, in pages.
  private static func resident() -> Int {
    let fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return 0 }
    defer { close(fd) }
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = read(fd, &buffer, buffer.count)
    guard count > 0 else { return 0 }
    let fields = String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
  }

  /// Linux 6.2 and later tell it as the directory's size; before, its entries are counted.
  private static func files() -> Int {
    var status = stat()
    if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    // Not `.`, `..` and the directory itself.
    var count = -3
    while readdir(directory) != nil { count += 1 }
    return max(0, count)
  }
}
