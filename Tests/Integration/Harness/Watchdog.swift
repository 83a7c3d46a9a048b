import Glibc
import Synchronization

/// Ends what the tests started, however the tests end.
///
/// A small shell process reads, from a pipe that only this process can write, what there is to end.
/// The pipe closes when this process is gone, be it by exit, crash or SIGKILL, and then it acts.
final class Watchdog: Sendable {
  static let shared = Watchdog()

  private static let script = """
    trap '' INT TERM HUP QUIT
    processes=; clusters=; directories=
    while read -r verb value; do
      case $verb in
        process) processes="$processes $value" ;;
        ended)
          kept=
          for process in $processes; do
            if [ "$process" != "$value" ]; then kept="$kept $process"; fi
          done
          processes=$kept ;;
        cluster) clusters="$clusters $value" ;;
        directory) directories="$directories $value" ;;
      esac
    done
    for process in $processes; do kill -KILL "$process"; done
    for cluster in $clusters; do
      postmaster=$(head -n 1 "$cluster/postmaster.pid") || continue
      kill -QUIT "$postmaster"
      for tenth in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -e "$cluster/postmaster.pid" ] || continue 2
        sleep 0.1
      done
      kill -KILL "$postmaster"
    done
    for directory in $directories; do rm -rf "$directory"; done
    """

  private let pipe: Int32
  private let shell: Subprocess?

  private init() {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { fatalError("no pipe for the watchdog") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    pipe = ends[1]
    shell = try? Subprocess(["sh", "-c", Self.script], inputDescriptor: ends[0])
    close(ends[0])
    atexit {
      close(Watchdog.shared.pipe)
      _ = Watchdog.shared.shell?.wait(seconds: 15)
    }
  }

  /// One line fits into a pipe's atomic write, so threads need no lock.
  func say(_ verb: String, _ value: String) {
    var line = "\(verb) \(value)\n"
    _ = line.withUTF8 { write(pipe, $0.baseAddress!, $0.count) }
  }
}
