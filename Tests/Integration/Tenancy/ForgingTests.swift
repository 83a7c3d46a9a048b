import Glibc
import Testing

extension Integration {
  /// Somebody who has logged in through Sluice as one tenant, and wants another's rows.
  @Suite(.serialized, .disabled(if: StandIn.isOn, "PgBouncer has no tenants"))
  struct Forging {
    private typealias Level = ForgingDatabase.Level

    /// What an attempt has come to.
    private struct Finding {
      var isForeign = false
      var hasError = false
      var isClosed = false
      var trace: [String] = []

      mutating func add(_ answer: Exchange, _ level: ForgingDatabase.Level) {
        isForeign = isForeign || ForgingDatabase.isForeign(answer, level)
        hasError = hasError || !answer.errors.isEmpty || answer.isClosed
        isClosed = isClosed || answer.isClosed
        trace.append("\(answer.description.prefix(300))")
      }

      var outcome: ForgingAttempt.Outcome {
        isForeign ? .forges : hasError ? .refused : .harmless
      }
    }

    /// How the statements of an attempt are sent.
    private enum Way: String, CaseIterable {
      case asTheyAre, inTransaction, unnamed, named
    }

    private func steps(_ attempt: ForgingAttempt, _ way: Way) -> [ForgingAttempt.Step]? {
      if way == .asTheyAre { return attempt.steps }
      guard let queries = attempt.queries else { return nil }
      switch way {
      case .asTheyAre: return attempt.steps
      case .inTransaction: return (["BEGIN"] + queries).map { .query($0) }
      case .unnamed: return queries.map { .extended($0, []) }
      case .named:
        return queries.enumerated().map { number, text in
          .bytes(
            Frame.parse(text, name: "n\(number)") + Frame.sync
              + Frame.bind(statement: "n\(number)") + Frame.execute() + Frame.sync)
        }
      }
    }

    private func answers(
      _ step: ForgingAttempt.Step, _ client: inout WireClient, _ sluice: SluiceProcess,
      _ database: ForgingDatabase, _ way: Way
    ) throws -> [Exchange] {
      switch step {
      case .query(let text): return [try client.query(database.filled(text))]
      case .extended(let text, let values): return [try client.extended(text, values)]
      case .bytes(let bytes):
        try client.send(bytes)
        let first = try client.receiveUntilReady()
        return way == .named && !first.isClosed ? [first, try client.receiveUntilReady()] : [first]
      case .pieces(let pieces):
        for piece in pieces {
          do { try client.send(piece) } catch { break }
          usleep(pieces.count > 4 ? 300 : 30_000)
        }
        return [try client.receiveUntilReady()]
      case .login(let parameters):
        client.terminate()
        client = try WireClient(to: sluice.endpoint)
        return [
          try client.startUp(
            [("user", "app.acme"), ("database", "app")] + parameters.map { ($0, $1) })
        ]
      }
    }

    /// Reads and writes what can be had: in the transaction at hand, and outside of it.
    private func look(_ client: WireClient, _ finding: inout Finding, _ level: Level) throws {
      var status = try client.query("").status
      if status == "T" {
        for text in [
          "SELECT * FROM public.docs", "UPDATE public.docs SET body = 'forged'", "COMMIT",
        ] { finding.add(try client.query(text), level) }
        status = "I"
      }
      if status == "E" { _ = try client.query("ROLLBACK") }
      finding.add(try client.query("SELECT * FROM public.docs"), level)
      finding.add(try client.extended("SELECT * FROM public.docs"), level)
      finding.add(try client.query("UPDATE public.docs SET body = 'forged'"), level)
      // This is to fail in any case.
      let writing = try client.query("INSERT INTO public.docs VALUES (900, 'globex', 'forged')")
      if writing.errors.isEmpty { finding.isForeign = true }
    }

    private func finding(
      _ attempt: ForgingAttempt, _ way: Way, _ sluice: SluiceProcess, _ database: ForgingDatabase,
      isSession: Bool = false
    ) throws -> Finding? {
      guard let steps = steps(attempt, way) else { return nil }
      // Both servers have served globex, and one does so the whole time.
      let victims = try (0..<2).map { _ in try sluice.connect(user: "app.globex") }
      for victim in victims {
        let rows = try victim.query("BEGIN; SELECT DISTINCT tenant_id FROM docs").rows
        #expect(rows == [["globex"]], "before \(attempt.name)")
      }
      let named = "SELECT set_config('app.tenant_id', 'globex', false), $1::text"
      let left = Frame.parse(named, name: "v") + Frame.bind([nil], statement: "v", portal: "p")
      try victims[1].send(left + Frame.parse("SELECT 'of globex'") + Frame.sync)
      _ = try victims[1].receiveUntilReady()
      _ = try victims[1].query("ROLLBACK")
      if isSession { victims[1].terminate() }
      var client = try sluice.connect(user: "app.acme")
      var finding = Finding()
      for step in steps {
        for answer in try answers(step, &client, sluice, database, way) {
          finding.add(answer, database.level)
        }
        if finding.isClosed { break }
      }
      if !finding.isClosed { try look(client, &finding, database.level) }
      client.terminate()
      for victim in victims { victim.terminate() }
      if try !database.foreignWrites().isEmpty { finding.isForeign = true }
      // Nothing of it stays for who comes next.
      let next = try sluice.connect(user: "app.globex")
      #expect(
        try next.query("SELECT DISTINCT tenant_id FROM docs").rows == [["globex"]],
        "after \(attempt.name)")
      next.terminate()
      try database.restore()
      return finding
    }

    @Test(arguments: PostgresVersion.available, ForgingDatabase.Level.allCases)
    func `each attempt comes to what the documentation says`(
      version: PostgresVersion, level: ForgingDatabase.Level
    ) throws {
      let database = try ForgingDatabase(version, level)
      try withSluice(database.configuration()) { sluice in
        // Some builds of PostgreSQL have no XML.
        let lacksXML = try !database.superuser.query("SELECT '<a/>'::xml").errors.isEmpty
        for attempt in ForgingAttempt.all where !(lacksXML && attempt.needsXML) {
          if attempt.needsTablefunc, !database.hasTablefunc { continue }
          let expected = level == .plain ? attempt.plain : attempt.signed
          let finding = try finding(attempt, .asTheyAre, sluice, database)
          #expect(finding?.outcome == expected, "\(attempt.name): \(finding?.trace ?? [])")
        }
      }
    }

    private static let modes: [SluiceConfiguration.Section] = [
      [:], ["pool_mode": "session"], ["max_prepared_statements": 0],
    ]

    /// What Sluice looks at is for the plain level; the signed one has to hold in each mode.
    private func ways(_ level: ForgingDatabase.Level, _ mode: Int) -> [Way] {
      switch mode {
      case 0: level == .plain ? Way.allCases : [.named]
      case 1: [.asTheyAre]
      default: level == .plain ? [.asTheyAre, .named] : [.asTheyAre]
      }
    }

    /// The same statements in other ways: all that is not said to forge stays acme's. It is long,
    /// so one version has to do.
    @Test(arguments: PostgresVersion.available.suffix(1), ForgingDatabase.Level.allCases)
    func `no attempt forges in another way or another pool mode`(
      version: PostgresVersion, level: ForgingDatabase.Level
    ) throws {
      let database = try ForgingDatabase(version, level)
      for (number, mode) in Self.modes.enumerated() {
        let sources = number == 0 ? ["user_suffix"] : ["user_suffix", "set"]
        try withSluice(database.configuration(mode, sources: sources)) { sluice in
          for way in ways(level, number) {
            for attempt in ForgingAttempt.all where attempt.plain != .forges || level == .signed {
              if attempt.needsTablefunc, !database.hasTablefunc { continue }
              guard
                let finding = try finding(
                  attempt, way, sluice, database, isSession: mode["pool_mode"] != nil)
              else { continue }
              #expect(
                finding.outcome != .forges, "\(attempt.name), \(way), \(mode): \(finding.trace)")
            }
          }
        }
      }
    }

    @Test func `the list has all that it is to have`() {
      #expect(ForgingAttempt.all.count >= 100)
      #expect(Set(ForgingAttempt.all.map(\.name)).count == ForgingAttempt.all.count)
      for attempt in ForgingAttempt.all {
        #expect(attempt.signed != .forges, "\(attempt.name)")
        #expect((attempt.plain == .forges) == (attempt.stop == .nothing), "\(attempt.name)")
      }
    }

    /// Words of their own stand for settings too.
    @Test(arguments: PostgresVersion.available)
    func `no word for a protected setting is overlooked`(version: PostgresVersion) throws {
      let database = try ForgingDatabase(version, .plain)
      for tenant in ["acme", "globex"] {
        let role = "forging_\(tenant)"
        try database.run("DROP ROLE IF EXISTS \(role); CREATE ROLE \(role)")
        try database.run("GRANT \(role) TO tenancy_app; GRANT SELECT ON docs TO \(role)")
      }
      defer {
        for tenant in ["acme", "globex"] {
          try? database.run("DROP OWNED BY forging_\(tenant); DROP ROLE forging_\(tenant)")
        }
      }
      var configuration = database.configuration(sources: ["user_suffix"])
      configuration.tenantSettings["role"] = "forging_{tenant}"
      configuration.tenantSettings["search_path"] = "of_{tenant}, public"
      try withSluice(configuration) { sluice in
        let client = try sluice.connect(user: "app.acme")
        for text in [
          "SET SCHEMA 'of_globex'", "SET LOCAL SCHEMA 'of_globex'", "SET SESSION SCHEMA 'x'",
          "SET search_path TO of_globex", "RESET search_path", "SET ROLE forging_globex",
          "SET LOCAL ROLE forging_globex", "SET SESSION ROLE NONE", "SET role = none",
          "RESET ROLE", "SET SESSION AUTHORIZATION DEFAULT", "RESET SESSION AUTHORIZATION",
          "SET LOCAL SESSION AUTHORIZATION tenancy_app", "SET session_authorization TO DEFAULT",
          "SELECT set_config('role', 'none', false)", "SELECT set_config('search_path', 'x', true)",
          "UPDATE pg_settings SET setting = 'of_globex' WHERE name = 'search_path'",
          "CREATE VIEW public.v AS TABLE pg_settings", "ALTER ROLE tenancy_app SET role = 'none'",
          "CREATE SCHEMA s CREATE TABLE t (a int, b int) CREATE VIEW v AS TABLE pg_settings",
        ] {
          for message in [Frame.query(text), Frame.extended(text)] {
            _ = try client.query("BEGIN").checked()
            try client.send(message)
            #expect(try client.receiveUntilReady().sqlstate == "42501", "\(text)")
            _ = try client.query("ROLLBACK").checked()
            #expect(try client.value("SELECT current_user") == "forging_acme", "\(text)")
            #expect(try client.value("SHOW search_path") == "of_acme, public", "\(text)")
          }
        }
        for text in ["SET TIME ZONE 'UTC'", "SET NAMES 'UTF8'", "SET XML OPTION DOCUMENT"] {
          _ = try client.query(text).checked()
        }
        client.terminate()
      }
    }

    /// With `UPDATE_DOCS=1` in the environment this writes it anew instead of failing.
    @Test func `docs/tenancy.md has every attempt as it is`() throws {
      let folder = String(#filePath).split(separator: "/").dropLast(4).joined(separator: "/")
      let path = "/\(folder)/docs/tenancy.md"
      var lines = Scratch.read(path).split(separator: "\n", omittingEmptySubsequences: false)
        .map(String.init)
      let wanted =
        ["| attempt | plain | what stops it | signed |", "|---|---|---|---|"]
        + ForgingAttempt.all.map(\.line)
      let begin = try #require(lines.firstIndex(of: "<!-- begin forging -->"))
      let end = try #require(lines.firstIndex(of: "<!-- end forging -->"))
      if getenv("UPDATE_DOCS") != nil {
        lines.replaceSubrange(begin + 1..<end, with: wanted)
        try Scratch.write(lines.joined(separator: "\n"), to: path, mode: 0o644)
      } else {
        #expect(Array(lines[(begin + 1)..<end]) == wanted, "UPDATE_DOCS=1 writes it anew")
      }
    }
  }
}
