/// What follows a client from server to server (`session_state`).
public enum SessionState: String, Sendable, CaseIterable {
  /// Whatever it has SET.
  case replay
  /// What the server reports of itself, and `track_extra_parameters`.
  case pgbouncer
}

/// What becomes of a client whose session has what can't follow it (`pinning`).
public enum Pinning: String, Sendable, CaseIterable {
  /// It keeps its server.
  case pin
  /// It is warned, and may lose it.
  case warn
  /// The statement is refused.
  case error
  /// It may lose it.
  case off
}
