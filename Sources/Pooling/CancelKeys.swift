import PostgresWire

/// Finds the client that a cancel request means by the key that the pooler gave it at login.
///
/// A key's process id is random too, and no other client's: it finds the entry. The secret has to
/// match as a whole, and how much of it does can't be told from the time that takes.
public struct CancelKeys: Sendable {
  public struct Target: Equatable, Sendable {
    public var client: Handle
    public var loop: Int32
    public init(client: Handle, loop: Int32) {
      self.client = client
      self.loop = loop
    }
  }

  private struct Entry: Sendable {
    var secret: Secret
    var target: Target
  }

  private var entries: [UInt32: Entry] = [:]

  public init() {}

  /// How many bytes the secret of a client has: as many as PostgreSQL's.
  /// - Parameter minorVersion: which version of protocol 3 the client speaks.
  public static func secretBytes(minorVersion: Int) -> Int { minorVersion >= 2 ? 32 : 4 }

  /// Gives a client its key; false if the process id is taken, so that the caller draws another, or
  /// if the secret is longer than any that clients get.
  public mutating func insert(_ key: CancelKey, _ target: Target) -> Bool {
    guard entries[key.processID] == nil, let secret = Secret(key.secret) else { return false }
    entries[key.processID] = Entry(secret: secret, target: target)
    return true
  }

  public mutating func remove(processID: UInt32) { entries[processID] = nil }

  public func target(_ key: CancelKey) -> Target? {
    guard let entry = entries[key.processID], let secret = Secret(key.secret),
      entry.secret.matches(secret)
    else { return nil }
    return entry.target
  }

  /// Up to 32 bytes in place.
  private struct Secret: Sendable {
    var words = SIMD4<UInt64>()
    var count: UInt64

    init?(_ bytes: [UInt8]) {
      guard bytes.count <= 32 else { return nil }
      count = UInt64(bytes.count)
      for (index, byte) in bytes.enumerated() {
        words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8)
      }
    }

    /// Looks at every bit, whatever the first ones say.
    func matches(_ other: Secret) -> Bool {
      let difference = words ^ other.words
      return difference[0] | difference[1] | difference[2] | difference[3]
        | (count ^ other.count) == 0
    }
  }
}
