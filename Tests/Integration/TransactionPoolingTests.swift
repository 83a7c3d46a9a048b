import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct TransactionPooling {
    @Test(arguments: PostgresVersion.available)
    func `two clients take turns on one server`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let first = try sluice.connect()
        let second = try sluice.connect()
        let process = try first.value("SELECT pg_backend_pid()")
        for _ in 0..<20 {
          #expect(try second.value("SELECT pg_backend_pid()") == process)
          #expect(try first.extended("SELECT pg_backend_pid()").value == process)
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a transaction keeps its server until it ends`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let holder = try sluice.connect()
        let waiter = try sluice.connect()
        #expect(try holder.query("BEGIN").status == "T")
        try waiter.send(Frame.query("SELECT 'mine'"))
        #expect(!waiter.isReadable(within: 0.3), "the server belongs to the transaction")
        #expect(try holder.value("SELECT 1") == "1")
        #expect(!waiter.isReadable(within: 0.1))
        #expect(try holder.query("COMMIT").status == "I")
        #expect(try waiter.receiveUntilReady().value == "mine")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a failed transaction keeps its server until it is rolled back`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let holder = try sluice.connect()
        let waiter = try sluice.connect()
        try holder.query("BEGIN")
        #expect(try holder.query("SELECT 1/0").status == "E")
        try waiter.send(Frame.query("SELECT 'mine'"))
        #expect(!waiter.isReadable(within: 0.3))
        #expect(try holder.query("SELECT 1").errors.first?.sqlstate == "25P02")
        #expect(try holder.query("ROLLBACK").status == "I")
        #expect(try waiter.receiveUntilReady().value == "mine")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a client that goes away in a transaction leaves nothing behind`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try cluster.query("DROP TABLE IF EXISTS gone; CREATE TABLE gone (a int)", database: "app")
      try cluster.query("GRANT ALL ON gone TO app", database: "app")
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        for way in 0..<3 {
          let client = try sluice.connect()
          try client.query("BEGIN; INSERT INTO gone VALUES (\(way))")
          switch way {
          case 0: client.terminate()
          case 1: client.close()
          default: client.reset()
          }
          let next = try sluice.connect()
          #expect(try next.value("SELECT count(*) FROM gone") == "0")
          #expect(try next.query("SELECT 1").status == "I")
        }
      }
    }

    @Test func `a client that goes away while its query runs costs no one else anything`() throws {
      try withSluice(.newest, ["default_pool_size": 2]) { sluice in
        for _ in 0..<20 {
          let client = try sluice.connect()
          try client.send(Frame.query("SELECT generate_series(1, 100000)"))
          client.reset()
        }
        let next = try sluice.connect()
        for number in 0..<50 {
          #expect(try next.value("SELECT \(number)") == "\(number)")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `statement mode refuses a transaction block`(version: PostgresVersion) throws {
      try withSluice(version, ["pool_mode": "statement"]) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SELECT 1") == "1")
        let answer = try client.query("BEGIN")
        #expect(
          answer.errors.first?.message.contains(
            "transaction blocks not allowed in statement pooling mode") == true)
        #expect(client.isClosedByPeer())
        #expect(try sluice.connect().value("SELECT 2") == "2")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `session mode keeps the server, and DISCARD ALL runs before the next client`(
      version: PostgresVersion
    ) throws {
      let settings: SluiceConfiguration.Section = ["pool_mode": "session", "default_pool_size": 1]
      try withSluice(version, settings) { sluice in
        let first = try sluice.connect()
        let process = try first.value("SELECT pg_backend_pid()")
        try first.query("SET search_path = 'left_behind'; CREATE TEMP TABLE mine (a int)")
        #expect(try first.value("SHOW search_path") == "left_behind")
        let second = try sluice.connect()
        try second.send(Frame.query("SHOW search_path"))
        #expect(!second.isReadable(within: 0.2), "the first session goes on")
        first.terminate()
        #expect(try second.receiveUntilReady().value == "\"$user\", public")
        #expect(try second.value("SELECT pg_backend_pid()") == process)
        #expect(try second.query("TABLE mine").errors.first?.sqlstate == "42P01")
      }
    }

    @Test func `the pool mode of a database and of a user overrule the global one`() throws {
      let users: [String: SluiceConfiguration.Section] = [
        "app": ["password": ""], "other": ["password": "", "pool_mode": "statement"],
      ]
      try withSluice(.newest, database: ["pool_mode": "session"], users: users) { sluice in
        let session = try sluice.connect()
        try session.query("SET search_path = 'kept'")
        #expect(try session.value("SHOW search_path") == "kept")
        let statement = try sluice.connect(user: "other")
        #expect(try statement.query("BEGIN").errors.isEmpty == false)
      }
    }

    @Test func `a forced user logs in to the server instead of the client's`() throws {
      try withSluice(.newest, ["auth_type": "any"], database: ["user": "other"]) { sluice in
        let client = try sluice.connect(user: "whoever")
        #expect(try client.value("SELECT current_user") == "other")
      }
    }

    @Test func `connect_query runs once on every new server`() throws {
      let database: SluiceConfiguration.Section = ["connect_query": "SET work_mem = '7MB'"]
      try withSluice(.newest, database: database) { sluice in
        let client = try sluice.connect()
        #expect(try client.value("SHOW work_mem") == "7MB")
      }
    }
  }
}
