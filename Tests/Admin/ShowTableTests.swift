import Testing

@testable import Admin

/// PgBouncer 1.25's tables, as scripts know them: types, then names.
@Suite struct ShowTableTests {
  private static let sockets = """
    type user database replication state addr port local_addr local_port connect_time \
    request_time wait wait_us close_needed ptr link remote_pid tls application_name \
    prepared_statements id
    """
  private static let counts = """
    server_assignment_count xact_count query_count received sent xact_time query_time wait_time \
    client_parse_count server_parse_count bind_count client_login_count
    """

  private static let tables: [(ShowTable, String, String)] = [
    (
      .fds, "issssiqisssssbb",
      """
      fd task user database addr port cancel link client_encoding std_strings datestyle timezone \
      password scram_client_key scram_server_key
      """
    ),
    (
      .databases, "ssissiiiissiiiiii",
      """
      name host port database force_user pool_size min_pool_size reserve_pool_size \
      server_lifetime pool_mode load_balance_hosts max_connections current_connections \
      max_client_connections current_client_connections paused disabled
      """
    ),
    (.peers, "isii", "peer_id host port pool_size"),
    (.lists, "si", "list items"),
    (
      .users, "ssssiiii",
      """
      name pool_size reserve_pool_size pool_mode max_user_connections current_connections \
      max_user_client_connections current_client_connections
      """
    ),
    (.clients, "ssssssisissiiississiq", sockets),
    (
      .pools, "ssiiiiiiiiiiiiiss",
      """
      database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active \
      sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us \
      pool_mode load_balance_hosts
      """
    ),
    (
      .peerPools, "iiiii",
      "peer_id cl_active_cancel_req cl_waiting_cancel_req sv_active_cancel sv_login"
    ),
    (.mem, "siiii", "name size used free memtotal"),
    (.state, "ss", "key value"),
    (.dnsHosts, "sqs", "hostname ttl addrs"),
    (.dnsZones, "sqi", "zonename serial count"),
    (.config, "ssss", "key value default changeable"),
    (.version, "s", "version"),
    (.totals, "sN", "name value"),
    (
      .stats, "s" + String(repeating: "N", count: 24),
      "database "
        + counts.split(separator: " ").map { "total_\($0)" }.joined(separator: " ")
        + " "
        + counts.split(separator: " ").map { $0 == "received" ? "avg_recv" : "avg_\($0)" }
        .joined(separator: " ")
    ),
    (
      .statsTotals, "s" + String(repeating: "N", count: 12),
      "database "
        + counts.replacing("received sent", with: "bytes_received bytes_sent")
    ),
    (
      .statsAverages, "s" + String(repeating: "N", count: 12),
      """
      database server_assignment_count xact_count query_count bytes_received bytes_sent \
      xact_time query_time wait_time avg_client_parse_count avg_server_parse_count \
      avg_bind_count avg_client_login_count
      """
    ),
  ]

  private static func letter(_ type: ColumnType) -> Character {
    switch type {
    case .text: "s"
    case .int4: "i"
    case .int8: "q"
    case .numeric: "N"
    case .bytea: "b"
    }
  }

  @Test(arguments: tables.indices)
  func `columns and types are PgBouncer's`(index: Int) {
    let (table, types, names) = Self.tables[index]
    #expect(table.columns.map(\.name) == names.split(separator: " ").map(String.init))
    #expect(String(table.columns.map { Self.letter($0.type) }) == types, "\(table)")
  }

  @Test func `sockets have more columns than clients, in the same order`() {
    let sockets = ShowTable.sockets.columns
    #expect(sockets.count == 28)
    #expect(ShowTable.activeSockets.columns == sockets)
    #expect(ShowTable.servers.columns == Array(sockets.prefix(21)))
    #expect(
      sockets.suffix(7).map(\.name) == [
        "recv_pos", "pkt_pos", "pkt_remain", "send_pos", "send_remain", "pkt_avail", "send_avail",
      ])
  }

  @Test func `every table can be made`() {
    for table in ShowTable.allCases { #expect(!table.columns.isEmpty) }
  }

  @Test func `conditions choose rows, also by columns that are not shown`() {
    let columns = [TableColumn("name", .text), TableColumn("size", .int4)]
    let table = ConsoleTable(
      columns: columns, hidden: [TableColumn("tenant", .text)],
      rows: [["a", 1, "acme"], ["b", 2, "acme"], ["c", 2, .null]])
    func names(_ filters: TableFilter...) -> [String?] {
      table.filtered(by: filters).rows.map { $0[0].string }
    }
    #expect(names() == ["a", "b", "c"])
    #expect(names(TableFilter("size", .equal, "2")) == ["b", "c"])
    #expect(names(TableFilter("tenant", .equal, "acme"), TableFilter("size", .equal, "2")) == ["b"])
    #expect(names(TableFilter("name", .unequal, "a")) == ["b", "c"])
    #expect(names(TableFilter("tenant", .unequal, "acme")) == [], "NULL is not unequal")
    #expect(names(TableFilter("nonsense", .equal, "1")) == [])
  }
}
