import Glibc
import Synchronization
import Tenancy

/// A database with the signed tenant installed and a table under a policy on it.
///
/// `tenancy_app` is the application's login, which may create schemas, tables, functions and
/// temporary objects; `tenancy_owner` owns the schema `sluice`; the table is the superuser's.
final class SignedDatabase {
  static let secret = "a Secret that 0nly the tests know"
  static let keyID = "k1"

  let cluster: PostgresCluster
  let name: String
  private static let count = Atomic<Int>(0)

  init(_ version: PostgresVersion, isInstalled: Bool = true) throws {
    cluster = try PostgresCluster.shared(version)
    name = "signed\(Self.count.add(1, ordering: .relaxed).newValue)"
    for (role, options) in Self.roles {
      try cluster.query(
        """
        DO $$BEGIN CREATE ROLE \(role) \(options);
        EXCEPTION WHEN duplicate_object THEN END$$
        """)
    }
    try cluster.query("CREATE DATABASE \(name)")
    try query("GRANT CREATE, TEMP ON DATABASE \(name) TO tenancy_app, tenancy_owner")
    try query("CREATE SCHEMA AUTHORIZATION tenancy_app")
    if isInstalled {
      try install()
      try addSecret(Self.keyID, Self.secret)
      for statement in Self.table { try query(statement) }
    }
  }

  private static let roles = [
    ("tenancy_owner", "NOLOGIN"), ("tenancy_app", "LOGIN"), ("tenancy_other", "LOGIN"),
    ("tenancy_monitor", "LOGIN IN ROLE pg_read_all_stats"),
  ]

  private static let table = [
    "CREATE TABLE docs (id int PRIMARY KEY, tenant_id text NOT NULL, body text NOT NULL)",
    """
    INSERT INTO docs SELECT n, (ARRAY['acme', 'globex'])[1 + n % 2],
      'of ' || (ARRAY['acme', 'globex'])[1 + n % 2] FROM generate_series(1, 2000) AS n
    """,
    "CREATE INDEX ON docs (tenant_id)",
    "ANALYZE docs",
    "ALTER TABLE docs ENABLE ROW LEVEL SECURITY",
    """
    CREATE POLICY tenant ON docs USING (tenant_id = (SELECT sluice.tenant()))
      WITH CHECK (tenant_id = (SELECT sluice.tenant()))
    """,
    "GRANT SELECT, INSERT, UPDATE, DELETE ON docs TO tenancy_app, tenancy_other",
  ]

  /// A script of deploy/sql/, as `role`.
  func run(script: String, as role: String) throws {
    let directory = String(#filePath).split(separator: "/").dropLast(4).joined(separator: "/")
    let text = Scratch.read("/\(directory)/deploy/sql/\(script)")
    guard !text.isEmpty else { throw HarnessError("there is no \(script)") }
    let client = try cluster.connect(database: name)
    defer { client.close() }
    _ = try client.query("SET ROLE \(role)").checked()
    _ = try client.query(text).checked()
  }

  func install(as role: String = "tenancy_owner") throws {
    try run(script: "sluice_tenancy.sql", as: role)
  }

  func addSecret(_ keyID: String, _ secret: String) throws {
    let client = try cluster.connect(database: name)
    defer { client.close() }
    _ = try client.query("SET ROLE tenancy_owner").checked()
    _ = try client.extended("SELECT sluice.set_secret($1, $2)", [keyID, secret]).checked()
  }

  /// Runs statements as the superuser.
  @discardableResult
  func query(_ sql: String) throws -> Exchange { try cluster.query(sql, database: name) }

  /// A token, made `age` seconds ago.
  func token(
    _ tenant: String, database: String? = nil, user: String = "tenancy_app",
    keyID: String = SignedDatabase.keyID, secret: String = SignedDatabase.secret,
    lifetime: Int = 300, age: Int = 0
  ) throws -> String {
    try TokenSigner(keyID: keyID, secret: Array(secret.utf8), lifetime: lifetime).token(
      tenant: tenant, database: database ?? name, user: user, now: Int(time(nil)) - age)
  }

  /// A session with a token as Sluice would have put it there, or without one.
  func session(token: String? = nil, user: String = "tenancy_app") throws -> WireClient {
    let client = try cluster.connect(user: user, database: name)
    if let token { _ = try client.set(token: token).checked() }
    return client
  }

  /// A session of a tenant.
  func session(of tenant: String) throws -> WireClient {
    try session(token: token(tenant))
  }

  /// Forms in which a secret, or the keys made of it, could come to light.
  static let traces: [String] = {
    let bytes = Array(secret.utf8).prefix(12)
    var traces = [String(secret.prefix(12))]
    for mask: UInt8 in [0, 0x36, 0x5c] {
      let masked = bytes.map { $0 ^ mask }
      traces.append(masked.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
      traces.append(masked.map { String(Int8(bitPattern: $0)) }.joined(separator: " "))
    }
    return traces
  }()

  /// Whether a text, whose lines may have been broken anywhere, holds the secret in a form that
  /// one would recognize.
  static func isLeaked(in text: String) -> Bool {
    let text = text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return traces.contains { text.contains($0.lowercased()) }
  }
}

extension WireClient {
  /// Sets the tenant token, for the session.
  func set(token: String) throws -> Exchange {
    try query("SET \(SignedToken.setting) = '\(token)'")
  }
}

extension Exchange {
  /// All that a client could read, notices and errors included.
  var text: String {
    messages.map { String(decoding: $0.body.map { $0 == 0 ? 10 : $0 }, as: UTF8.self) }
      .joined(separator: "\n")
  }

  /// The error's SQLSTATE, or nil where there was none.
  var sqlstate: String? { errors.first?.sqlstate }
}
