import Glibc
import Synchronization

/// Files of this run of the tests: one directory under /tmp (short, as unix sockets need it), which
/// the watchdog removes at the end.
enum Scratch {
  private static let counter = Atomic<Int>(0)

  private static let root: String = {
    var template = Array("/tmp/sluice-test.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("cannot create a directory in /tmp") }
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    chmod(path, 0o711)
    Watchdog.shared.say("directory", path)
    return path
  }()

  /// A new directory that belongs to the user that servers run as.
  static func directory(_ name: String) throws -> String {
    let number = counter.add(1, ordering: .relaxed).newValue
    let path = "\(root)/\(name)\(number)"
    guard mkdir(path, 0o755) == 0 else { throw HarnessError("cannot create \(path)") }
    if let user = ServerUser.other { chown(path, user.uid, user.gid) }
    return path
  }

  static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw HarnessError("cannot write \(path)") }
    defer { close(descriptor) }
    if let user = ServerUser.other { fchown(descriptor, user.uid, user.gid) }
    var text = text
    try text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        guard count > 0 else { throw HarnessError("cannot write \(path)") }
        done += count
      }
    }
  }

  /// The text of a file, empty if there is none.
  static func read(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func exists(_ path: String) -> Bool {
    access(path, F_OK) == 0
  }

  /// Removes a directory of this run with all that is in it.
  static func remove(_ path: String) {
    guard path.hasPrefix(root + "/") else { return }
    let process = try? Subprocess(["rm", "-rf", path])
    _ = process?.wait(seconds: 30)
  }
}

/// The user that servers run as: PostgreSQL refuses to be root.
enum ServerUser {
  struct Identity: Sendable {
    let name: String
    let uid: uid_t
    let gid: gid_t
  }

  /// Nil where the tests run as an ordinary user, who is good enough.
  static let other: Identity? = {
    guard geteuid() == 0 else { return nil }
    for name in ["postgres", "nobody"] {
      if let entry = getpwnam(name) {
        return Identity(name: name, uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
      }
    }
    return nil
  }()

  /// What to put in front of a command line so that it runs as that user. It replaces itself, so
  /// the process id is the program's.
  static var prefix: [String] {
    guard let other else { return [] }
    return ["setpriv", "--reuid=\(other.uid)", "--regid=\(other.gid)", "--clear-groups"]
  }
}
