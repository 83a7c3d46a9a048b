import Pooling
import PostgresWire
import Reactor

// What the log says of connections: PgBouncer's texts, so that what reads its log reads this one.
extension Worker {
  /// `C-0x...: db/user@host:port`; with a tenant `db/user[tenant]@host:port`.
  func name(_ client: ClientPointer) -> String {
    let identity = client.pointee.identity
    return "C-\(Self.hex(client.asHandle)): \(identity?.title ?? "(nodb)/(nouser)")@"
      + (identity?.place(unixPort: settings.listenPort) ?? "unknown")
  }

  /// `S-0x...: db/user@host:port`.
  func name(_ server: ServerPointer) -> String {
    let route = server.pointee.reader?.route ?? pooler.route(server.pointee.pool)
    let place = server.pointee.details?.place ?? server.pointee.login?.place ?? "unknown"
    return "S-\(Self.hex(server.asHandle)): \(route?.title ?? "(nodb)")/"
      + "\(route?.user ?? "(nouser)")@\(place)"
  }

  /// `db/user`.
  func name(_ pool: PoolID) -> String {
    let route = pooler.route(pool)
    return "\(route?.title ?? "(nodb)")/\(route?.user ?? "(nouser)")"
  }

  func describe(_ client: ClientPointer) -> String {
    guard let identity = client.pointee.identity else { return "db= user=" }
    let tenant = identity.tenant.map { " tenant=\($0)" } ?? ""
    return "db=\(identity.databaseName) user=\(identity.login)\(tenant)"
  }

  private static func hex(_ handle: Handle) -> String { "0x" + String(handle, radix: 16) }

  func logClientEnd(_ client: ClientPointer, _ ending: Ending, isTold: Bool) {
    let name = name(client)
    if !isTold, let notice = ending.notice, settings.logPoolerErrors {
      logger.warning("\(name) pooler error: \(notice.message)")
    }
    // A connection that says nothing is a probe, or a cancel request.
    guard settings.logDisconnections, ending.notice != nil || client.pointee.isCounted else {
      return
    }
    let age = (now &- client.pointee.connectedAt) / 1_000_000
    logger.info("\(name) closing because: \(ending.logText) (age=\(age)s)")
  }

  func logServerEnd(_ server: ServerPointer, _ reason: String) {
    guard settings.logDisconnections else { return }
    let since = server.pointee.details?.connectedAt ?? now
    logger.info(
      "\(name(server)) closing because: \(reason) (age=\((now &- since) / 1_000_000)s)")
  }

  /// Logs what only the verbose want to read; the text is not made otherwise.
  func debug(_ level: Int, _ text: () -> String) {
    guard settings.verbose >= level else { return }
    if level == 0 {
      logger.info("\(text())")
    } else {
      logger.debug("\(text())")
    }
  }
}
