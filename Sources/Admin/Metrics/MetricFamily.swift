/// One family of metrics: its name, and what is known of it.
public struct MetricFamily: Equatable, Sendable {
  public enum Kind: String, Sendable {
    case counter
    case gauge
    case histogram
    /// A gauge that is always 1 and says something by its labels.
    case info
  }

  /// Without the ending of its samples: `_total` of a counter, `_info`.
  public let name: String
  public let kind: Kind
  /// `seconds` or `bytes`, which its name ends in; or empty.
  public let unit: String
  public let labels: [String]
  public let help: String

  private init(
    _ name: String, _ kind: Kind, _ labels: [String], _ help: String
  ) {
    self.name = name
    self.kind = kind
    unit = ["seconds", "bytes"].first { name.hasSuffix("_" + $0) } ?? ""
    self.labels = labels
    self.help = help
  }

  /// As its samples are called; those of a histogram have further endings.
  public var sampleName: String {
    switch kind {
    case .counter: name + "_total"
    case .info: name + "_info"
    case .gauge, .histogram: name
    }
  }

  private static let pool = ["database", "user"]

  static func pool(
    _ name: String, _ kind: Kind, by further: [String] = [], _ help: String
  ) -> MetricFamily {
    MetricFamily("sluice_" + name, kind, pool + further, help)
  }

  static func tenant(
    _ name: String, _ kind: Kind, by further: [String] = [], _ help: String
  ) -> MetricFamily {
    MetricFamily("sluice_tenant_" + name, kind, ["tenant"] + further, help)
  }

  static func loop(_ name: String, _ kind: Kind, _ help: String) -> MetricFamily {
    MetricFamily("sluice_loop_" + name, kind, ["loop"], help)
  }

  static func process(
    _ name: String, _ kind: Kind, by labels: [String] = [], _ help: String
  ) -> MetricFamily {
    MetricFamily(name, kind, labels, help)
  }
}
