import Glibc
import Testing

extension Integration {
  @Suite(.serialized) struct Ini {
    @Test(arguments: PostgresVersion.available)
    func `a pgbouncer.ini with its auth_file runs unchanged`(version: PostgresVersion) throws {
      let cluster = try PostgresCluster.shared(version)
      var configuration = SluiceConfiguration(cluster)
      configuration.settings["auth_type"] = "md5"
      configuration.databases["app"]!["connect_query"] = "SET work_mem = '9MB'"
      configuration.users = [
        "app": ["password": .text(PostgresCluster.password)],
        "scram_user": ["password": .text(PostgresCluster.password)],
      ]
      try withSluice(configuration, format: .ini) { sluice in
        for user in ["app", "scram_user"] {
          let output = try Programs.psql(
            sluice.endpoint, ["SELECT current_user", "SHOW work_mem"], user: user,
            password: PostgresCluster.password)
          #expect(output.standardOutput == "\(user)\n9MB\n", "\(output.standardError)")
        }
        let wrong = try Programs.psql(sluice.endpoint, ["SELECT 1"], password: "wrong")
        #expect(wrong.ending == .exited(2))
      }
    }

    /// What an ini leaves out has PgBouncer's defaults, not those of the native format.
    @Test func `an ini without pool_mode pools sessions`() throws {
      var configuration = SluiceConfiguration(try .shared(.newest))
      configuration.settings["pool_mode"] = nil
      try withSluice(configuration, format: .ini) { sluice in
        let client = try sluice.connect()
        try client.query("SET search_path = 'kept'")
        let other = try sluice.connect()
        #expect(try other.value("SHOW search_path") != "kept")
        #expect(try client.value("SHOW search_path") == "kept")
      }
    }

    /// As distributions and years of editing leave it behind.
    @Test func `comments, includes, repeated sections and odd quoting are read`() throws {
      let cluster = try PostgresCluster.shared(.newest)
      let directory = try Scratch.directory("ini")
      let port = try FreePort.next()
      try Scratch.write(
        "[databases]\nincluded = \(Self.upstream(cluster))\n", to: directory + "/more.ini")
      try Scratch.write("\"app\" \"\"\n", to: directory + "/userlist.txt")
      let rest = "port=\(cluster.port) dbname='app'"
      try Scratch.write(
        """
        ;; a comment
        # another
        [databases]
          quoted = host='127.0.0.1' \(rest) connect_query='SET work_mem = ''8MB'''
        * = host=127.0.0.1 port=\(cluster.port)
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = 1
        listen_port = \(port)
        unix_socket_dir =
        auth_type = trust
        auth_file = \(directory)/userlist.txt
        pool_mode = session
        pool_mode = transaction
        ignore_startup_parameters = extra_float_digits
        logfile =
        %include \(directory)/more.ini

        """, to: directory + "/pgbouncer.ini")
      let process = try Subprocess(
        ServerUser.prefix + [try SluiceBinary.path(), directory + "/pgbouncer.ini"],
        environment: SluiceBinary.environment, output: directory + "/out")
      Watchdog.shared.say("process", "\(process.pid)")
      defer { process.end(SIGINT) }
      expectEventually {
        (try? Self.value("SELECT 1", port, "app")) == "1" || process.poll() != nil
      }
      #expect(process.poll() == nil, "\(Scratch.read(directory + "/out"))")
      #expect(try Self.value("SHOW work_mem", port, "quoted") == "8MB")
      #expect(try Self.value("SELECT current_database()", port, "included") == "app")
      #expect(try Self.value("SELECT current_database()", port, "app") == "app")
    }

    private static func upstream(_ cluster: PostgresCluster) -> String {
      "host=127.0.0.1 port=\(cluster.port) dbname=app"
    }

    private static func value(_ sql: String, _ port: UInt16, _ database: String) throws -> String? {
      let client = try WireClient(to: .tcp(port))
      try client.logIn(user: "app", database: database)
      return try client.value(sql)
    }
  }
}
