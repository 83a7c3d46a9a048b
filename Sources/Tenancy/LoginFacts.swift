import PostgresWire

/// What is known of a client that logs in, for the sources to look at. What later authentication
/// finds out is empty until then.
public struct LoginFacts: Sendable {
  /// The user name as the client gave it.
  public var user: String
  /// The database's name as the client gave it, if it did.
  public var database: String?
  /// The startup parameters, `options` among them as it came.
  public var parameters: [StartupParameter]
  /// Claims of the client's token, once it is verified.
  public var claims: [String: String] = [:]
  /// The name in the client's certificate, once it is verified.
  public var certificateName: String?
  /// The TLS server name that the client asked for.
  public var serverName: String?
  /// Columns of the authentication query's row.
  public var authQueryColumns: [String: String] = [:]

  public init(user: String, database: String?, parameters: [StartupParameter] = []) {
    self.user = user
    self.database = database
    self.parameters = parameters
  }
}

/// What the configuration says about one login.
public struct LoginRule: Hashable, Sendable {
  /// The tenants that it may act for; nil: those that all may.
  public var tenants: [TenantGlob]?
  /// The answer of the source `user`.
  public var tenant: TenantName?
  /// Whether it acts without a tenant, and never gets settings.
  public var isExempt = false

  public init() {}
}
