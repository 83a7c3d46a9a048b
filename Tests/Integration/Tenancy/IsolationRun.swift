import Glibc
import TestSupport
import Testing

/// A Sluice, a database and many clients for some seconds.
struct IsolationRun: Sendable {
  let seed: UInt64
  let database: IsolationDatabase
  let endpoint: Endpoint
  /// Clients say themselves whose they are, once; there is no preamble.
  let isControl: Bool
  let longestLife: Int
  let deadline: Deadline
  let findings = IsolationFindings()

  /// A control run has shown what it is for.
  var isOver: Bool { deadline.isOver || (isControl && findings.hasForeign) }

  /// How a seed has Sluice set up, and how many come.
  struct Setup: Sendable, CustomStringConvertible {
    let tenants: Int
    let clients: Int
    let threads: Int
    let mode: String
    let maxPreparedStatements: Int

    init(_ seed: UInt64) {
      var random = SeededGenerator(seed: seed)
      tenants = random.pick([3, 20, 200, 200])
      threads = random.pick([1, 2])
      mode = random.pick([
        "transaction", "transaction", "transaction", "transaction", "statement", "session",
      ])
      // In session mode each has a server for itself, and the others wait.
      clients = mode == "session" ? 24 : random.pick([16, 100, 400, 400])
      maxPreparedStatements = random.pick([3, 200, 200, 0])
    }

    var settings: SluiceConfiguration.Section {
      [
        "default_pool_size": 8, "threads": .integer(threads), "pool_mode": .text(mode),
        "max_client_conn": 2_000, "max_prepared_statements": .integer(maxPreparedStatements),
      ]
    }

    var description: String {
      "\(tenants) tenants, \(clients) clients, \(threads) threads, mode \(mode), "
        + "max_prepared_statements \(maxPreparedStatements)"
    }
  }

  /// Plays it. What is found is for the caller to judge.
  static func play(
    _ version: PostgresVersion, seed: UInt64, seconds: Double, isControl: Bool = false
  ) throws -> (setup: Setup, found: IsolationFindings.State) {
    let setup = Setup(seed)
    let database = try IsolationDatabase(
      version, tenants: setup.tenants, mark: "seed \(seed) \(UInt32.random(in: 0 ... .max))")
    let configuration =
      isControl
      ? database.withoutTenancy(["default_pool_size": 8]) : database.tenancy(setup.settings)
    let found = try withSluice(configuration) { sluice in
      let run = IsolationRun(
        seed: seed, database: database, endpoint: sluice.endpoint, isControl: isControl,
        longestLife: setup.mode == "session" ? 8 : 60, deadline: Deadline(seconds: seconds))
      let trouble = Background { try run.makeTrouble() }
      _ = try onThreads(isControl ? 40 : setup.clients, seconds: seconds + 150) { index in
        var client = IsolationClient(run, index)
        client.play()
      }
      try trouble.value()
      run.expectService()
      return run.findings.all
    }
    var all = found
    all.foreign += try database.foreignRows()
    if !isControl { #expect(try database.writtenRows() > 0, "seed \(seed): nothing was written") }
    return (setup, all)
  }

  /// Ends servers and cancels what they run, until the run is over.
  private func makeTrouble() throws {
    if isControl { return }
    let superuser = try database.cluster.connect()
    defer { superuser.terminate() }
    var random = SeededGenerator(seed: seed ^ 0xDEAD)
    while !isOver {
      usleep(UInt32(2_000 + random.below(40_000)))
      let action = random.chance(20) ? "pg_terminate_backend" : "pg_cancel_backend"
      try superuser.run(
        """
        SELECT \(action)(pid) FROM pg_stat_activity
        WHERE datname = '\(IsolationDatabase.name)' AND usename = 'app'
        ORDER BY random() LIMIT 1
        """)
    }
  }

  /// All servers can be had afterwards, by whoever comes: none waits for an answer that does not
  /// come.
  private func expectService() {
    if isControl { return }
    do {
      let clients = try (0..<8).map { number in
        let client = try WireClient(to: endpoint)
        let user = "app.\(IsolationDatabase.tenant(number % database.tenants))"
        try client.logIn(user: user, database: "app")
        return client
      }
      for client in clients { try client.send(Frame.query("SELECT 1 FROM pg_sleep(0.2)")) }
      for client in clients { _ = try client.receiveUntilReady().checked() }
    } catch {
      findings.change { $0.stalls.append("afterwards: \(error)") }
    }
  }
}
