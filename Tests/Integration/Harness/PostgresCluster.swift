import Glibc
import Synchronization

/// A private PostgreSQL: started when first wanted, shared by the tests of a run.
final class PostgresCluster: Sendable {
  static let host = "127.0.0.1"

  let version: PostgresVersion
  let port: UInt16
  let directory: String
  /// Guards which process serves now; a restart replaces it.
  private let server = Mutex<Subprocess?>(nil)

  private static let clusters = Mutex<[PostgresVersion: PostgresCluster]>([:])

  static func shared(_ version: PostgresVersion) throws -> PostgresCluster {
    try clusters.withLock { clusters in
      if let cluster = clusters[version] { return cluster }
      let cluster = try PostgresCluster(version)
      clusters[version] = cluster
      return cluster
    }
  }

  /// A cluster of one test's own, for tests that stop or kill it.
  init(_ version: PostgresVersion) throws {
    self.version = version
    port = try FreePort.next()
    directory = try Scratch.directory("pg\(version.major)-")
    let initdb = try Subprocess.run(
      ServerUser.prefix + [
        version.bin + "/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
        "--locale=C", "--no-sync",
      ])
    guard initdb.succeeded else { throw HarnessError("initdb failed: \(initdb.standardError)") }
    try Scratch.write(configuration, to: data + "/postgresql.conf", mode: 0o600)
    try Scratch.write(hostRules, to: data + "/pg_hba.conf", mode: 0o600)
    Watchdog.shared.say("cluster", data)
    try start()
    for statement in Self.setup { _ = try query(statement) }
  }

  deinit { stop(SIGQUIT) }

  var data: String { directory + "/data" }
  var endpoint: Endpoint { .tcp(port) }
  var unixEndpoint: Endpoint { .unix("\(directory)/.s.PGSQL.\(port)") }
  var log: String { Scratch.read(directory + "/log") }

  /// Starts the server and waits until it answers.
  func start() throws {
    let process = try Subprocess(
      ServerUser.prefix + [version.bin + "/postgres", "-D", data], output: directory + "/log")
    server.withLock { $0 = process }
    let ready = eventually(seconds: 30) {
      process.poll() != nil || (try? query("SELECT 1")) != nil
    }
    guard ready, process.poll() == nil else { throw HarnessError("PostgreSQL failed: \(log)") }
  }

  /// SIGINT is a fast shutdown, SIGQUIT an immediate one, SIGKILL a crash.
  func stop(_ signal: Int32) {
    guard let process = server.withLock({ $0.take() }) else { return }
    process.end(signal, seconds: 30)
  }

  /// A direct connection, past any pooler.
  func connect(
    user: String = "postgres", database: String = "postgres", parameters: [String: String] = [:]
  ) throws -> WireClient {
    let client = try WireClient(to: unixEndpoint)
    try client.logIn(user: user, database: database, parameters: parameters)
    return client
  }

  /// Runs a statement as the superuser, directly.
  @discardableResult
  func query(_ sql: String, database: String = "postgres") throws -> Exchange {
    let client = try connect(database: database)
    defer { client.close() }
    return try client.query(sql).checked()
  }

  /// How many server processes are connected to `database`.
  func connections(to database: String = "app") throws -> Int {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = '\(database)'"
    return Int(try query(sql).value ?? "") ?? -1
  }

  private var configuration: String {
    """
    port = \(port)
    listen_addresses = '127.0.0.1'
    unix_socket_directories = '\(directory)'
    max_connections = 150
    shared_buffers = 64MB
    fsync = off
    synchronous_commit = off
    full_page_writes = off
    autovacuum = off
    max_wal_size = 4GB
    wal_level = logical
    log_min_messages = log
    timezone = 'UTC'
    lc_messages = 'C'

    """
  }

  /// The way of logging in is told by the role's name; all others are trusted.
  private var hostRules: String {
    """
    local all all trust
    host all md5_user 127.0.0.1/32 md5
    host all scram_user 127.0.0.1/32 scram-sha-256
    host all plain_user 127.0.0.1/32 password
    host all refused_user 127.0.0.1/32 reject
    host all all 127.0.0.1/32 trust
    host replication repl 127.0.0.1/32 trust

    """
  }

  /// The password of every role that has one.
  static let password = "s3cret pass"

  private static let setup = [
    "CREATE ROLE app LOGIN",
    "CREATE ROLE other LOGIN",
    "CREATE ROLE refused_user LOGIN",
    "CREATE ROLE repl LOGIN REPLICATION",
    "SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD '\(password)'",
    "CREATE ROLE scram_user LOGIN PASSWORD '\(password)'",
    "CREATE ROLE plain_user LOGIN PASSWORD '\(password)'",
    "CREATE DATABASE app OWNER app",
  ]
}

/// Ports below the range that the kernel gives to outgoing connections.
enum FreePort {
  static func next() throws -> UInt16 {
    for _ in 0..<200 {
      let port = UInt16.random(in: 20_000..<32_000)
      if let listener = try? Listener(port: port) {
        listener.close()
        return port
      }
    }
    throw HarnessError("no free port found")
  }
}
