import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// What happens to a server between two clients: checks, SETs, reset, the pool.
extension Worker {
  // MARK: before a client

  /// Does what a leased server needs before the client's bytes may flow.
  @inline(never)
  func prepare(_ client: ClientPointer, _ server: ServerPointer) {
    if client.pointee.login != nil {
      // It only needed to know what the server is like.
      client.pointee.server = nil
      server.pointee.client = nil
      server.pointee.cleanup = .none
      completeLogin(client)
      release(server)
      return
    }
    client.pointee.phase = .preparing
    if server.pointee.needsCheck {
      server.pointee.needsCheck = false
      if let check = route(server.pointee.pool)?.checkQuery {
        return startTask(.check, check, on: server)
      }
    }
    let steps = pooler.parameterSets.withLock {
      $0.steps(from: server.pointee.parameterSet, to: client.pointee.parameterSet)
    }
    client.pointee.phase = .active
    if steps.isEmpty {
      adoptParameters(client, of: server)
      return pumpClient(client, server)
    }
    let text = steps.map(Self.statement).joined(separator: ";")
    debug(
      2, .server(server), "varcache_apply: \(steps.map(Self.loggable).joined(separator: ";"))")
    // The client's statement follows in the same write. If one of these fails, the block stays
    // open and failed, and PostgreSQL refuses what comes behind it: so nothing of the client's runs
    // under another's settings. What would end the block is held back (`inspect`). The level is
    // named lest the last client's default make the block wait.
    // With a tenant, nothing follows before these are answered: its preamble goes behind them.
    startTask(
      .parameters,
      "BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE;\(text);COMMIT", on: server,
      settings: client.pointee.tenant == nil ? nil : steps.count)
    client.pointee.inspection = .all
    pumpClient(client, server)
  }

  /// The statement that gives a parameter a value, or takes it away.
  private static func statement(_ step: ParameterSets.Step) -> String {
    switch step {
    case .reset("session_authorization"): return "RESET SESSION AUTHORIZATION"
    case .reset(let name): return "RESET \(quoted(name))"
    case .set(let name, let value):
      let literal = SQLLiteral.quote(value)
      // SET would take a list such as search_path's for one name.
      return ParameterSets.standardNames.contains(name)
        ? "SET \(name)=\(literal)"
        : "SELECT pg_catalog.set_config(\(SQLLiteral.quote(name)), \(literal), false)"
    }
  }

  /// A step as the log may tell it: the values of PgBouncer's parameters, and no others, which may
  /// be anybody's secrets.
  private static func loggable(_ step: ParameterSets.Step) -> String {
    guard case .set(let name, _) = step, !ParameterSets.standardNames.contains(name) else {
      return statement(step)
    }
    return "SET \(quoted(name))=..."
  }

  /// A setting's name, each part of it quoted.
  private static func quoted(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false)
      .map { SQLIdentifier.quote(String($0)) }.joined(separator: ".")
  }

  /// Some of track_extra_parameters may be such as the server does not report: what has been SET is
  /// all that is known of them.
  func noteUnreported(_ server: ServerPointer, _ client: ClientPointer) {
    let reported = Set(
      pooler.welcome(server.pointee.pool)?.parameters.map { $0.name.lowercased() } ?? [])
    server.pointee.parameterSet = pooler.parameterSets.withLock { sets in
      var values = sets.values(server.pointee.parameterSet)
      let wanted = sets.values(client.pointee.parameterSet)
      for index in sets.names.indices where !reported.contains(sets.names[index].lowercased()) {
        values[index] = wanted[index]
      }
      values.session = wanted.session
      let number = sets.intern(values)
      sets.release(server.pointee.parameterSet)
      return number
    }
  }

  /// Has the client go on with the server's parameters, which are what it asked for in the server's
  /// own spelling.
  func adoptParameters(_ client: ClientPointer, of server: ServerPointer) {
    setParameters(&client.pointee.parameterSet, server.pointee.parameterSet)
  }

  func setParameters(_ number: inout ParameterSets.Number, _ new: ParameterSets.Number) {
    let old = number
    guard old != new else { return }
    pooler.parameterSets.withLock {
      $0.retain(new)
      $0.release(old)
    }
    number = new
  }

  /// Sends a query of the pooler's own. What comes back ends in `taskDone`.
  /// - Parameter settings: how many statements stand between its BEGIN and its COMMIT, if they are
  ///   to be counted.
  func startTask(
    _ task: ServerTask, _ query: String, on server: ServerPointer, settings: Int? = nil
  ) {
    beginTask(task, on: server, settings: settings)
    var writer = MessageWriter()
    writer.query(query)
    send(writer.bytes, to: server)
  }

  /// Notes that a query of the pooler's own is on its way.
  func beginTask(_ task: ServerTask, on server: ServerPointer, settings: Int? = nil) {
    server.pointee.task = task
    server.pointee.taskError = nil
    tasks.append(server)
    server.pointee.queryStartedAt = now
    // A client's transaction may be sent behind it at once.
    if server.pointee.ledger.isClean { server.pointee.transactionStartedAt = now }
    if task == .recount { return server.pointee.ledger.poolerRecounts() }
    // A simple query ends the unnamed statement.
    server.pointee.unnamedIsClients = false
    if let settings {
      server.pointee.ledger.poolerSendsCounted(statements: settings)
    } else {
      server.pointee.ledger.poolerSendsQuery()
    }
  }

  func send(_ bytes: [UInt8], to server: ServerPointer) {
    _ = bytes.withUnsafeBytes {
      server.pointee.stream.send(engine, $0.baseAddress!, count: $0.count)
    }
  }

  /// The server has answered the pooler's own query.
  /// - Returns: whether it is still the same client's.
  func taskDone(_ server: ServerPointer) -> Bool {
    let task = server.pointee.task
    let error = server.pointee.taskError
    tasks.removeAll { $0 == server }
    server.pointee.task = .none
    server.pointee.taskError = nil
    let client = server.pointee.client
    switch task {
    case .none: break
    case .connectQuery:
      if let error {
        openingFailed(server, error.sqlstate, "connect_query failed: \(error.message)")
      } else {
        opened(server)
      }
      return false
    case .check:
      if let error {
        serverLost(server, "server_check_query failed: \(error.message)", .checkFailed)
        return false
      }
    case .parameters:
      if let error {
        // Its block is open and failed, whatever it says of itself.
        server.pointee.ledger.distrust()
        if let client {
          endClient(
            client, .parametersRefused(sqlstate: error.sqlstate, message: error.message))
        } else {
          closeServer(
            server, "the client's parameters were refused: \(error.message)",
            .parametersRefused)
        }
        return false
      }
      if let client { return goOn(client, server) }
    case .probe:
      if let client {
        probeDone(client, server, error)
        return client.pointee.server == server
      }
    case .statement, .shapes:
      if let client { return goOn(client, server) }
    case .recount:
      if let client { return recounted(client, server, error) }
    case .reset:
      if let error {
        closeServer(server, "reset query failed: \(error.message)", .resetFailed)
        return false
      }
      noteReset(server)
    }
    guard let client else {
      if server.pointee.ledger.isClean {
        release(server)
      } else {
        closeServer(server, "client disconnect while server was not ready", .clientLeft)
      }
      return false
    }
    beginLease(client, server)
    return client.pointee.server == server
  }

  /// The server has the client's parameters; the client's statement may have run already.
  func parametersArrived(_ client: ClientPointer, _ server: ServerPointer) {
    noteUnreported(server, client)
    adoptParameters(client, of: server)
    // It may have come to act for another tenant meanwhile.
    adoptShownName(client)
    let hasUnnamed = client.pointee.session.map { $0.pointee.unnamed != .none } ?? false
    client.pointee.inspection = inspection(client, hasUnnamed: hasUnnamed)
  }

  /// Takes up what had to wait for the pooler's own query.
  private func goOn(_ client: ClientPointer, _ server: ServerPointer) -> Bool {
    if client.pointee.isHeld { resumeHeld(client, server) }
    guard client.pointee.server == server else { return false }
    if server.pointee.ledger.isClean { pumpClient(client, server) }
    return client.pointee.server == server
  }

  /// Which of a client's messages are looked at.
  func inspection(_ client: ClientPointer, hasUnnamed: Bool) -> ClientScanner.Inspection {
    if client.pointee.tenant != nil { return .all }
    if client.pointee.mode == .session { return .none }
    return hasUnnamed ? .queries : .sessions
  }

  /// server_reset_query has run, or DISCARD ALL.
  private func noteReset(_ server: ServerPointer) {
    let text =
      server.pointee.isDiscarding ? "DISCARD ALL" : route(server.pointee.pool)?.resetQuery ?? ""
    server.pointee.isDiscarding = false
    var text8 = text
    let effects = text8.withUTF8 { SQLText.analyse(UnsafeRawBufferPointer($0).bytes).effects }
    guard effects.contains(.discardAll) || effects.contains(.deallocate) else { return }
    server.pointee.statements.removeAll()
    guard effects.contains(.discardAll) else { return }
    server.pointee.parameterSet = pooler.parameterSets.withLock { sets in
      var values = sets.values(server.pointee.parameterSet)
      values.session = []
      let number = sets.intern(values)
      sets.release(server.pointee.parameterSet)
      return number
    }
  }

  // MARK: after a client

  /// Gives a clean server, which is no client's any longer, to the next one or back to the pool.
  @inline(__always)
  func release(_ server: ServerPointer) {
    if server.pointee.cleanup != .none || server.pointee.cancels != 0
      || server.pointee.stream.isReadable || server.pointee.phase != .ready
    {
      guard isFree(server) else { return }
    }
    let loop = id
    let serverID = server.pointee.id
    let time = now
    let release = pooler.pools.withLock { pools in
      let release = pools.release(serverID, loop: loop, now: time)
      Self.own(server, after: release, loop: loop)
      return release
    }
    passOn(server, release)
  }

  /// Marks whose a released server is. Under the pools' lock.
  @inline(__always)
  static func own(_ server: ServerPointer, after release: Release, loop: Int32) {
    switch release {
    case .idle: server.own(Ownership(loop: loop, isIdle: true))
    case .handedTo(_, let target):
      if target != loop { server.own(Ownership(loop: target, isIdle: false)) }
    case .close: break
    }
  }

  @inline(__always)
  func passOn(_ server: ServerPointer, _ release: Release) {
    switch release {
    case .idle: return
    case .handedTo(let handle, let loop):
      guard loop == id else { return post(server, to: loop, for: handle) }
      let client = ClientPointer(handle: handle)
      attach(server, to: client)
      endWait(client)
      list(client)
    case .close(let ending): closeFreed(server, ending)
    }
  }

  /// Hands a server to another loop's client.
  @inline(never)
  private func post(_ server: ServerPointer, to loop: Int32, for client: Handle) {
    engine.remove(fd: server.pointee.stream.fd)
    pooler.mailboxes[Int(loop)].post(.granted(server: server.asHandle, client: client))
  }

  @inline(never)
  private func closeFreed(_ server: ServerPointer, _ ending: ServerEnding) {
    closeServer(server, ending.logText, ServerDeparture(ending))
  }

  /// Whether a server can go on at once. If not, what has to happen first has been begun, and
  /// `release` is called again after it.
  @inline(never)
  private func isFree(_ server: ServerPointer) -> Bool {
    if server.pointee.phase != .ready { return false }
    // A cancel that is on its way would hit whoever comes next.
    if server.pointee.cancels != 0 { return false }
    if server.pointee.stream.isReadable && !readIdle(server) { return false }
    let cleanup = server.pointee.cleanup
    server.pointee.cleanup = .none
    switch cleanup {
    case .none: return true
    case .reset:
      guard let reset = route(server.pointee.pool)?.resetQuery else { return true }
      startTask(.reset, reset, on: server)
    case .discard:
      server.pointee.isDiscarding = true
      startTask(.reset, "DISCARD ALL", on: server)
    case .close: closeServer(server, "its client has left something in the session", .unclean)
    }
    return false
  }

  // MARK: moves between loops

  /// Moves a server that this loop has just leased from another loop's engine to its own.
  @inline(never)
  func adopt(_ server: ServerPointer, from loop: Int32) {
    pooler.engines[Int(loop)].remove(fd: server.pointee.stream.fd)
    register(server)
  }

  func register(_ server: ServerPointer) {
    let result = engine.add(
      fd: server.pointee.stream.fd, token: server.asHandle | Token.server)
    if result < 0 {
      serverLost(server, "epoll_ctl: \(SystemError.reason(-result))")
    }
  }

  /// A server has come from another loop to one of this loop's clients.
  func granted(_ server: ServerPointer, _ client: ClientPointer) {
    if server.ownership == .nobody {
      // Upkeep's grant: nobody's until here, since its old loop may have been this one.
      pooler.pools.withLock { [id] _ in server.own(Ownership(loop: id, isIdle: false)) }
    }
    attach(server, to: client)
    if client.pointee.phase == .closed {
      // It left while the server was on its way.
      client.pointee.server = nil
      server.pointee.client = nil
      server.pointee.cleanup = .none
      register(server)
      client.pointee.isAwaited = false
      retireIfClosed(client)
      if server.pointee.phase == .ready { release(server) }
      return
    }
    endWait(client)
    register(server)
    if client.pointee.server == server { runClient(client) }
  }
}
