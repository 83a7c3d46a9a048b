import CLinux
import Logging
import Logs
import Pooling
import PostgresAuth
import PostgresWire
import Reactor
import Settings
import Synchronization

/// A cancel request on its way to a server.
struct CancelDelivery {
  var stream: Stream
  /// The socket of whoever asked; closed when the request has been delivered, as PostgreSQL does.
  var requester: Int32
  /// The server, which goes to nobody else meanwhile; nil: it is being closed, and the request only
  /// stops its query.
  let server: ServerPointer?
  /// For the log.
  let serverName: String
  let key: CancelKey
  let deadline: UInt64
  var isSent = false
}

// Cancel requests.
//
// A request is delivered only while its client holds a server, and that server goes to nobody else
// before the delivery has ended: so a late cancel can't hit another client's query. PostgreSQL
// closes the connection of a cancel request after it has signalled the backend.
extension Worker {
  /// A key that no client has, with as long a secret as the client's protocol version has.
  func issueCancelKey(_ client: ClientPointer, minorVersion: Int) -> CancelKey {
    let target = CancelKeys.Target(client: client.asHandle, loop: id)
    let secret = RandomBytes.make(CancelKeys.secretBytes(minorVersion: minorVersion))
    while true {
      let random = RandomBytes.make(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      // Drivers read the process id as a signed number: keep it positive.
      let key = CancelKey(processID: random & 0x7fff_ffff, secret: secret)
      if key.processID != 0, pooler.cancelKeys.withLock({ $0.insert(key, target) }) { return key }
    }
  }

  /// A connection turns out to be a cancel request: it goes to the loop of the client that it
  /// means.
  func requestCancel(_ connection: ClientPointer, _ key: CancelKey) {
    guard let target = pooler.cancelKeys.withLock({ $0.target(key) }) else {
      debug(1, .client(connection), "cancel request for an unknown key")
      return endClient(connection, .clientClosed, isTold: true)
    }
    // The socket goes on without its client connection.
    let requester = connection.pointee.stream.fd
    engine.remove(fd: requester)
    connection.pointee.stream.fd = -1
    endClient(connection, .clientClosed, isTold: true)
    let mail = Mail.cancel(client: target.client, key: key.processID, requester: requester)
    pooler.mailboxes[Int(target.loop)].post(mail)
  }

  /// Cancels what a client of this loop runs, if it runs something.
  func cancel(_ client: ClientPointer, key: UInt32, requester: Int32) {
    guard client.pointee.cancelKey == key, client.pointee.phase == .active,
      let server = client.pointee.server, server.pointee.ledger.owesReply,
      !server.pointee.ledger.isAnsweringOwn, let details = server.pointee.details,
      let serverKey = details.key
    else {
      if client.pointee.cancelKey == key, client.pointee.phase == .waiting {
        cancelWaiting(client)
      }
      _ = close(requester)
      return
    }
    // One is enough; a few allow for those that get lost.
    guard server.pointee.cancels < 4 else {
      _ = close(requester)
      return
    }
    deliver(serverKey, to: server, details, requester: requester)
  }

  /// Stops the query of a server that is about to be closed.
  func stopQuery(of server: ServerPointer) {
    guard let details = server.pointee.details, let key = details.key else { return }
    deliver(key, to: server, details, requester: -1)
  }

  /// - Parameter requester: the asker's socket; negative: nobody asked, and the server is about to
  ///   be closed.
  private func deliver(
    _ key: CancelKey, to server: ServerPointer, _ details: ServerDetails, requester: Int32
  ) {
    lastSerial += 1
    let outlivesServer = requester < 0
    do {
      let fd = try Socket.connect(to: details.address, options: settings.socketOptions)
      let timeout = settings.cancelWaitTimeout.microseconds
      var delivery = CancelDelivery(
        stream: Stream(fd: fd), requester: requester, server: outlivesServer ? nil : server,
        serverName: name(server), key: key, deadline: timeout == 0 ? .max : now &+ timeout)
      guard engine.add(fd: fd, token: lastSerial << 3 | Token.cancel) == 0 else {
        delivery.stream.close()
        if requester >= 0 { _ = close(requester) }
        return
      }
      if !outlivesServer { server.pointee.cancels += 1 }
      cancels[lastSerial] = delivery
    } catch {
      log(.warning, .cancelFailed, .server(server), "cancel request failed: \(error)")
      if requester >= 0 { _ = close(requester) }
    }
  }

  /// Something happened to a cancel request's connection.
  func cancelEvent(_ serial: UInt64) {
    guard var delivery = cancels[serial] else { return }
    if !delivery.isSent {
      switch Socket.connectResult(delivery.stream.fd) {
      case nil: return
      case 0?: break
      case let code?:
        log(delivery, "cancel request failed: \(SystemError.reason(code))")
        return endCancel(serial)
      }
      var writer = MessageWriter()
      writer.cancelRequest(delivery.key)
      _ = writer.bytes.withUnsafeBytes {
        delivery.stream.send(engine, $0.baseAddress!, count: $0.count)
      }
      delivery.isSent = true
      cancels[serial] = delivery
    }
    var byte: UInt8 = 0
    if engine.receive(delivery.stream.fd, into: &byte, count: 1) != -Int(EAGAIN) {
      endCancel(serial)
    }
  }

  /// The server may be gone, but its name is known.
  private func log(_ delivery: CancelDelivery, _ text: String) {
    if let server = delivery.server {
      log(.warning, .cancelFailed, .server(server), text)
    } else {
      log(.warning, .cancelFailed, .none, "\(delivery.serverName) \(text)")
    }
  }

  /// The request has been delivered, or has failed: its server is free to go on.
  private func endCancel(_ serial: UInt64) {
    guard var delivery = cancels.removeValue(forKey: serial) else { return }
    delivery.stream.close()
    if delivery.requester >= 0 { _ = close(delivery.requester) }
    guard let server = delivery.server else { return }
    server.pointee.cancels -= 1
    if server.pointee.cancels == 0 && server.pointee.client == nil
      && server.pointee.task == .none && server.pointee.phase == .ready
    {
      release(server)
    }
  }

  /// Ends deliveries that take too long (cancel_wait_timeout). Whether such a request will still
  /// arrive can't be known, so its server is closed.
  func expireCancels() {
    for (serial, delivery) in cancels where now >= delivery.deadline && cancels[serial] != nil {
      log(delivery, "cancel_wait_timeout")
      if delivery.isSent, let server = delivery.server {
        // Ends its deliveries with it, and its client if it has one.
        serverLost(server, "cancel_wait_timeout")
      } else {
        endCancel(serial)
      }
    }
  }

  /// Ends the deliveries to a server that is about to be closed: its place may become another
  /// loop's, and none of them could be told from that loop's server then.
  @inline(never)
  func dropCancels(_ server: ServerPointer) {
    for (serial, delivery) in cancels where delivery.server == server {
      cancels[serial]?.stream.close()
      cancels[serial] = nil
      if delivery.requester >= 0 { _ = close(delivery.requester) }
    }
    server.pointee.cancels = 0
  }

  /// Answers a query that waits for a server as PostgreSQL answers a cancelled one. Only a query
  /// that has come whole and alone: of anything else too little is known, and it waits on.
  private func cancelWaiting(_ client: ClientPointer) {
    guard client.pointee.login == nil, !client.pointee.scanner.isMidMessage else { return }
    guard
      case .bytes(let count) = client.pointee.stream.receive(
        engine, into: scratch, capacity: Self.scratchSize)
    else { return }
    let bytes = UnsafeRawBufferPointer(start: scratch, count: count)
    var scanner = ClientScanner()
    var ledger = Ledger()
    let scan = scanner.scan(bytes.bytes, ledger: &ledger, maxPacketSize: maxPacketSize)
    let isWhole = scan.stop == .drained && scan.forward == count && !scanner.isMidMessage
    let waiter = client.pointee.waiter
    guard isWhole, ledger.owesOneReply, pooler.pools.withLock({ $0.leaveQueue(waiter) }) else {
      client.pointee.stream.carry.append(bytes)
      client.pointee.stream.hasUnseen = true
      client.pointee.stream.isReadable = true
      return
    }
    client.pointee.waiter = .none
    client.pointee.phase = .idle
    client.pointee.since = now
    var writer = MessageWriter()
    writer.errorResponse(
      severity: "ERROR", sqlstate: SQLState.queryCanceled,
      message: "canceling statement due to user request")
    writer.readyForQuery(status: TransactionStatus.idle)
    send(writer.bytes, to: client)
    if client.pointee.stream.isReadable { list(client) }
  }
}
