/// A table of tenants, and a function that reads it and remembers who was asked for.
struct TenantTable {
  let cluster: PostgresCluster

  /// An advisory lock, for which a question for a tenant waits whose name begins with `slow`.
  private static let gate = 4711

  static let query = "SELECT * FROM look_up($1)"

  /// - Parameter cluster: where it is; in the database `app`.
  init(_ cluster: PostgresCluster) throws {
    self.cluster = cluster
    for sql in [
      "DROP TABLE IF EXISTS tenant, asked CASCADE", "DROP FUNCTION IF EXISTS look_up(text)",
      """
      CREATE TABLE tenant (tenant text, "app.plan" text, max_client_connections int,
        max_server_connections int)
      """,
      "CREATE TABLE asked (name text, number serial)",
      """
      CREATE FUNCTION look_up(wanted text) RETURNS SETOF tenant LANGUAGE plpgsql
      SECURITY DEFINER AS $$
      BEGIN
        INSERT INTO asked VALUES (wanted);
        IF wanted LIKE 'slow%' THEN
          PERFORM pg_advisory_xact_lock(\(Self.gate));
        END IF;
        RETURN QUERY SELECT * FROM tenant t WHERE t.tenant = wanted;
      END $$
      """,
    ] { try run(sql) }
  }

  @discardableResult
  func run(_ sql: String) throws -> Exchange { try cluster.query(sql, database: "app") }

  func add(
    _ tenant: String, plan: String? = nil, clients: Int? = nil, servers: Int? = nil
  ) throws {
    let values = [
      "'\(tenant)'", plan.map { "$plan$\($0)$plan$" }, clients.map(String.init),
      servers.map(String.init),
    ]
    try run("INSERT INTO tenant VALUES (\(values.map { $0 ?? "NULL" }.joined(separator: ", ")))")
  }

  /// Has questions for slow tenants wait while `body` runs, and until it is done.
  func whileShut(_ body: () throws -> Void) throws {
    let keeper = try cluster.connect(database: "app")
    defer { keeper.terminate() }
    try keeper.run("SELECT pg_advisory_lock(\(Self.gate))")
    try body()
  }

  /// How often a tenant was asked for.
  func count(_ tenant: String) throws -> Int {
    Int(try run("SELECT count(*) FROM asked WHERE name = '\(tenant)'").value ?? "") ?? -1
  }

  /// Tenants of this table, in a pool that they share.
  func configuration(
    query: String = query, lifetime: Int = 60, sources: [String] = ["user_suffix"],
    pool: PostgresCluster? = nil
  ) throws -> SluiceConfiguration {
    var configuration = SluiceConfiguration(pool ?? cluster)
    configuration.databases["directory"] = SluiceConfiguration.upstream(cluster)
    configuration.databases["directory"]?["user"] = "app"
    configuration.tenancy = [
      "sources": .list(sources), "tenants_query": .text(query),
      "tenants_query_database": "directory", "tenants_query_ttl": .integer(lifetime),
    ]
    configuration.tenantSettings = ["app.tenant_id": "{tenant}", "app.plan": "none"]
    return configuration
  }
}

extension WireClient {
  /// `tenant plan`, as the server has them.
  func whoAmI() throws -> String? {
    try value(
      "SELECT current_setting('app.tenant_id', true) || ' ' || current_setting('app.plan', true)")
  }
}
