import Glibc
import Tenancy
import Testing

extension Integration {
  /// Which tokens `sluice.tenant()` takes.
  @Suite(.serialized) struct SignedTenant {
    private static let versions = PostgresVersion.available

    private func tenant(_ client: WireClient, _ token: String) throws -> Exchange {
      _ = try client.set(token: token).checked()
      return try client.query("SELECT sluice.tenant()")
    }

    /// An error of the function's own that holds nothing of the token.
    private func expectRefusal(
      _ answer: Exchange, of token: String, _ message: String? = nil,
      _ location: SourceLocation = #_sourceLocation
    ) {
      #expect(answer.rows.isEmpty, "\(token.prefix(300))", sourceLocation: location)
      #expect(answer.sqlstate == "42501", "\(answer)", sourceLocation: location)
      let text = answer.text
      #expect(!SignedDatabase.isLeaked(in: text), sourceLocation: location)
      let parts = token.split(separator: ".").filter { $0.count > 3 }
      #expect(!parts.contains { text.contains($0) }, "\(text)", sourceLocation: location)
      if let message {
        #expect(answer.errors.first?.message == message, sourceLocation: location)
      }
    }

    @Test(arguments: versions)
    func `the tenant is the one that was signed`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      let client = try database.session()
      let names = ["acme", "0", "a.b", "o'ne", #"b\a"#, "Ünïcödé 😀", " ", "\n", ",{}"]
      for name in names + [String(repeating: "x", count: 255)] {
        #expect(try tenant(client, database.token(name)).checked().value == name)
      }
      _ = try client.query("SET ROLE tenancy_app").checked()
      #expect(try client.value("SELECT sluice.tenant()") == String(repeating: "x", count: 255))
    }

    @Test(arguments: versions)
    func `both sides make the same of a secret of any length`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      let client = try database.session()
      for length in [32, 33, 63, 64, 65, 100, 1000] {
        let secret = String(repeating: "sécret-", count: 200).prefix(length)
        try database.addSecret("of_\(length)", String(secret))
        let token = try database.token(
          "acme", keyID: "of_\(length)", secret: String(secret))
        #expect(try tenant(client, token).checked().value == "acme", "\(length)")
      }
    }

    @Test(arguments: versions)
    func `a policy shows and takes the tenant's rows only`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      let client = try database.session(of: "acme")
      let seen = try client.query("SELECT tenant_id, count(*) FROM docs GROUP BY 1").checked()
      #expect(seen.rows == [["acme", "1000"]])
      #expect(try client.query("UPDATE docs SET body = 'new'").tags == ["UPDATE 1000"])
      #expect(try client.query("INSERT INTO docs VALUES (0, 'globex', '')").sqlstate == "42501")
      #expect(try client.query("UPDATE docs SET tenant_id = 'globex'").sqlstate == "42501")
      #expect(try client.query("DELETE FROM docs").tags == ["DELETE 1000"])
      #expect(try database.query("SELECT count(*) FROM docs").value == "1000")
    }

    @Test(arguments: versions)
    func `without a token nothing is read or written`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      let client = try database.session()
      let statements = [
        "SELECT sluice.tenant()", "SELECT * FROM docs", "SELECT * FROM docs WHERE id = 1",
        "UPDATE docs SET body = ''", "DELETE FROM docs", "INSERT INTO docs VALUES (0, 'acme', '')",
        "COPY docs TO STDOUT", "COPY (SELECT * FROM docs) TO STDOUT",
      ]
      for setting in ["", "SET sluice.token = ''", "RESET sluice.token"] {
        _ = try client.query(setting).checked()
        for statement in statements {
          expectRefusal(
            try client.query(statement), of: "", "this transaction has no tenant token")
        }
      }
      _ = try client.query(
        "BEGIN; SET LOCAL sluice.token = '\(try database.token("acme"))'; COMMIT"
      ).checked()
      #expect(try client.query("SELECT * FROM docs").sqlstate == "42501")
    }

    @Test(arguments: versions)
    func `every byte of a token counts`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      let client = try database.session()
      let token = try database.token("acme")
      let bytes = Array(token.utf8)
      for index in bytes.indices {
        for change: UInt8 in [0x01, 0x02, 0x10, 0x20] {
          var changed = bytes
          changed[index] ^= change
          let text = String(decoding: changed, as: UTF8.self)
          guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x27 }) else { continue }
          expectRefusal(try tenant(client, text), of: text)
        }
        var shorter = bytes
        shorter.remove(at: index)
        let text = String(decoding: shorter, as: UTF8.self)
        expectRefusal(try tenant(client, text), of: text)
        let start = String(token.prefix(index))
        expectRefusal(try tenant(client, start), of: start)
      }
      #expect(try tenant(client, token).checked().value == "acme")
    }

    @Test(arguments: versions)
    func `what only looks like a token is refused`(version: PostgresVersion) throws {
      let database = try SignedDatabase(version)
      let client = try database.session()
      let token = try database.token("acme")
      let own = token.split(separator: ".").map(String.init)
      let others = try database.token("globex").split(separator: ".").map(String.init)
      var texts = [
        "acme", ".", "....", "v1....", "v1.k1...", ".....", "v1.k1.9999999999.61636d65.",
        "NULL", "v1.k1.1e99.61636d65.\(own[4])", " " + token, token + " ", token + ".",
        "." + token, token + token, token + "0", token + "." + own[4], token + "\n",
        token.uppercased(), "V1" + token.dropFirst(2), "v2" + token.dropFirst(2),
        "v1.K1." + own[2...].joined(separator: "."), "v1.k%." + own[2...].joined(separator: "."),
        "v1..k1." + own[2...].joined(separator: "."),
        "v1.k1." + own[2] + "0." + own[3] + "." + own[4],
        "v1.k1.0" + own[2] + "." + own[3] + "." + own[4],
        "v1.k1.+" + own[2] + "." + own[3] + "." + own[4],
        "v1.k1." + own[2] + "." + others[3] + "." + own[4],
        "v1.k1." + own[2] + "." + own[3] + "." + others[4],
        "v1.k1." + own[2] + "." + own[3] + "." + own[4].uppercased(),
        "v1.k1." + own[2] + "." + own[3] + "." + String(repeating: "0", count: 64),
        "ｖ１.k1." + own[2] + "." + own[3] + "." + own[4],
        "v1.k1." + own[2] + "." + own[3] + "." + own[4].replacing("0", with: "٠") + "é",
        String(repeating: "v1.", count: 400), String(repeating: "x", count: 1_000_000),
        "v1.k1." + own[2] + "." + String(repeating: "61", count: 1000) + "." + own[4],
      ]
      // Parts moved over the dots: the same bytes in a row, but other parts.
      texts.append("v1.k1." + own[2] + own[3] + ".." + own[4])
      texts.append("v1.k1" + own[2] + ".." + own[3] + "." + own[4])
      for text in texts { expectRefusal(try tenant(client, text), of: text) }
    }

    @Test(arguments: versions)
    func `a token is for one database, one login, one key and a while`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      let client = try database.session()
      let invalid = "the tenant token is not valid for this database and this login"
      for token in [
        try database.token("acme", database: "app"),
        try database.token("acme", database: database.name + ".x"),
        try database.token("acme", user: "tenancy_other"),
        try database.token("acme", secret: "another secret, of 32 bytes and more"),
        try database.token("acme", database: "", user: ""),
      ] {
        expectRefusal(try tenant(client, token), of: token, invalid)
      }
      let foreign = try database.token("acme", keyID: "k2")
      expectRefusal(
        try tenant(client, foreign), of: foreign,
        "the tenant token is signed with a key that this database does not have")
      let old = try database.token("acme", age: 376)
      expectRefusal(try tenant(client, old), of: old, "the tenant token has expired")
      #expect(try tenant(client, database.token("acme", age: 295)).checked().value == "acme")
      // Another login, with this one's role as its own: the session's login counts.
      try database.query("GRANT tenancy_app TO tenancy_other")
      let other = try database.session(token: database.token("acme"), user: "tenancy_other")
      _ = try other.query("SET ROLE tenancy_app").checked()
      expectRefusal(
        try other.query("SELECT sluice.tenant()"), of: try database.token("acme"), invalid)
      let own = try database.token("acme", user: "tenancy_other")
      #expect(try tenant(other, own).checked().value == "acme")
      try database.query("REVOKE tenancy_app FROM tenancy_other")
    }

    @Test(arguments: versions)
    func `a transaction that began in time goes on after the token's end`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      let client = try database.session(token: database.token("acme", lifetime: 4, age: 1))
      _ = try client.query("BEGIN").checked()
      #expect(try client.value("SELECT count(*) FROM docs") == "1000")
      _ = try client.query("SELECT pg_sleep(4.2)").checked()
      #expect(try client.value("SELECT count(*) FROM docs") == "1000")
      _ = try client.query("COMMIT").checked()
      let late = try client.query("SELECT count(*) FROM docs")
      #expect(late.errors.first?.message == "the tenant token has expired")
    }

    @Test(arguments: versions)
    func `two keys live side by side while a secret is replaced`(
      version: PostgresVersion
    ) throws {
      let database = try SignedDatabase(version)
      let client = try database.session()
      let secret = "the next secret, of 32 bytes or more"
      let before = try database.token("acme")
      let after = try database.token("acme", keyID: "k2", secret: secret)
      #expect(try tenant(client, after).sqlstate == "42501")
      try database.addSecret("k2", secret)
      #expect(try tenant(client, after).checked().value == "acme")
      #expect(try tenant(client, before).checked().value == "acme")
      #expect(try database.query("SELECT sluice.drop_secret('k1')").value == "t")
      #expect(try database.query("SELECT sluice.drop_secret('k1')").value == "f")
      expectRefusal(try tenant(client, before), of: before)
      #expect(try tenant(client, after).checked().value == "acme")
      // A secret is not replaced in its place, but the same one may be given again.
      try database.addSecret("k2", secret)
      #expect(throws: ServerError.self) { try database.addSecret("k2", secret + "!") }
      #expect(throws: ServerError.self) { try database.addSecret("k3", "a short one") }
      #expect(throws: ServerError.self) { try database.addSecret("k.3", secret) }
      #expect(try tenant(client, after).checked().value == "acme")
    }
  }
}
