import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// Replication: the client has a server of its own.
//
// It is opened for the client with the parameter `replication` and what else the client asked for,
// and closed with it: PostgreSQL has nothing that would bring such a connection back to where it
// was. So nothing is SET on it, checked or reset, and the pool's mode does not matter. Its client
// is let in once the server has, and told what that server said.
extension Worker {
  /// The client is who it says and wants to replicate.
  func beginReplication(_ client: ClientPointer, _ login: ClientLogin) {
    login.stage = .waitingForServer
    client.pointee.isReplication = true
    client.pointee.identity?.replication =
      login.replication == "database" ? "logical" : "physical"
    client.pointee.mode = .session
    client.pointee.since = now
    // A reload compares it with the new one.
    _ = route(client.pointee.pool)
    if !openForReplication(client) {
      login.waitsForRoom = true
      roomWaiters.append(client)
    }
  }

  /// Opens a server for the client, if the limits allow one now; idle servers make way.
  private func openForReplication(_ client: ClientPointer) -> Bool {
    let pool = client.pointee.pool
    let isWaiting = client.pointee.login?.waitsForRoom == true
    // Each turn but the last closes an idle server.
    while true {
      let answer = pooler.pools.withLock { [id, now] pools in
        let answer = pools.openDedicated(pool, loop: id, now: now, isWaiting: isWaiting)
        switch answer {
        case .evict(let handle): ServerPointer(handle: handle).own(.nobody)
        case .open: if isWaiting { pools.endWaitingDedicated(pool) }
        case .wait: if !isWaiting { pools.beginWaitingDedicated(pool) }
        }
        return answer
      }
      switch answer {
      case .evict(let handle):
        bury(ServerPointer(handle: handle), ServerEnding.evicted.logText, .evicted)
      case .open(let opening):
        client.pointee.login?.waitsForRoom = false
        beginOpening(opening, dedicatedTo: client)
        return true
      case .wait: return false
      }
    }
  }

  /// Opens servers for those for whom there is room now. query_wait_timeout ends their wait.
  func serveRoomWaiters() {
    for client in roomWaiters {
      // Another's end may have ended this one.
      guard client.pointee.login?.waitsForRoom == true else { continue }
      if openForReplication(client) {
        roomWaiters.removeAll { $0 == client }
        continue
      }
      guard let route = route(client.pointee.pool) else { continue }
      let timeout = settings.queryWaitTimeout(database: route.database.name, user: route.user)
        .microseconds
      if timeout != 0, now &- client.pointee.since >= timeout {
        endClient(client, .queryWaitTimeout(cause: nil))
      }
    }
  }

  func stopWaitingForRoom(_ client: ClientPointer) {
    client.pointee.login?.waitsForRoom = false
    roomWaiters.removeAll { $0 == client }
    pooler.pools.withLock { $0.endWaitingDedicated(client.pointee.pool) }
  }

  /// Ties a server that is about to be opened to its client.
  func dedicate(_ server: ServerPointer, to client: ClientPointer) {
    server.pointee.isDedicated = true
    server.pointee.client = client
    client.pointee.server = server
    guard let login = client.pointee.login else { return }
    var parameters = login.parameters
    if let value = login.replication {
      parameters.append(StartupParameter(name: "replication", value: value))
    }
    if let options = login.replicationOptions {
      parameters.append(StartupParameter(name: "options", value: options))
    }
    server.pointee.login?.clientParameters = parameters
  }

  /// The server has let the pooler in: now the client is.
  func dedicatedOpened(_ server: ServerPointer, _ login: ServerLogin) {
    guard let client = server.pointee.client else { return }
    server.pointee.phase = .ready
    server.pointee.login = nil
    serverLogins.removeAll { $0 == server }
    completeLogin(client, own: Welcome(parameters: login.parameters))
    guard client.pointee.server == server else { return }
    client.pointee.phase = .active
    if server.pointee.stream.isReadable { list(client) }
  }

  /// Gives the client the server's own words, with their detail and hint.
  func passOnRefusal(of server: ServerPointer, _ body: [UInt8]) {
    guard let client = server.pointee.client else { return }
    var writer = MessageWriter()
    writer.message(ServerMessageType.errorResponse, body: body)
    send(writer.bytes, to: client)
    server.pointee.login?.isClientTold = true
  }

  /// The server could not be opened. That says nothing of the pool's others, so the pool does not
  /// wait for server_login_retry.
  func dedicatedFailed(
    _ server: ServerPointer, _ sqlstate: String, _ message: String, log: String
  ) {
    let client = server.pointee.client
    let isTold = server.pointee.login?.isClientTold == true
    client?.pointee.server = nil
    server.pointee.client = nil
    if settings.logPoolerErrors { self.log(.warning, .openingFailed, .server(server), log) }
    serverLogins.removeAll { $0 == server }
    closeServer(server, log, .loginFailed)
    if let client {
      endClient(
        client, .serverLoginFailed(sqlstate: sqlstate, message: message), isTold: isTold)
    }
  }

  /// The client has left.
  func closeDedicated(_ server: ServerPointer, _ ending: Ending) {
    serverLogins.removeAll { $0 == server }
    closeServer(server, ending.logText, .clientLeft)
  }
}
