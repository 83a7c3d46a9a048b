/// How log lines look (`log_format`).
public enum LogFormat: String, Sendable, CaseIterable {
  /// As PgBouncer's.
  case text
  /// A JSON object each.
  case json
}
