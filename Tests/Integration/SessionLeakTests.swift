import Testing

extension Integration {
  /// Whatever a client leaves in its session, and however it goes: the next one on that server
  /// finds nothing of it.
  @Suite(.serialized) struct SessionLeaks {
    /// What is left, as one text or as messages of the extended protocol.
    enum Trace: String, CaseIterable, Sendable {
      case setting, searchPath, role, computedSetting, temporaryTable, advisoryLock, holdCursor
      case preparedSQL, channel, unnamedStatement, namedStatement, doBlock, updatedSetting
      case transactionSetting, everything

      var messages: [UInt8] {
        switch self {
        case .setting: Frame.query("SET app.secret = 'leak'")
        case .searchPath: Frame.query("SET search_path = leaky")
        case .role: Frame.query("SET SESSION AUTHORIZATION leaver")
        case .computedSetting:
          Frame.extended("SELECT set_config('app.' || $1, 'leak', false)", ["secret"])
        case .temporaryTable:
          Frame.query("SELECT 1 AS a INTO TEMP leaked; CREATE TEMP VIEW leaky AS SELECT 1")
        case .advisoryLock: Frame.extended("SELECT pg_advisory_lock_shared(4711)")
        case .holdCursor: Frame.query("DECLARE leaked CURSOR WITH HOLD FOR SELECT 1")
        case .preparedSQL: Frame.query("PREPARE leaked AS SELECT 'leak'")
        case .channel: Frame.query("LISTEN leaked")
        case .unnamedStatement: Frame.parse("SELECT 'leak'") + Frame.sync
        case .namedStatement: Frame.parse("SELECT 'leak'", name: "leaked") + Frame.sync
        case .doBlock:
          Frame.query("DO $$BEGIN PERFORM set_config('app.secret', 'leak', false); END$$")
        case .updatedSetting:
          Frame.query("UPDATE pg_settings SET setting = '4711' WHERE name = 'work_mem'")
        case .transactionSetting: Frame.query("BEGIN; SET app.secret = 'leak'; COMMIT")
        case .everything:
          Frame.query(
            "SET app.secret = 'leak'; CREATE TEMP TABLE leaked (a int); SET work_mem = '4711kB';"
              + "SELECT pg_advisory_lock_shared(4711); PREPARE leaked AS SELECT 1; LISTEN leaked;"
              + "SET search_path = leaky; SET ROLE leaver")
        }
      }
    }

    /// How the client goes, once it has been answered, or at once.
    enum Exit: String, CaseIterable, Sendable {
      case terminate, close, reset, violation, inTransaction, inFailedTransaction, inBatch
      case inMessage, inCopy, withoutReading, runningQuery, backendKilled
    }

    private func leave(_ client: WireClient, _ exit: Exit, _ trace: Trace) throws {
      if exit == .withoutReading {
        try client.send(trace.messages + Frame.terminate)
        client.close()
        return
      }
      try client.send(trace.messages)
      _ = try client.receiveUntilReady()
      switch exit {
      case .terminate: client.terminate()
      case .close: client.close()
      case .reset: client.reset()
      case .violation: try client.send(Frame.message("y", []))
      case .inTransaction: try client.query("BEGIN; SELECT 1")
      case .inFailedTransaction: try client.query("BEGIN; SELECT 1/0")
      case .inBatch:
        try client.send(Frame.parse("SELECT 1") + Frame.bind() + Frame.execute() + Frame.flush)
        _ = try client.receive { $0 == "C" }
      case .inMessage: try client.send(Array(Frame.query("SELECT 'never whole'").dropLast(4)))
      case .inCopy:
        try client.send(Frame.query("COPY (SELECT generate_series(1, 1000000)) TO STDOUT"))
        _ = try client.receive { $0 == "d" }
      case .runningQuery: try client.send(Frame.query("SELECT pg_sleep(30)"))
      case .backendKilled: _ = try client.query("SELECT pg_terminate_backend(pg_backend_pid())")
      case .withoutReading: break
      }
      client.close()
    }

    private static let inspection = """
      SELECT current_user, session_user, current_setting('app.secret', true) = 'leak',
        (SELECT string_agg(name, ',') FROM pg_settings WHERE source = 'session'
          AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone',
            'standard_conforming_strings', 'IntervalStyle')),
        (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
        (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),
        (SELECT count(*) FROM pg_cursors WHERE is_holdable),
        (SELECT count(*) FROM pg_listening_channels())
      """

    @Test(arguments: PostgresVersion.available)
    func `the next client finds nothing`(version: PostgresVersion) throws {
      try PostgresCluster.shared(version).query(
        "DO $$BEGIN CREATE ROLE leaver; EXCEPTION WHEN duplicate_object THEN END$$;"
          + "GRANT leaver TO app; ALTER ROLE app SUPERUSER", database: "app")
      defer {
        _ = try? PostgresCluster.shared(version).query(
          "ALTER ROLE app NOSUPERUSER", database: "app")
      }
      try withSluice(version, ["default_pool_size": 1]) { sluice in
        for trace in Trace.allCases {
          for exit in Exit.allCases {
            let client = try sluice.connect()
            try leave(client, exit, trace)
            let next = try sluice.connect()
            let found = try next.query(Self.inspection)
            let row = found.rows.first ?? []
            let context = "\(trace) left by \(exit): \(row) \(found)"
            #expect(row.count == 9, "\(context)")
            guard row.count == 9 else { continue }
            #expect(row[0] == "app" && row[1] == "app", "\(context)")
            #expect(row[2] != "t" && row[3] == nil, "\(context)")
            #expect(row[4...].allSatisfy { $0 == "0" }, "\(context)")
            for name in ["", "leaked"] {
              try next.send(Frame.bind(statement: name) + Frame.execute() + Frame.sync)
              let answer = try next.receiveUntilReady()
              #expect(answer.errors.first?.sqlstate == "26000", "\(context)")
            }
            next.terminate()
          }
        }
      }
    }
  }
}
