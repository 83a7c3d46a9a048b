/// Plays a script: all clients at once, each on a thread of its own.
struct ScriptRun: Sendable {
  let script: Script
  let cluster: PostgresCluster

  /// Directly against the server.
  func direct() throws -> [Transcript] {
    try prepare()
    return try play(cluster.endpoint)
  }

  /// Through a Sluice of its own: a script depends on nothing that an earlier one left.
  func pooled() throws -> [Transcript] {
    try prepare()
    var configuration = SluiceConfiguration(cluster)
    configuration.settings.merge(script.settings) { $1 }
    return try withSluice(configuration) { try play($0.endpoint) }
  }

  /// The same with preambles in front of all transactions, and a server for each client.
  func pooledInSessions() throws -> [Transcript] {
    try prepare()
    var configuration = SluiceConfiguration(cluster)
    configuration.settings.merge(script.settings) { $1 }
    configuration.settings["pool_mode"] = "session"
    configuration.settings["default_pool_size"] = 40
    configuration.tenancy = ["sources": ["user"]]
    configuration.tenantSettings = ["diff.tenant": "{tenant}", "diff.other": "of {tenant}"]
    configuration.users["app"]?["tenant"] = "acme"
    return try withSluice(configuration) { try play($0.endpoint) }
  }

  /// Tables as at first, once the sessions of the last run are gone with their locks.
  private func prepare() throws {
    let superuser = try cluster.connect(database: "app")
    defer { superuser.terminate() }
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
    guard try eventually({ try superuser.value(count) == "0" }) else {
      throw HarnessError("sessions of the last run are still there")
    }
    _ = try superuser.query(ScriptTables.make(clients: Script.clients.upperBound)).checked()
    let sql = script.programs.map { ScriptTables.reset("diff_\($0.client)", script.kinds) }
    _ = try superuser.query(sql.joined()).checked()
  }

  private func play(_ endpoint: Endpoint) throws -> [Transcript] {
    let programs = script.programs
    return try onThreads(programs.count, seconds: 120) { index in
      // Of a script made smaller.
      if programs[index].steps.isEmpty { return Transcript() }
      var player = ScriptPlayer(program: programs[index], endpoint: endpoint)
      return player.play()
    }
  }
}
