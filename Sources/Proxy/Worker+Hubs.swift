import CLinux
import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// Listening connections: who listens through which, and what they are told.
extension Worker {
  /// Mail for the loop that has the listening connections.
  func readHubMail(_ mail: NotificationMail) {
    switch mail {
    case .subscribe(let subscriber, let pool, let names): subscribe(subscriber, pool, names)
    case .unsubscribe(let subscriber, let database, let names):
      guard let hub = hubs[database] else { return }
      for name in names { hub.table.unsubscribe(subscriber, from: name) }
      advance(hub)
    case .leave(let subscriber, let database):
      guard let hub = hubs[database] else { return }
      hub.table.remove(subscriber)
      advance(hub)
    case .readOn(let database):
      if let server = hubs[database]?.server, server.pointee.phase == .listening {
        readHub(server)
      }
    case .confirmed(let answers): channelsConfirmed(answers)
    case .refused(let answers, let cause): channelsRefused(answers, cause)
    case .notified(let notifications):
      for notification in notifications { deliver(notification) }
    }
  }

  private func subscribe(_ subscriber: Subscriber, _ pool: PoolID, _ names: [ChannelName]) {
    guard let route = pooler.route(pool) else {
      let answers = names.map { ChannelAnswer(subscriber: subscriber, channel: $0) }
      return post(answers) { .refused($0, cause: "the database is gone") }
    }
    let hub = hubs[route.key] ?? NotificationHub(route: route)
    hubs[hub.database] = hub
    // Whoever has come last has the best chance to log in.
    if hub.server == nil { hub.route = route }
    hub.emptySince = 0
    let there = names.filter { hub.table.subscribe(subscriber, to: $0) }
    post(there.map { ChannelAnswer(subscriber: subscriber, channel: $0) }) { .confirmed($0) }
    if hub.server == nil {
      // No client waits for longer than this for an attempt.
      hub.retryAt = min(hub.retryAt, now &+ NotificationHub.firstPause)
    }
    advance(hub)
  }

  /// Tells subscribers what they waited for, each loop its own.
  private func post(_ answers: [ChannelAnswer], _ mail: ([ChannelAnswer]) -> NotificationMail) {
    for (loop, answers) in Dictionary(grouping: answers, by: \.subscriber.loop) {
      pooler.mailboxes[Int(loop)].post(.listening(mail(answers)))
    }
  }

  // MARK: the connection

  /// Does for a listening connection what can be done now.
  func advance(_ hub: NotificationHub) {
    guard let server = hub.server else {
      if !hub.table.isEmpty && now >= hub.retryAt { open(hub) }
      return
    }
    guard hub.isOpen, !hub.isBusy else { return }
    let limit = hub.asksSingly ? 1 : NotificationHub.channelsPerQuery
    switch hub.table.nextRequest(limit: limit) {
    case .listen(let names)?: ask(hub, server, names.map { "LISTEN \(Self.quoted($0))" })
    case .unlisten(let names)?:
      settleHub(hub)
      ask(hub, server, names.map { "UNLISTEN \(Self.quoted($0))" })
    case nil: settleHub(hub)
    }
  }

  private static func quoted(_ name: ChannelName) -> String {
    SQLIdentifier.quote(String(decoding: name, as: UTF8.self))
  }

  private func ask(_ hub: NotificationHub, _ server: ServerPointer, _ statements: [String]) {
    hub.askedAt = now
    hub.refusal = nil
    var writer = MessageWriter()
    writer.query(statements.joined(separator: ";"))
    send(writer.bytes, to: server)
  }

  /// All channels are listened to.
  private func settleHub(_ hub: NotificationHub) {
    hub.asksSingly = false
    hub.pause = 0
    guard hub.owesWarning else { return }
    hub.owesWarning = false
    var writer = MessageWriter()
    writer.noticeResponse(
      severity: "WARNING", sqlstate: SQLState.warning,
      message: "notifications may have been missed: the listening connection was lost")
    let notice = writer.bytes
    for (loop, subscribers) in Dictionary(grouping: hub.table.subscribers, by: \.loop) {
      let warning = Notification(channel: nil, message: notice, subscribers: subscribers)
      pooler.mailboxes[Int(loop)].post(.listening(.notified([warning])))
    }
  }

  private func open(_ hub: NotificationHub) {
    let server = takeOwnServer(hub.route)
    server.pointee.pool = hub.route.pool
    server.pointee.hub = hub
    hub.server = server
    tryNextHost(server)
  }

  /// A connection of the pooler's own, in no pool, that is to log in. Whose it is has to be noted
  /// before `tryNextHost`, which may fail at once.
  func takeOwnServer(_ route: Route) -> ServerPointer {
    let server = ServerPointer(handle: pooler.places.withLock { [now] in $0.take(now: now) })
    lastSerial += 1
    let learned = pooler.directory.withLock { $0.learned[route.user] }
    server.pointee.phase = .login
    server.pointee.login = ServerLogin(
      opening: nil, route: route, learned: learned, firstHost: 0, serial: lastSerial, now: now)
    pooler.pools.withLock { [id] _ in server.own(Ownership(loop: id, isIdle: false)) }
    serverLogins.append(server)
    return server
  }

  /// The login is through.
  func listenerOpened(_ server: ServerPointer, _ hub: NotificationHub) {
    serverLogins.removeAll { $0 == server }
    server.pointee.login = nil
    server.pointee.phase = .listening
    hub.isOpen = true
    hub.heardAt = now
    advance(hub)
  }

  /// The login has failed. Those who wait are told why; others wait on.
  func listenerFailed(_ server: ServerPointer, _ hub: NotificationHub, _ message: String) {
    serverLogins.removeAll { $0 == server }
    if settings.logPoolerErrors {
      log(.warning, .listeningFailed, .server(server), "listening connection: \(message)")
    }
    close(hub, server, message, isBroken: true)
  }

  /// The connection is gone, or is given up.
  func listenerLost(_ server: ServerPointer, _ hub: NotificationHub, _ cause: String) {
    let cause = hub.farewell.map { "\(cause): \($0)" } ?? cause
    hub.owesWarning = hub.owesWarning || !hub.table.isEmpty
    log(.warning, .listeningLost, .server(server), "listening connection lost: \(cause)")
    close(hub, server, cause, isBroken: true)
  }

  private func close(
    _ hub: NotificationHub, _ server: ServerPointer, _ cause: String, isBroken: Bool
  ) {
    if !isBroken && hub.isOpen {
      var writer = MessageWriter()
      writer.terminate()
      send(writer.bytes, to: server)
    }
    bury(server, cause, isBroken ? .lost : .own)
    hub.closed(now: now)
    if isBroken { post(hub.table.refuseWaiting()) { .refused($0, cause: cause) } }
  }

  // MARK: what it says

  func hubEvent(_ server: ServerPointer) {
    if server.pointee.stream.isBlocked { _ = server.pointee.stream.flush(engine) }
    if server.pointee.stream.isReadable { readHub(server) }
  }

  private func readHub(_ server: ServerPointer) {
    guard let hub = server.pointee.hub else { return }
    for _ in 0..<Self.readsPerTurn {
      guard hub.server == server, server.pointee.stream.isReadable else { return }
      switch server.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
      case .bytes(let count):
        hub.heardAt = now
        scan(server, hub, UnsafeRawBufferPointer(start: scratch, count: count))
      case .nothing: return
      case .end: return listenerLost(server, hub, "the server closed the connection")
      case .failed(let code): return listenerLost(server, hub, SystemError.reason(code))
      }
    }
    mailbox.post(.listening(.readOn(database: hub.database)))
  }

  private func scan(
    _ server: ServerPointer, _ hub: NotificationHub, _ bytes: UnsafeRawBufferPointer
  ) {
    var position = 0
    var batches: [Int32: [Notification]] = [:]
    var isReady = false
    while bytes.count - position >= 5 {
      let length = Int(
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position + 1, as: UInt32.self)))
      guard length >= 4, length < ServerScanner.wholeMessageLimit else {
        return listenerLost(server, hub, "the server sent what the protocol does not allow")
      }
      guard bytes.count - position > length else { break }
      let message = UnsafeRawBufferPointer(rebasing: bytes[position..<position + length + 1])
      position += length + 1
      switch message[0] {
      case ServerMessageType.notificationResponse: sort(message, hub, into: &batches)
      case ServerMessageType.errorResponse: note(ErrorFields.parse(Array(message[5...])), hub)
      case ServerMessageType.readyForQuery: isReady = true
      default: break
      }
    }
    server.pointee.stream.carry.append(UnsafeRawBufferPointer(rebasing: bytes[position...]))
    for (loop, notifications) in batches {
      pooler.mailboxes[Int(loop)].post(.listening(.notified(notifications)))
    }
    if isReady { answered(server, hub) }
  }

  private func note(_ error: ErrorFields?, _ hub: NotificationHub) {
    guard let error else { return }
    hub.refusal = error
    if error.severity == "FATAL" || error.severity == "PANIC" { hub.farewell = error.message }
  }

  /// Adds a NotificationResponse to what the loops of its channel's subscribers are told.
  private func sort(
    _ message: UnsafeRawBufferPointer, _ hub: NotificationHub,
    into batches: inout [Int32: [Notification]]
  ) {
    guard message.count > 9, let end = message[9...].firstIndex(of: 0) else { return }
    let channel = Array(message[9..<end])
    let subscribers = hub.table.subscribers(of: channel)
    guard !subscribers.isEmpty else { return }
    let bytes = Array(message)
    for (loop, subscribers) in Dictionary(grouping: subscribers, by: \.loop) {
      batches[loop, default: []].append(
        Notification(channel: channel, message: bytes, subscribers: subscribers))
    }
  }

  /// The query under way is answered.
  private func answered(_ server: ServerPointer, _ hub: NotificationHub) {
    guard !hub.isChecking else {
      hub.isChecking = false
      return advance(hub)
    }
    guard let refusal = hub.refusal else {
      post(hub.table.succeeded()) { .confirmed($0) }
      return advance(hub)
    }
    hub.refusal = nil
    if !hub.asksSingly {
      hub.asksSingly = true
      hub.table.askAgain()
      return advance(hub)
    }
    let (refused, isBroken) = hub.table.failed()
    post(refused) { .refused($0, cause: refusal.message) }
    if isBroken { return listenerLost(server, hub, "LISTEN failed: \(refusal.message)") }
    advance(hub)
  }

  // MARK: time and reloads

  func tickHubs() {
    for hub in hubs.values {
      guard let server = hub.server else {
        if hub.table.isEmpty { hubs[hub.database] = nil } else { advance(hub) }
        continue
      }
      guard hub.isOpen else { continue }
      if hub.isBusy {
        let timeout = hub.route.connectTimeout
        if timeout != 0 && now &- hub.askedAt >= timeout {
          listenerLost(server, hub, "no answer to the pooler's own query")
        }
      } else if hub.table.isEmpty {
        if hub.emptySince == 0 { hub.emptySince = now }
        guard now &- hub.emptySince >= NotificationHub.idleMicroseconds else { continue }
        close(hub, server, "nobody listens any longer", isBroken: false)
        hubs[hub.database] = nil
      } else if now &- hub.heardAt >= NotificationHub.checkMicroseconds {
        hub.isChecking = true
        ask(hub, server, [])
      }
    }
  }

  /// Listening connections follow their databases.
  func reloadHubs() {
    for hub in hubs.values {
      guard let database = hub.route.database(in: settings) else {
        if let server = hub.server {
          close(hub, server, ServerEnding.databaseRemoved.logText, isBroken: true)
        }
        hubs[hub.database] = nil
        continue
      }
      let old = hub.route
      hub.route = Route(
        pool: old.pool, database: database, user: database.settings.user ?? old.user,
        settings: settings)
      guard !hub.route.leadsWhere(old), let server = hub.server else { continue }
      listenerLost(server, hub, ServerEnding.databaseConfigurationChanged.logText)
    }
  }
}
