/// Columns that older versions of PgBouncer had, under their names of then, behind the others: for
/// programs that still ask for them (such as Debian's prometheus-pgbouncer-exporter 1.7). A client
/// gets them that says so at its login.
enum OldColumns {
  /// The old name of a column, and the one that has the value now.
  static func names(of table: ShowTable) -> [(old: String, now: String)] {
    switch table {
    case .stats:
      [
        ("total_requests", "total_query_count"), ("avg_req", "avg_query_count"),
        ("avg_query", "avg_query_time"),
      ]
    case .databases: [("reserve_pool", "reserve_pool_size")]
    default: []
    }
  }

  /// The columns of a command's answer, the old ones behind them.
  static func columns(of command: ConsoleCommand) -> [TableColumn]? {
    guard case .show(let table, _) = command else { return command.columns }
    let columns = table.columns
    return columns
      + names(of: table).compactMap { name in
        columns.first { $0.name == name.now }.map { TableColumn(name.old, $0.type) }
      }
  }

  /// The table with the old columns.
  static func added(to table: ConsoleTable, of command: ConsoleCommand) -> ConsoleTable {
    guard case .show(let kind, _) = command, let columns = columns(of: command) else {
      return table
    }
    let places = names(of: kind).compactMap { name in
      table.columns.firstIndex { $0.name == name.now }
    }
    return ConsoleTable(
      columns: columns,
      rows: table.rows.map { row in row.prefix(table.columns.count) + places.map { row[$0] } })
  }
}
