import Logs
import Pooling

extension Ending {
  /// What the lines about it are counted under for the rate limit: a cause has the name under which
  /// metrics count the ending.
  var logCause: LogCause { LogCause(name: label.rawValue) ?? .internalError }
}
