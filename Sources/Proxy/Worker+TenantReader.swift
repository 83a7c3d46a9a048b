import CLinux
import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// The connection on which the table of tenants is read: see `TenantReader`.
extension Worker {
  // MARK: questions

  /// Asks for a tenant, on behalf of loops on which somebody waits.
  func askTable(_ name: TenantName, loops: Set<Int32>) {
    guard let reader = tenantReader ?? makeReader() else {
      // Whoever asks has not heard of the new configuration yet.
      return tell(loops, name, nil)
    }
    if reader.server == nil, now < reader.retryAt { return fail(name, loops) }
    guard reader.add(name, for: loops) else { return fail(name, loops) }
    advance(reader)
  }

  private func makeReader() -> TenantReader? {
    guard tenancy.isActive, let query = settings.tenancy.tenantsQuery,
      let name = settings.tenancy.tenantsQueryDatabase,
      let database = settings.database(named: name), let user = database.user
    else { return nil }
    let route = Route(
      pool: PoolID(-1), database: PoolDatabase(database), user: user, settings: settings)
    let reader = TenantReader(
      route: route, query: query, lifetime: settings.tenancy.tenantsQueryTtl.microseconds,
      limit: settings.tenancy.tenantsQueryLimit, epoch: tableEpoch)
    tenantReader = reader
    return reader
  }

  private func tell(_ loops: Set<Int32>, _ name: TenantName, _ answer: TenantRows.Answer?) {
    for loop in loops {
      pooler.mailboxes[Int(loop)].post(.tenants(.answered(name, answer)))
    }
  }

  /// There is no answer. What is known holds on for as long as it would have.
  private func fail(_ name: TenantName, _ loops: Set<Int32>) {
    let answer = TenantRows.Answer(
      .refused(.tableSilent), askedAt: now, lifetime: TenantReader.faultLifetime,
      epoch: tableEpoch)
    pooler.tenantRows.withLock { [now] in $0.storeFault(name, answer, now: now) }
    tell(loops, name, answer)
  }

  /// Does for the connection what can be done now.
  private func advance(_ reader: TenantReader) {
    guard let server = reader.server else {
      if !reader.isIdle { open(reader) }
      return
    }
    guard reader.isOpen else { return }
    let names = reader.takeToAsk(now: now)
    guard !names.isEmpty else { return }
    var writer = MessageWriter()
    for name in names {
      writer.parse(query: reader.query)
      writer.bind(parameters: [Array(name.text.utf8)])
      writer.describe(.portal)
      // A second row is one too many.
      writer.execute(maximumRows: 2)
      writer.sync()
    }
    send(writer.bytes, to: server)
  }

  // MARK: the connection

  private func open(_ reader: TenantReader) {
    let server = takeOwnServer(reader.route)
    server.pointee.login?.ownName = "sluice tenants"
    server.pointee.reader = reader
    reader.server = server
    tryNextHost(server)
  }

  /// The login is through.
  func readerOpened(_ server: ServerPointer, _ reader: TenantReader) {
    serverLogins.removeAll { $0 == server }
    server.pointee.login = nil
    server.pointee.phase = .asking
    reader.opened(now: now)
    advance(reader)
  }

  /// The login has failed, or the connection is gone or given up.
  /// - Parameter repeats: see `TenantReader.closed`.
  func readerLost(
    _ server: ServerPointer, _ reader: TenantReader, _ cause: String, repeats: Bool = true
  ) {
    serverLogins.removeAll { $0 == server }
    log(.warning, .tenantTable, .server(server), "the table of tenants: \(cause)")
    bury(server, cause, .lost)
    if reader.closed(now: now, isFault: !reader.isIdle, repeats: repeats) {
      return advance(reader)
    }
    for question in reader.takeAll() { fail(question.name, question.loops) }
  }

  private func close(_ reader: TenantReader, _ cause: String) {
    guard let server = reader.server else { return }
    if reader.isOpen {
      var writer = MessageWriter()
      writer.terminate()
      send(writer.bytes, to: server)
    }
    serverLogins.removeAll { $0 == server }
    bury(server, cause, .own)
    _ = reader.closed(now: now, isFault: false, repeats: false)
  }

  func tickReader() {
    guard let reader = tenantReader, let server = reader.server, reader.isOpen else { return }
    if let first = reader.asked.first {
      if now &- first.askedAt >= reader.timeout {
        readerLost(server, reader, "no answer to the pooler's own query", repeats: false)
      }
    } else if now &- reader.heardAt >= TenantReader.idleMicroseconds {
      close(reader, "no tenant is asked for")
    }
  }

  /// After a reload nothing that was known counts any longer.
  func reloadReader() {
    guard let reader = tenantReader else { return }
    close(reader, ServerEnding.databaseConfigurationChanged.logText)
    tenantReader = nil
    for question in reader.takeAll() where !question.loops.isEmpty {
      askTable(question.name, loops: question.loops)
    }
  }

  // MARK: answers

  func readerEvent(_ server: ServerPointer) {
    if server.pointee.stream.isBlocked { _ = server.pointee.stream.flush(engine) }
    if server.pointee.stream.isReadable { readTable(server) }
  }

  func readTable(_ server: ServerPointer) {
    guard let reader = server.pointee.reader else { return }
    for _ in 0..<Self.readsPerTurn {
      guard reader.server == server, server.pointee.stream.isReadable else { return }
      switch server.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
      case .bytes(let count):
        reader.heardAt = now
        scan(server, reader, UnsafeRawBufferPointer(start: scratch, count: count))
      case .nothing: return
      case .end: return readerLost(server, reader, "the server closed the connection")
      case .failed(let code): return readerLost(server, reader, SystemError.reason(code))
      }
    }
    mailbox.post(.tenants(.readOn))
  }

  private static var longestAnswer: Int { 65_536 }

  private func scan(
    _ server: ServerPointer, _ reader: TenantReader, _ bytes: UnsafeRawBufferPointer
  ) {
    var position = 0
    while bytes.count - position >= 5 {
      let length = Int(
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position + 1, as: UInt32.self)))
      guard length >= 4, length <= Self.longestAnswer else {
        return readerLost(
          server, reader, "an answer is too long, or no message of the protocol", repeats: false)
      }
      guard bytes.count - position > length else { break }
      let type = bytes[position]
      let body = Array(bytes[position + 5..<position + length + 1])
      position += length + 1
      guard type == ServerMessageType.readyForQuery else {
        reader.answer.take(type, body)
        continue
      }
      guard let question = reader.takeAnswered() else {
        return readerLost(server, reader, "an answer that nobody has asked for")
      }
      take(reader.answer, to: question, reader, server)
      reader.hasAnswered = true
      reader.answer = TableAnswer()
    }
    server.pointee.stream.carry.append(UnsafeRawBufferPointer(rebasing: bytes[position...]))
    advance(reader)
  }

  private func take(
    _ table: TableAnswer, to question: TenantReader.Question, _ reader: TenantReader,
    _ server: ServerPointer
  ) {
    let name = question.name
    if let error = table.error {
      log(
        .warning, .tenantTable, .server(server), fields: ["tenant": .string(name.text)],
        "tenants_query failed: SQLSTATE \(error.sqlstate): \(error.message)")
      return fail(name, question.loops)
    }
    let content = table.content(name, tenancy)
    if case .refused(.unusableRow(let reason)) = content {
      log(
        .warning, .tenantRow, .server(server), fields: ["tenant": .string(name.text)],
        "the row of the tenant \"\(name)\" can not be used: \(reason)")
    }
    let answer = TenantRows.Answer(
      content, askedAt: question.askedAt, lifetime: reader.lifetime, epoch: reader.epoch)
    guard pooler.tenantRows.withLock({ $0.store(name, answer) }) else {
      // A reload is on its way to this loop, and asks again.
      _ = reader.add(name, for: question.loops)
      return
    }
    if case .row(let row) = content {
      let quota = TenantQuota(tenancy.limits(for: name, row: row))
      pooler.pools.withLock { [now] pools in
        guard let tenant = pools.tenant(named: name.text) else { return }
        pools.setLimits(quota, tenant: tenant, now: now)
      }
    }
    tell(question.loops, name, answer)
  }
}
