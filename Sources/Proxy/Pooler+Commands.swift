import Admin
import Pooling
import Reactor
import Settings
import Synchronization

// What administrators have the pools do, by the console and by signals.
extension Pooler {
  /// Whether all of it rests.
  enum Rest: UInt8 {
    case none
    /// No server is handed out.
    case paused
    /// Besides, nothing is read from clients.
    case suspended
  }

  var rest: Rest { Rest(rawValue: restState.load(ordering: .relaxed)) ?? .none }
  var isSuspended: Bool { rest == .suspended }
  var isShuttingDown: Bool {
    shutdown.load(ordering: .relaxed) != Shutdown.none.rawValue
  }

  // MARK: all pools

  func pause() {
    restState.store(Rest.paused.rawValue, ordering: .relaxed)
    pools.withLock { $0.pause() }
  }

  func suspend() {
    restState.store(Rest.suspended.rawValue, ordering: .relaxed)
    pools.withLock { $0.pause() }
  }

  func resume() {
    restState.store(Rest.none.rawValue, ordering: .relaxed)
    pools.withLock { pools in
      pools.resume()
      let paused = directory.withLock { directory in
        directory.routes.compactMap { $0 }
          .filter { directory.pausedDatabases.contains($0.database.name) }
      }
      for route in paused { pools.pause(route.pool) }
    }
  }

  func shutDown(_ mode: ConsoleCommand.ShutdownMode) {
    switch mode {
    case .immediate:
      shutdown.store(Shutdown.now.rawValue, ordering: .relaxed)
      broadcast(.stop)
    case .waitForServers:
      shutdown.store(Shutdown.waitForServers.rawValue, ordering: .relaxed)
      pools.withLock { $0.pause() }
      mailboxes[0].post(.stopListening)
    case .waitForClients:
      shutdown.store(Shutdown.waitForClients.rawValue, ordering: .relaxed)
      mailboxes[0].post(.stopListening)
    }
  }

  // MARK: one database

  /// The pools of a database, those of tenants' own databases in its place among them; nil: all.
  func pools(of database: String?) -> [PoolID] {
    directory.withLock { directory in
      directory.routes.compactMap { route in
        guard let route, database == nil || route.database.name == database else { return nil }
        return route.pool
      }
    }
  }

  /// - Returns: false: it is paused already.
  func pause(database: String) -> Bool {
    pools.withLock { pools in
      guard directory.withLock({ $0.pausedDatabases.insert(database).inserted }) else {
        return false
      }
      for pool in self.pools(of: database) { pools.pause(pool) }
      return true
    }
  }

  /// - Returns: false: it is not paused.
  func resume(database: String) -> Bool {
    pools.withLock { pools in
      guard directory.withLock({ $0.pausedDatabases.remove(database) != nil }) else {
        return false
      }
      for pool in self.pools(of: database) { pools.resume(pool) }
      return true
    }
  }

  func setDisabled(_ isDisabled: Bool, database: String) {
    directory.withLock { directory in
      if isDisabled {
        directory.disabledDatabases.insert(database)
      } else {
        directory.disabledDatabases.remove(database)
      }
    }
  }

  /// Has the servers of a database, or all, closed as they come free.
  func reconnect(database: String?) {
    pools.withLock { pools in
      for pool in self.pools(of: database) { pools.renewServers(pool) }
    }
  }

  /// How many servers of a database, or of all, there are: all, and those to be closed.
  func serverCounts(database: String?, now: UInt64) -> (all: Int, outdated: Int) {
    let wanted = Set(pools(of: database))
    return pools.withLock { $0.facts(now: now) }.filter { wanted.contains($0.id) }
      .reduce((0, 0)) { ($0.0 + $1.servers, $0.1 + $1.outdated) }
  }
}
