import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Reload {
    private static func configuration(poolSize: Int) throws -> SluiceConfiguration {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["default_pool_size"] = .integer(poolSize)
      return configuration
    }

    /// How many of five transactions hold a server at the same time.
    private static func parallelTransactions(_ sluice: SluiceProcess) throws -> Int {
      let clients = try (0..<5).map { _ in try sluice.connect() }
      for client in clients { try client.send(Frame.query("BEGIN")) }
      usleep(300_000)
      let served = clients.count { $0.isReadable(within: 0) }
      for client in clients { client.close() }
      return served
    }

    @Test func `SIGHUP changes the pool size both ways`() throws {
      try withSluice(Self.configuration(poolSize: 1)) { sluice in
        #expect(try Self.parallelTransactions(sluice) == 1)
        for size in [3, 2] {
          try sluice.rewrite(Self.configuration(poolSize: size))
          sluice.process.signal(SIGHUP)
          sleep(1)
          try expectEventually("pool size \(size)") {
            try Self.parallelTransactions(sluice) == size
          }
        }
      }
    }

    @Test func `SIGHUP does not disturb a transaction`() throws {
      try withSluice(Self.configuration(poolSize: 2)) { sluice in
        let client = try sluice.connect()
        try client.query("BEGIN")
        let process = try client.value("SELECT pg_backend_pid()")
        for size in 1...5 {
          try sluice.rewrite(Self.configuration(poolSize: size))
          sluice.process.signal(SIGHUP)
          usleep(100_000)
          #expect(try client.value("SELECT pg_backend_pid()") == process)
        }
        #expect(try client.query("COMMIT").status == "I")
      }
    }

    @Test func `a database that SIGHUP adds can be used, one that it removes cannot`() throws {
      try withSluice(Self.configuration(poolSize: 2)) { sluice in
        #expect(try sluice.loginError(database: "second") != nil)
        var changed = try Self.configuration(poolSize: 2)
        changed.databases["second"] = changed.databases["app"]
        try sluice.rewrite(changed)
        sluice.process.signal(SIGHUP)
        try expectEventually { try sluice.loginError(database: "second") == nil }
        try sluice.rewrite(Self.configuration(poolSize: 2))
        sluice.process.signal(SIGHUP)
        try expectEventually {
          let error = try sluice.loginError(database: "second")
          return error?.message.contains("no such database: second") == true
        }
      }
    }

    @Test func `a bad configuration on SIGHUP is logged and changes nothing`() throws {
      try withSluice(Self.configuration(poolSize: 2)) { sluice in
        let client = try sluice.connect()
        for text in ["nonsense = = 1\n", "default_pool_size = \"many\"\n", "[databases\n"] {
          let before = sluice.log.count
          try Scratch.write(text, to: sluice.configurationPath, mode: 0o600)
          sluice.process.signal(SIGHUP)
          expectEventually("it says so") { sluice.log.count > before }
          usleep(300_000)
          #expect(try client.value("SELECT 1") == "1")
          #expect(try sluice.connect().value("SELECT 2") == "2")
        }
        #expect(try Self.parallelTransactions(sluice) == 2)
      }
    }
  }
}
