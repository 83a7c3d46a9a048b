import Glibc
import Testing

@testable import Settings

/// A folder that lives as long as its test.
final class Folder {
  let path: String

  init() {
    var template = Array("/tmp/sluice-settings-XXXXXX".utf8CString)
    mkdtemp(&template)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  private var names: [String] = []

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ name: String, _ text: String, mode: mode_t = 0o600) -> String {
    write(name, bytes: Array(text.utf8), mode: mode)
  }

  @discardableResult
  func write(_ name: String, bytes: [UInt8], mode: mode_t = 0o600) -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, mode)
    precondition(descriptor >= 0)
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      precondition(count > 0)
      rest = rest.dropFirst(count)
    }
    fchmod(descriptor, mode)
    close(descriptor)
    names.append(name)
    return file
  }
}

/// The project's folder.
let projectFolder = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

func ini(_ text: String) -> LoadResult {
  SettingsLoader.parse(text, file: "p.ini", format: .pgbouncer)
}

func toml(_ text: String, environment: [String: String] = [:]) -> LoadResult {
  SettingsLoader.parse(text, file: "s.toml", format: .native, environment: environment)
}

extension LoadResult {
  var texts: [String] { diagnostics.map(\.description) }
}
