import Pooling
import PostgresWire
import Reactor
import Settings

/// Whether a statement with LISTEN may be sent.
enum ListenPermission: Equatable {
  case granted
  /// Not before the listening connection has answered.
  case wait
  case refused(cause: String)
}

// What clients listen to, on their way from server to server: a client's LISTEN is sent once the
// database's listening connection has LISTENed too, and what has become of it shows at the end of
// the lease. Notifications come from that connection alone.
extension Worker {
  /// LISTEN follows a client; else it is as in PgBouncer, where it is left behind on a server.
  private var followsListen: Bool { settings.sessionState == .replay }

  // MARK: statements

  func permitListen(
    _ analysis: SQLAnalysis, _ client: ClientPointer, _ session: SessionPointer
  ) -> ListenPermission {
    guard analysis.effects.contains(.listen), followsListen, client.pointee.mode != .session else {
      return .granted
    }
    if let cause = session.pointee.listenRefusal {
      session.pointee.listenRefusal = nil
      return .refused(cause: cause)
    }
    let names = analysis.listens.map { Array($0.utf8) }
    let missing = session.pointee.channels?.missing(names) ?? names
    if missing.isEmpty { return .granted }
    if session.pointee.awaitsListener { return .wait }
    guard session.pointee.channels?.hasRoom(for: missing.count) ?? true else {
      return .refused(cause: "one client may listen to \(ClientChannels.limit) channels")
    }
    guard listen(to: missing, client, session) else {
      return .refused(cause: "the database is gone")
    }
    session.pointee.awaitsListener = true
    // The server may have nothing else to do meanwhile: it is the client's all the same.
    client.pointee.keepsServer = true
    return .wait
  }

  /// Has the listening connection listen for a client.
  private func listen(
    to names: [ChannelName], _ client: ClientPointer, _ session: SessionPointer
  ) -> Bool {
    guard beginChannels(client, session) else { return false }
    session.pointee.channels?.ask(for: names)
    postToHub(.subscribe(subscriber(client, session), client.pointee.pool, names))
    return true
  }

  private func beginChannels(_ client: ClientPointer, _ session: SessionPointer) -> Bool {
    if session.pointee.channels != nil { return true }
    guard let route = route(client.pointee.pool) else { return false }
    lastSerial += 1
    session.pointee.subscriberSerial = lastSerial
    session.pointee.listenDatabase = route.key
    session.pointee.channels = ClientChannels()
    return true
  }

  private func subscriber(_ client: ClientPointer, _ session: SessionPointer) -> Subscriber {
    Subscriber(client: client.asHandle, loop: id, serial: session.pointee.subscriberSerial)
  }

  private func postToHub(_ mail: NotificationMail) {
    pooler.mailboxes[Int(Pooler.hubLoop)].post(.listening(mail))
  }

  /// Notes a statement with LISTEN or UNLISTEN that is about to be sent.
  func noteChannels(
    _ analysis: SQLAnalysis, _ client: ClientPointer, _ server: ServerPointer,
    _ session: SessionPointer
  ) {
    guard followsListen else { return }
    if analysis.effects.contains(.listen) {
      // What the server itself will notify of comes from the listening connection too.
      server.pointee.ledger.watches.insert(.notifications)
      suspect(.listen, client, session)
    }
    if analysis.effects.contains(.unlisten) {
      let names = analysis.unlistens.map { Array($0.utf8) }
      if session.pointee.channels?.unlisten(names, all: analysis.unlistensAll) == true {
        server.pointee.ledger.watches.insert(.tags)
        client.pointee.keepsServer = true
      }
    }
  }

  /// A statement that fails in place of the LISTEN that can't be: so the error comes where it
  /// belongs among other answers, and a transaction fails with it.
  func listenRefusalText(_ cause: String) -> String {
    "DO $sluice$BEGIN RAISE EXCEPTION USING ERRCODE = '\(SQLState.objectNotInPrerequisiteState)', "
      + "MESSAGE = \(refusalLiteral(cause)); END$sluice$"
  }

  /// A statement that fails when it is parsed, in front of a Bind that is to fail.
  func listenRefusalParse(_ cause: String) -> String {
    "SELECT \(refusalLiteral(cause))::pg_catalog.int4"
  }

  private func refusalLiteral(_ cause: String) -> String {
    // Nothing in it may end the dollar quotes around it.
    SQLLiteral.quote("can not listen: \(cause)".filter { $0 != "$" })
  }

  // MARK: the end of a lease

  /// A client's lease is over: what it listens to is known now, and what was kept for it is sent.
  /// - Parameter committed: the channels that its server listened to; nil: nobody knows.
  func settleChannels(
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer,
    committed: [ChannelName]?
  ) {
    server.pointee.ledger.watches = committed == nil ? .notifications : []
    // Also names that the text did not show.
    if committed?.isEmpty == false { _ = beginChannels(client, session) }
    guard session.pointee.channels?.hasLease == true || committed?.isEmpty == false,
      let change = session.pointee.channels?.endLease(committed: committed)
    else { return }
    if !change.dropped.isEmpty {
      postToHub(
        .unsubscribe(
          subscriber(client, session), database: session.pointee.listenDatabase, change.dropped))
    }
    if !change.missing.isEmpty { _ = listen(to: change.missing, client, session) }
  }

  /// The client listens to nothing any longer.
  func dropChannels(_ client: ClientPointer, _ session: SessionPointer) {
    guard session.pointee.channels != nil else { return }
    postToHub(.leave(subscriber(client, session), database: session.pointee.listenDatabase))
    session.pointee.channels = nil
    session.pointee.awaitsListener = false
    session.pointee.listenRefusal = nil
  }

  // MARK: answers of the listening connection

  /// The session of a subscriber, unless it is another client's by now.
  private func session(of subscriber: Subscriber) -> SessionPointer? {
    let client = ClientPointer(handle: subscriber.client)
    guard client.pointee.phase != .unused, client.pointee.phase != .closed,
      let session = client.pointee.session, session.pointee.channels != nil,
      session.pointee.subscriberSerial == subscriber.serial
    else { return nil }
    return session
  }

  func channelsConfirmed(_ answers: [ChannelAnswer]) {
    for answer in answers {
      guard let session = session(of: answer.subscriber) else { continue }
      session.pointee.channels?.confirmed(answer.channel)
      listenerAnswered(ClientPointer(handle: answer.subscriber.client), session)
    }
  }

  func channelsRefused(_ answers: [ChannelAnswer], _ cause: String) {
    for answer in answers {
      guard let session = session(of: answer.subscriber) else { continue }
      if session.pointee.channels?.refused(answer.channel) == true {
        warn(answer.subscriber, "can not listen: \(cause)")
      } else {
        session.pointee.listenRefusal = cause
      }
      // The warning may have been one message too many.
      guard let session = self.session(of: answer.subscriber) else { continue }
      listenerAnswered(ClientPointer(handle: answer.subscriber.client), session)
    }
  }

  private func warn(_ subscriber: Subscriber, _ message: String) {
    var writer = MessageWriter()
    writer.noticeResponse(severity: "WARNING", sqlstate: SQLState.warning, message: message)
    deliver(Notification(channel: nil, message: writer.bytes, subscribers: [subscriber]))
  }

  /// A client's LISTEN need not wait any longer.
  private func listenerAnswered(_ client: ClientPointer, _ session: SessionPointer) {
    guard session.pointee.awaitsListener, session.pointee.channels?.asked.isEmpty == true else {
      return
    }
    session.pointee.awaitsListener = false
    guard client.pointee.phase == .active, client.pointee.isHeld,
      let server = client.pointee.server
    else { return }
    resumeHeld(client, server)
    if client.pointee.server == server, server.pointee.ledger.isClean { settle(client, server) }
  }

  // MARK: messages for clients

  func deliver(_ notification: Notification) {
    for subscriber in notification.subscribers {
      guard let session = session(of: subscriber) else { continue }
      let client = ClientPointer(handle: subscriber.client)
      let isReady = isBetweenMessages(client, session)
      let delivery = session.pointee.channels?.deliver(
        notification.channel, notification.message, isReady: isReady)
      switch delivery {
      case .now?: send(notification.message, to: client)
      case .kept?: client.pointee.keepsServer = true
      case .tooMuch?: endClient(client, .notificationsNotTaken)
      case .notWanted?, nil: continue
      }
    }
  }

  /// The client is in no transaction, and the last message to it is whole.
  private func isBetweenMessages(_ client: ClientPointer, _ session: SessionPointer) -> Bool {
    guard !client.pointee.stream.isBlocked else { return false }
    switch client.pointee.phase {
    case .idle, .waiting, .granted: return true
    case .active:
      guard let server = client.pointee.server, server.pointee.ledger.isClean else { return false }
      return !server.pointee.scanner.isMidMessage && !client.pointee.isHeld
        && session.pointee.suspicions.isEmpty && session.pointee.channels?.hasLease != true
    case .preparing, .login, .console, .unused, .closed: return false
    }
  }

  /// Sends what was kept for a client, if it may be sent now.
  func deliverKept(_ client: ClientPointer) {
    guard let session = client.pointee.session, session.pointee.channels?.hasKept == true else {
      return
    }
    guard isBetweenMessages(client, session) else {
      client.pointee.keepsServer = true
      return
    }
    if let bytes = session.pointee.channels?.takeKept() { send(bytes, to: client) }
  }
}
