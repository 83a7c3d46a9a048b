/// A database in which every row says whose it is, twice: `tenant_id` by what the server believes,
/// `own` by what the client knows.
///
/// What clients are given begins with `t` (a tenant), `w:` (work_mem) or `p:` (whose search_path),
/// so that every value that they get tells for whom it was made.
struct IsolationDatabase: Sendable {
  static let name = "isolation"

  let cluster: PostgresCluster
  let tenants: Int
  /// Stands in what the server logs about foreign rows.
  let mark: String
  /// Of `witness`, for FunctionCall.
  let witness: Int

  static func tenant(_ number: Int) -> String { "t\(number)" }

  /// What a client of that tenant is to find; every third has a search_path of its own, every fifth
  /// another work_mem.
  static func place(_ number: Int) -> String { number % 3 == 0 ? "p:odd" : "p:public" }
  static func memory(_ number: Int) -> String { number % 5 == 0 ? "w:7MB" : "w:4MB" }

  /// Makes it anew.
  init(_ version: PostgresVersion, tenants: Int, mark: String) throws {
    cluster = try PostgresCluster.shared(version)
    self.tenants = tenants
    self.mark = mark
    for sql in [
      "DROP DATABASE IF EXISTS \(Self.name) WITH (FORCE)",
      "CREATE DATABASE \(Self.name) OWNER app",
      "ALTER ROLE app IN DATABASE \(Self.name) SET lock_timeout = '3s'",
      "ALTER ROLE app IN DATABASE \(Self.name) SET log_min_error_statement = panic",
    ] { try cluster.query(sql) }
    let owner = try cluster.connect(user: "app", database: Self.name)
    defer { owner.terminate() }
    for sql in Self.tables(tenants) + Self.code(mark) { try owner.run(sql) }
    let sql = "SELECT 'public.witness(text, text)'::regprocedure::oid::int"
    witness = Int(try owner.value(sql) ?? "") ?? 0
  }

  private static func tables(_ tenants: Int) -> [String] {
    [
      """
      CREATE TABLE item (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id text NOT NULL DEFAULT current_setting('app.tenant_id'),
        own text NOT NULL, way text NOT NULL, n int DEFAULT 0);
      CREATE INDEX ON item (tenant_id);
      INSERT INTO item (tenant_id, own, way) SELECT 't' || t, 't' || t, 'seed'
        FROM generate_series(0, \(tenants - 1)) t, generate_series(1, 4);
      CREATE TABLE seen (me text, own text, way text);
      CREATE TABLE pile (LIKE item INCLUDING DEFAULTS);
      ALTER TABLE pile DROP id;
      CREATE TABLE spare (a int);
      CREATE TABLE place AS SELECT 'p:public' AS spot;
      CREATE SCHEMA odd;
      CREATE TABLE odd.place AS SELECT 'p:odd' AS spot;
      """,
      "ALTER TABLE item ENABLE ROW LEVEL SECURITY",
      "ALTER TABLE item FORCE ROW LEVEL SECURITY",
      "CREATE POLICY own ON item USING (tenant_id = current_setting('app.tenant_id'))",
    ]
  }

  /// What runs on the server tells on itself, in the server's log: that outlives a rollback, and a
  /// client that is gone.
  private static func code(_ mark: String) -> [String] {
    [
      """
      CREATE FUNCTION witness(own text, way text) RETURNS text LANGUAGE plpgsql AS $$
      DECLARE me text := coalesce(current_setting('app.tenant_id', true), '');
      BEGIN
        IF me <> $1 THEN RAISE LOG 'foreign to \(mark): % ran as % by %', $1, me, $2; END IF;
        INSERT INTO public.seen VALUES (me, $1, $2);
        RETURN me;
      END $$
      """,
      """
      CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM public.witness(coalesce(NEW.own, OLD.own), TG_OP);
        RETURN NULL;
      END $$
      """,
      """
      CREATE TRIGGER told AFTER INSERT OR UPDATE OR DELETE ON item
        FOR EACH ROW EXECUTE FUNCTION told()
      """,
      """
      CREATE PROCEDURE settle(own text, way text) LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO public.item (own, way) VALUES ($1, $2);
        COMMIT;
        INSERT INTO public.item (own, way) VALUES ($1, $2);
        ROLLBACK;
        PERFORM public.witness($1, $2);
        COMMIT AND CHAIN;
        INSERT INTO public.item (own, way) VALUES ($1, $2);
      END $$
      """,
    ]
  }

  /// All that was written for one tenant and belongs to another, whoever wrote it.
  func foreignRows() throws -> [String] {
    let sql = """
      SELECT 'item', tenant_id, own, way FROM public.item WHERE tenant_id <> own
      UNION ALL SELECT 'pile', tenant_id, own, way FROM public.pile WHERE tenant_id <> own
      UNION ALL SELECT 'seen', me, own, way FROM public.seen WHERE me <> own LIMIT 20
      """
    let rows = try cluster.query(sql, database: Self.name).rows
    return rows.map { row in row.map { $0 ?? "NULL" }.joined(separator: " ") } + logged
  }

  private var logged: [String] {
    cluster.log.split(separator: "\n").filter { $0.contains("foreign to \(mark):") }
      .prefix(20).map(String.init)
  }

  /// How many rows clients have left in it.
  func writtenRows() throws -> Int {
    let sql = "SELECT count(*) FROM public.item WHERE way <> 'seed'"
    return Int(try cluster.query(sql, database: Self.name).value ?? "") ?? 0
  }

  /// Each transaction under its client's tenant, which the client's user name ends with.
  func tenancy(_ settings: SluiceConfiguration.Section) -> SluiceConfiguration {
    var configuration = SluiceConfiguration(cluster)
    configuration.databases["app"] = SluiceConfiguration.upstream(cluster, Self.name)
    configuration.databases["app"]?["user"] = "app"
    configuration.settings.merge(settings) { $1 }
    configuration.tenancy = ["sources": ["user_suffix"]]
    configuration.tenantSettings = ["app.tenant_id": "{tenant}"]
    for number in 0..<tenants {
      var own: SluiceConfiguration.Section = [:]
      if number % 3 == 0 { own["settings.search_path"] = "odd, public" }
      if number % 5 == 0 { own["settings.work_mem"] = "7MB" }
      if !own.isEmpty { configuration.tenants[Self.tenant(number)] = own }
    }
    return configuration
  }

  /// As with PgBouncer: clients say once whose they are, and nobody says it again.
  func withoutTenancy(_ settings: SluiceConfiguration.Section) -> SluiceConfiguration {
    var configuration = SluiceConfiguration(cluster)
    configuration.databases["app"] = SluiceConfiguration.upstream(cluster, Self.name)
    configuration.settings.merge(settings) { $1 }
    configuration.settings["session_state"] = "pgbouncer"
    return configuration
  }
}
