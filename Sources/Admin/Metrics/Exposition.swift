/// Writes metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0.
/// See https://prometheus.io/docs/instrumenting/exposition_formats/ and
/// https://prometheus.io/docs/specs/om/open_metrics_spec/.
public struct Exposition {
  public enum Format: Equatable, Sendable {
    case prometheus
    case openMetrics

    public var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  public let format: Format
  private var text = ""
  private var family: MetricFamily?

  public init(_ format: Format) { self.format = format }

  /// The whole text.
  public consuming func finish() -> String {
    if format == .openMetrics { text += "# EOF\n" }
    return text
  }

  /// Begins a family. All its samples follow.
  mutating func begin(_ family: MetricFamily) {
    self.family = family
    // Prometheus describes the samples by their own name, OpenMetrics the family.
    let name = format == .openMetrics ? family.name : family.sampleName
    let kind = format == .prometheus && family.kind == .info ? "gauge" : family.kind.rawValue
    text += "# HELP \(name) \(Self.escaped(family.help, quotes: format == .openMetrics))\n"
    text += "# TYPE \(name) \(kind)\n"
    if format == .openMetrics && !family.unit.isEmpty { text += "# UNIT \(name) \(family.unit)\n" }
  }

  /// - Parameter labels: the values of the family's labels, in their order.
  mutating func sample(_ labels: [String], _ value: Int) {
    sample(labels, text: String(value))
  }

  mutating func sample(_ labels: [String], _ value: UInt64) {
    sample(labels, text: String(value))
  }

  mutating func sample(_ labels: [String] = [], seconds: Double) {
    sample(labels, text: String(seconds))
  }

  mutating func sample(_ labels: [String] = [], microseconds: UInt64) {
    sample(labels, text: Self.seconds(microseconds))
  }

  private mutating func sample(_ labels: [String], text value: String) {
    guard let family else { return }
    text += family.sampleName
    text += Self.list(family.labels, labels)
    text += " \(value)\n"
  }

  mutating func sample(_ labels: [String], _ histogram: TimeHistogram) {
    guard let family else { return }
    let names = family.labels + ["le"]
    let count = histogram.count
    for (bound, below) in histogram.cumulative {
      text += "\(family.name)_bucket"
      text += Self.list(names, labels + [Self.seconds(bound)])
      text += " \(below)\n"
    }
    text += "\(family.name)_bucket\(Self.list(names, labels + ["+Inf"])) \(count)\n"
    let list = Self.list(family.labels, labels)
    text += "\(family.name)_sum\(list) \(Self.seconds(histogram.microseconds))\n"
    text += "\(family.name)_count\(list) \(count)\n"
  }

  // MARK: forms

  private static func list(_ names: [String], _ values: [String]) -> String {
    if names.isEmpty { return "" }
    let pairs = zip(names, values).map { "\($0)=\"\(escaped($1, quotes: true))\"" }
    return "{" + pairs.joined(separator: ",") + "}"
  }

  /// In label values backslash, quote and line feed are escaped. What is not text can't come here:
  /// a `String` is always valid UTF-8.
  static func escaped(_ value: String, quotes: Bool) -> String {
    guard value.utf8.contains(where: { $0 == 0x5c || $0 == 0x0a || quotes && $0 == 0x22 }) else {
      return value
    }
    var escaped = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// Microseconds as seconds, exactly.
  static func seconds(_ microseconds: UInt64) -> String {
    let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    if rest == 0 { return "\(whole).0" }
    var digits = String(String(1_000_000 + rest).dropFirst())
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(whole).\(digits)"
  }
}
