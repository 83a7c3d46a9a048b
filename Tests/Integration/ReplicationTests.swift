import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Replication {
    /// PostgreSQL's own programs name the database `replication` where it does not matter.
    private static func configuration(
      _ version: PostgresVersion, _ settings: SluiceConfiguration.Section = [:]
    ) throws -> SluiceConfiguration {
      let cluster = try PostgresCluster.shared(version)
      var configuration = SluiceConfiguration(cluster)
      configuration.databases["replication"] = SluiceConfiguration.upstream(cluster)
      configuration.users["repl"] = ["password": ""]
      configuration.settings.merge(settings) { $1 }
      return configuration
    }

    /// How many walsenders serve that user.
    private static func walsenders(_ version: PostgresVersion) throws -> String? {
      try PostgresCluster.shared(version).query(
        """
        SELECT count(*) FROM pg_stat_activity
          WHERE backend_type = 'walsender' AND usename = 'repl'
        """
      ).value
    }

    // MARK: PostgreSQL's programs

    @Test(arguments: PostgresVersion.available)
    func `pg_basebackup copies a cluster`(version: PostgresVersion) throws {
      try withSluice(Self.configuration(version)) { sluice in
        let directory = try Scratch.directory("backup")
        let backup = try Subprocess.run(
          ServerUser.prefix + [
            version.bin + "/pg_basebackup", "-D", directory + "/data", "-c", "fast", "-X", "stream",
            "--no-sync", "-h", "127.0.0.1", "-p", "\(sluice.port)", "-U", "repl",
          ], environment: ["PGSSLMODE": "disable"])
        #expect(backup.succeeded, "\(backup.standardError)")
        // The proof of a backup is a server that starts from it.
        let port = try FreePort.next()
        let server = try Subprocess(
          ServerUser.prefix + [
            version.bin + "/postgres", "-D", directory + "/data", "-p", "\(port)", "-k", directory,
          ], output: directory + "/log")
        defer { server.end(SIGQUIT) }
        expectEventually("\(Scratch.read(directory + "/log"))", seconds: 30) {
          let client = try? WireClient(to: .tcp(port))
          return (try? client?.logIn(user: "app", database: "app")) != nil
        }
        try expectEventually { try Self.walsenders(version) == "0" }
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `pg_receivewal starts, stops and goes on`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      try withSluice(Self.configuration(version)) { sluice in
        let directory = try Scratch.directory("wal")
        let program =
          ServerUser.prefix + [
            version.bin + "/pg_receivewal", "-h", "127.0.0.1", "-p", "\(sluice.port)", "-U", "repl",
            "--slot=receivewal", "-w",
          ]
        let environment = ["PGSSLMODE": "disable"]
        let created = try Subprocess.run(program + ["--create-slot"], environment: environment)
        #expect(created.succeeded, "\(created.standardError)")
        for round in 0..<2 {
          // A place between two segments counts to the first.
          let segment = try cluster.query(
            "SELECT pg_walfile_name(pg_current_wal_lsn() + 1)"
          ).value
          let receiver = try Subprocess(
            program + ["-D", directory, "-n"], environment: environment,
            output: directory + "/log\(round)")
          try expectEventually { try Self.walsenders(version) == "1" }
          try cluster.query("CREATE TABLE wal\(round) AS SELECT 1; SELECT pg_switch_wal()")
          expectEventually("\(Scratch.read(directory + "/log\(round)"))", seconds: 20) {
            Scratch.exists("\(directory)/\(segment ?? "")")
          }
          receiver.signal(SIGINT)
          #expect(receiver.wait(seconds: 10) == .exited(0))
          try cluster.query("DROP TABLE wal\(round)")
        }
        let dropped = try Subprocess.run(program + ["--drop-slot"], environment: environment)
        #expect(dropped.succeeded, "\(dropped.standardError)")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `pg_recvlogical decodes`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      // Which plugins there are depends on how PostgreSQL was packaged.
      let plugin =
        version.major >= 18
        ? ["pgoutput", "-o", "proto_version=1", "-o", "publication_names=decoded"]
        : ["test_decoding"]
      try cluster.query(
        "CREATE TABLE decoded (t text); CREATE PUBLICATION decoded FOR TABLE decoded",
        database: "app")
      defer { _ = try? cluster.query("DROP TABLE decoded", database: "app") }
      try withSluice(Self.configuration(version)) { sluice in
        let directory = try Scratch.directory("logical")
        let program =
          ServerUser.prefix + [
            version.bin + "/pg_recvlogical", "-h", "127.0.0.1", "-p", "\(sluice.port)", "-U",
            "repl",
            "-d", "app", "--slot=recvlogical", "-w",
          ]
        let environment = ["PGSSLMODE": "disable"]
        let created = try Subprocess.run(
          program + ["--create-slot", "-P", plugin[0]], environment: environment)
        #expect(created.succeeded, "\(created.standardError)")
        let receiver = try Subprocess(
          program + ["--start", "-n", "-F", "0", "-f", directory + "/changes"]
            + plugin.dropFirst(), environment: environment, output: directory + "/log")
        try cluster.query("INSERT INTO decoded VALUES ('through the pooler')", database: "app")
        expectEventually("\(Scratch.read(directory + "/log"))", seconds: 20) {
          Scratch.read(directory + "/changes").contains("through the pooler")
        }
        receiver.signal(SIGINT)
        #expect(receiver.wait(seconds: 10) == .exited(0))
        let dropped = try Subprocess.run(program + ["--drop-slot"], environment: environment)
        #expect(dropped.succeeded, "\(dropped.standardError)")
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a subscription replicates`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      try cluster.query("CREATE DATABASE subscriber")
      try cluster.query(
        """
        CREATE TABLE replicated (t text PRIMARY KEY); GRANT SELECT ON replicated TO repl;
        INSERT INTO replicated VALUES ('first'); CREATE PUBLICATION replicated FOR TABLE replicated
        """, database: "app")
      try cluster.query(
        "SELECT pg_create_logical_replication_slot('subscription', 'pgoutput')", database: "app")
      try cluster.query("CREATE TABLE replicated (t text PRIMARY KEY)", database: "subscriber")
      try withSluice(Self.configuration(version)) { sluice in
        try cluster.query(
          """
          CREATE SUBSCRIPTION replicated
            CONNECTION 'host=127.0.0.1 port=\(sluice.port) dbname=app user=repl sslmode=disable'
            PUBLICATION replicated WITH (slot_name = subscription, create_slot = false)
          """, database: "subscriber")
        func copied() throws -> String? {
          try cluster.query(
            "SELECT string_agg(t, ' ' ORDER BY t) FROM replicated", database: "subscriber"
          ).value
        }
        try expectEventually("the first copy", seconds: 30) { try copied() == "first" }
        try cluster.query("INSERT INTO replicated VALUES ('second')", database: "app")
        try expectEventually("the stream", seconds: 30) { try copied() == "first second" }
        try cluster.query("DROP SUBSCRIPTION replicated", database: "subscriber")
      }
      try cluster.query("DROP DATABASE subscriber")
      try cluster.query("DROP TABLE replicated", database: "app")
    }

    @Test(arguments: PostgresVersion.available)
    func `psql speaks the replication protocol`(version: PostgresVersion) throws {
      try withSluice(Self.configuration(version)) { sluice in
        for kind in ["database", "true", "on", "yes", "1"] {
          let output = try Programs.psql(
            sluice.endpoint, ["IDENTIFY_SYSTEM"], user: "repl",
            database: "dbname=app replication=\(kind)")
          #expect(output.succeeded, "\(kind): \(output.standardError)")
          let columns = output.standardOutput.split(
            separator: "|", omittingEmptySubsequences: false)
          #expect(columns.count == 4)
          #expect(columns.last == (kind == "database" ? "app\n" : "\n"))
        }
      }
    }
  }
}
