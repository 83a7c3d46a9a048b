/// What is served at `/`.
enum DashboardPage {
  struct File: Sendable {
    /// From the root.
    let path: String
    /// The media type.
    let type: String
    let bytes: [UInt8]
  }

  /// Everything comes from the server itself, no script stands in the page, nobody frames it.
  static let contentSecurityPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  /// The file at a path without its query; nil: there is none.
  static func file(at path: String) -> File? {
    path == "/" ? File(path: "/", type: "text/html; charset=utf-8", bytes: Array(page.utf8)) : nil
  }

  private static let page = """
    <!doctype html>
    <html lang="en">
    <head><meta charset="utf-8"><title>Sluice</title></head>
    <body>
    <h1>Sluice</h1>
    <p><a href="/metrics">Metrics</a>, <a href="/status.json">status</a></p>
    </body>
    </html>

    """
}
