/// What a pool holds, server by server, for those who look at it.
public struct PoolFacts: Equatable, Sendable {
  public var id: PoolID
  public var clients = 0
  /// Those who wait, logins among them.
  public var waiting = 0
  public var opening = 0
  /// Free, and used without a check.
  public var idle = 0
  /// Free for so long that they are checked before their next use.
  public var unchecked = 0
  /// With a client, or with the pooler's own query.
  public var leased = 0
  /// Of an older epoch: they are closed as soon as they are free.
  public var outdated = 0
  public var isPaused = false
  /// The last attempt to open a connection has failed.
  public var isFailing = false
  /// When the next attempt may be made; 0: at once.
  public var retryAt: UInt64 = 0
  public var size = 0

  public var servers: Int { opening + idle + unchecked + leased }
}

/// What all pools of a database, or of a user, have together.
public struct GroupFacts: Equatable, Sendable {
  public var name: String
  public var servers: Int
  public var clients: Int

  public init(name: String, servers: Int, clients: Int) {
    self.name = name
    self.servers = servers
    self.clients = clients
  }
}

/// Where one server stands.
public struct ServerRecord: Equatable, Sendable {
  public enum State: Equatable, Sendable {
    case opening
    case idle
    /// Idle, and to be checked before its next use.
    case unchecked
    case leased
  }

  /// 0 while the caller has not named it.
  public var handle: Handle
  public var pool: PoolID
  public var state: State
  /// It is closed as soon as it is free.
  public var isOutdated: Bool
}

// Whole looks at the pools. They take time in proportion to what there is.
extension Pools {
  /// Every pool in use.
  public func facts(now: UInt64) -> [PoolFacts] {
    var all: [PoolFacts] = []
    var places: [Int] = []
    for number in pools.indices {
      places.append(all.count)
      guard pools[number].isInUse else { continue }
      var facts = PoolFacts(id: PoolID(Int32(number)))
      facts.clients = pools[number].clients
      facts.waiting = pools[number].waiting
      facts.isPaused = pools[number].isPaused
      facts.isFailing = pools[number].isFailing
      facts.retryAt = pools[number].retryAt
      facts.size = pools[number].limits.size
      all.append(facts)
    }
    for index in servers.elements.indices {
      guard let record = record(Int32(index), now: now), pools[record.pool.index].isInUse else {
        continue
      }
      let place = places[record.pool.index]
      switch record.state {
      case .opening: all[place].opening += 1
      case .idle: all[place].idle += 1
      case .unchecked: all[place].unchecked += 1
      case .leased: all[place].leased += 1
      }
      if record.isOutdated { all[place].outdated += 1 }
    }
    return all
  }

  /// Calls `body` with every server that a loop has.
  public func forEachServer(of loop: Int32, now: UInt64, _ body: (ServerRecord) -> Void) {
    for index in servers.elements.indices where servers[Int32(index)].loop == loop {
      if let record = record(Int32(index), now: now) { body(record) }
    }
  }

  private func record(_ index: Int32, now: UInt64) -> ServerRecord? {
    let server = servers[index]
    guard server.pool >= 0 else { return nil }
    let pool = PoolID(server.pool)
    let state: ServerRecord.State
    switch server.state {
    case .opening: state = .opening
    case .leased: state = .leased
    case .idle, .outdated:
      let delay = pools[pool.index].limits.serverCheckDelay
      let isUnchecked = delay.map { Self.hasPassed($0, since: server.idleSince, now: now) }
      state = isUnchecked == true ? .unchecked : .idle
    }
    return ServerRecord(
      handle: server.handle, pool: pool, state: state,
      isOutdated: server.epoch != pools[pool.index].epoch)
  }

  public var databaseFacts: [GroupFacts] { databases.facts }
  public var userFacts: [GroupFacts] { users.facts }
}

extension PoolGroups {
  var facts: [GroupFacts] {
    indices.map { name, index in
      GroupFacts(name: name, servers: self[index].servers, clients: self[index].clients)
    }
  }
}
