import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Cancel {
    /// Sends a CancelRequest and waits until the pooler has closed its connection.
    private static func cancel(_ key: [UInt8], at endpoint: Endpoint) throws {
      let client = try WireClient(to: endpoint)
      try client.send(Frame.cancel(key))
      #expect(client.isClosedByPeer(), "a CancelRequest gets no answer but the end")
      client.close()
    }

    @Test(arguments: PostgresVersion.available)
    func `a query is cancelled by its client's key`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        for _ in 0..<5 {
          try client.send(Frame.query("SELECT pg_sleep(30)"))
          try other.send(Frame.query("SELECT pg_sleep(0.3), 'untouched'"))
          usleep(100_000)
          try Self.cancel(client.key, at: sluice.endpoint)
          let answer = try client.receiveUntilReady()
          #expect(answer.errors.first?.sqlstate == "57014")
          #expect(answer.status == "I")
          #expect(try other.receiveUntilReady().errors.isEmpty)
          #expect(try client.value("SELECT 'after'") == "after")
        }
      }
    }

    @Test func `psql's Ctrl-C cancels through the pooler`() throws {
      try withSluice(.newest) { sluice in
        let directory = try Scratch.directory("psql")
        let psql = try Subprocess(
          [
            try PostgresVersion.newest.bin + "/psql", "-X", "-h", "127.0.0.1", "-p",
            "\(sluice.port)", "-U", "app", "-c", "SELECT pg_sleep(30)", "app",
          ], environment: ["PGSSLMODE": "disable"], output: directory + "/out")
        try expectEventually {
          try PostgresCluster.shared(.newest).query(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30)'"
          ).value == "1"
        }
        psql.signal(SIGINT)
        #expect(psql.wait(seconds: 10) == .exited(1))
        #expect(
          Scratch.read(directory + "/out").contains("canceling statement due to user request"))
      }
    }

    @Test func `a wrong key cancels nothing`() throws {
      try withSluice(.newest) { sluice in
        let client = try sluice.connect()
        try client.send(Frame.query("SELECT pg_sleep(0.5), 'slept'"))
        var key = client.key
        key[key.count - 1] ^= 1
        for wrong in [key, [UInt8](repeating: 0, count: 8), [UInt8](repeating: 255, count: 8)] {
          try Self.cancel(wrong, at: sluice.endpoint)
        }
        #expect(try client.receiveUntilReady().errors.isEmpty)
      }
    }

    @Test func `keys differ from client to client`() throws {
      try withSluice(.newest, ["max_client_conn": 200]) { sluice in
        let clients = try (0..<100).map { _ in try sluice.connect() }
        #expect(Set(clients.map(\.key)).count == 100)
        #expect(!clients.contains { $0.key.count != 8 })
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `cancelling an idle client cancels no one`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let idle = try sluice.connect()
        let busy = try sluice.connect()
        #expect(try idle.value("SELECT 1") == "1")
        try busy.send(Frame.query("SELECT pg_sleep(0.5), 'slept'"))
        usleep(50_000)
        for _ in 0..<5 { try Self.cancel(idle.key, at: sluice.endpoint) }
        #expect(try busy.receiveUntilReady().errors.isEmpty)
      }
    }

    /// The cancel of a query that ends just then must not reach the next client of that server.
    @Test(arguments: PostgresVersion.available)
    func `a late cancel never hits another client's query`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let victim = try sluice.connect()
        let client = try sluice.connect()
        var cancelled = 0
        for round in 0..<150 {
          try client.send(Frame.query("SELECT pg_sleep(0.002)"))
          try victim.send(Frame.query("SELECT pg_sleep(0.004), \(round)"))
          usleep(UInt32(round % 30) * 150)
          try Self.cancel(client.key, at: sluice.endpoint)
          if try client.receiveUntilReady().errors.first?.sqlstate == "57014" { cancelled += 1 }
          let answer = try victim.receiveUntilReady()
          #expect(answer.errors.isEmpty, "round \(round)")
        }
        #expect(cancelled > 0, "no cancel came in time, so nothing was tested")
      }
    }

    @Test func `cancelling a client that waits for a server touches no one else`() throws {
      try withSluice(.newest, ["default_pool_size": 1]) { sluice in
        let holder = try sluice.connect()
        try holder.query("BEGIN")
        let waiter = try sluice.connect()
        try waiter.send(Frame.query("SELECT 1"))
        #expect(!waiter.isReadable(within: 0.2))
        try Self.cancel(waiter.key, at: sluice.endpoint)
        #expect(try holder.value("SELECT 'untouched'") == "untouched")
        #expect(try holder.query("COMMIT").status == "I")
        #expect(waiter.isReadable(within: 5), "it is told either way")
        #expect(try sluice.connect().value("SELECT 2") == "2")
      }
    }
  }
}
