/// Finds the client that a cancel request means by the key that the pooler gave it at login.
///
/// A key is 64 random bits (process id and secret of BackendKeyData), so it tells nothing and can't
/// be guessed.
public struct CancelKeys: Sendable {
  public struct Target: Equatable, Sendable {
    public var client: Handle
    public var loop: Int32
    public init(client: Handle, loop: Int32) {
      self.client = client
      self.loop = loop
    }
  }

  private var targets: [UInt64: Target] = [:]

  public init() {}

  /// Gives a client its key; false if the key is taken, so that the caller draws another.
  public mutating func insert(_ key: UInt64, _ target: Target) -> Bool {
    guard targets[key] == nil else { return false }
    targets[key] = target
    return true
  }

  public mutating func remove(_ key: UInt64) { targets[key] = nil }

  public func target(_ key: UInt64) -> Target? { targets[key] }
}
