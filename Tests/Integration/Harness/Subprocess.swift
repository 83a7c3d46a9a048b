import Glibc
import Synchronization

/// A child process with its output in files, so that no full pipe can stop it.
///
/// It has a process group of its own: an interrupt typed at the terminal reaches the tests alone,
/// and the watchdog ends what they leave behind.
final class Subprocess: Sendable {
  enum Ending: Equatable, Sendable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  let pid: pid_t
  /// Guards the end: a process id may be reused once it was waited for.
  private let ending = Mutex<Ending?>(nil)

  init(
    _ arguments: [String], environment: [String: String] = [:],
    input: String = "/dev/null", output: String = "/dev/null", errors: String? = nil,
    inputDescriptor: Int32? = nil
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let inputDescriptor {
      posix_spawn_file_actions_adddup2(&actions, inputDescriptor, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    }
    let flags = O_WRONLY | O_CREAT | O_APPEND
    posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
    if let errors {
      posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)
    } else {
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var child: pid_t = 0
    let code = withCStrings(arguments) { argv in
      withCStrings(Self.environment(adding: environment)) { envp in
        posix_spawnp(&child, arguments[0], &actions, &attributes, argv, envp)
      }
    }
    guard code == 0 else {
      throw HarnessError("cannot start \(arguments[0]): \(String(cString: strerror(code)))")
    }
    pid = child
  }

  /// The end of the process, if it has ended.
  func poll() -> Ending? {
    ending.withLock { ending in
      if ending == nil {
        var status: Int32 = 0
        if waitpid(pid, &status, WNOHANG) == pid {
          let signal = status & 0x7f
          ending = signal == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: signal)
        }
      }
      return ending
    }
  }

  /// Waits for the end for so many seconds at most.
  func wait(seconds: Double) -> Ending? {
    let deadline = Deadline(seconds: seconds)
    while true {
      if let ending = poll() { return ending }
      if deadline.isOver { return nil }
      usleep(3000)
    }
  }

  func signal(_ number: Int32) {
    guard poll() == nil else { return }
    kill(pid, number)
  }

  /// Asks with `number`, and insists with SIGKILL.
  @discardableResult
  func end(_ number: Int32, seconds: Double = 10) -> Ending? {
    signal(number)
    if let ending = wait(seconds: seconds) { return ending }
    signal(SIGKILL)
    return wait(seconds: 10)
  }

  /// The tests' own environment without what would steer libpq.
  private static func environment(adding added: [String: String]) -> [String] {
    var lines: [String] = []
    var entry = environ
    while let line = entry.pointee {
      let text = String(cString: line)
      let name = text.prefix { $0 != "=" }
      if !name.hasPrefix("PG"), added[String(name)] == nil { lines.append(text) }
      entry += 1
    }
    for (name, value) in added { lines.append("\(name)=\(value)") }
    return lines
  }
}

extension Subprocess {
  struct Output: Sendable {
    var ending: Ending
    var standardOutput: String
    var standardError: String
    var succeeded: Bool { ending == .exited(0) }
  }

  /// Runs a program to its end; past `seconds` it is killed and that is an error.
  static func run(
    _ arguments: [String], environment: [String: String] = [:], input: String = "",
    seconds: Double = 60
  ) throws -> Output {
    let directory = try Scratch.directory("run")
    defer { Scratch.remove(directory) }
    try Scratch.write(input, to: directory + "/in")
    let process = try Subprocess(
      arguments, environment: environment, input: directory + "/in", output: directory + "/out",
      errors: directory + "/err")
    let allowed = seconds * Patience.factor
    guard let ending = process.wait(seconds: allowed) else {
      process.end(SIGKILL)
      throw HarnessError(
        "\(arguments.joined(separator: " ").prefix(200)) ran longer than \(allowed) s: "
          + Scratch.read(directory + "/err").suffix(500))
    }
    return Output(
      ending: ending, standardOutput: Scratch.read(directory + "/out"),
      standardError: Scratch.read(directory + "/err"))
  }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return body(pointers)
}
