extension Pools {
  // MARK: configuration

  /// The pool of a database and a user, made if it is not there. Limits are taken over either way.
  public mutating func pool(
    database: String, user: String, limits: PoolLimits, databaseLimits: GroupLimits,
    userLimits: GroupLimits
  ) -> PoolID {
    let name = PoolName(database: databases.add(database), user: users.add(user))
    databases[name.database].limits = databaseLimits
    users[name.user].limits = userLimits
    if databases[name.database].isOverLimit || users[name.user].isOverLimit { isStrict = true }
    if let id = poolNames[name] {
      pools[id.index].limits = limits
      return id
    }
    let id = addPool(Pool(limits: limits, database: name.database, user: name.user))
    poolNames[name] = id
    databases[name.database].pools += 1
    users[name.user].pools += 1
    return id
  }

  private mutating func addPool(_ new: Pool) -> PoolID {
    var pool = new
    pool.isPaused = isPaused
    if let unused = pools.indices.first(where: { pools[$0].isFree }) {
      pools[unused] = pool
      return PoolID(Int32(unused))
    }
    pools.append(pool)
    for _ in 0..<loops {
      idleLists.append(LinkedList())
      waitLists.append(LinkedList())
    }
    return PoolID(Int32(pools.count - 1))
  }

  /// Sets the limits of all clients and servers of a database, if it is known.
  public mutating func setLimits(_ limits: GroupLimits, database name: String) {
    guard let index = databases.index(of: name) else { return }
    databases[index].limits = limits
    if databases[index].isOverLimit { isStrict = true }
  }

  /// Has every server that the pool has now closed as soon as it is free, by upkeep if it is free
  /// already: the way to the database has changed.
  public mutating func renewServers(_ pool: PoolID) {
    beginEpoch(pool)
    pools[pool.index].retryAt = 0
    pools[pool.index].isFailing = false
  }

  /// Closes the pool's servers for good: its database is no longer configured.
  public mutating func remove(_ pool: PoolID) {
    pools[pool.index].isRemoved = true
    beginEpoch(pool)
  }

  private mutating func beginEpoch(_ pool: PoolID) {
    pools[pool.index].epoch &+= 1
    pools[pool.index].idle = 0
    for list in pool.index * loops..<(pool.index + 1) * loops {
      while idleLists[list].first >= 0 {
        let index = idleLists[list].first
        servers.unlink(index, from: &idleLists[list])
        servers.append(index, to: &outdated)
        servers[index].state = .outdated
      }
    }
  }

  /// Brings a removed pool back: its database is configured again.
  public mutating func restore(_ pool: PoolID) {
    pools[pool.index].isRemoved = false
  }

  // MARK: clients

  /// Counts a client in; refused where the database's or the user's clients are at their limit.
  /// - Parameters:
  ///   - name: whom the client has logged in as; nil: the pool's user.
  ///   - maxClients: that user's limit, 0 is none; nil: as it is.
  public mutating func join(
    _ pool: PoolID, user name: String? = nil, maxClients: Int? = nil
  ) -> JoinRefusal? {
    let database = pools[pool.index].database
    let user = name.map { users.add($0) } ?? pools[pool.index].user
    // A refused client may have been the first to bring its name.
    defer { users.dropIfUnused(user) }
    if let maxClients { users[user].limits.clients = maxClients }
    if pools[pool.index].isRemoved { return .databaseRemoved }
    if isFullOfClients(databases[database]) { return .maxDatabaseClients }
    if isFullOfClients(users[user]) { return .maxUserClients }
    pools[pool.index].clients += 1
    databases[database].clients += 1
    users[user].clients += 1
    return nil
  }

  private func isFullOfClients(_ group: PoolGroups.Group) -> Bool {
    group.limits.clients > 0 && group.clients >= group.limits.clients
  }

  /// Counts a client out, with the user that it came in with.
  public mutating func leave(_ pool: PoolID, user name: String? = nil) {
    let user = name.map { users.add($0) } ?? pools[pool.index].user
    pools[pool.index].clients -= 1
    databases[pools[pool.index].database].clients -= 1
    users[user].clients -= 1
    users.dropIfUnused(user)
  }

  /// Lets a retired pool's number be used again: nobody knows it any longer.
  public mutating func free(_ pool: PoolID) {
    pools[pool.index].isFree = true
    databases[pools[pool.index].database].pools -= 1
    databases.dropIfUnused(pools[pool.index].database)
    users[pools[pool.index].user].pools -= 1
    users.dropIfUnused(pools[pool.index].user)
  }

  // MARK: whole

  /// Stops handing out servers; those that come back are closed.
  public mutating func pause() {
    isPaused = true
    isStrict = true
    for number in pools.indices { pools[number].isPaused = true }
  }

  /// The same for one pool.
  public mutating func pause(_ pool: PoolID) {
    pools[pool.index].isPaused = true
    isStrict = true
  }

  /// Hands out servers again. Upkeep serves those who have waited.
  public mutating func resume() {
    isPaused = false
    for number in pools.indices { pools[number].isPaused = false }
  }

  /// The same for one pool; all pools are not paused.
  public mutating func resume(_ pool: PoolID) { pools[pool.index].isPaused = isPaused }

  /// The number of servers that exist or are being opened.
  public var serverCount: Int { servers.count }

  /// The last attempt to open a connection of the pool failed, and the time for the next has not
  /// come.
  public func isFailing(_ pool: PoolID, now: UInt64) -> Bool {
    pools[pool.index].isFailing && now < pools[pool.index].retryAt
  }

  /// What a pool holds now.
  public func census(_ pool: PoolID) -> PoolCensus {
    let p = pools[pool.index]
    return PoolCensus(
      clients: p.clients, waiting: p.waiting, servers: p.total, idle: p.idle, opening: p.opening)
  }
}

/// What a pool holds.
public struct PoolCensus: Equatable, Sendable {
  public var clients: Int
  public var waiting: Int
  public var servers: Int
  public var idle: Int
  public var opening: Int
}
