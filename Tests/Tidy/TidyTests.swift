import Foundation
import Testing

/// Style that the formatter does not check.
@Suite struct Tidy {
  @Test func `the repository was found`() {
    #expect(SourceTree.swift.count > 10)
    #expect(SourceTree.written.contains { $0.path == "Makefile" })
  }

  @Test func `no file is longer than 400 lines`() {
    for file in SourceTree.swift {
      let count = file.lines.count - 1
      #expect(count <= 400, "\(file.path) has \(count) lines")
    }
  }

  @Test func `no function is longer than 70 lines`() {
    for file in SourceTree.swift {
      for function in FunctionLengths.measure(file.text) {
        #expect(
          function.length <= 70,
          "\(file.path):\(function.line): a function of \(function.length) lines")
      }
    }
  }

  @Test func `no line is longer than 100 columns`() {
    let code = SourceTree.written.filter { !$0.path.hasSuffix(".md") }
    for file in code where !file.path.hasPrefix("Tests/Tidy/Fixtures") {
      for (index, line) in file.lines.enumerated() where line.count > 100 {
        Issue.record("\(file.path):\(index + 1): \(line.count) columns")
      }
    }
  }

  @Test func `every file ends with one newline and no line with a blank`() {
    for file in SourceTree.written where !file.text.isEmpty {
      #expect(file.text.hasSuffix("\n"), "\(file.path) has no newline at its end")
      #expect(!file.text.hasSuffix("\n\n"), "\(file.path) ends with an empty line")
      for (index, line) in file.lines.enumerated() where line.last == " " || line.last == "\t" {
        Issue.record("\(file.path):\(index + 1): ends with a blank")
      }
    }
  }

  @Test func `nothing is left to do`() {
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"]
    for file in SourceTree.swift {
      for (index, line) in file.lines.enumerated() {
        for mark in marks where line.contains(mark) {
          Issue.record("\(file.path):\(index + 1): \(mark)")
        }
      }
    }
  }

  /// Such names say nothing; a type is named after what it is.
  @Test func `no file or type has an empty name`() {
    let banned = ["Manager", "Helper", "Helpers", "Utils", "Util", "Common", "Misc"]
    let declaration = /\b(?:struct|class|enum|actor|protocol|typealias)\s+([A-Za-z0-9_]+)/
    for file in SourceTree.swift {
      for name in banned {
        #expect(!file.name.hasSuffix(name + ".swift"), "\(file.path)")
      }
      for match in FunctionLengths.blanked(file.text).matches(of: declaration) {
        for name in banned where match.1.hasSuffix(name) {
          Issue.record("\(file.path): the type \(match.1)")
        }
      }
    }
  }

  /// A path or a host of one machine does not belong into what everybody gets.
  @Test func `no file names a machine's paths or a package registry's host`() {
    let banned = [
      "/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "files.python" + "hosted.org", "py" + "pi.org",
      "deb.debian" + ".org", "artif" + "actory",
    ]
    for file in SourceTree.written {
      for (index, line) in file.lines.enumerated() {
        for text in banned where line.contains(text) {
          Issue.record("\(file.path):\(index + 1): \(text)")
        }
      }
    }
  }

  @Test func `links in documents lead to files`() {
    let link = /\]\(([^)\s]+)\)/
    for file in SourceTree.files where file.path.hasSuffix(".md") {
      let directory = SourceTree.root.appendingPathComponent(file.path).deletingLastPathComponent()
      for match in withoutCode(file.text).matches(of: link) {
        let target = match.1.prefix { $0 != "#" }
        if target.isEmpty || target.contains("://") || target.hasPrefix("mailto:") { continue }
        let path = directory.appendingPathComponent(String(target)).path
        #expect(FileManager.default.fileExists(atPath: path), "\(file.path): \(match.1)")
      }
    }
  }

  private func withoutCode(_ markdown: String) -> String {
    var isCode = false
    return markdown.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
      if line.hasPrefix("```") { isCode.toggle() }
      return !isCode
    }.joined(separator: "\n")
  }
}
