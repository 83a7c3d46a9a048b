import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Tenancy

// What the log says of connections: PgBouncer's texts, so that what reads its log reads this one.
extension Worker {
  /// Whom a line is about.
  enum LogSubject {
    case none
    case client(ClientPointer)
    case server(ServerPointer)
    case pool(PoolID)
  }

  /// Writes a line, which begins with the name of the connection that it is about. The text is made
  /// only if it is written.
  /// - Parameter fields: what a JSON line has beside the text and whom it is about.
  func log(
    _ level: Logger.Level, _ cause: LogCause, _ subject: LogSubject,
    fields: @autoclosure () -> Logger.Metadata = [:], _ text: @autoclosure () -> String
  ) {
    guard pooler.log.limiter.admits(cause, level, now: now) else { return }
    write(level, cause, subject, fields(), text())
  }

  private func write(
    _ level: Logger.Level, _ cause: LogCause, _ subject: LogSubject, _ fields: Logger.Metadata,
    _ text: String
  ) {
    let start =
      switch subject {
      case .none, .pool: ""
      case .client(let client): name(client) + " "
      case .server(let server): name(server) + " "
      }
    guard pooler.log.wantsFields else { return logger.log(level: level, "\(start)\(text)") }
    var all = fields
    all["cause"] = .string(cause.name)
    describe(subject, in: &all)
    logger.log(level: level, "\(start)\(text)", metadata: all)
  }

  /// `C-0x...: db/user@host:port`; with a tenant `db/user[tenant]@host:port`.
  func name(_ client: ClientPointer) -> String {
    let identity = client.pointee.identity
    return "C-\(Self.hex(client.asHandle)): \(identity?.title ?? "(nodb)/(nouser)")@"
      + (identity?.place(unixPort: settings.listenPort) ?? "unknown")
  }

  /// `S-0x...: db/user@host:port`.
  func name(_ server: ServerPointer) -> String {
    "S-\(Self.hex(server.asHandle)): \(Self.name(route(of: server)))"
      + "@\(place(of: server) ?? "unknown")"
  }

  /// `db/user`.
  func name(_ pool: PoolID) -> String {
    Self.name(pooler.route(pool))
  }

  private static func name(_ route: Route?) -> String {
    guard let route else { return "(nodb)/(nouser)" }
    return "\(LogText.shortened(route.title))/\(LogText.shortened(route.user))"
  }

  private func route(of server: ServerPointer) -> Route? {
    server.pointee.reader?.route ?? pooler.route(server.pointee.pool)
  }

  private func place(of server: ServerPointer) -> String? {
    server.pointee.details?.place ?? server.pointee.login?.place
  }

  func describe(_ client: ClientPointer) -> String {
    guard let identity = client.pointee.identity else { return "db= user=" }
    let tenant = identity.tenant.map { " tenant=\($0)" } ?? ""
    let (database, user) = (identity.databaseName, identity.login)
    return "db=\(LogText.shortened(database)) user=\(LogText.shortened(user))\(tenant)"
  }

  private static func hex(_ handle: Handle) -> String { "0x" + String(handle, radix: 16) }

  // MARK: fields

  private func describe(_ subject: LogSubject, in fields: inout Logger.Metadata) {
    switch subject {
    case .none: break
    case .client(let client): describe(client, in: &fields)
    case .server(let server):
      if let client = server.pointee.client { describe(client, in: &fields) }
      describe(server, in: &fields)
    case .pool(let pool): describe(pooler.route(pool), in: &fields)
    }
  }

  private func describe(_ client: ClientPointer, in fields: inout Logger.Metadata) {
    guard let identity = client.pointee.identity else { return }
    if !identity.shownDatabase.isEmpty { fields["database"] = .string(identity.shownDatabase) }
    if !identity.shownUser.isEmpty { fields["user"] = .string(identity.shownUser) }
    if let tenant = identity.tenant { fields["tenant"] = .string(tenant.text) }
    fields["client"] = .string(identity.place(unixPort: settings.listenPort))
    fields["client_id"] = .stringConvertible(identity.number)
    if let server = client.pointee.server {
      fields["server_id"] = .stringConvertible(server.pointee.number)
    }
  }

  private func describe(_ server: ServerPointer, in fields: inout Logger.Metadata) {
    let route = route(of: server)
    if server.pointee.client == nil { describe(route, in: &fields) }
    if let place = place(of: server) { fields["server"] = .string(place) }
    fields["server_id"] = .stringConvertible(server.pointee.number)
  }

  private func describe(_ route: Route?, in fields: inout Logger.Metadata) {
    guard let route else { return }
    fields["database"] = .string(route.database.name)
    fields["user"] = .string(route.user)
    if let tenant = route.tenant { fields["tenant"] = .string(tenant.text) }
  }

  // MARK: ends

  func logClientEnd(_ client: ClientPointer, _ ending: Ending, isTold: Bool) {
    let notice = isTold || !settings.logPoolerErrors ? nil : ending.notice
    // A connection that says nothing is a probe, or a cancel request.
    let tellsEnd =
      settings.logDisconnections && (ending.notice != nil || client.pointee.isCounted)
    let lines = (notice == nil ? 0 : 1) + (tellsEnd ? 1 : 0)
    let cause = ending.logCause
    let level: Logger.Level = notice == nil ? .info : .warning
    guard lines > 0, pooler.log.limiter.admits(cause, level, now: now, lines: lines) else {
      return
    }
    if let notice {
      write(.warning, cause, .client(client), [:], "pooler error: \(notice.message)")
    }
    guard tellsEnd else { return }
    let age = (now &- client.pointee.connectedAt) / 1_000_000
    write(
      .info, cause, .client(client), ["age": .stringConvertible(age)],
      "closing because: \(ending.logText) (age=\(age)s)")
  }

  func logServerEnd(_ server: ServerPointer, _ reason: String) {
    guard settings.logDisconnections else { return }
    let age = (now &- (server.pointee.details?.connectedAt ?? now)) / 1_000_000
    log(
      .info, .serverClosed, .server(server), fields: ["age": .stringConvertible(age)],
      "closing because: \(reason) (age=\(age)s)")
  }

  /// Logs what only the verbose want to read; the text is not made otherwise.
  func debug(
    _ level: Int, _ subject: LogSubject, _ text: @autoclosure () -> String
  ) {
    guard settings.verbose >= level else { return }
    log(level == 0 ? .info : .debug, .verbose, subject, text())
  }

  // MARK: the rate limit

  /// Has lines written that are due. Only on the first loop.
  func tickLog() {
    ticked?()
    guard now >= nextLogReportAt else { return }
    nextLogReportAt = now &+ 1_000_000
    reportSuppressedLines()
  }

  /// Tells of lines that were left out. Only on the first loop.
  /// - Parameter isLast: nothing is put off.
  func reportSuppressedLines(isLast: Bool = false) {
    for report in pooler.log.limiter.takeReports(now: now, isLast: isLast) {
      logger.log(
        level: report.level, "\(report.text)",
        metadata: [
          "cause": .string(report.cause.name), "suppressed": .stringConvertible(report.lines),
          "seconds": .stringConvertible(report.seconds),
        ])
    }
  }
}
