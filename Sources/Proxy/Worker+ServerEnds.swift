import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// How server connections end.
extension Worker {
  /// A server connection broke or can't be used any longer; `cause` goes to its client.
  @inline(never)
  func serverLost(
    _ server: ServerPointer, _ cause: String, _ departure: ServerDeparture = .lost
  ) {
    if server.pointee.login != nil {
      // Also while connect_query runs: it has not joined its pool.
      let words = server.pointee.taskError.map { "\(cause): \($0.message)" } ?? cause
      return serverLoginFailed(server, SQLState.connectionFailure, words)
    }
    let client = server.pointee.client
    let saidFatal = server.pointee.saidFatal
    // What it was asked behind the client's statements is lost with it.
    let wasActive =
      client?.pointee.phase == .active || server.pointee.task == .probe
      || server.pointee.task == .recount
    server.pointee.client = nil
    client?.pointee.server = nil
    let last = server.pointee.taskError.map { "\(cause): \($0.message)" } ?? cause
    closeServer(server, "server conn crashed? (\(last))", departure)
    guard let client else { return }
    if wasActive {
      endClient(client, .serverLost(cause: last), isTold: saidFatal)
    } else {
      // Nothing of it has run: another server will do.
      waitAgain(client)
    }
  }

  /// Puts a client whose server died before it was used at the front of the queue.
  private func waitAgain(_ client: ClientPointer) {
    let pool = client.pointee.pool
    let handle = client.asHandle
    let isLogin = client.pointee.login != nil
    let tenant = client.pointee.tenant?.pointee.share ?? .none
    let queued = pooler.pools.withLock { [id, now] pools in
      let queued = pools.requeueFirst(
        pool, client: handle, loop: id, now: now, isLogin: isLogin, tenant: tenant)
      Self.disown(queued.opening)
      return queued
    }
    client.pointee.phase = client.pointee.login == nil ? .waiting : .login
    client.pointee.waiter = queued.waiter
    client.pointee.since = now
    if let opening = queued.opening { beginOpening(opening) }
  }

  /// Marks the server that an opening evicts as nobody's. Under the pools' lock.
  @inline(__always)
  static func disown(_ opening: Opening?) {
    if let evicted = opening?.evicted { ServerPointer(handle: evicted).own(.nobody) }
  }

  /// Closes a server connection that is leased to nobody, and tells its pool.
  @inline(never)
  func closeServer(
    _ server: ServerPointer, _ reason: String, _ departure: ServerDeparture
  ) {
    let serverID = server.pointee.id
    let opening = pooler.pools.withLock { [id, now] pools in
      server.own(.nobody)
      let opening = pools.serverClosed(serverID, loop: id, now: now)
      Self.disown(opening)
      return opening
    }
    bury(server, reason, departure)
    if let opening { beginOpening(opening) }
  }

  /// Closes a server connection that no pool knows any longer, and gives its place back.
  func bury(_ server: ServerPointer, _ reason: String, _ departure: ServerDeparture) {
    serverEnds[departure, default: 0] += 1
    logServerEnd(server, reason)
    if server.pointee.phase == .ready && server.pointee.ledger.isClean {
      var writer = MessageWriter()
      writer.terminate()
      send(writer.bytes, to: server)
    }
    if server.pointee.cancels != 0 { dropCancels(server) }
    if server.pointee.task != .none { tasks.removeAll { $0 == server } }
    // Closing takes the socket out of whichever loop's engine it is in.
    server.pointee.stream.close()
    pooler.parameterSets.withLock { $0.release(server.pointee.parameterSet) }
    let place = server.asHandle
    pooler.places.withLock { [now] in $0.giveBack(place, now: now) }
  }
}

extension ServerEnding {
  /// The reason in the log line `closing because: ...`.
  var logText: String {
    switch self {
    case .lifetimeOver: "server lifetime over"
    case .idleTimeout: "server idle timeout"
    case .evicted: "evicted"
    case .databaseConfigurationChanged: "database configuration changed"
    case .databaseRemoved: "database removed"
    case .paused: "pause mode"
    case .poolTooLarge: "pool size reduced"
    }
  }
}
