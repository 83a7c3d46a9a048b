import Tenancy

/// The section `[tenancy]` as it was written. What it comes to is in `Settings.tenancyRules`.
public struct TenancySettings: Sendable, Equatable {
  /// Where a client's tenant is taken from, in this order; none: there are no tenants.
  public internal(set) var sources: [String] = []
  /// What the names of tenants look like.
  public internal(set) var pattern = TenantPattern.standardText
  /// What stands between a login or a database and the tenant.
  public internal(set) var suffixSeparator = TenantResolver.standardSeparator
  /// All tenants there are; nil: all that match the pattern.
  public internal(set) var tenants: [String]?
  /// Who a client acts for that names nobody.
  public internal(set) var fallbackTenant: String?
  /// The setting that the source `set` listens to, where it is not told by the settings.
  public internal(set) var setName: String?
  /// Templates of the settings of every tenant.
  public internal(set) var settings: [TenantSettingText] = []
  /// Template of the name of a tenant's database on the server.
  public internal(set) var dbname: String?
  /// Templates of a tenant's hosts.
  public internal(set) var hosts: [String] = []
  /// The port of a tenant's host.
  public internal(set) var port: Int?
  /// The limits of every tenant.
  public internal(set) var limits = TenantLimits.Overrides()
  /// Whether a tenant's name is added to `application_name` on the server.
  public internal(set) var applicationNameAddTenant = false
  /// What finds tenants in a table.
  public internal(set) var tenantsQuery: String?
  /// The database in which `tenantsQuery` runs.
  public internal(set) var tenantsQueryDatabase: String?
  /// How long a row of the table is kept.
  public internal(set) var tenantsQueryTtl = Duration.seconds(60)
  /// How many rows of the table are kept.
  public internal(set) var tenantsQueryLimit = 10_000
  /// What tokens are signed with.
  public internal(set) var signingSecret: Secret?
  /// The secret before, which the database may still know.
  public internal(set) var signingKeyID = "1"
  /// How long a token is good for.
  public internal(set) var signingLifetime = 300
  /// The setting that has the token.
  public internal(set) var signingSetting = "sluice.token"

  /// The shortest secret in bytes: as long as the key of the hash should be.
  static let minimumSecretBytes = 32

  /// A section that says nothing.
  public init() {}
}

/// One line of `[tenancy.settings]` or `[tenants.NAME.settings]`.
public struct TenantSettingText: Sendable, Equatable {
  /// The setting's name.
  public let name: String
  /// The template of its value.
  public let value: String
}

/// One section `[tenants.NAME]`: what one tenant has of its own. What is nil or empty is as in
/// `[tenancy]`.
public struct TenantSettings: Sendable, Equatable {
  /// The tenant's name.
  public internal(set) var name: String
  /// Templates of settings instead of those of all, or besides them.
  public internal(set) var settings: [TenantSettingText] = []
  /// Template of the name of its database on the server.
  public internal(set) var dbname: String?
  /// Its hosts.
  public internal(set) var hosts: [String] = []
  /// The port of its host.
  public internal(set) var port: Int?
  /// Its limits.
  public internal(set) var limits = TenantLimits.Overrides()

  /// A section that says nothing.
  public init(name: String) { self.name = name }
}

/// Whether a login acts for tenants.
public enum TenancyUse: String, Sendable, CaseIterable {
  /// It acts for a tenant.
  case on
  /// It acts without one, and gets no settings.
  case off
}

extension TenancySettings {
  static let definitions: [EntryDefinition<TenancySettings>] =
    [
      .init(
        "sources", .list(\.sources),
        "Where a client's tenant is taken from, in this order; without it there are no tenants."),
      .init(
        "pattern", .text(\.pattern),
        "Regular expression that the whole name of a tenant matches; "
          + "by default `\(TenantPattern.standardText)`."),
      .init(
        "suffix_separator", .text(\.suffixSeparator),
        "What parts a user or a database from the tenant behind it; by default a dot."),
      .init(
        "tenants", .optionalList(\.tenants),
        "All tenants there are, with `*` and `?`; by default all that match `pattern`."),
      .init(
        "fallback_tenant", .optionalText(\.fallbackTenant),
        "Tenant of a client that names none; by default it is refused."),
      .init(
        "set_name", .optionalText(\.setName),
        "Setting that the source `set` listens to; by default the one that is `{tenant}`."),
      .init(
        "dbname", .optionalText(\.dbname),
        "Template of the name on the server of each tenant's own database."),
      .init("host", .list(\.hosts), "Template of the hosts of each tenant's own database."),
      .init(
        "port", .optionalInteger(1...65_535, \.port), "Port of each tenant's own database."),
    ] + TenantSettings.limits(of: \.limits) + [
      .init(
        "application_name_add_tenant", .flag(\.applicationNameAddTenant),
        "Show the tenant in the server's application_name; by default off."),
      .init(
        "tenants_query", .optionalText(\.tenantsQuery),
        "Query that finds a tenant, whose name is `$1`, in a table."),
      .init(
        "tenants_query_database", .optionalText(\.tenantsQueryDatabase),
        "Database of [databases] with a `user`, in which `tenants_query` runs."),
      .init(
        "tenants_query_ttl", .time(.seconds, \.tenantsQueryTtl),
        "How long an answer to `tenants_query` holds, at least 1; by default 60."),
      .init(
        "tenants_query_limit",
        .number(.integer(1...SettingDefinition.maximumSize), \.tenantsQueryLimit),
        "How many answers to `tenants_query` are kept; by default 10000."),
      .init(
        "signing_secret", .optionalSecret(\.signingSecret),
        "Secret of at least \(minimumSecretBytes) bytes that tokens are signed with; "
          + "without it there are no tokens."),
      .init(
        "signing_key_id", .text(\.signingKeyID),
        "What `sluice.set_secret` was given beside the secret; by default `1`."),
      .init(
        "signing_lifetime", .number(.integer(10...86_400), \.signingLifetime),
        "Seconds that a token is good for; by default 300."),
      .init(
        "signing_setting", .text(\.signingSetting),
        "Setting that has the token; by default `sluice.token`."),
    ]
}

extension TenancySettings {
  /// What signs tenants; nil: nothing does.
  public func signer() throws(TokenSigner.Fault) -> TokenSigner? {
    guard let signingSecret else { return nil }
    return try TokenSigner(
      keyID: signingKeyID, secret: Array(signingSecret.text.utf8), lifetime: signingLifetime)
  }
}

extension TenantSettings {
  static let definitions: [EntryDefinition<TenantSettings>] =
    [
      .init(
        "dbname", .optionalText(\.dbname), "Template of the name of its database on the server."),
      .init("host", .list(\.hosts), "Hosts of its database."),
      .init("port", .optionalInteger(1...65_535, \.port), "Port of its database."),
    ] + limits(of: \.limits)

  /// The limits, which a tenant has under the same names as all have.
  static func limits<Root>(
    of path: Field<Root>.Path<TenantLimits.Overrides>
  ) -> [EntryDefinition<Root>] {
    func count(_ limit: Field<TenantLimits.Overrides>.Path<Int?>) -> Field<Root> {
      .optionalInteger(0...SettingDefinition.maximumSize, path, limit)
    }
    return [
      .init(
        "weight",
        .optionalInteger(1...TenantLimits.maximumWeight, path, \.weight),
        "Share beside other tenants' of a busy pool; by default 1."),
      .init(
        "max_server_connections", count(\.maxServerConnections),
        "Server connections in use at once; 0 is no limit."),
      .init(
        "max_waiting_clients", count(\.maxWaitingClients),
        "Clients that wait for a server at once; 0 is no limit."),
      .init(
        "max_client_connections", count(\.maxClientConnections),
        "Client connections; 0 is no limit."),
      .init(
        "max_transactions_per_second", count(\.maxTransactionsPerSecond),
        "Transactions begun in a second; 0 is no limit."),
      .init(
        "transactions_burst", count(\.transactionsBurst),
        "Transactions that may begin at once after a rest; 0 is as many as in a second."),
    ]
  }
}
