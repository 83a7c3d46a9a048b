import Testing

extension Integration {
  @Suite(.serialized) struct Basics {
    @Test(arguments: PostgresVersion.available)
    func `psql gets its rows over TCP and over the unix socket`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        for endpoint in [sluice.endpoint, sluice.unixEndpoint] {
          let output = try Programs.psql(endpoint, ["SELECT 40 + 2", "SELECT current_user"])
          #expect(output.standardError == "")
          #expect(output.standardOutput == "42\napp\n")
        }
      }
    }

    /// The pooler is invisible: every exchange has the messages that the server itself sends.
    @Test(arguments: PostgresVersion.available)
    func `a simple query is answered as by the server itself`(version: PostgresVersion) throws {
      let queries = [
        "SELECT 1, NULL, 'text', ''", "SELECT generate_series(1, 1000)", "", " ; ; ",
        "SELECT 1; SELECT 2, 3; SELECT 'x'", "SELECT 1; SELECT 1/0; SELECT 3", "nonsense",
        "CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1 AS a; SELECT a + 0 FROM t",
        "DO $$ BEGIN RAISE NOTICE 'hello %', 1; END $$", "SELECT WHERE false",
        "BEGIN; SELECT 1; COMMIT", "SHOW server_version", "SELECT repeat('x', 100000)",
      ]
      try withSluice(version) { sluice in
        let direct = try PostgresCluster.shared(version).connect(user: "app", database: "app")
        let client = try sluice.connect()
        for query in queries {
          let expected = try direct.query(query)
          let answer = try client.query(query)
          #expect(answer.messages == expected.messages, "\(query)")
        }
        #expect(try client.query("SELECT NULL, 'text', ''").rows == [[nil, "text", ""]])
        client.terminate()
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `an extended query is answered as by the server itself`(
      version: PostgresVersion
    ) throws {
      let exchanges: [[UInt8]] = [
        Frame.extended("SELECT $1::text, $2::int + 1", ["a", "41"]),
        Frame.parse("SELECT $1::text") + Frame.bind([nil]) + Frame.execute() + Frame.sync,
        Frame.parse("SELECT 1") + Frame.describeStatement("") + Frame.bind() + Frame.execute()
          + Frame.sync,
        Frame.extended(""),
        Frame.extended("SELECT 1/0"),
        Frame.extended("SELEC"),
        Frame.extended("SELECT 1; SELECT 2"),
        Frame.sync,
        Frame.parse("SELECT generate_series(1, 9)") + Frame.bind() + Frame.execute(maximumRows: 4)
          + Frame.execute(maximumRows: 4) + Frame.execute() + Frame.sync,
        Frame.extended("INSERT INTO pg_temp.none VALUES (1)"),
      ]
      try withSluice(version) { sluice in
        let direct = try PostgresCluster.shared(version).connect(user: "app", database: "app")
        let client = try sluice.connect()
        for exchange in exchanges {
          try direct.send(exchange)
          try client.send(exchange)
          let expected = try direct.receiveUntilReady()
          #expect(try client.receiveUntilReady().messages == expected.messages, "\(expected)")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `Flush gets its answers before Sync`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        let client = try sluice.connect()
        try client.send(Frame.parse("SELECT 7") + Frame.describeStatement("") + Frame.flush)
        #expect(try client.receive { $0 == "T" }.types == "1tT")
        try client.send(Frame.bind() + Frame.execute() + Frame.flush)
        #expect(try client.receive { $0 == "C" }.types == "2DC")
        try client.send(Frame.sync)
        #expect(try client.receiveUntilReady().types == "Z")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a function call returns its value and its error`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        let client = try sluice.connect()
        let oid = try client.value("SELECT oid FROM pg_proc WHERE proname = 'int4pl'")
        try client.send(Frame.functionCall(Int(oid ?? "") ?? 0, ["20", "22"]))
        let answer = try client.receiveUntilReady()
        #expect(answer.types == "VZ")
        #expect(answer.messages.first { $0.type == "V" }?.body.suffix(2) == [52, 50])
        try client.send(Frame.functionCall(999_999_999, []))
        #expect(try client.receiveUntilReady().errors.first?.sqlstate == "42883")
        #expect(try client.value("SELECT 1") == "1")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `notices reach the client that caused them`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        let client = try sluice.connect()
        let answer = try client.query("DO $$ BEGIN RAISE WARNING 'watch out'; END $$")
        #expect(answer.notices.map(\.message) == ["watch out"])
        #expect(answer.status == "I")
      }
    }

    @Test func `an SSLRequest and a GSSENCRequest are declined, then the login goes on`() throws {
      try withSluice(.newest) { sluice in
        let client = try WireClient(to: sluice.endpoint)
        try client.send(Frame.gssRequest)
        #expect(try client.receiveByte() == UInt8(ascii: "N"))
        try client.send(Frame.sslRequest)
        #expect(try client.receiveByte() == UInt8(ascii: "N"))
        try client.logIn(user: "app", database: "app")
        #expect(try client.value("SELECT 'in'") == "in")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a client learns the server's parameters at login`(version: PostgresVersion) throws {
      try withSluice(version) { sluice in
        let direct = try PostgresCluster.shared(version).connect(user: "app", database: "app")
        let client = try sluice.connect()
        for name in [
          "server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone",
          "integer_datetimes", "standard_conforming_strings",
        ] {
          #expect(client.parameters[name] == direct.parameters[name], "\(name)")
        }
        #expect(client.key.count == 8)
      }
    }

    @Test func `an unknown database is refused by name`() throws {
      try withSluice(.newest) { sluice in
        let error = try sluice.loginError(database: "nowhere")
        #expect(error?.severity == "FATAL")
        #expect(error?.message.contains("no such database: nowhere") == true)
      }
    }

    @Test func `the fallback database takes the name that the client gave`() throws {
      let version = try PostgresVersion.newest
      var configuration = SluiceConfiguration(try .shared(version))
      configuration.databases = ["*": SluiceConfiguration.upstream(try .shared(version))]
      configuration.databases["*"]!["dbname"] = nil
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(database: "app")
        #expect(try client.value("SELECT current_database()") == "app")
        let error = try sluice.loginError(database: "absent")
        #expect(error?.message.contains("database \"absent\" does not exist") == true)
      }
    }
  }
}
