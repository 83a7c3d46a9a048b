/// One entry of `[users]`. What is nil follows the database's or the global setting.
public struct UserSettings: Sendable, Equatable {
  /// The user's name.
  public internal(set) var name: String
  /// When a server connection goes back to the pool.
  public internal(set) var poolMode: PoolMode?
  /// Server connections per pool.
  public internal(set) var poolSize: Int?
  /// Extra server connections per pool.
  public internal(set) var reservePoolSize: Int?
  /// Server connections in all; 0 follows the global setting.
  public internal(set) var maxUserConnections: Int?
  /// Client connections in all; 0 follows the global setting.
  public internal(set) var maxUserClientConnections: Int?
  /// Longest query; zero is no limit.
  public internal(set) var queryTimeout: Duration?
  /// How long clients wait for a server; zero is for ever.
  public internal(set) var queryWaitTimeout: Duration?
  /// Longest idling in a transaction; zero is no limit.
  public internal(set) var idleTransactionTimeout: Duration?
  /// Longest transaction; zero is no limit.
  public internal(set) var transactionTimeout: Duration?
  /// Longest idling of a client; zero is no limit.
  public internal(set) var clientIdleTimeout: Duration?

  /// Tenants that the login may act for, with `*` and `?`; nil: all.
  public internal(set) var tenants: [String]?
  /// The login's tenant, for the source `user`.
  public internal(set) var tenant: String?
  /// Whether the login acts for tenants.
  public internal(set) var tenancy = TenancyUse.on

  /// An entry that says nothing.
  public init(name: String) { self.name = name }
}

extension UserSettings {
  static let definitions: [EntryDefinition<UserSettings>] = [
    .init("pool_mode", .optionalChoice(\.poolMode), "As the global setting."),
    .init("pool_size", .optionalSize(\.poolSize), "Instead of `default_pool_size`."),
    .init("reserve_pool_size", .optionalSize(\.reservePoolSize), "As the global setting.")
      .alias("reserve_pool"),
    .init("max_user_connections", .optionalSize(\.maxUserConnections), "As the global setting."),
    .init(
      "max_user_client_connections", .optionalSize(\.maxUserClientConnections),
      "As the global setting."),
    .init("query_timeout", .optionalSeconds(\.queryTimeout), "As the global setting."),
    .init("query_wait_timeout", .optionalSeconds(\.queryWaitTimeout), "As the global setting."),
    .init(
      "idle_transaction_timeout", .optionalSeconds(\.idleTransactionTimeout),
      "As the global setting."),
    .init("transaction_timeout", .optionalSeconds(\.transactionTimeout), "As the global setting."),
    .init("client_idle_timeout", .optionalSeconds(\.clientIdleTimeout), "As the global setting."),
    .init(
      "tenants", .optionalList(\.tenants),
      "Tenants that the login may act for, with `*` and `?`; by default all."),
    .init("tenant", .optionalText(\.tenant), "The login's tenant, for the source `user`."),
    .init(
      "tenancy", .choice(\.tenancy),
      "`off` for a login that acts without a tenant and gets no settings; by default `on`."),
  ]
}
