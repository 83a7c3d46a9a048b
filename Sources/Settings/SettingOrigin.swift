/// Where the value in effect came from.
public enum SettingOrigin: Sendable, Equatable, CustomStringConvertible {
  /// Nothing set it.
  case defaultValue
  /// A configuration file, with the line where one is known.
  case file(String, line: Int?)
  /// An option of the command line.
  case commandLine
  /// `SET` in the console.
  case console

  /// `default`, `file:line`, `command line` or `console`.
  public var description: String {
    switch self {
    case .defaultValue: "default"
    case .file(let file, let line): line.map { "\(file):\($0)" } ?? file
    case .commandLine: "command line"
    case .console: "console"
    }
  }
}
