import Glibc

/// Text for who started the program.
enum Terminal {
  /// Writes a line to standard error.
  static func complain(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

  /// Writes a line to standard output.
  static func say(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }

  private static func write(_ text: String, to fd: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var written = 0
      while let base = bytes.baseAddress, written < bytes.count {
        let count = Glibc.write(fd, base + written, bytes.count - written)
        guard count > 0 else { return }
        written += count
      }
    }
  }
}
