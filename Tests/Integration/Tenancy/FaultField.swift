import Testing

/// One Sluice and one server connection for several tenants, with a relay between them, and a table
/// that tells what ran under which tenant.
struct FaultField {
  let cluster: PostgresCluster
  let relay: FaultRelay
  let sluice: SluiceProcess

  /// Sluice gives up what hangs after a second.
  static func run(
    _ version: PostgresVersion, tenants: [String: SluiceConfiguration.Section] = [:],
    _ body: (FaultField) throws -> Void
  ) throws {
    let cluster = try PostgresCluster.shared(version)
    try cluster.query(
      """
      DROP TABLE IF EXISTS fault_runs CASCADE;
      CREATE TABLE fault_runs (trial int, ran_as text, meant text);
      GRANT ALL ON fault_runs TO app;
      CREATE OR REPLACE PROCEDURE fault_run(trial int, meant text) LANGUAGE sql AS
      $$ INSERT INTO fault_runs VALUES (trial, current_setting('app.tenant_id', true), meant) $$;
      """, database: "app")
    let relay = try FaultRelay(to: cluster.port)
    defer { relay.close() }
    var configuration = SluiceConfiguration(database: [
      "host": .text(PostgresCluster.host), "port": .integer(Int(relay.port)), "dbname": "app",
    ])
    configuration.settings.merge([
      "default_pool_size": 1, "server_connect_timeout": 1, "query_timeout": 2,
      "query_wait_timeout": 5, "server_check_delay": 3600,
    ]) { $1 }
    configuration.tenancy = ["sources": ["user_suffix"]]
    configuration.tenantSettings = ["app.tenant_id": "{tenant}", "work_mem": "4MB"]
    configuration.tenants = tenants
    try withSluice(configuration) { sluice in
      try body(FaultField(cluster: cluster, relay: relay, sluice: sluice))
    }
  }

  func connect(_ tenant: String, _ parameters: [String: String] = [:]) throws -> WireClient {
    let client = try sluice.connect(user: "app.\(tenant)", parameters: parameters)
    client.seconds = 4 * Patience.factor
    return client
  }

  static func insert(_ trial: Int, _ tenant: String) -> String {
    """
    INSERT INTO fault_runs VALUES (\(trial), current_setting('app.tenant_id', true), '\(tenant)') \
    RETURNING ran_as, meant
    """
  }

  /// What ran under another tenant than it was meant for, by its trial.
  func strays() throws -> [String] {
    let sql = """
      SELECT trial, ran_as, meant FROM fault_runs WHERE ran_as IS DISTINCT FROM meant ORDER BY 1
      """
    return try cluster.query(sql, database: "app").rows.map { "\($0.map { $0 ?? "NULL" })" }
  }

  func count(of tenant: String) throws -> Int {
    let sql = "SELECT count(*) FROM fault_runs WHERE meant = '\(tenant)'"
    return Int(try cluster.query(sql, database: "app").value ?? "") ?? -1
  }
}

/// In which way a client's statement comes, and so which form its preamble has.
struct FaultForm: Sendable, CustomTestStringConvertible {
  let name: String
  /// How many messages answer the preamble.
  let answers: Int
  /// The client asks for another DateStyle than the server has, which is set in front of the
  /// tenant's settings.
  var isCombined = false
  let bytes: @Sendable (Int, String) -> [UInt8]

  var testDescription: String { name }

  static let all: [FaultForm] = [
    FaultForm(name: "within a query", answers: 2) { Frame.query(FaultField.insert($0, $1)) },
    FaultForm(name: "within a batch", answers: 6) { Frame.extended(FaultField.insert($0, $1)) },
    FaultForm(name: "aside of a query", answers: 12) {
      Frame.query("\(FaultField.insert($0, $1)); SELECT '\($1)', '\($1)'")
    },
    FaultForm(name: "aside of a batch", answers: 12) {
      Frame.extended("CALL fault_run(\($0), '\($1)')")
    },
    FaultForm(name: "aside of a query that leaves the transaction", answers: 12) {
      Frame.query("ROLLBACK; \(FaultField.insert($0, $1))")
    },
    FaultForm(name: "behind the client's parameters, of a query", answers: 7, isCombined: true) {
      Frame.query(FaultField.insert($0, $1))
    },
    FaultForm(name: "behind the client's parameters, of a batch", answers: 11, isCombined: true) {
      Frame.extended(FaultField.insert($0, $1))
    },
    FaultForm(
      name: "behind the client's parameters, of a query that leaves the transaction", answers: 17,
      isCombined: true
    ) { Frame.query("ROLLBACK; \(FaultField.insert($0, $1))") },
  ]
}
