import Foundation
import Synchronization
import Testing

extension Integration {
  @Suite(.serialized) struct ServerDeath {
    private static let settings: SluiceConfiguration.Section = [
      "query_wait_timeout": 5, "server_login_retry": 1, "default_pool_size": 5,
      "server_connect_timeout": 2,
    ]

    /// The SQLSTATE classes for a connection that is lost and for a server that goes away.
    private static func namesTheCause(_ error: ServerError) -> Bool {
      (error.sqlstate.hasPrefix("08") || error.sqlstate.hasPrefix("57P0"))
        && !error.message.isEmpty
    }

    /// Queries until the connection fails; what it failed with.
    private static func lastError(_ sluice: SluiceProcess) throws -> ServerError {
      let client = try sluice.connect()
      let deadline = Deadline(seconds: 20 * Patience.factor)
      while !deadline.isOver {
        let answer = try client.query("SELECT pg_sleep(0.002)")
        if let error = answer.errors.first { return error }
        if answer.isClosed { throw HarnessError("closed without an error") }
      }
      throw HarnessError("the server did not die")
    }

    @Test func `a connect_query that ends its connection is a failed login`() throws {
      let database: SluiceConfiguration.Section = [
        "connect_query": "SELECT pg_terminate_backend(pg_backend_pid())"
      ]
      try withSluice(.newest, database: database) { sluice in
        let error = try sluice.loginError()
        #expect(error?.message.contains("server login failed") == true)
        sleep(1)
        let attempts = sluice.log.components(separatedBy: "new connection to server").count - 1
        #expect(attempts == 1, "the next attempt waits for server_login_retry")
      }
    }

    @Test(arguments: PostgresVersion.available, [SIGQUIT, SIGINT])
    func `a server that stops under load tells every client, and comes back`(
      version: PostgresVersion, signal: Int32
    ) throws {
      let cluster = try PostgresCluster(version)
      var configuration = SluiceConfiguration(cluster)
      configuration.settings.merge(Self.settings) { $1 }
      try withSluice(configuration) { sluice in
        let load = Background {
          try onThreads(20, seconds: 60) { _ in try Self.lastError(sluice) }
        }
        usleep(500_000)
        #expect(!load.isDone)
        cluster.stop(signal)
        for error in try load.value(seconds: 60) {
          #expect(Self.namesTheCause(error), "\(error)")
        }
        try cluster.start()
        expectEventually("new queries succeed after the restart", seconds: 15) {
          (try? sluice.connect().value("SELECT 'back'")) == "back"
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a backend that is terminated in a transaction tells its client`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.query("BEGIN")
        let process = try client.value("SELECT pg_backend_pid()") ?? "0"
        try cluster.query("SELECT pg_terminate_backend(\(process))")
        let error = try client.receive { _ in false }.errors.first
        #expect(error.map(Self.namesTheCause) == true, "\(error?.description ?? "no error")")
        #expect(try other.value("SELECT 1") == "1")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `an idle server that is terminated costs no client anything`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try withSluice(version, Self.settings) { sluice in
        let client = try sluice.connect()
        for _ in 0..<5 {
          let process = try client.value("SELECT pg_backend_pid()") ?? "0"
          try cluster.query("SELECT pg_terminate_backend(\(process))")
          usleep(100_000)
          #expect(try client.value("SELECT pg_backend_pid()") != process)
        }
      }
    }

    @Test func `a server that was never there is named as the cause`() throws {
      let port = try FreePort.next()
      try withSluice(
        .newest, Self.settings, database: ["port": .integer(Int(port))]
      ) { sluice in
        let error = try sluice.loginError()
        #expect(error.map(Self.namesTheCause) == true, "\(error?.description ?? "no error")")
      }
    }
  }
}
