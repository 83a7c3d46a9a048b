import Glibc

/// Reads whole files, within bounds.
enum TextFile {
  /// The largest file that is read.
  static let maximumBytes = 16 * 1024 * 1024

  /// Why a file could not be read; completes "NAME: ...".
  struct Problem: Error {
    var message: String
  }

  /// What makes two paths the same file.
  struct Identity: Hashable {
    var device: UInt
    var inode: UInt
  }

  /// A file's content.
  struct Content {
    var bytes: [UInt8]
    var identity: Identity
    /// Whether anyone but the owner may read it.
    var isReadableByOthers: Bool
  }

  static func read(_ path: String, limit: Int = maximumBytes) throws(Problem) -> Content {
    if path.utf8.contains(0) { throw Problem(message: "cannot be read: bad file name") }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Problem(message: "cannot be read: \(reason(errno))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw Problem(message: "cannot be read: \(reason(errno))")
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw Problem(message: "cannot be read: \(reason(errno))")
      }
      bytes.append(contentsOf: chunk[..<count])
      guard bytes.count <= limit else {
        throw Problem(message: "is larger than \(limit) bytes")
      }
    }
    return Content(
      bytes: bytes, identity: Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino)),
      isReadableByOthers: status.st_mode & 0o044 != 0)
  }

  /// The bytes as lines, without their ends; a byte order mark at the front is dropped.
  static func lines(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    return body.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0 }
  }

  /// One line as text; nil if it is not UTF-8, or has a NUL, which PostgreSQL cannot take either.
  static func text(_ line: ArraySlice<UInt8>) -> String? {
    if line.contains(0) { return nil }
    return String(validating: line, as: UTF8.self)
  }

  private static func reason(_ code: Int32) -> String {
    code == EISDIR ? "it is a directory" : String(cString: strerror(code))
  }
}
