/// Why the startup parameter `options` is refused.
public enum OptionsError: Error, Hashable, Sendable {
  /// It has another argument than `-c name=value` or `--name=value`.
  case unsupportedArgument

  /// The SQLSTATE to send.
  public var sqlstate: String { SQLState.protocolViolation }

  /// The primary message to send; PgBouncer's text.
  public var message: String {
    "unsupported options startup parameter: "
      + "only '-c config=val' and '--config=val' are allowed"
  }
}
