/// All databases, or all users, with what their pools share. A name goes with the last pool and the
/// last client that use it, and its index is used again: names come from clients, without end.
struct PoolGroups: Sendable {
  /// All pools of one database, or of one user.
  struct Group: Sendable {
    let name: String
    var limits = GroupLimits()
    var servers = 0
    var clients = 0
    var pools = 0
    /// Clients that wait for room for a dedicated server.
    var waitingDedicated = 0

    /// No connection may be opened; what is left is for those who wait for dedicated ones.
    var isFull: Bool { limits.servers > 0 && servers + waitingDedicated >= limits.servers }
    var hasNoRoom: Bool { limits.servers > 0 && servers >= limits.servers }
    var isShortOfRoom: Bool {
      waitingDedicated > 0 && limits.servers > 0 && servers + waitingDedicated > limits.servers
    }
    /// The limit has been lowered below what is there.
    var isOverLimit: Bool { limits.servers > 0 && servers > limits.servers }
  }

  private var groups: [Group] = []
  private(set) var indices: [String: Int] = [:]
  private var unused: [Int] = []

  /// How many names are known.
  var count: Int { indices.count }

  var isAnyOverLimit: Bool { groups.contains { $0.isOverLimit } }

  func index(of name: String) -> Int? { indices[name] }

  /// The index of a name, which is taken in if it is not known.
  mutating func add(_ name: String) -> Int {
    if let index = indices[name] { return index }
    let index = unused.popLast() ?? groups.count
    if index == groups.count {
      groups.append(Group(name: name))
    } else {
      groups[index] = Group(name: name)
    }
    indices[name] = index
    return index
  }

  /// Forgets a group that no pool and no client uses.
  mutating func dropIfUnused(_ index: Int) {
    let group = groups[index]
    guard group.pools == 0, group.clients == 0, indices[group.name] == index else { return }
    indices[group.name] = nil
    unused.append(index)
  }

  subscript(index: Int) -> Group {
    get { groups[index] }
    set { groups[index] = newValue }
    _modify { yield &groups[index] }
  }
}
