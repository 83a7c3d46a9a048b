import Testing

extension Integration {
  @Suite(.serialized) struct Authentication {
    private static let password = PostgresCluster.password

    /// The secret that the server itself keeps for a role.
    private static func secret(_ role: String, _ version: PostgresVersion) throws -> String {
      let sql = "SELECT rolpassword FROM pg_authid WHERE rolname = '\(role)'"
      return try PostgresCluster.shared(version).query(sql).value ?? ""
    }

    /// Clients log in by `method` as a role whose secret is `secret`; servers trust.
    private static func withClients(
      _ method: SluiceConfiguration.Value, role: String, secret: String,
      _ body: (SluiceProcess) throws -> Void
    ) throws {
      let users: [String: SluiceConfiguration.Section] = [role: ["password": .text(secret)]]
      try withSluice(
        .newest, ["auth_type": method], database: ["user": "app"], users: users, body)
    }

    private static func currentUser(
      _ sluice: SluiceProcess, _ user: String, _ password: String?
    ) throws -> Subprocess.Output {
      try Programs.psql(
        sluice.endpoint, ["SELECT session_user"], user: user, password: password)
    }

    @Test func `trust asks for no password but for a known user`() throws {
      try Self.withClients("trust", role: "known", secret: "x") { sluice in
        #expect(try Self.currentUser(sluice, "known", nil).standardOutput == "app\n")
        let output = try Self.currentUser(sluice, "stranger", nil)
        #expect(output.ending == .exited(2))
        #expect(output.standardError.contains("\"trust\" authentication failed"))
      }
    }

    @Test func `any takes every name`() throws {
      try Self.withClients("any", role: "known", secret: "x") { (sluice) throws in
        #expect(try Self.currentUser(sluice, "stranger", nil).standardOutput == "app\n")
      }
    }

    /// How a client logs in, and how its secret is kept.
    @Test(arguments: [
      ("plain", "plain"), ("md5", "plain"), ("md5", "md5"), ("md5", "scram"),
      ("scram-sha-256", "plain"), ("scram-sha-256", "scram"),
    ])
    func `the right password is let in and a wrong one is not`(
      method: String, kept: String
    ) throws {
      let version = try PostgresVersion.newest
      let secret =
        switch kept {
        case "md5": try Self.secret("md5_user", version)
        case "scram": try Self.secret("scram_user", version)
        default: Self.password
        }
      let role = kept == "md5" ? "md5_user" : "scram_user"
      try Self.withClients(.text(method), role: role, secret: secret) { sluice in
        let good = try Self.currentUser(sluice, role, Self.password)
        #expect(good.standardOutput == "app\n")
        #expect(good.standardError == "")
        for wrong in ["wrong", Self.password + "x", " "] {
          let output = try Self.currentUser(sluice, role, wrong)
          #expect(output.ending == .exited(2))
          #expect(
            output.standardError.contains("password authentication failed")
              || output.standardError.contains("SASL authentication failed"))
        }
        let stranger = try Self.currentUser(sluice, "stranger", Self.password)
        #expect(stranger.ending == .exited(2))
        #expect(stranger.standardError.contains("authentication failed"))
        #expect(!sluice.log.contains(Self.password), "a password is in the log")
        #expect(!sluice.log.contains(secret), "a secret is in the log")
      }
    }

    /// Sluice logs in to servers by what they ask for.
    @Test(arguments: PostgresVersion.available, ["md5_user", "scram_user", "plain_user"])
    func `a server's password is given in the way it asks for`(
      version: PostgresVersion, role: String
    ) throws {
      let database: SluiceConfiguration.Section = [
        "user": .text(role), "password": .text(Self.password),
      ]
      try withSluice(version, ["auth_type": "any"], database: database) { sluice in
        let client = try sluice.connect(user: "whoever")
        #expect(try client.value("SELECT current_user") == role)
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a user's own password serves on both sides`(version: PostgresVersion) throws {
      let users: [String: SluiceConfiguration.Section] = [
        "scram_user": ["password": .text(Self.password)]
      ]
      try withSluice(version, ["auth_type": "scram-sha-256"], users: users) { sluice in
        let output = try Self.currentUser(sluice, "scram_user", Self.password)
        #expect(output.standardOutput == "scram_user\n")
      }
    }

    /// Sluice never learns the password: the client's proof gives it the client key.
    @Test(arguments: PostgresVersion.available)
    func `a SCRAM verifier passes the login through to the server`(
      version: PostgresVersion
    ) throws {
      let users: [String: SluiceConfiguration.Section] = [
        "scram_user": ["password": .text(try Self.secret("scram_user", version))]
      ]
      try withSluice(version, ["auth_type": "scram-sha-256"], users: users) { sluice in
        for _ in 0..<3 {
          let output = try Self.currentUser(sluice, "scram_user", Self.password)
          #expect(output.standardOutput == "scram_user\n")
          #expect(output.standardError == "")
        }
        #expect(try Self.currentUser(sluice, "scram_user", "wrong").ending == .exited(2))
      }
    }

    @Test(arguments: PostgresVersion.available)
    func `a server that refuses the pooler's login is quoted to the client`(
      version: PostgresVersion
    ) throws {
      let settings: SluiceConfiguration.Section = [
        "auth_type": "any", "query_wait_timeout": 5, "server_login_retry": 1,
      ]
      let wrong: SluiceConfiguration.Section = ["user": "scram_user", "password": "wrong"]
      try withSluice(version, settings, database: wrong) { sluice in
        let error = try sluice.loginError()
        #expect(
          error?.message.contains("password authentication failed for user \"scram_user\"") == true)
        if !StandIn.isOn { #expect(error?.sqlstate == "28P01") }
      }
      let refused: SluiceConfiguration.Section = ["user": "refused_user"]
      try withSluice(version, settings, database: refused) { (sluice) throws in
        #expect(try sluice.loginError()?.message.contains("pg_hba.conf rejects") == true)
      }
    }

    @Test func `a cleartext login is refused with its SQLSTATE`() throws {
      try Self.withClients("plain", role: "someone", secret: "right") { sluice in
        #expect(try sluice.loginError(user: "someone", password: "right") == nil)
        let error = try sluice.loginError(user: "someone", password: "wrong")
        #expect(error?.severity == "FATAL")
        #expect(error?.message.contains("password authentication failed") == true)
        if !StandIn.isOn { #expect(error?.sqlstate == "28P01") }
      }
    }

    @Test(.disabled(if: StandIn.isOn, "older PgBouncers allow less"))
    func `a password of 65530 bytes works`() throws {
      let long = String(repeating: "p", count: 65_530)
      try Self.withClients("plain", role: "someone", secret: long) { (sluice) throws in
        #expect(try sluice.loginError(user: "someone", password: long) == nil)
        #expect(try sluice.loginError(user: "someone", password: long + "x") != nil)
      }
    }

    /// Garbage in the SASL exchange has crashed poolers.
    @Test(.disabled(if: StandIn.isOn, "PgBouncer 1.18 crashes"))
    func `a malformed SCRAM message is an authentication failure`() throws {
      let version = try PostgresVersion.newest
      let secret = try Self.secret("scram_user", version)
      let firsts: [[UInt8]] = [
        [], [0], Frame.string("SCRAM-SHA-256"), Frame.string("SCRAM-SHA-256") + Frame.int32(-1),
        Frame.string("SCRAM-SHA-256") + Frame.int32(1 << 30) + [110],
        Frame.string("SCRAM-SHA-256") + Frame.int32(5) + Array("n,,n=".utf8),
        Frame.string("SCRAM-SHA-256") + Frame.int32(9) + Array("n,,n=,r=,".utf8),
        Frame.string("SCRAM-SHA-256-PLUS") + Frame.int32(3) + Array("p=x".utf8),
        Frame.string("UNKNOWN") + Frame.int32(0),
        Frame.string("SCRAM-SHA-256") + Frame.int32(2000) + [UInt8](repeating: 44, count: 2000),
      ]
      try Self.withClients("scram-sha-256", role: "scram_user", secret: secret) { sluice in
        for first in firsts {
          let client = try WireClient(to: sluice.endpoint)
          try client.send(Frame.startup([("user", "scram_user"), ("database", "app")]))
          #expect(try client.receive()?.type == "R")
          try client.send(Frame.message("p", first))
          #expect(client.isClosedByPeer(), "\(first.prefix(40))")
        }
        #expect(try Self.currentUser(sluice, "scram_user", Self.password).succeeded)
      }
    }
  }
}
