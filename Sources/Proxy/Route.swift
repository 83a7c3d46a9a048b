import Pooling
import PostgresAuth
import PostgresWire
import Reactor
import Settings
import Tenancy

/// What a pool's connections need to know, as the configuration has it now. Immutable: a reload
/// makes new ones.
final class Route: Sendable {
  let pool: PoolID
  let database: DatabaseSettings
  /// The tenant whose own database it is; nil: it is for all.
  let tenant: TenantName?
  /// See ``PoolDatabase/row``.
  let row: DatabaseIsolation?
  /// What the database's pools and its listening connection go by.
  let key: String
  /// The database's name in the log.
  let title: String
  /// Who logs in to the server.
  let user: String
  let secret: StoredSecret?
  let mode: PoolMode
  let hosts: [String]
  /// Sent before a released server may serve another client; nil: nothing.
  let resetQuery: String?
  /// The same for transaction and statement mode (server_reset_query_always).
  let resetQueryAlways: Bool
  let checkQuery: String?
  let connectQuery: String?
  /// In microseconds; 0 is off.
  let connectTimeout: UInt64
  let queryTimeout: UInt64
  let idleTransactionTimeout: UInt64
  let transactionTimeout: UInt64

  init(pool: PoolID, database place: PoolDatabase, user: String, settings: Settings) {
    self.pool = pool
    let database = place.settings
    self.database = database
    tenant = place.tenant
    row = place.row
    key = place.key
    title = place.title
    self.user = user
    secret = Self.secret(database: database, user: user, settings: settings)
    mode = settings.poolMode(database: database.name, user: user)
    hosts = settings.serverHosts(of: database)
    resetQuery = settings.serverResetQuery.isEmpty ? nil : settings.serverResetQuery
    resetQueryAlways = settings.serverResetQueryAlways
    switch settings.serverCheck {
    case .none: checkQuery = nil
    case .emptyQuery: checkQuery = ""
    case .query(let text): checkQuery = text
    }
    connectQuery = database.connectQuery
    connectTimeout = settings.serverConnectTimeout.microseconds
    queryTimeout = settings.queryTimeout(user: user).microseconds
    idleTransactionTimeout = settings.idleTransactionTimeout(user: user).microseconds
    transactionTimeout = settings.transactionTimeout(user: user).microseconds
  }

  private static func secret(
    database: DatabaseSettings, user: String, settings: Settings
  ) -> StoredSecret? {
    if database.user != nil, let own = database.password { return StoredSecret(own.text) }
    return settings.secrets[user].map { StoredSecret($0.text) }
  }

  /// The same database as another configuration has it; nil: it has none, or has the tenant in
  /// another.
  func database(in settings: Settings) -> PoolDatabase? {
    guard let found = try? settings.poolDatabase(database.name, for: tenant, row: row),
      found.key == key
    else { return nil }
    return found
  }

  /// Whether a connection made for the other route would do for this one.
  func leadsWhere(_ other: Route) -> Bool {
    database.dbname == other.database.dbname && hosts == other.hosts
      && database.port == other.database.port && user == other.user
      && connectQuery == other.connectQuery
      && database.clientEncoding == other.database.clientEncoding
      && database.dateStyle == other.database.dateStyle
      && database.timeZone == other.database.timeZone
  }

  /// An hour, as autodb_idle_timeout is where nobody says otherwise.
  private static var longestIdle: UInt64 { 3_600_000_000 }

  /// The limits of the pool.
  static func limits(
    database place: PoolDatabase, user: String, settings: Settings
  ) -> PoolLimits {
    let database = place.settings
    let name = database.name
    var limits = PoolLimits()
    limits.size = settings.poolSize(database: name, user: user)
    limits.reserveSize = settings.reservePoolSize(database: name, user: user)
    limits.reserveTimeout = settings.reservePoolTimeout.microseconds
    limits.minimumSize = settings.minPoolSize(database: name, user: user)
    let lifetime = settings.serverLifetime(database: name).microseconds
    limits.serverLifetime = lifetime == 0 ? PoolLimits.oneUse : lifetime
    limits.serverIdleTimeout = settings.serverIdleTimeout.microseconds
    limits.serverCheckDelay =
      settings.serverCheck == .none ? nil : settings.serverCheckDelay.microseconds
    limits.loginRetry = settings.serverLoginRetry.microseconds
    limits.queryWaitTimeout =
      settings.queryWaitTimeout(database: name, user: user).microseconds
    limits.queryWaitNotify = settings.queryWaitNotify.microseconds
    limits.poolIdleTimeout =
      (database.isAutomatic ? settings.autodbIdleTimeout : settings.poolIdleTimeout).microseconds
    limits.isRoundRobin = settings.serverRoundRobin
    // Their plans are the same tenant's.
    limits.prefersTenant = settings.tenancyRules.settingNames.contains {
      $0.key == "search_path" || $0.key == "role"
    }
    limits.isAlwaysWarm = database.user != nil
    if place.tenant != nil {
      // Tenants come and go without end.
      limits.isTransient = true
      limits.isAlwaysWarm = false
      if limits.poolIdleTimeout == 0 {
        limits.poolIdleTimeout = settings.autodbIdleTimeout.microseconds
      }
      // So do the places of one, if they come from a table: somebody could change them for ever.
      if place.row != nil && limits.poolIdleTimeout == 0 { limits.poolIdleTimeout = longestIdle }
    }
    return limits
  }
}

extension Duration {
  /// Whole microseconds; what is negative counts as 0, what is too long as the longest. That has 62
  /// bits: a time may be added to it, and it may be compared as a signed number.
  var microseconds: UInt64 {
    let longest = UInt64(Int64.max) >> 1
    let (seconds, attoseconds) = components
    guard seconds >= 0 else { return 0 }
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000)
    return overflow
      ? longest : min(longest, whole &+ UInt64(attoseconds / 1_000_000_000_000))
  }
}

/// What a pool's servers said of themselves at login: what its clients are told at theirs.
///
/// It follows what a server reports later, where that is not a client's doing: all that it says
/// while it is idle, and of what it says while a client has it, the parameters that no session can
/// set. PostgreSQL reports in front of ReadyForQuery, so that a promotion shows in the latter way.
final class Welcome: Sendable {
  let parameters: [StartupParameter]

  init(parameters: [StartupParameter]) { self.parameters = parameters }

  /// Whether a session can't set the parameter.
  static func isServersOwn(_ name: String) -> Bool {
    ["in_hot_standby", "integer_datetimes", "server_encoding", "server_version"].contains(name)
  }

  /// The same but for one parameter. One that was not told at login is not known by all servers.
  func with(_ name: String, _ value: String) -> Welcome {
    var parameters = parameters
    for index in parameters.indices where parameters[index].name == name {
      parameters[index].value = value
    }
    return Welcome(parameters: parameters)
  }
}
