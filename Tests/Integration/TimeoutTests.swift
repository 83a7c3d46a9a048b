import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Timeouts {
    /// Reads what the pooler says before it closes the connection.
    private static func lastWords(_ client: WireClient) throws -> ServerError? {
      let exchange = try client.receive { _ in false }
      #expect(exchange.isClosed)
      return exchange.errors.last
    }

    @Test(arguments: PostgresVersion.available)
    func `a client that waits longer than query_wait_timeout is told so`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1, "query_wait_timeout": 1]) { sluice in
        let holder = try sluice.connect()
        try holder.query("BEGIN")
        let waiter = try sluice.connect()
        try waiter.send(Frame.query("SELECT 1"))
        var words: ServerError?
        let waited = try secondsTaken { words = try Self.lastWords(waiter) }
        #expect(words?.message.contains("query_wait_timeout") == true)
        #expect(waited > 0.5 && waited < 5 * Patience.factor, "\(waited) s")
        #expect(try holder.query("COMMIT").status == "I", "the holder is not touched")
      }
    }

    @Test(.disabled(if: StandIn.isOn, "younger than the distribution's PgBouncer"))
    func `a waiting client is notified after query_wait_notify`() throws {
      try withSluice(.newest, ["default_pool_size": 1, "query_wait_notify": 1]) { sluice in
        let holder = try sluice.connect()
        try holder.query("BEGIN")
        let waiter = try sluice.connect()
        try waiter.send(Frame.query("SELECT 1"))
        let notice = try waiter.receive { $0 == "N" }.notices.first
        #expect(
          notice?.message.contains(
            "No server connection available in postgres backend, client being queued") == true)
        try holder.query("COMMIT")
        #expect(try waiter.receiveUntilReady().value == "1")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a query longer than query_timeout ends its client`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["query_timeout": 1]) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        try client.send(Frame.query("SELECT pg_sleep(60) /* late */"))
        let words = try Self.lastWords(client)?.message ?? ""
        #expect(words.contains("query timeout") || words.contains("query_timeout"))
        let running = """
          SELECT count(*) FROM pg_stat_activity
          WHERE query LIKE '%pg_sleep(60) /* late%' AND pid <> pg_backend_pid()
          """
        expectEventually("the query is stopped on the server", seconds: 5) {
          (try? sluice.connect().value(running)) == "0"
        }
      }
    }

    @Test func `a transaction idle longer than idle_transaction_timeout is ended`() throws {
      try withSluice(.newest, ["idle_transaction_timeout": 1, "default_pool_size": 1]) { sluice in
        let idle = try sluice.connect()
        let busy = try sluice.connect()
        try idle.query("BEGIN")
        let words = try Self.lastWords(idle)?.message ?? ""
        #expect(words.contains("idle transaction timeout"))
        try busy.query("BEGIN")
        for _ in 0..<12 {
          usleep(150_000)
          #expect(try busy.value("SELECT 1") == "1", "it is not idle long enough")
        }
      }
    }

    @Test(.disabled(if: StandIn.isOn, "younger than the distribution's PgBouncer"))
    func `a transaction longer than transaction_timeout is ended`() throws {
      try withSluice(.newest, ["transaction_timeout": 1]) { sluice in
        let client = try sluice.connect()
        try client.query("BEGIN")
        var words = ""
        for _ in 0..<60 {
          usleep(100_000)
          let answer = try? client.query("SELECT 1")
          if answer?.isClosed != false || answer?.errors.isEmpty == false {
            words = answer?.errors.last?.message ?? "closed"
            break
          }
        }
        #expect(words.contains("transaction timeout"))
        #expect(try sluice.connect().value("SELECT 2") == "2")
      }
    }

    @Test func `a client idle longer than client_idle_timeout is told so`() throws {
      try withSluice(.newest, ["client_idle_timeout": 1]) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        #expect(try Self.lastWords(client)?.message.contains("client_idle_timeout") == true)
      }
    }

    @Test func `a login that stalls longer than client_login_timeout is ended`() throws {
      // Else the kernel would not show the pooler a connection that says nothing.
      try withSluice(.newest, ["client_login_timeout": 1, "tcp_defer_accept": 0]) { sluice in
        let silent = try WireClient(to: sluice.endpoint)
        let partial = try WireClient(to: sluice.endpoint)
        try partial.send(Array(Frame.startup([("user", "app")]).dropLast(3)))
        for client in [silent, partial] {
          let words = try Self.lastWords(client)?.message
          // PgBouncer wants a startup packet in one piece.
          if StandIn.isOn, client === partial { continue }
          #expect(words?.contains("client_login_timeout") == true)
        }
        #expect(try sluice.connect().value("SELECT 1") == "1")
      }
    }

    /// The listener takes connections but no one ever speaks.
    @Test func `a server that does not answer costs server_connect_timeout, not for ever`() throws {
      let port = try FreePort.next()
      let silent = try Listener(port: port)
      defer { silent.close() }
      let settings: SluiceConfiguration.Section = [
        "server_connect_timeout": 1, "query_wait_timeout": 3, "server_login_retry": 1,
      ]
      try withSluice(.newest, settings, database: ["port": .integer(Int(port))]) { sluice in
        let client = try WireClient(to: sluice.endpoint)
        let error = try client.startUp([("user", "app"), ("database", "app")]).errors.last
        #expect(error != nil)
        #expect(sluice.log.contains("connect timeout"))
      }
    }
  }
}
