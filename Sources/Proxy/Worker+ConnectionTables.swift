import Admin
import Glibc
import Pooling
import Settings

// The console's tables about single connections.
extension Worker {
  static func isShown(_ connection: ConnectionFacts, in table: ShowTable) -> Bool {
    switch table {
    case .clients: connection.kind == .client
    case .servers: connection.kind == .server
    case .activeSockets: connection.state == "active"
    default: true
    }
  }

  /// A row of SHOW CLIENTS, SERVERS or SOCKETS, and the tenant behind it, which is not shown.
  func socketRow(_ connection: ConnectionFacts, width: Int) -> [ConsoleValue] {
    let row: [ConsoleValue] = [
      connection.kind == .client ? "C" : "S", .text(connection.user), .text(connection.database),
      .text(connection.replication), .text(connection.state),
      .text(connection.host), .integer(connection.port), .text(connection.localHost),
      .integer(connection.localPort), .text(time(connection.connectedAt)),
      .text(time(connection.requestedAt)), .integer(connection.wait / 1_000_000),
      .integer(connection.wait % 1_000_000), .integer(connection.isToBeClosed ? 1 : 0),
      .text(Self.hex(connection.place)),
      .text(connection.link == 0 ? "" : Self.hex(connection.link)),
      .integer(connection.remotePID), "", .text(connection.application ?? ""),
      .integer(connection.preparedStatements), .integer(connection.number), 0, 0, 0, 0,
      .integer(connection.unsent), .integer(connection.carried), 0,
    ]
    return row.prefix(width) + [.text(orNull: connection.tenant)]
  }

  static func fdRows(_ connections: [ConnectionFacts]) -> [[ConsoleValue]] {
    let fds = Dictionary(
      connections.map { ($0.place, $0.fd) }, uniquingKeysWith: { first, _ in first })
    return connections.sorted { $0.fd < $1.fd }.map { connection in
      [
        .integer(connection.fd), connection.kind == .client ? "client" : "server",
        .text(connection.user), .text(connection.database), .text(connection.host),
        .integer(connection.port), 0, .integer(fds[connection.link] ?? 0),
        .null, .null, .null, .null, .null, .null, .null,
      ]
    }
  }

  // MARK: waits

  func waitRows(_ connections: [ConnectionFacts]) -> [[ConsoleValue]] {
    pooler.waits(in: connections, now: now).map {
      waitRow($0.client, reason: $0.reason, $0.holders)
    }
  }

  private func waitRow(
    _ client: ConnectionFacts, reason: String, _ holders: [ConnectionFacts]
  ) -> [ConsoleValue] {
    let row: [ConsoleValue] = [
      .integer(client.number), .text(client.database), .text(client.user),
      .text(orNull: client.tenant), .text(client.application ?? ""), .text(client.host),
      .integer(client.port), .text(time(now &- min(now, client.wait))), .integer(client.wait),
      .integer(holders.count), .text(reason),
    ]
    guard let holder = holders.first else { return row + Array(repeating: .null, count: 9) }
    return row + [
      .integer(holder.number), .text(holder.user), .text(orNull: holder.tenant),
      .text(holder.application ?? ""), .text(holder.host), .integer(holder.port),
      .text(holder.hold), .integer(holder.held), .text(orNull: holder.query),
    ]
  }

  // MARK: forms

  private static func hex(_ handle: Handle) -> String { "0x" + String(handle, radix: 16) }

  /// A reading of the monotonic clock as the local time, as PgBouncer writes it.
  private func time(_ microseconds: UInt64) -> String {
    let age = Int(now &- min(now, microseconds)) / 1_000_000
    var seconds = Glibc.time(nil) - age
    var parts = tm()
    localtime_r(&seconds, &parts)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      let count = strftime(buffer.baseAddress!, buffer.count, "%Y-%m-%d %H:%M:%S %Z", &parts)
      return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }
}
