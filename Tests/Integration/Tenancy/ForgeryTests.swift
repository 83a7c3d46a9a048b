import Glibc
import Tenancy
import Testing

extension Integration {
  /// Somebody who runs any SQL, in a session with one tenant's token, and no secret.
  @Suite(.serialized) struct Forgery {
    private static let versions = PostgresVersion.available

    /// One database for all attempts of a version; what an attempt made is removed after it.
    private func run(_ attempt: ForgeryAttempt, in database: SignedDatabase) throws {
      let token = try database.token("acme")
      let client = try database.session(token: token)
      defer { client.close() }
      var last: Exchange?
      for statement in attempt.statements {
        last = try client.query(statement.replacing("{token}", with: token))
        let text = last?.text ?? ""
        #expect(!SignedDatabase.isLeaked(in: text), "\(attempt.name)")
        #expect(!text.contains("of globex"), "\(attempt.name): \(text.prefix(500))")
        #expect(!text.contains("spied"), "\(attempt.name): \(text.prefix(500))")
        for row in last?.rows ?? [] where row.count == 3 {
          #expect(row[1] != "globex", "\(attempt.name): \(row)")
        }
        // What prepares a harmless attempt has to work: else nothing is attempted.
        if case .isHarmless = attempt.outcome, statement.prefix(6) == "CREATE" {
          #expect(last?.errors.isEmpty == true, "\(attempt.name): \(String(describing: last))")
        }
      }
      if last?.status != "I" { _ = try client.query("ROLLBACK") }
      let after = try client.query("SELECT sluice.tenant()")
      switch attempt.outcome {
      case .fails(let sqlstate):
        #expect(last?.sqlstate == sqlstate, "\(attempt.name): \(String(describing: last))")
        #expect(after.value == "acme", "\(attempt.name): \(after)")
      case .isHarmless:
        #expect(after.value == "acme", "\(attempt.name): \(after)")
      case .losesTenant:
        #expect(after.sqlstate == "42501", "\(attempt.name): \(after)")
        #expect(try client.query("SELECT * FROM public.docs").rows.isEmpty)
      }
    }

    @Test(arguments: versions)
    func `no attempt brings another tenant's rows or the secret to light`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      #expect(ForgeryAttempt.all.count >= 60)
      for attempt in ForgeryAttempt.all {
        try run(attempt, in: database)
        try database.query("DROP SCHEMA tenancy_app CASCADE")
        try database.query("CREATE SCHEMA AUTHORIZATION tenancy_app")
        try database.query("ALTER ROLE tenancy_app RESET ALL")
      }
      #expect(try database.query("SELECT count(*) FROM sluice.secrets").value == "1")
      #expect(try database.query("SELECT count(*) FROM docs").value == "2000")
      #expect(!SignedDatabase.isLeaked(in: database.cluster.log))
    }

    /// A token is good for whoever has it: this is the promise's limit.
    @Test(arguments: versions)
    func `another's token makes one the other, on the same login and database only`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      let client = try database.session(of: "acme")
      _ = try client.set(token: database.token("globex")).checked()
      #expect(try client.value("SELECT sluice.tenant()") == "globex")
      _ = try client.set(token: database.token("globex", user: "tenancy_other")).checked()
      #expect(try client.query("SELECT sluice.tenant()").sqlstate == "42501")
    }

    @Test(arguments: versions)
    func `another session's token is seen by its login, until activity is hidden`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      let token = try database.token("globex")
      let victim = try database.session()
      _ = try victim.query("SET sluice.token = '\(token)'; SELECT count(*) FROM docs").checked()
      let thief = try database.session(of: "acme")
      let ways = [
        "SELECT query FROM pg_stat_activity", "SELECT query FROM pg_stat_get_activity(NULL)",
        """
        SELECT pg_stat_get_backend_activity(i) FROM pg_stat_get_backend_idset() AS i
        """,
      ]
      for way in ways { #expect(try thief.query(way).text.contains(token), "\(way)") }
      try database.run(script: "sluice_hide_activity.sql", as: "postgres")
      try database.run(script: "sluice_hide_activity.sql", as: "postgres")
      for way in ways {
        let answer = try thief.query(way)
        #expect(answer.sqlstate == "42501")
        #expect(!answer.text.contains(token))
      }
      for view in ["pg_stat_ssl", "pg_stat_gssapi", "pg_stat_replication", "pg_locks"] {
        #expect(try !thief.query("SELECT * FROM \(view)").text.contains(token))
      }
      let monitor = try database.session(user: "tenancy_monitor")
      let seen = try monitor.query(ways[0]).checked()
      #expect(seen.text.contains(token))
      // What the monitoring sees is of no use to it.
      _ = try monitor.set(token: token).checked()
      #expect(try monitor.query("SELECT sluice.tenant()").sqlstate == "42501")
    }

    @Test(arguments: versions)
    func `a login that can't track activities shows no token`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      let token = try database.token("globex")
      try database.query("ALTER ROLE tenancy_app SET track_activities = off")
      defer { _ = try? database.query("ALTER ROLE tenancy_app RESET track_activities") }
      let victim = try database.session(token: token)
      #expect(try victim.query("SET track_activities = on").sqlstate == "42501")
      let thief = try database.session(of: "acme")
      #expect(try !thief.query("SELECT * FROM pg_stat_activity").text.contains(token))
    }
  }
}
