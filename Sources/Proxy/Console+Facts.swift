import PostgresWire

extension Console {
  /// What the console's tables tell.
  struct Facts {
    var pinned: [PinnedClient] = []
    /// Name, clients that have it, bytes.
    var prepared: [(name: String, clients: Int, bytes: Int)] = []
    var pinCount = 0
    var warningCount = 0
    var statementBytes = 0

    /// SHOW PINNED: the clients that keep their servers now.
    func writePinned(to writer: inout MessageWriter) {
      writer.rowDescription(["client", "database", "user", "reason"].map { .text($0) })
      for client in pinned {
        writer.dataRow([client.name, client.database, client.user, client.reason])
      }
      writer.commandComplete("SHOW")
    }

    /// SHOW PREPARED: the prepared statements of all clients, by their names on servers.
    func writePrepared(to writer: inout MessageWriter) {
      writer.rowDescription(["name", "clients", "bytes"].map { .text($0) })
      for statement in prepared {
        writer.dataRow([statement.name, String(statement.clients), String(statement.bytes)])
      }
      writer.commandComplete("SHOW")
    }

    /// SHOW PINNING: totals since the start, and what prepared statements take.
    func writePinning(to writer: inout MessageWriter) {
      let rows = [
        ("pinned_now", pinned.count), ("pinned_total", pinCount), ("warned_total", warningCount),
        ("prepared_statements", prepared.count), ("prepared_statement_bytes", statementBytes),
      ]
      writer.rowDescription([.text("name"), .text("value")])
      for (name, value) in rows { writer.dataRow([name, String(value)]) }
      writer.commandComplete("SHOW")
    }
  }
}
