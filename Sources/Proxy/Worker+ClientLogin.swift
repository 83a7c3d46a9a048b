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
import Tenancy

// How a client comes in.
extension Worker {
  /// Reads what a client says during its login.
  @inline(never)
  func runLogin(_ client: ClientPointer) {
    guard let login = client.pointee.login else { return }
    if login.isWaiting {
      if client.pointee.stream.sawHangup { endClient(client, .clientUnexpectedEOF) }
      return
    }
    while client.pointee.phase == .login, !login.isWaiting,
      client.pointee.stream.isReadable
    {
      switch client.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
      case .bytes(let count):
        let bytes = Array(UnsafeRawBufferPointer(start: scratch, count: count))
        readLogin(client, login, bytes)
      case .nothing: return
      case .end, .failed: return endClient(client, .clientUnexpectedEOF)
      }
    }
  }

  /// Takes whole messages from `bytes`; the rest is carried until more comes.
  private func readLogin(_ client: ClientPointer, _ login: ClientLogin, _ bytes: [UInt8]) {
    var rest = bytes[...]
    while client.pointee.phase == .login, !login.isWaiting {
      let taken =
        login.stage == .startup
        ? takeStartup(client, login, Array(rest)) : takePassword(client, login, rest)
      guard let taken else { break }
      rest = rest.dropFirst(taken)
    }
    guard client.pointee.phase != .unused, client.pointee.phase != .closed, !rest.isEmpty
    else { return }
    rest.withUnsafeBytes { client.pointee.stream.carry.append($0) }
    if client.pointee.phase != .login || login.isWaiting {
      // What follows the login has not been looked at.
      client.pointee.stream.hasUnseen = true
      client.pointee.stream.isReadable = true
      if client.pointee.phase == .idle { list(client) }
    }
  }

  // MARK: startup

  private func takeStartup(
    _ client: ClientPointer, _ login: ClientLogin, _ bytes: [UInt8]
  ) -> Int? {
    let parsed: (packet: StartupPacket, consumed: Int)?
    do {
      parsed = try StartupPacket.parse(bytes)
    } catch {
      // Who asks to cancel is not answered, as by PostgreSQL.
      let isTold = error == .invalidCancelLength
      endClient(
        client, .startupRefused(sqlstate: error.sqlstate, message: error.message),
        isTold: isTold)
      return nil
    }
    guard let parsed else { return nil }
    switch parsed.packet {
    case .sslRequest:
      guard !login.askedForTLS else { return refuseAgain(client, minor: 5679) }
      login.askedForTLS = true
      send([UInt8(ascii: "N")], to: client)
    case .gssEncryptionRequest:
      guard !login.askedForGSS else { return refuseAgain(client, minor: 5680) }
      login.askedForGSS = true
      send([UInt8(ascii: "N")], to: client)
    case .cancelRequest(let key):
      requestCancel(client, key)
      return nil
    case .startup(let message):
      begin(client, login, message)
    }
    return parsed.consumed
  }

  /// Who asks for encryption again and again would keep the loop busy for nothing. PostgreSQL takes
  /// the second such request for a StartupMessage of an unknown version, too.
  private func refuseAgain(_ client: ClientPointer, minor: Int) -> Int? {
    let error = StartupError.unsupportedProtocol(major: 1234, minor: minor)
    endClient(client, .startupRefused(sqlstate: error.sqlstate, message: error.message))
    return nil
  }

  /// Clients that the console takes beyond max_client_conn: whoever has to look why it is full.
  private static var consolePlaces: Int { 100 }

  private func begin(_ client: ClientPointer, _ login: ClientLogin, _ message: StartupMessage) {
    let rules = settings.tenancyRules
    let names = rules.resolver.names(user: message.user, database: message.database)
    // As the client gave it: no suffix leads to the console.
    let databaseName = message.database ?? message.user
    if let identity = client.pointee.identity {
      (identity.user, identity.database) = (message.user, databaseName)
      (identity.login, identity.databaseName) = (names.user, names.database)
    }
    login.rules = rules
    login.user = names.user
    if pooler.shutdown.load(ordering: .relaxed) != Pooler.Shutdown.none.rawValue,
      !Console.isNamed(databaseName, in: settings)
    {
      return endClient(client, .shuttingDown)
    }
    // Counted first: two loops may not both take the last place.
    client.pointee.isCounted = true
    let isForConsole = Console.isNamed(databaseName, in: settings)
    let limit = settings.maxClientConn + (isForConsole ? Self.consolePlaces : 0)
    if pooler.loggedInClients.add(1) > limit { return endClient(client, .tooManyClients) }
    do throws(LoginRefusal) {
      // The console takes whatever drivers say: none of it has a meaning there.
      if Console.isNamed(databaseName, in: settings) {
        login.takeForConsole(message)
      } else {
        try login.take(message, ignored: settings.ignoreStartupParameters) {
          pooler.trackedNames.contains($0.lowercased())
        }
      }
    } catch {
      return endClient(client, .startupRefused(sqlstate: error.sqlstate, message: error.message))
    }
    if message.needsNegotiation {
      // Before anything else, as PostgreSQL sends it.
      var writer = MessageWriter()
      writer.negotiateProtocolVersion(
        minorVersion: message.spokenMinorVersion, unrecognised: message.protocolOptions)
      send(writer.bytes, to: client)
    }
    login.minorVersion = message.spokenMinorVersion
    if settings.applicationNameAddHost { addHost(login, client) }
    if rules.isActive {
      login.facts = LoginFacts(
        user: message.user, database: message.database, parameters: message.parameters)
    }
    beginAuthentication(client, login)
  }

  private func beginAuthentication(_ client: ClientPointer, _ login: ClientLogin) {
    guard let identity = client.pointee.identity else { return }
    if Console.isNamed(identity.database, in: settings) {
      // So that nobody is an administrator who only begins like one.
      enterAsGiven(login, identity)
      switch admission(client, login.user) {
      case .freely: return enterConsole(client)
      case .withPassword: login.isForConsole = true
      case .refused: return endClient(client, .consoleRefused)
      }
    }
    let secret = settings.secrets[login.user].map { StoredSecret($0.text) }
    // MD5 has the user name in it, as the client knows it.
    let user = settings.authType == .md5 ? identity.user : login.user
    var authenticator = ClientAuthenticator(
      method: settings.authType.method, user: user, secret: secret,
      userExists: secret != nil,
      randomBytes: RandomBytes.make(ClientAuthenticator.randomBytesNeeded),
      scramIterations: settings.scramIterations, mockDerivesKeys: hasPlainSecrets)
    let step = authenticator.start()
    login.authenticator = authenticator
    login.stage = .authenticating
    take(step, client, login)
  }

  // MARK: authentication

  private func takePassword(
    _ client: ClientPointer, _ login: ClientLogin, _ bytes: ArraySlice<UInt8>
  ) -> Int? {
    guard let type = bytes.first else { return nil }
    guard type == ClientMessageType.password else {
      endClient(
        client,
        type == ClientMessageType.terminate
          ? .clientClosed
          : .startupRefused(
            sqlstate: SQLState.protocolViolation,
            message: "expected password response, got message type \(type)"))
      return nil
    }
    guard bytes.count >= 5 else { return nil }
    let length = bytes.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard length >= 4, length - 4 <= ClientAuthenticator.maximumBodyBytes else {
      endClient(client, .invalidMessageLength)
      return nil
    }
    guard bytes.count > length else { return nil }
    let body = Array(bytes.dropFirst(5).prefix(length - 4))
    if let step = login.authenticator?.receive(passwordMessageBody: body) {
      take(step, client, login)
    }
    return length + 1
  }

  private func take(_ step: AuthStep, _ client: ClientPointer, _ login: ClientLogin) {
    switch step {
    case .send(let bytes): send(bytes, to: client)
    case .failed(let failure):
      endClient(
        client,
        .authenticationFailed(
          sqlstate: failure.sqlstate, message: failure.message, reason: failure.logMessage))
    case .succeeded(let bytes, let keys, let password):
      login.pendingBytes = bytes
      login.authenticator = nil
      if keys != nil || password != nil {
        pooler.directory.withLock { directory in
          if let keys { directory.learned[login.user, default: LearnedSecret()].keys = keys }
          if let password {
            directory.learned[login.user, default: LearnedSecret()].password = password
          }
        }
      }
      authenticated(client, login)
    }
  }

  /// The client is who it says: it joins its pool.
  private func authenticated(_ client: ClientPointer, _ login: ClientLogin) {
    if login.isForConsole { return enterConsole(client) }
    if settleTenant(client, login) { enter(client, login) }
  }

  /// Its tenant, if it has one, is settled.
  func enter(_ client: ClientPointer, _ login: ClientLogin) {
    guard let identity = client.pointee.identity, hasRow(client, login) else { return }
    let databaseName = identity.databaseName
    // As it is now: there may have been a reload since the StartupMessage.
    guard !Console.isNamed(databaseName, in: pooler.settings),
      let database = pooler.settings.database(named: databaseName)
    else {
      return endClient(client, .noSuchDatabase(databaseName))
    }
    if pooler.settings.authType == .any && database.user == nil {
      return endClient(
        client,
        .startupRefused(
          sqlstate: SQLState.configFileError,
          message: "bouncer config error: auth_type any needs a user in the database's entry"))
    }
    if pooler.directory.withLock({ $0.disabledDatabases.contains(databaseName) }) {
      return endClient(client, .databaseDisabled(databaseName))
    }
    guard join(client, databaseName, identity), beginTenant(client) else { return }
    if login.replication != nil { return beginReplication(client, login) }
    client.pointee.mode = route(client.pointee.pool)?.mode ?? settings.poolMode
    if pooler.welcome(client.pointee.pool) != nil, !isFailing(client) {
      completeLogin(client)
    } else {
      waitForFirstServer(client, login)
    }
  }

  /// - Returns: false: the client may not, and has ended.
  private func join(
    _ client: ClientPointer, _ database: String, _ identity: ClientIdentity
  ) -> Bool {
    var row: TenantOverride?
    do throws(TenantRefusal) {
      if let tenant = identity.tenant { row = try knownRow(of: tenant) }
    } catch {
      endClient(client, .tenantRefused(error))
      return false
    }
    let joined = pooler.join(
      database: database, tenant: identity.tenant, row: row?.database, user: identity.login)
    switch joined {
    case .failure(.limits(.maxDatabaseClients)): endClient(client, .tooManyDatabaseClients)
    case .failure(.limits(.maxUserClients)): endClient(client, .tooManyUserClients)
    case .failure(.limits(.databaseRemoved)): endClient(client, .databaseRemoved)
    case .failure(.tenant(let refusal)): endClient(client, .tenantRefused(refusal))
    case .success(let joined):
      client.pointee.pool = joined.pool
      // The number may have been another pool's.
      forgetRoute(joined.pool)
      if let title = joined.newDatabase {
        log(.info, .autoDatabase, .pool(joined.pool), "registered new auto-database: \(title)")
      }
      return true
    }
    return false
  }

  private func isFailing(_ client: ClientPointer) -> Bool {
    pooler.pools.withLock { [now] in
      $0.isFailing(client.pointee.pool, now: now)
        && $0.census(client.pointee.pool).servers == 0
    }
  }

  /// Queues the client for any server of the pool: it needs to hear what the server is like.
  private func waitForFirstServer(_ client: ClientPointer, _ login: ClientLogin) {
    if isFailing(client) {
      let cause = pooler.directory.withLock { $0.lastFailures[client.pointee.pool] }
      return endClient(
        client,
        .serverLoginFailed(
          sqlstate: SQLState.connectionFailure,
          message: "server login has been failing, cached error: \(cause ?? "unknown") "
            + "(server_login_retry)"))
    }
    login.stage = .waitingForServer
    switch takeServer(client) {
    case .server(let leased):
      let server = ServerPointer(handle: leased.handle)
      attach(server, to: client)
      if leased.loop != id { adopt(server, from: leased.loop) }
      if client.pointee.server == server { prepare(client, server) }
    case .queued(let queued):
      client.pointee.waiter = queued.waiter
      loginWaiters.append(client)
      if let opening = queued.opening { beginOpening(opening) }
    }
  }

  // MARK: the end of the login

  /// Tells the client what it needs to know, and lets it in.
  /// - Parameter own: what its own server has told, which has got the client's parameters already;
  ///   nil: it will have any of the pool's.
  func completeLogin(_ client: ClientPointer, own: Welcome? = nil) {
    guard let login = client.pointee.login,
      let welcome = own ?? pooler.welcome(client.pointee.pool)
    else {
      return endClient(client, .internalError("the pool's servers have not told their parameters"))
    }
    loginWaiters.removeAll { $0 == client }
    setIdleTimeout(client)
    client.pointee.login = nil
    client.pointee.waiter = .none
    client.pointee.phase = .idle
    client.pointee.inspection = inspection(client, hasUnnamed: false)
    client.pointee.since = now
    client.pointee.scanner.refusesQuery = settings.disablePqexec
    client.pointee.parameterSet = chooseParameters(login, welcome)
    setParameters(&client.pointee.startupSet, client.pointee.parameterSet)
    if let tenant = client.pointee.tenant { updateShownName(client, tenant) }
    var writer = MessageWriter()
    writer.bytes = login.pendingBytes
    writer.authenticationOk()
    let wanted = own == nil ? login.parameters : []
    for parameter in welcome.parameters {
      let value = wanted.last { $0.name.lowercased() == parameter.name.lowercased() }?.value
      writer.parameterStatus(name: parameter.name, value: value ?? parameter.value)
    }
    let key = issueCancelKey(client, minorVersion: login.minorVersion)
    client.pointee.cancelKey = key.processID
    writer.backendKeyData(key)
    if !settings.loginNotifyMessage.isEmpty {
      writer.noticeResponse(
        severity: "NOTICE", sqlstate: SQLState.successfulCompletion,
        message: settings.loginNotifyMessage)
    }
    writer.readyForQuery(status: TransactionStatus.idle)
    send(writer.bytes, to: client)
    beginCounting(client)
    // One with a server of its own has it from its login on.
    if client.pointee.server != nil { client.pointee.traffic.pointee.counters.assignments &+= 1 }
    if settings.logConnections {
      let kind = login.replication.map { " replication=\($0)" } ?? ""
      log(.info, .login, .client(client), "login attempt: \(describe(client)) tls=no\(kind)")
    }
    if client.pointee.stream.isReadable { list(client) }
  }

  /// The tracked parameters of a new client: the server's, but for what it asked for.
  private func chooseParameters(
    _ login: ClientLogin, _ welcome: Welcome
  ) -> ParameterSets.Number {
    pooler.parameterSets.withLock { sets in
      var values = sets.unknown
      for parameter in welcome.parameters + login.parameters {
        if let index = sets.index(of: parameter.name) { values[index] = parameter.value }
      }
      return sets.intern(values)
    }
  }

  /// application_name_add_host: tells in pg_stat_activity where the client is.
  private func addHost(_ login: ClientLogin, _ client: ClientPointer) {
    let place =
      client.pointee.identity?.place(unixPort: settings.listenPort) ?? "unknown"
    let own = login.parameters.last { $0.name == "application_name" }?.value ?? "app"
    login.parameters.append(
      StartupParameter(name: "application_name", value: "\(own) - \(place)"))
  }
}
