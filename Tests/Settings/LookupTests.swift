import Testing

@testable import Settings

struct LookupTests {
  let settings: Settings

  init() throws {
    settings = try #require(
      ini(
        """
        [pgbouncer]
        pool_mode = session
        default_pool_size = 20
        min_pool_size = 4
        reserve_pool_size = 1
        max_db_connections = 7
        max_db_client_connections = 70
        max_user_connections = 9
        max_user_client_connections = 90
        query_timeout = 1
        query_wait_timeout = 2
        idle_transaction_timeout = 3
        transaction_timeout = 4
        client_idle_timeout = 5
        server_lifetime = 6
        [databases]
        own = pool_mode=transaction pool_size=10 min_pool_size=8 reserve_pool_size=2 \
        query_wait_timeout=20 server_lifetime=0 max_db_connections=3 max_db_client_connections=30
        plain = max_db_connections=0
        * = host=fallback pool_size=11
        [users]
        own = pool_mode=statement pool_size=5 reserve_pool_size=3 query_wait_timeout=30 \
        max_user_connections=6 max_user_client_connections=60 query_timeout=0 \
        idle_transaction_timeout=31 transaction_timeout=32 client_idle_timeout=33
        zero = pool_size=0 max_user_connections=0
        """
      ).settings)
  }

  @Test func `a user's setting comes before the database's, and that before the global one`() {
    #expect(settings.poolMode(database: "own", user: "own") == .statement)
    #expect(settings.poolMode(database: "own", user: "x") == .transaction)
    #expect(settings.poolMode(database: "plain", user: "x") == .session)
    #expect(settings.poolSize(database: "own", user: "own") == 5)
    #expect(settings.poolSize(database: "own", user: "x") == 10)
    #expect(settings.poolSize(database: "plain", user: "x") == 20)
    #expect(settings.reservePoolSize(database: "own", user: "own") == 3)
    #expect(settings.reservePoolSize(database: "own", user: "x") == 2)
    #expect(settings.reservePoolSize(database: "plain", user: "x") == 1)
    #expect(settings.queryWaitTimeout(database: "own", user: "own") == .seconds(30))
    #expect(settings.queryWaitTimeout(database: "own", user: "x") == .seconds(20))
    #expect(settings.queryWaitTimeout(database: "plain", user: "x") == .seconds(2))
  }

  @Test func `a pool's minimum is capped at its size`() {
    #expect(settings.minPoolSize(database: "own", user: "x") == 8)
    #expect(settings.minPoolSize(database: "own", user: "own") == 5)
    #expect(settings.minPoolSize(database: "plain", user: "x") == 4)
  }

  @Test func `a cap of zero follows the global cap, other zeros count`() {
    #expect(settings.maxDbConnections(database: "own") == 3)
    #expect(settings.maxDbConnections(database: "plain") == 7)
    #expect(settings.maxDbClientConnections(database: "own") == 30)
    #expect(settings.maxDbClientConnections(database: "plain") == 70)
    #expect(settings.maxUserConnections(user: "own") == 6)
    #expect(settings.maxUserConnections(user: "zero") == 9)
    #expect(settings.maxUserClientConnections(user: "own") == 60)
    #expect(settings.maxUserClientConnections(user: "x") == 90)
    #expect(settings.poolSize(database: "own", user: "zero") == 0)
    #expect(settings.queryTimeout(user: "own") == .zero)
    #expect(settings.serverLifetime(database: "own") == .zero)
  }

  @Test func `the timeouts of a user`() {
    #expect(settings.queryTimeout(user: "x") == .seconds(1))
    #expect(settings.idleTransactionTimeout(user: "own") == .seconds(31))
    #expect(settings.idleTransactionTimeout(user: "x") == .seconds(3))
    #expect(settings.transactionTimeout(user: "own") == .seconds(32))
    #expect(settings.transactionTimeout(user: "x") == .seconds(4))
    #expect(settings.clientIdleTimeout(user: "own") == .seconds(33))
    #expect(settings.clientIdleTimeout(user: "x") == .seconds(5))
    #expect(settings.serverLifetime(database: "plain") == .seconds(6))
  }

  @Test func `an unknown database is the fallback under the name asked for`() throws {
    let database = try #require(settings.database(named: "other"))
    #expect(database.name == "other")
    #expect(database.serverDatabase == "other")
    #expect(database.isAutomatic)
    #expect(database.hosts == ["fallback"])
    #expect(settings.poolSize(database: "other", user: "x") == 11)
    #expect(settings.database(named: "own")?.isAutomatic == false)
    #expect(Settings(defaultsOf: .native).database(named: "other") == nil)
  }

  @Test func `a reload keeps what needs a restart`() throws {
    let new = try #require(
      ini("[pgbouncer]\nlisten_port = 1\npool_mode = statement\nuser = x\n").settings)
    #expect(new.changesNeedingRestart(from: settings) == ["listen_port", "user"])
    let kept = new.keepingUnreloadable(of: settings)
    #expect(kept.listenPort == 6432)
    #expect(kept.origin(of: "listen_port") == .defaultValue)
    #expect(kept.user == "")
    #expect(kept.poolMode == .statement)
    #expect(kept.databases == [:])
    #expect(kept.changesNeedingRestart(from: settings) == [])
  }

  @Test func `one setting can be set from text`() throws {
    let changed = try settings.setting("query_timeout", to: "7.5", origin: .console)
    #expect(changed.queryTimeout == .milliseconds(7500))
    #expect(changed.origin(of: "query_timeout") == .console)
    #expect(changed != settings)
    #expect(throws: SettingRefusal(message: #""verbose" takes 0 to 9, not 10"#)) {
      try settings.setting("verbose", to: "10", origin: .commandLine)
    }
    #expect(throws: SettingRefusal(message: #"unknown setting "verbos"; did you mean "verbose"?"#))
    {
      try settings.setting("verbos", to: "1", origin: .commandLine)
    }
  }
}
