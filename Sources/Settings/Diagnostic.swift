/// One thing that is wrong, or worth knowing, about a configuration.
public struct Diagnostic: Sendable, Equatable, CustomStringConvertible {
  /// How much it matters.
  public enum Severity: String, Sendable {
    /// The configuration cannot be used.
    case error
    /// The configuration works, but not as its writer may think.
    case warning
  }

  /// Whether it stops the load.
  public let severity: Severity
  /// The file it is about, as it was named.
  public let file: String
  /// The line in `file`, counted from 1, where one is known.
  public let line: Int?
  /// What is wrong and what to do about it. Never holds a secret.
  public let message: String

  /// Makes a diagnostic.
  public init(_ severity: Severity, file: String, line: Int?, message: String) {
    self.severity = severity
    self.file = file
    self.line = line
    self.message = message
  }

  /// `file:line: error: message`, as compilers write it.
  public var description: String {
    let place = line.map { "\(file):\($0)" } ?? file
    return "\(place): \(severity.rawValue): \(message)"
  }
}

extension Diagnostic {
  static func error(_ place: SourcePlace, _ message: String) -> Diagnostic {
    Diagnostic(.error, file: place.file, line: place.line, message: message)
  }

  static func warning(_ place: SourcePlace, _ message: String) -> Diagnostic {
    Diagnostic(.warning, file: place.file, line: place.line, message: message)
  }
}

/// Where in a file something stands.
struct SourcePlace: Sendable, Equatable {
  var file: String
  var line: Int?
}
