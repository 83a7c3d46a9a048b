import Admin
import Dashboard
import Glibc
import HTTPTypes
import HummingbirdCore
import NIOCore

/// What is served, by path.
struct Pages: Sendable {
  /// As it is now.
  let terms: @Sendable () -> MonitoringTerms
  let observatory: Observatory
  private let longAnswers = LongAnswers()

  init(terms: @escaping @Sendable () -> MonitoringTerms, observatory: Observatory) {
    self.terms = terms
    self.observatory = observatory
  }

  private static let health: Set<String> = ["/healthz", "/livez", "/readyz"]

  func respond(to request: Request) async -> Response {
    var response = await answer(request)
    for (name, value) in Self.headers { response.headers[name] = value }
    response.headers[.date] = Self.date
    // A body is not read: what is behind it would be.
    let hasBody = request.headers[.contentLength].map { $0 != "0" } ?? false
    if hasBody || request.headers[.transferEncoding] != nil {
      response.headers[.connection] = "close"
    }
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func answer(_ request: Request) async -> Response {
    let path = request.uri.path
    let terms = terms()
    switch terms.gate.answer(request.head, isHealth: Self.health.contains(path)) {
    case .allowed: break
    case .foreignHost: return Self.text(.misdirectedRequest, "this is not that host\n")
    case .unauthorized:
      var response = Self.text(.unauthorized, "user and password, please\n")
      response.headers[.wwwAuthenticate] = #"Basic realm="Sluice", charset="UTF-8""#
      return response
    }
    guard request.method == .get || request.method == .head else {
      var response = Self.text(.methodNotAllowed, "GET and HEAD alone\n")
      response.headers[.allow] = "GET, HEAD"
      return response
    }
    switch path {
    case "/healthz", "/livez": return Self.text(await observatory.liveness)
    case "/readyz": return Self.text(await observatory.readiness())
    case "/metrics":
      let format = Self.format(request.headers[.accept] ?? "")
      let metrics = await observatory.metrics(
        format, certificateExpiry: terms.certificateExpiry)
      return page(metrics, format.contentType, for: request)
    case "/status.json":
      let hasHistory = request.uri.queryParameters["history"] == "1"
      let status = await observatory.status(hasHistory: hasHistory)
      return page(status, "application/json", for: request)
    default:
      guard let file = DashboardPage.file(at: path) else {
        return Self.text(.notFound, "there is no such page\n")
      }
      return page(file.bytes, file.type, for: request)
    }
  }

  /// OpenMetrics where it is asked for, and not less than other text.
  static func format(_ accept: String) -> Exposition.Format {
    var best: (format: Exposition.Format, quality: Double) = (.prometheus, 0)
    for item in accept.split(separator: ",") {
      let parts = item.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
      let quality = parts.first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
      switch parts.first {
      case "application/openmetrics-text":
        // Version 0.0.1 is the draft, which has the same text for what is here.
        if quality >= best.quality && quality > 0 { best = (.openMetrics, quality) }
      case "text/plain", "text/*", "*/*":
        if quality > best.quality { best = (.prometheus, quality) }
      default: break
      }
    }
    return best.format
  }

  // MARK: forms

  private static func text(_ health: Health) -> Response {
    switch health {
    case .good: text(.ok, "ok\n")
    case .bad(let reason): text(.serviceUnavailable, "\(reason)\n")
    }
  }

  private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  private func page(
    _ bytes: [UInt8], _ type: String, for request: Request
  ) -> Response {
    var headers: HTTPFields = [.contentType: type, .vary: "Accept-Encoding"]
    var body = bytes
    if bytes.count >= Gzip.shortest, Gzip.isTaken(request.headers[.acceptEncoding] ?? ""),
      let compressed = Gzip.compress(bytes)
    {
      headers[.contentEncoding] = "gzip"
      body = compressed
    }
    guard let answer = longAnswers.body(body) else {
      return Self.text(.serviceUnavailable, "too many long answers are on their way\n")
    }
    return Response(status: .ok, headers: headers, body: answer)
  }

  /// For every answer. What a browser shows is the pooler's state of now, and nobody else's.
  private static let headers: [(HTTPField.Name, String)] = [
    (.contentSecurityPolicy, DashboardPage.contentSecurityPolicy),
    (.xContentTypeOptions, "nosniff"), (.cacheControl, "no-store"),
    (HTTPField.Name("Referrer-Policy")!, "no-referrer"),
    (HTTPField.Name("X-Frame-Options")!, "DENY"),
    (HTTPField.Name("Cross-Origin-Resource-Policy")!, "same-origin"),
    (HTTPField.Name("Cross-Origin-Opener-Policy")!, "same-origin"),
  ]

  /// Now, as RFC 9110, 5.6.7 has it.
  private static var date: String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      let format = "%a, %d %b %Y %H:%M:%S GMT"
      let count = strftime(buffer.baseAddress!, buffer.count, format, &parts)
      return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }
}
