import Admin
import CLinux
import Logging
import Logs
import Pooling
import PostgresAuth
import PostgresWire
import Reactor
import Settings
import Synchronization

// How a server connection comes into its pool.
extension Worker {
  /// Begins an opening that a client's wait has brought about; unless all that the client has sent
  /// is a goodbye, for which no connection is worth opening.
  @inline(never)
  func beginOpening(_ opening: Opening, for client: ClientPointer) {
    guard client.pointee.stream.carry.isEmpty, !client.pointee.scanner.isMidMessage,
      engine.peek(client.pointee.stream.fd) == ClientMessageType.terminate
    else { return beginOpening(opening) }
    if let evicted = opening.evicted {
      bury(ServerPointer(handle: evicted), ServerEnding.evicted.logText, .evicted)
    }
    pooler.pools.withLock { $0.openingAbandoned(opening.server) }
    endClient(client, .clientClosed)
  }

  /// - Parameter client: the server is for it alone; nil: for the pool.
  func beginOpening(_ opening: Opening, dedicatedTo client: ClientPointer? = nil) {
    if let evicted = opening.evicted {
      bury(ServerPointer(handle: evicted), ServerEnding.evicted.logText, .evicted)
    }
    guard let route = pooler.route(opening.pool) else {
      // A pool is never made without its route.
      pooler.pools.withLock { [now] in $0.openFailed(opening.server, now: now) }
      if let client { endClient(client, .databaseRemoved) }
      return
    }
    let server = ServerPointer(
      handle: pooler.places.withLock { [now] in $0.take(now: now) })
    lastSerial += 1
    let (learned, firstHost) = pooler.directory.withLock { directory in
      let learned = directory.learned[route.user]
      guard route.database.loadBalanceHosts == .roundRobin else { return (learned, 0) }
      let next = directory.nextHosts[opening.pool, default: 0]
      directory.nextHosts[opening.pool] = (next + 1) % max(1, route.hosts.count)
      return (learned, next)
    }
    server.pointee.phase = .login
    server.pointee.number = pooler.nextNumber()
    server.pointee.id = opening.server
    server.pointee.pool = opening.pool
    server.pointee.login = ServerLogin(
      opening: opening, route: route, learned: learned, firstHost: firstHost,
      serial: lastSerial, now: now)
    if let client { dedicate(server, to: client) }
    pooler.pools.withLock { [id] pools in
      pools.name(opening.server, handle: server.asHandle)
      server.own(Ownership(loop: id, isIdle: false))
    }
    serverLogins.append(server)
    if opening.isFromReserve {
      log(.warning, .reservePool, .server(server), "taking connection from reserve_pool")
    }
    tryNextHost(server)
  }

  // MARK: connecting

  func tryNextHost(_ server: ServerPointer) {
    guard let login = server.pointee.login else { return }
    guard let host = login.nextHost() else {
      return serverLoginFailed(server, SQLState.connectionFailure, login.lastFailure)
    }
    let port = login.route.database.port
    if host.hasPrefix("/") || host.hasPrefix("@") {
      login.place = "\(host):\(port)"
      login.candidates = SocketAddress(unixPath: "\(host)/.s.PGSQL.\(port)").map { [$0] } ?? []
      if login.candidates.isEmpty {
        login.lastFailure = "the unix socket's path is too long: \(host)/.s.PGSQL.\(port)"
      }
      return tryNextAddress(server)
    }
    login.place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let handle = server.asHandle
    let serial = login.serial
    pooler.resolver.lookUp(host) { [mailbox] answer in
      mailbox.post(.resolved(server: handle, serial: serial, answer: answer))
    }
  }

  /// A host's addresses have come, or word that there are none.
  func resolved(_ server: ServerPointer, serial: UInt64, answer: Resolver.Answer) {
    guard server.ownership == Ownership(loop: id, isIdle: false),
      let login = server.pointee.login, login.serial == serial
    else { return }
    switch answer {
    case .success(let addresses):
      login.candidates = addresses.map { $0.with(port: login.route.database.port) }
    case .failure(let error):
      login.lastFailure = "server DNS lookup failed: \(error)"
    }
    tryNextAddress(server)
  }

  private func tryNextAddress(_ server: ServerPointer) {
    guard let login = server.pointee.login else { return }
    server.pointee.stream.close()
    login.isConnected = false
    login.isAnswered = false
    while !login.candidates.isEmpty {
      let address = login.candidates.removeFirst()
      do {
        let fd = try Socket.connect(to: address, options: settings.socketOptions)
        server.pointee.stream = Stream(fd: fd)
        login.address = address
        let result = engine.add(fd: fd, token: server.asHandle | Token.server)
        if result == 0 { return }
        login.lastFailure = SystemError(call: "epoll_ctl", result: result).description
        server.pointee.stream.close()
      } catch {
        login.lastFailure = "connect to \(login.place): \(error.reason)"
      }
    }
    tryNextHost(server)
  }

  /// Something happened to a connection that is being opened.
  func runServerLogin(_ server: ServerPointer) {
    guard let login = server.pointee.login else { return }
    if !login.isConnected {
      switch Socket.connectResult(server.pointee.stream.fd) {
      case nil: return
      case 0?:
        login.isConnected = true
        let isOld =
          login.wasRefused || pooler.directory.withLock { $0.oldPlaces.contains(login.place) }
        login.minorVersion = isOld ? 0 : StartupPacket.newestMinorVersion
        send(login.startupMessage, to: server)
      case let code?:
        login.lastFailure = "connect to \(login.place): \(SystemError.reason(code))"
        return tryNextAddress(server)
      }
    }
    if server.pointee.stream.isBlocked { _ = server.pointee.stream.flush(engine) }
    while server.pointee.stream.isReadable {
      switch server.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
      case .bytes(let count):
        guard readLogin(server, UnsafeRawBufferPointer(start: scratch, count: count)) else {
          return
        }
      case .nothing: return
      case .end:
        return serverLoginFailed(
          server, SQLState.connectionFailure, "the server closed the connection during login")
      case .failed(let code):
        return serverLoginFailed(
          server, SQLState.connectionFailure, SystemError.reason(code))
      }
    }
  }

  // MARK: login

  /// Reads whole messages of a login; false if it is over, one way or the other.
  private func readLogin(_ server: ServerPointer, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    while bytes.count - position >= 5 {
      let length = Int(
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position + 1, as: UInt32.self)))
      guard length >= 4, length <= Self.longestLoginMessage else {
        serverLoginFailed(
          server, SQLState.protocolViolation, "the server does not speak PostgreSQL's protocol")
        return false
      }
      guard bytes.count - position > length else { break }
      let type = bytes[position]
      let body = Array(bytes[(position + 5)..<(position + 1 + length)])
      position += length + 1
      if type == ServerMessageType.readyForQuery {
        server.pointee.stream.carry.append(UnsafeRawBufferPointer(rebasing: bytes[position...]))
        loggedIn(server)
        return false
      }
      guard readLoginMessage(server, type, body) else { return false }
    }
    server.pointee.stream.carry.append(UnsafeRawBufferPointer(rebasing: bytes[position...]))
    return true
  }

  private static var longestLoginMessage: Int { 65_536 }

  private func readLoginMessage(
    _ server: ServerPointer, _ type: UInt8, _ body: [UInt8]
  ) -> Bool {
    guard let login = server.pointee.login else { return false }
    defer { login.isAnswered = true }
    switch type {
    case ServerMessageType.authentication:
      return authenticate(server, login, body)
    case ServerMessageType.parameterStatus:
      if let (name, value) = ParameterStatus.parse(body), login.parameters.count < 200 {
        login.parameters.removeAll { $0.name == name }
        login.parameters.append(StartupParameter(name: name, value: value))
      }
    case ServerMessageType.backendKeyData: login.key = BackendKeyData.parse(body)
    case ServerMessageType.errorResponse:
      let fields = ErrorFields.parse(body)
      if let fields, login.isVersionRefusal(fields) {
        askForOldVersion(server, login)
        return false
      }
      if server.pointee.isDedicated { passOnRefusal(of: server, body) }
      serverLoginFailed(
        server, fields?.sqlstate ?? SQLState.connectionFailure,
        fields?.message ?? "the server refused the login", isServersOwn: true)
      return false
    case ServerMessageType.negotiateProtocolVersion:
      guard let minor = NegotiatedVersion.parse(body), minor <= login.minorVersion else {
        serverLoginFailed(
          server, SQLState.protocolViolation,
          "the server asks for a protocol version that it was not offered")
        return false
      }
      login.minorVersion = minor
    case ServerMessageType.noticeResponse: break
    default:
      serverLoginFailed(
        server, SQLState.protocolViolation, "the server sent an unexpected message during login")
      return false
    }
    return true
  }

  /// Begins anew with 3.0 at the same address, and at once with that in future.
  private func askForOldVersion(_ server: ServerPointer, _ login: ServerLogin) {
    debug(1, .server(server), "does not know newer protocol versions than 3.0")
    pooler.directory.withLock { $0.addOldPlace(login.place) }
    if let address = login.address { login.candidates.insert(address, at: 0) }
    login.wasRefused = true
    tryNextAddress(server)
  }

  private func authenticate(
    _ server: ServerPointer, _ login: ServerLogin, _ body: [UInt8]
  ) -> Bool {
    guard let request = AuthenticationRequest.parse(body) else {
      serverLoginFailed(
        server, SQLState.protocolViolation, "the server sent a malformed authentication request")
      return false
    }
    switch login.authenticator.receive(request) {
    case .send(let bytes): send(bytes, to: server)
    case .wait: break
    case .succeeded: login.isAuthenticated = true
    case .failed(let reason):
      serverLoginFailed(server, SQLState.connectionFailure, reason)
      return false
    }
    return true
  }

  /// The server is ready for queries.
  private func loggedIn(_ server: ServerPointer) {
    guard let login = server.pointee.login, let address = login.address, login.isAuthenticated
    else {
      return serverLoginFailed(
        server, SQLState.protocolViolation, "the server skipped its authentication")
    }
    if server.pointee.hub == nil && server.pointee.reader == nil {
      traffic(of: server.pointee.pool).connects.add(now &- login.startedAt)
    }
    let local = Socket.localAddress(server.pointee.stream.fd)
    server.pointee.details = ServerDetails(
      address: address, place: login.place, local: local, connectedAt: now, key: login.key)
    if settings.logConnections {
      let source = local.isUnix ? "unix" : local.description
      log(
        .info, .serverConnection, .server(server), "new connection to server (from \(source))")
    }
    server.pointee.parameterSet = pooler.parameterSets.withLock { sets in
      var values = sets.unknown
      for parameter in login.parameters {
        if let index = sets.index(of: parameter.name) { values[index] = parameter.value }
      }
      return sets.intern(values)
    }
    if let hub = server.pointee.hub {
      listenerOpened(server, hub)
    } else if let reader = server.pointee.reader {
      readerOpened(server, reader)
    } else if server.pointee.isDedicated {
      dedicatedOpened(server, login)
    } else if let query = login.route.connectQuery, !query.isEmpty {
      server.pointee.phase = .ready
      startTask(.connectQuery, query, on: server)
    } else {
      opened(server)
    }
  }

  /// A connection is complete: it joins its pool.
  func opened(_ server: ServerPointer) {
    guard let login = server.pointee.login else { return }
    pooler.directory.withLock {
      $0.welcomes[server.pointee.pool] = Welcome(parameters: login.parameters)
      $0.lastFailures[server.pointee.pool] = nil
    }
    server.pointee.phase = .ready
    server.pointee.login = nil
    serverLogins.removeAll { $0 == server }
    let loop = id
    let time = now
    let serverID = server.pointee.id
    let release = pooler.pools.withLock { pools in
      let release = pools.serverOpened(serverID, loop: loop, now: time)
      Self.own(server, after: release, loop: loop)
      return release
    }
    passOn(server, release)
  }

  /// A connection could not be opened. Who waits for the pool's first fails with it; others wait
  /// on.
  /// - Parameter isServersOwn: the message is the server's, passed on verbatim.
  func serverLoginFailed(
    _ server: ServerPointer, _ sqlstate: String, _ message: String, isServersOwn: Bool = false,
    as failure: ConnectFailure? = nil
  ) {
    if server.pointee.hub == nil && server.pointee.reader == nil {
      let isConnected = server.pointee.login?.isConnected == true
      let kind = failure ?? (isServersOwn ? .refused : isConnected ? .login : .connect)
      traffic(of: server.pointee.pool).connectFailures[kind, default: 0] += 1
    }
    let reason =
      isServersOwn
      ? "server login failed: FATAL \(message)"
      : server.pointee.login?.isConnected == true
        ? "server login failed: \(message)" : "connect failed: \(message)"
    openingFailed(server, sqlstate, isServersOwn ? message : reason, log: reason)
  }

  func openingFailed(
    _ server: ServerPointer, _ sqlstate: String, _ message: String, log: String? = nil
  ) {
    if let hub = server.pointee.hub { return listenerFailed(server, hub, log ?? message) }
    if let reader = server.pointee.reader { return readerLost(server, reader, log ?? message) }
    if server.pointee.isDedicated {
      return dedicatedFailed(server, sqlstate, message, log: log ?? message)
    }
    let pool = server.pointee.pool
    let serverID = server.pointee.id
    serverLogins.removeAll { $0 == server }
    pooler.directory.withLock { $0.lastFailures[pool] = message }
    pooler.pools.withLock { [now] pools in
      server.own(.nobody)
      pools.openFailed(serverID, now: now)
    }
    if settings.logPoolerErrors {
      self.log(.warning, .openingFailed, .server(server), log ?? message)
    }
    bury(server, log ?? message, .loginFailed)
    pooler.broadcast(.poolFailed(pool, sqlstate: sqlstate, message: message))
  }
}
