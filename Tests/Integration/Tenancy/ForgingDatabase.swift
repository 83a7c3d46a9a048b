import Tenancy

/// Rows of two tenants, acme and globex, under policies of one of the two levels, and what a client
/// of Sluice may have of them.
final class ForgingDatabase {
  enum Level: String, CaseIterable, Sendable {
    /// `current_setting('app.tenant_id')`
    case plain
    /// `sluice.tenant()`
    case signed
  }

  let base: SignedDatabase
  let level: Level
  let superuser: WireClient
  /// Not every build of PostgreSQL comes with contrib.
  let hasTablefunc: Bool
  /// Whether a text has a token of globex that is signed.
  private nonisolated(unsafe) static let stolen = /676c6f626578\.[0-9a-f]{64}/

  init(_ version: PostgresVersion, _ level: Level) throws {
    base = try SignedDatabase(version)
    self.level = level
    superuser = try base.cluster.connect(database: base.name)
    hasTablefunc = try superuser.query("CREATE EXTENSION IF NOT EXISTS tablefunc").errors.isEmpty
    try run("DELETE FROM docs WHERE id > 40")
    if level == .signed {
      try base.run(script: "sluice_hide_activity.sql", as: "postgres")
    } else {
      let condition = "tenant_id = current_setting('app.tenant_id')"
      try run("DROP SCHEMA sluice CASCADE")
      try run("CREATE POLICY tenant ON docs USING (\(condition)) WITH CHECK (\(condition))")
    }
  }

  deinit { superuser.close() }

  func run(_ sql: String) throws { _ = try superuser.query(sql).checked() }

  /// Every client logs in as `app`, which is `tenancy_app` on the server.
  func configuration(
    _ settings: SluiceConfiguration.Section = [:], sources: [String] = ["user_suffix", "set"]
  ) -> SluiceConfiguration {
    var configuration = SluiceConfiguration(base.cluster)
    configuration.databases["app"] = SluiceConfiguration.upstream(base.cluster, base.name)
    configuration.databases["app"]?["user"] = "tenancy_app"
    configuration.settings.merge(["default_pool_size": 2, "threads": 1]) { $1 }
    configuration.settings.merge(settings) { $1 }
    configuration.tenancy = ["sources": .list(sources)]
    configuration.tenantSettings = ["app.tenant_id": "{tenant}"]
    if level == .signed {
      configuration.tenancy["signing_secret"] = .text(SignedDatabase.secret)
      configuration.tenancy["signing_key_id"] = .text(SignedDatabase.keyID)
    }
    return configuration
  }

  /// Takes back what an attempt has left. Clients have to be gone from their tables.
  func restore() throws {
    try run(
      """
      SET client_min_messages = error;
      DROP SCHEMA IF EXISTS tenancy_app, forged CASCADE;
      CREATE SCHEMA AUTHORIZATION tenancy_app;
      ALTER ROLE tenancy_app RESET ALL;
      DELETE FROM docs WHERE id > 40;
      INSERT INTO docs SELECT n, (ARRAY['acme', 'globex'])[1 + n % 2], '' FROM
        generate_series(1, 40) AS n ON CONFLICT DO NOTHING;
      UPDATE docs SET tenant_id = (ARRAY['acme', 'globex'])[1 + id % 2];
      UPDATE docs SET body = 'of ' || tenant_id
      """)
  }

  /// What is wrong with globex's rows.
  func foreignWrites() throws -> [[String?]] {
    try superuser.query(
      """
      SELECT * FROM docs WHERE tenant_id = 'globex' AND (body <> 'of globex' OR id > 40)
      UNION ALL SELECT count(*)::int, 'rows are left', '' FROM docs WHERE tenant_id = 'globex'
        HAVING count(*) <> 20
      """
    ).checked().rows
  }

  /// Whether an answer has anything of globex's.
  static func isForeign(_ answer: Exchange, _ level: Level) -> Bool {
    let text = answer.text
    return text.contains("of globex") || (level == .signed && text.contains(stolen))
  }

  /// Fills in the tokens that an attempt names.
  func filled(_ text: String) throws -> String {
    guard text.contains("{") else { return text }
    let tokens = [
      "{expired}": try base.token("globex", age: 400),
      "{elsewhere}": try base.token("globex", database: "app"),
      "{other}": try base.token("globex", user: "tenancy_other"),
      "{foreign}": try base.token("globex", secret: "another secret, of 32 bytes and more"),
    ]
    return tokens.reduce(text) { $0.replacing($1.key, with: $1.value) }
  }
}
