import Foundation

/// The repository's files, as the tidy tests see them.
enum SourceTree {
  struct File: Sendable {
    /// From the repository's root.
    let path: String
    let text: String

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  }

  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Directories that hold what was built or fetched, not what was written.
  private static let skipped: Set<String> = [".git", ".run", "__pycache__"]

  static let files: [File] = {
    var files: [File] = []
    var pending = [""]
    while let directory = pending.popLast(), files.count < 10_000 {
      let url = root.appendingPathComponent(directory)
      for name in (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] {
        let path = directory.isEmpty ? name : directory + "/" + name
        var isDirectory: ObjCBool = false
        let full = root.appendingPathComponent(path)
        guard FileManager.default.fileExists(atPath: full.path, isDirectory: &isDirectory) else {
          continue
        }
        if isDirectory.boolValue {
          if skipped.contains(name) || name.hasPrefix(".build") { continue }
          pending.append(path)
        } else if let data = try? Data(contentsOf: full), data.count < 4 << 20,
          let text = String(data: data, encoding: .utf8)
        {
          files.append(File(path: path, text: text))
        }
      }
    }
    return files.sorted { $0.path < $1.path }
  }()

  static func files(under prefixes: [String], ending suffix: String) -> [File] {
    files.filter { file in
      file.path.hasSuffix(suffix) && prefixes.contains { file.path.hasPrefix($0) }
    }
  }

  static let swift =
    files(under: ["Sources/", "Tests/", "Benchmarks/"], ending: ".swift")

  /// What Git would not ignore and what one edits by hand.
  static let written = files.filter { file in
    let endings = [
      ".swift", ".md", ".sh", ".sql", ".toml", ".ini", ".yml", ".yaml", ".c", ".h", ".py",
      ".service",
    ]
    return endings.contains { file.path.hasSuffix($0) } || file.path.hasPrefix("scripts/")
      || [".ci/run", "Makefile", ".gitignore", ".editorconfig"].contains(file.path)
  }
}
