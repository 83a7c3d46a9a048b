/// What is known of the table of tenants: rows, and that there is none, each for a while.
///
/// Bounded, since names come from clients without end: there are two generations of at most half
/// the limit each. What is used moves to the younger one; once that is full the older one is
/// forgotten, and the younger takes its place. Whatever is forgotten is asked for again.
///
/// An answer holds for its lifetime and not a moment longer, from when the question was sent. It is
/// asked for anew in the second half of that, so that nobody who is there has to wait.
public struct TenantRows: Sendable {
  /// What is known of one tenant.
  public struct Answer: Sendable, Equatable {
    public enum Content: Sendable, Equatable {
      case row(TenantOverride)
      case refused(TenantRefusal)
    }

    public var content: Content
    /// When it ends, in microseconds.
    public var until: UInt64
    /// From when on it is to be asked for again.
    public var refreshAt: UInt64
    /// Of the configuration that it was read by.
    public var epoch: UInt64

    public init(_ content: Content, askedAt: UInt64, lifetime: UInt64, epoch: UInt64) {
      self.content = content
      self.epoch = epoch
      until = askedAt &+ lifetime
      refreshAt = askedAt &+ lifetime / 2
    }
  }

  private struct Entry: Sendable {
    var answer: Answer
    /// Somebody has been told to ask again.
    var isRefreshed = false
  }

  /// Which configuration the answers are of: a new one begins with none.
  public private(set) var epoch: UInt64 = 0
  private var limit = 1
  private var young: [TenantName: Entry] = [:]
  private var old: [TenantName: Entry] = [:]

  public init() {}

  /// How many answers are kept.
  public var count: Int { young.count + old.count }

  /// Forgets everything, for a new configuration.
  public mutating func begin(limit: Int) {
    epoch &+= 1
    self.limit = max(1, limit)
    young = [:]
    old = [:]
  }

  /// What is known of a tenant at `now`; nil: nothing, or nothing any longer.
  /// - Parameter epoch: of the configuration of whoever asks.
  /// - Returns: besides, whether the caller is to have it asked for anew.
  public mutating func find(
    _ name: TenantName, epoch: UInt64, now: UInt64
  ) -> (answer: Answer, isDue: Bool)? {
    guard epoch == self.epoch else { return nil }
    guard var entry = young[name] ?? old.removeValue(forKey: name) else { return nil }
    // Another loop's clock may have been read later.
    guard Int64(bitPattern: entry.answer.until &- now) > 0 else {
      young[name] = nil
      return nil
    }
    let isDue = !entry.isRefreshed && Int64(bitPattern: now &- entry.answer.refreshAt) >= 0
    if isDue { entry.isRefreshed = true }
    keep(name, entry)
    return (entry.answer, isDue)
  }

  /// Keeps an answer.
  /// - Returns: false: it is of a configuration that no longer holds, and is not kept.
  public mutating func store(_ name: TenantName, _ answer: Answer) -> Bool {
    guard answer.epoch == epoch else { return false }
    old[name] = nil
    keep(name, Entry(answer: answer))
    return true
  }

  /// There was no answer. What is known of the tenant holds on for as long as it would have, and is
  /// asked for once more; else the refusal is kept, that not everybody asks.
  public mutating func storeFault(_ name: TenantName, _ fault: Answer, now: UInt64) {
    guard fault.epoch == epoch else { return }
    if var entry = young[name] ?? old[name], Int64(bitPattern: entry.answer.until &- now) > 0 {
      entry.isRefreshed = false
      old[name] = nil
      keep(name, entry)
    } else {
      _ = store(name, fault)
    }
  }

  private mutating func keep(_ name: TenantName, _ entry: Entry) {
    young[name] = entry
    if young.count > max(1, limit / 2) {
      old = young
      young = [:]
    }
    // The one generation of a limit of 1.
    if count > limit, let other = old.keys.first(where: { $0 != name }) { old[other] = nil }
  }
}
