import Glibc
import Testing

extension Integration.Replication {
  @Suite(.serialized) struct OfOneClient {
    private static func configuration(
      _ version: PostgresVersion, _ settings: SluiceConfiguration.Section = [:]
    ) throws -> SluiceConfiguration {
      var configuration = SluiceConfiguration(try .shared(version))
      configuration.users["repl"] = ["password": ""]
      configuration.settings.merge(settings) { $1 }
      return configuration
    }

    private static func connection(
      _ sluice: SluiceProcess, _ kind: String = "database", parameters: [String: String] = [:]
    ) throws -> WireClient {
      try sluice.connect(
        user: "repl", parameters: parameters.merging(["replication": kind]) { $1 })
    }

    @Test(arguments: PostgresVersion.available)
    func `a connection is its client's alone, with its parameters`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      let settings: SluiceConfiguration.Section = [
        "default_pool_size": 5, "server_check_delay": 0, "server_reset_query_always": 1,
      ]
      try withSluice(Self.configuration(version, settings)) { sluice in
        let plain = try sluice.connect(user: "repl")
        #expect(try plain.value("SELECT 1") == "1")
        let first = try Self.connection(
          sluice,
          parameters: [
            "application_name": "mine", "options": "-c enable_seqscan=off -c work_mem=1MB",
            "DateStyle": "German",
          ])
        #expect(first.parameters["application_name"] == "mine")
        #expect(first.parameters["DateStyle"] == "German, DMY")
        #expect(try first.value("SHOW enable_seqscan") == "off")
        let second = try Self.connection(sluice, "true")
        #expect(try second.value("SHOW enable_seqscan") == "on")
        let error = try second.query("SELECT 1").errors.first
        #expect(error?.message.contains("physical replication") == true)
        // What is left behind shows that nobody else has it meanwhile, or later.
        try first.query("CREATE TEMPORARY TABLE left_behind ()")
        #expect(try first.query("SELECT * FROM left_behind").errors.isEmpty)
        #expect(try plain.value("SELECT to_regclass('left_behind')") == nil)
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'repl'"
        #expect(try cluster.query(sql).value == "3")
        first.terminate()
        second.terminate()
        try expectEventually { try cluster.query(sql).value == "1" }
        #expect(try plain.value("SELECT 2") == "2")
        #expect(!sluice.log.contains("crashed"))
      }
    }

    @Test(arguments: PostgresVersion.available, ["true", "database"])
    func `a refusal is the server's own`(version: PostgresVersion, kind: String) throws {
      let cluster = try PostgresCluster.shared(version)
      let parameters = [("user", "app"), ("database", "app"), ("replication", kind)]
      try withSluice(Self.configuration(version)) { sluice in
        let direct = try WireClient(to: cluster.endpoint).startUp(parameters)
        let answer = try WireClient(to: sluice.endpoint).startUp(parameters)
        #expect(answer.isClosed)
        #expect(answer.errors == direct.errors)
        #expect(answer.types == "E", "it is not let in before its server is")
        #expect(try sluice.connect().value("SELECT 1") == "1")
      }
    }

    @Test(arguments: ["", "maybe", "o", "2", "Database"])
    func `a replication parameter is a boolean or database`(value: String) throws {
      let cluster = try PostgresCluster.shared(.newest)
      let parameters = [("user", "repl"), ("database", "app"), ("replication", value)]
      try withSluice(Self.configuration(.newest)) { sluice in
        let direct = try WireClient(to: cluster.endpoint).startUp(parameters).errors.first
        let answer = try WireClient(to: sluice.endpoint).startUp(parameters).errors.first
        #expect(answer?.message == direct?.message)
        #expect(answer?.sqlstate == direct?.sqlstate)
      }
    }

    @Test func `no replication is replication too`() throws {
      try withSluice(Self.configuration(.newest, ["default_pool_size": 1])) { sluice in
        for value in ["false", "off", "no", "0", "F"] {
          let client = try Self.connection(sluice, value)
          #expect(try client.value("SELECT 1") == "1")
          client.terminate()
        }
      }
    }

    // MARK: limits

    @Test(arguments: [["default_pool_size": 2], ["max_db_connections": 2]])
    func `connections count, and idle ones make way`(
      settings: SluiceConfiguration.Section
    ) throws {
      var settings = settings
      settings["query_wait_timeout"] = 1
      let cluster = try PostgresCluster.shared(.newest)
      try withSluice(Self.configuration(.newest, settings)) { sluice in
        // Both places are taken by idle servers.
        let plain = try (0..<2).map { _ in try sluice.connect(user: "repl") }
        for client in plain { try client.query("BEGIN") }
        for client in plain { try client.query("COMMIT") }
        let replicating = try (0..<2).map { _ in try Self.connection(sluice) }
        #expect(try cluster.connections() == 2)
        let third = try sluice.loginError(user: "repl", parameters: ["replication": "database"])
        #expect(third?.message == "query_wait_timeout")
        #expect(third?.sqlstate == "57014")
        replicating[0].terminate()
        let next = try Self.connection(sluice)
        #expect(try next.value("SELECT 3") == "3")
        next.terminate()
        #expect(try plain[0].value("SELECT 4") == "4")
        #expect(try cluster.connections() <= 2)
      }
    }

    @Test(arguments: [["default_pool_size": 1], ["max_db_connections": 1]])
    func `a busy pool lets a replication client in`(
      settings: SluiceConfiguration.Section
    ) throws {
      try withSluice(Self.configuration(.newest, settings)) { sluice in
        let clients = try (0..<4).map { _ in try sluice.connect(user: "repl") }
        // Somebody always waits, so that the server never rests.
        for client in clients { try client.send(Frame.query("SELECT pg_sleep(0.05)")) }
        let login = Background {
          let client = try Self.connection(sluice)
          #expect(try client.value("SELECT 'in'") == "in")
          client.terminate()
        }
        let deadline = Deadline(seconds: 10)
        var index = 0
        while !login.isDone, !deadline.isOver {
          #expect(try clients[index % 4].receiveUntilReady().errors.isEmpty)
          try clients[index % 4].send(Frame.query("SELECT pg_sleep(0.05)"))
          index += 1
        }
        try login.value(seconds: 1)
        for client in clients { #expect(try client.receiveUntilReady().errors.isEmpty) }
      }
    }

    @Test func `a client that leaves early frees its place`() throws {
      try withSluice(Self.configuration(.newest, ["default_pool_size": 1])) { sluice in
        let holder = try Self.connection(sluice)
        for _ in 0..<20 {
          let early = try WireClient(to: sluice.endpoint)
          try early.send(
            Frame.startup([("user", "repl"), ("database", "app"), ("replication", "1")]))
          usleep(5_000)
          early.reset()
        }
        holder.terminate()
        for _ in 0..<20 {
          let early = try WireClient(to: sluice.endpoint)
          try early.send(
            Frame.startup([("user", "repl"), ("database", "app"), ("replication", "1")]))
          early.reset()
        }
        #expect(try sluice.connect(user: "repl").value("SELECT 1") == "1")
      }
    }

    @Test func `a server that never answers is given up and blocks nobody`() throws {
      let server = try FakeServer { connection, packet in
        guard packet.contains(UInt8(ascii: "l")),
          String(decoding: packet, as: UTF8.self)
            .contains("replication")
        else {
          try connection.welcome()
          return try connection.serveQueries()
        }
        _ = connection.isReadable(within: 10)
      }
      defer { server.close() }
      try withSluice(server.configuration(["server_connect_timeout": 1])) { sluice in
        let login = Background {
          try sluice.loginError(parameters: ["replication": "true"])?.message
        }
        #expect(eventually { server.packets.count == 1 })
        let client = try sluice.connect()
        #expect(try client.query("SELECT 1").tags == ["SELECT 1"])
        #expect(try login.value()?.contains("connect timeout") == true)
        #expect(try client.query("SELECT 2").tags == ["SELECT 2"])
      }
    }

    // MARK: the stream

    @Test(arguments: PostgresVersion.available)
    func `a stream ends and begins again, and has no time limit`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      let settings: SluiceConfiguration.Section = [
        "query_timeout": 0.3, "transaction_timeout": 0.3, "client_idle_timeout": 0.5,
      ]
      try withSluice(Self.configuration(version, settings)) { sluice in
        let client = try Self.connection(sluice, "true")
        for round in 0..<2 {
          let place = try client.query("IDENTIFY_SYSTEM").checked().rows.first?[2] ?? ""
          try client.send(Frame.query("START_REPLICATION PHYSICAL \(place)"))
          #expect(try client.receive { $0 == "W" }.types.hasSuffix("W"))
          usleep(700_000)
          try cluster.query("CREATE TABLE streamed\(round) (); DROP TABLE streamed\(round)")
          let stream = try client.receive { $0 == "d" }
          #expect(stream.errors.isEmpty && !stream.isClosed)
          try client.send(Frame.copyDone)
          let end = try client.receiveUntilReady()
          #expect(end.errors.isEmpty && end.types.hasSuffix("cCCZ"), "\(end)")
        }
        expectEventually("client_idle_timeout") { client.isClosedByPeer(within: 5) }
      }
    }

    @Test func `a reader that is slow holds the stream back`() throws {
      let cluster = try PostgresCluster.shared(.newest)
      try withSluice(Self.configuration(.newest)) { sluice in
        let client = try Self.connection(sluice, "true")
        let place = try client.query("IDENTIFY_SYSTEM").checked().rows.first?[2] ?? ""
        let before = sluice.peakResidentKilobytes
        try client.send(Frame.query("START_REPLICATION PHYSICAL \(place)"))
        try cluster.query(
          """
          CREATE TABLE bulk AS SELECT repeat('x', 1000) FROM generate_series(1, 50000);
          DROP TABLE bulk
          """)
        usleep(1_000_000)
        if Patience.measuresMemory {
          #expect(sluice.peakResidentKilobytes - before < 8 * 1024)
        }
        var bytes = 0
        while bytes < 50_000_000 {
          guard let message = try client.receive() else { break }
          if message.type == "d" { bytes += message.body.count }
        }
        #expect(bytes >= 50_000_000)
        if Patience.measuresMemory {
          #expect(sluice.peakResidentKilobytes - before < 8 * 1024)
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a walsender that is terminated ends its client with its words`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try withSluice(Self.configuration(version)) { sluice in
        let client = try Self.connection(sluice)
        try cluster.query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'repl'")
        let end = try client.receiveUntilReady()
        #expect(end.isClosed)
        #expect(end.errors.first?.sqlstate == "57P01")
        #expect(try Self.connection(sluice).value("SELECT 1") == "1")
      }
    }

    @Test func `a reload that leads elsewhere ends replication`() throws {
      var configuration = try Self.configuration(.newest)
      let sluice = try SluiceProcess(configuration)
      defer { sluice.endAndCheck() }
      let client = try Self.connection(sluice)
      configuration.databases["app"]?["dbname"] = "postgres"
      try sluice.rewrite(configuration)
      sluice.process.signal(SIGHUP)
      let end = try client.receiveUntilReady()
      #expect(end.errors.first?.message == "database configuration changed")
      #expect(try Self.connection(sluice).value("SELECT current_database()") == "postgres")
    }
  }
}
