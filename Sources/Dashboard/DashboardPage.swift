/// The dashboard: a page with its style and its scripts, built into the program.
///
/// It is static: what it shows it fetches itself, from `status.json` beside it.
public enum DashboardPage {
  /// One file of the page, as HTTP serves it.
  public struct File: Sendable {
    /// From the root, such as `/dashboard.css`.
    public let path: String
    /// The media type.
    public let type: String
    public let bytes: [UInt8]
  }

  /// Everything comes from the server itself, no script stands in the page, nobody frames it.
  public static let contentSecurityPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  public static let files: [File] = [
    File(path: "/", type: "text/html; charset=utf-8", bytes: PackageResources.dashboard_html),
    File(path: "/dashboard.css", type: "text/css", bytes: PackageResources.dashboard_css),
    script("dashboard", PackageResources.dashboard_js),
    script("plots", PackageResources.plots_js),
    script("tables", PackageResources.tables_js),
    script("verdict", PackageResources.verdict_js),
    script("view", PackageResources.view_js),
    script("words", PackageResources.words_js),
    File(path: "/icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
  ]

  /// The file at a path without its query; nil: there is none.
  public static func file(at path: String) -> File? {
    files.first { $0.path == path }
  }

  private static func script(_ name: String, _ bytes: [UInt8]) -> File {
    File(path: "/\(name).js", type: "text/javascript; charset=utf-8", bytes: bytes)
  }
}
