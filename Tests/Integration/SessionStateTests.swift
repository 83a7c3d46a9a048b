import Testing

extension Integration {
  @Suite(.serialized) struct SessionState {
    @Test(arguments: PostgresVersion.available)
    func `what is SET follows its client and no other`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let first = try sluice.connect()
        let second = try sluice.connect()
        try first.query("SET work_mem = '7MB'")
        try first.query("SET search_path = one, public")
        try first.extended("SET app.tenant = 'acme'")
        try second.query("SELECT set_config('app.tenant', 'other', false)")
        for _ in 0..<4 {
          #expect(try first.value("SHOW work_mem") == "7MB")
          #expect(try first.value("SHOW search_path") == "one, public")
          #expect(try first.extended("SHOW app.tenant").value == "acme")
          #expect(try second.value("SHOW work_mem") == "4MB")
          #expect(try second.value("SHOW search_path") == "\"$user\", public")
          #expect(try second.value("SHOW app.tenant") == "other")
        }
        try first.query("RESET work_mem")
        #expect(try second.value("SHOW work_mem") == "4MB")
        #expect(try first.value("SHOW work_mem") == "4MB")
        try first.query("DISCARD ALL")
        #expect(try second.value("SHOW app.tenant") == "other")
        #expect(try first.value("SELECT current_setting('app.tenant', true)") != "acme")
        #expect(try first.value("SHOW search_path") == "\"$user\", public")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a transaction decides what stays SET`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        func tenant() throws -> String? {
          _ = try other.value("SELECT 1")
          return try client.value("SELECT current_setting('app.t', true)")
        }
        try client.query("SET app.t = 'before'")
        try client.query("BEGIN; SET app.t = 'no'; ROLLBACK")
        #expect(try tenant() == "before")
        for sql in ["BEGIN", "SET app.t = 'yes'", "SAVEPOINT s", "SET app.t = 'no'"] {
          try client.query(sql)
        }
        try client.query("ROLLBACK TO s")
        try client.query("COMMIT")
        #expect(try tenant() == "yes")
        try client.query("BEGIN; SET LOCAL app.t = 'local'")
        #expect(try client.value("SHOW app.t") == "local")
        try client.query("COMMIT")
        #expect(try tenant() == "yes")
        // In one text with what fails, nothing of it holds.
        #expect(try client.query("SET app.t = 'lost'; SELECT 1/0").errors.count == 1)
        #expect(try tenant() == "yes")
        try client.query("SET app.t = 'one'; SET app.t = 'two'")
        #expect(try tenant() == "two")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `RESET brings back what a client came with`(version: PostgresVersion) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect(
          parameters: ["application_name": "came", "TimeZone": "Asia/Tokyo"])
        let other = try sluice.connect()
        for reset in ["RESET ALL", "DISCARD ALL", "CLOSE ALL; UNLISTEN *; RESET ALL"] {
          try client.query("SET TimeZone = 'Europe/Berlin'")
          try client.query("SET application_name = 'changed'")
          #expect(try client.value("SHOW TimeZone") == "Europe/Berlin")
          _ = try client.query(reset).checked()
          #expect(try other.value("SHOW TimeZone") == "UTC")
          #expect(try client.value("SHOW TimeZone") == "Asia/Tokyo", "\(reset)")
          #expect(try client.value("SHOW application_name") == "came", "\(reset)")
          #expect(client.parameters["TimeZone"] == "Asia/Tokyo")
        }
        try client.query("SET TimeZone = 'Europe/Berlin'")
        try client.query("RESET TimeZone")
        #expect(try client.value("SHOW TimeZone") == "Asia/Tokyo")
      }
    }

    /// Its goodbye has the SETs of its own begun, behind which nothing follows.
    @Test(arguments: PostgresVersion.available)
    func `who leaves while settings are changed leaves the server as it is known`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect(parameters: ["application_name": "stays"])
        try client.query("SET work_mem = '7MB'")
        for _ in 0..<20 {
          let other = try sluice.connect(parameters: ["application_name": "leaves"])
          other.terminate()
          #expect(try client.value("SHOW work_mem") == "7MB")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `roles follow their client`(version: PostgresVersion) throws {
      try PostgresCluster.shared(version).query(
        "DO $$BEGIN CREATE ROLE borrowed; EXCEPTION WHEN duplicate_object THEN END$$;"
          + "GRANT borrowed TO app", database: "app")
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        try client.query("SET ROLE borrowed")
        for _ in 0..<3 {
          #expect(try client.value("SELECT current_user") == "borrowed")
          #expect(try other.value("SELECT current_user") == "app")
        }
        try client.query("RESET ROLE")
        #expect(try client.value("SELECT current_user") == "app")
        #expect(try other.value("SELECT current_user") == "app")
      }
    }

    /// The statement that comes with the SETs must not run if they fail.
    @Test(arguments: PostgresVersion.available)
    func `no statement runs where its settings can't be put back`(
      version: PostgresVersion
    ) throws {
      let cluster = try PostgresCluster.shared(version)
      try cluster.query(
        "DO $$BEGIN CREATE ROLE fleeting; EXCEPTION WHEN duplicate_object THEN END$$;"
          + "GRANT fleeting TO app; DROP TABLE IF EXISTS unsettled;"
          + "CREATE TABLE unsettled (w text);"
          + "GRANT ALL ON unsettled TO PUBLIC", database: "app")
      let attempts: [[UInt8]] = [
        Frame.query("INSERT INTO unsettled VALUES ('simple')"),
        Frame.query("ROLLBACK; INSERT INTO unsettled VALUES ('behind rollback')"),
        Frame.query("/* x */ COMMIT; INSERT INTO unsettled VALUES ('behind commit')"),
        Frame.extended("INSERT INTO unsettled VALUES ('extended')"),
        Frame.query("ROLLBACK") + Frame.query("INSERT INTO unsettled VALUES ('pipelined')"),
        Frame.query("SELECT 1") + Frame.query("ROLLBACK")
          + Frame.query("INSERT INTO unsettled VALUES ('third')"),
        Frame.parse("ROLLBACK") + Frame.bind() + Frame.execute()
          + Frame.extended("INSERT INTO unsettled VALUES ('in a batch')"),
        Frame.extended("SELECT 1") + Frame.extended("ROLLBACK")
          + Frame.extended("INSERT INTO unsettled VALUES ('batches')"),
      ]
      for attempt in attempts {
        try withSluice(version, ["default_pool_size": 1]) { sluice in
          let client = try sluice.connect()
          let other = try sluice.connect()
          try client.query("SET ROLE fleeting")
          #expect(try other.value("SELECT current_user") == "app")
          try cluster.query("REVOKE fleeting FROM app", database: "app")
          try client.send(attempt)
          #expect(client.isClosedByPeer())
          #expect(try other.value("SELECT string_agg(w, ', ') FROM unsettled") == nil)
          try cluster.query("GRANT fleeting TO app", database: "app")
        }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `who has what can't move keeps its server until it is gone`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        let isPinned = {
          try (0..<3).allSatisfy { _ in
            try other.value("SELECT 1") == "1"
              && client.value("SELECT pg_backend_pid()") != other.value("SELECT pg_backend_pid()")
          }
        }
        try client.query("CREATE TEMP TABLE mine (a int); INSERT INTO mine VALUES (1)")
        #expect(try client.value("SELECT count(*) FROM mine") == "1")
        #expect(try isPinned())
        #expect(try other.query("SELECT * FROM mine").errors.first?.sqlstate == "42P01")
        try client.query("DROP TABLE mine")
        #expect(try client.value("SELECT pg_try_advisory_lock(11)") == "t")
        #expect(try other.value("SELECT pg_try_advisory_lock(11)") == "f")
        #expect(try isPinned())
        #expect(try client.value("SELECT pg_advisory_unlock(11)") == "t")
        try client.query("BEGIN")
        try client.query("DECLARE held CURSOR WITH HOLD FOR SELECT generate_series(1, 9)")
        try client.query("COMMIT")
        #expect(try client.value("FETCH 1 FROM held") == "1")
        #expect(try isPinned())
        #expect(try client.value("FETCH 1 FROM held") == "2")
        try client.query("CLOSE held")
        try client.query("PREPARE mine AS SELECT 'prepared'")
        #expect(try client.value("EXECUTE mine") == "prepared")
        #expect(try isPinned())
        try client.query("DEALLOCATE mine")
        #expect(sluice.log.contains("keeps its server: temporary objects"))
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a pinned client gives its server back with the last of it`(
      version: PostgresVersion
    ) throws {
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        let steps = [
          ("CREATE TEMP TABLE t (a int)", "DROP TABLE t"),
          ("SELECT pg_advisory_lock(5)", "SELECT pg_advisory_unlock_all()"),
          ("PREPARE p AS SELECT 1", "DEALLOCATE ALL"),
          ("CREATE TEMP TABLE t (a int); PREPARE p AS SELECT 1", "DISCARD ALL"),
        ]
        for (take, give) in steps {
          _ = try client.query(take).checked()
          try other.send(Frame.query("SELECT 'mine now'"))
          #expect(!other.isReadable(within: 0.2))
          _ = try client.query(give).checked()
          #expect(try other.receiveUntilReady().value == "mine now")
        }
        // What is not there does not pin: a lock that was not granted, a rolled back table.
        try client.query("BEGIN; CREATE TEMP TABLE t (a int); ROLLBACK")
        #expect(try other.value("SELECT 1") == "1")
      }
    }

    @Test(arguments: ["error", "warn", "off"])
    func `pinning may be refused, warned of or left`(mode: String) throws {
      try withSluice(.newest, ["default_pool_size": 1, "pinning": .text(mode)]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        let answer = try client.query("CREATE TEMP TABLE loose (a int)")
        let extended = try client.extended("SELECT pg_advisory_lock(1)")
        #expect(try other.value("SELECT 1") == "1")
        switch mode {
        case "error":
          #expect(answer.errors.first?.sqlstate == "0A000")
          #expect(answer.errors.first?.message.contains("temporary objects") == true)
          #expect(answer.errors.first?.fields["H"]?.contains("pinning") == true)
          #expect(extended.errors.first?.sqlstate == "0A000")
          #expect(
            try other.value(
              "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            ) == "0")
        case "warn":
          #expect(answer.tags == ["CREATE TABLE"])
          #expect(answer.notices.first?.message.contains("temporary objects") == true)
          #expect(extended.value != nil)
        default:
          #expect(answer.tags == ["CREATE TABLE"])
          #expect(answer.notices.isEmpty)
        }
      }
    }

    @Test func `the console shows who is pinned and what is prepared`() throws {
      try withSluice(.newest, ["default_pool_size": 2, "admin_users": "app"]) { sluice in
        let console = try sluice.connect(database: "pgbouncer")
        #expect(try console.query("SHOW PINNED").rows.isEmpty)
        let client = try sluice.connect()
        try client.query("SELECT pg_advisory_lock(3)")
        try client.send(Frame.parse("SELECT 1", name: "one") + Frame.sync)
        _ = try client.receiveUntilReady()
        let row = try #require(try console.query("SHOW PINNED").rows.first)
        #expect(row[0]?.contains("app/app@127.0.0.1") == true)
        #expect(row[3] == "session advisory locks")
        let prepared = try #require(try console.query("SHOW PREPARED").rows.first)
        #expect(prepared[0]?.hasPrefix("SLUICE_") == true)
        #expect(prepared[1] == "1")
        try client.query("SELECT pg_advisory_unlock(3)")
        _ = try client.value("SELECT 1")
        let totals = try console.query("SHOW PINNING").rows
        #expect(totals.map { $0[0] }.contains("pinned_total"))
        #expect(totals.first { $0[0] == "pinned_now" }?[1] == "0")
        #expect(totals.first { $0[0] == "pinned_total" }?[1] == "1")
        client.terminate()
      }
    }

    @Test func `what clients have SET is not in the log`() throws {
      try withSluice(.newest, ["default_pool_size": 1, "verbose": 2]) { sluice in
        let client = try sluice.connect(parameters: ["application_name": "told"])
        let other = try sluice.connect()
        try client.query("SET app.token = 'hush-hush'")
        for _ in 0..<2 {
          #expect(try other.value("SELECT 1") == "1")
          #expect(try client.value("SHOW app.token") == "hush-hush")
        }
        #expect(sluice.log.contains("varcache_apply: SET application_name='told'"))
        #expect(sluice.log.contains("SET \"app\".\"token\"=..."))
        #expect(!sluice.log.contains("hush-hush"))
      }
    }

    @Test func `session_state pgbouncer leaves settings where they are`() throws {
      let settings: SluiceConfiguration.Section = [
        "default_pool_size": 1, "session_state": "pgbouncer", "pinning": "off",
      ]
      try withSluice(.newest, settings) { sluice in
        let first = try sluice.connect()
        let second = try sluice.connect()
        try first.query("SET work_mem = '7MB'")
        #expect(try second.value("SHOW work_mem") == "7MB")
      }
    }

    @Test func `a long text with something in it keeps its server`() throws {
      try withSluice(.newest, ["default_pool_size": 2]) { sluice in
        let client = try sluice.connect()
        let other = try sluice.connect()
        let padding = String(repeating: "x", count: 250_000)
        for hidden in ["SET app.long = 'x'", "SELECT set_config('app.long', 'x', false)"] {
          try client.query("SELECT length('\(padding)'); \(hidden)")
          for _ in 0..<4 {
            #expect(try client.value("SHOW app.long") == "x")
            #expect(try other.value("SELECT current_setting('app.long', true)") != "x")
          }
          try client.query("DISCARD ALL")
        }
        // One with nothing in it does not.
        try client.query("SELECT length('\(padding)')")
        let third = try sluice.connect()
        try other.query("BEGIN")
        try third.query("BEGIN")
        #expect(try other.value("SELECT 1") == "1")
      }
    }
  }
}
