/// When a server connection goes back to its pool.
public enum PoolMode: String, Sendable, CaseIterable {
  /// When the client leaves.
  case session
  /// When the transaction ends.
  case transaction
  /// When the statement ends; a transaction of several statements is refused.
  case statement
}
