import Dashboard
import Foundation
import Testing

@Suite struct DashboardPageTests {
  private static let directory = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/Dashboard/Page")

  private static func text(_ path: String) -> String {
    DashboardPage.file(at: path).map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
  }

  private static var scripts: [String] {
    DashboardPage.files.filter { $0.type.hasPrefix("text/javascript") }.map(\.path)
  }

  @Test func `the program has each file of the page as it is in the repository`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    for name in names {
      let path = name == "dashboard.html" ? "/" : "/" + name
      let source = try Data(contentsOf: Self.directory.appendingPathComponent(name))
      #expect(DashboardPage.file(at: path)?.bytes == Array(source), "\(name)")
    }
    #expect(DashboardPage.files.count == names.count)
  }

  @Test func `all that the page refers to is there`() {
    let html = Self.text("/")
    let served: Set<String> = ["/metrics", "/status.json", "/readyz", "/healthz"]
    let reference = /(?:href|src)="([^"#?]+)/
    var paths = html.matches(of: reference).map { "/" + $0.1 }
    for script in Self.scripts {
      paths += Self.text(script).matches(of: /from "\.(\/[^"]+)"/).map { String($0.1) }
    }
    #expect(paths.count > 10)
    for path in paths where !served.contains(path) {
      #expect(DashboardPage.file(at: path) != nil, "\(path)")
    }
  }

  @Test func `nothing is served at other paths`() {
    for path in ["", "/dashboard.html", "/dashboard.js/", "//", "/../Package.swift", "/index.html"]
    {
      #expect(DashboardPage.file(at: path) == nil, "\(path)")
    }
  }

  /// What the content security policy refuses, and what would make markup of a client's name.
  @Test func `no style, script or markup comes from anywhere but the files`() {
    let html = Self.text("/")
    for text in [" style=", "<style", "javascript:", "http:", "https:", " onclick", "data:"] {
      #expect(!html.contains(text), "\(text)")
    }
    #expect(!html.contains(/<script(?![^>]*src=)/))
    for script in Self.scripts {
      let text = Self.text(script)
      for word in [
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
        "new Function", "setAttribute(\"style\"", "srcdoc", "DOMParser", "localStorage",
      ] {
        #expect(!text.contains(word), "\(script): \(word)")
      }
    }
    #expect(!Self.text("/dashboard.css").contains("url("))
    #expect(DashboardPage.contentSecurityPolicy.hasPrefix("default-src 'self'"))
  }

  @Test func `the page is small`() {
    #expect(DashboardPage.files.map(\.bytes.count).reduce(0, +) < 60_000)
  }
}
