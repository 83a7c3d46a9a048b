import Testing

/// Tenants with limits, in a pool that they share.
enum TenantLimits {
  /// Tenants by the suffix of the user.
  static func configuration(
    _ version: PostgresVersion, poolSize: Int = 8, _ tenancy: SluiceConfiguration.Section = [:],
    tenants: [String: SluiceConfiguration.Section] = [:]
  ) throws -> SluiceConfiguration {
    var configuration = SluiceConfiguration(try .shared(version))
    configuration.settings["default_pool_size"] = .integer(poolSize)
    configuration.tenancy = tenancy.merging(["sources": ["user_suffix"]]) { $1 }
    configuration.tenantSettings["app.tenant_id"] = "{tenant}"
    configuration.tenants = tenants
    return configuration
  }
}

extension SluiceProcess {
  func connect(tenant: String, database: String = "app") throws -> WireClient {
    try connect(user: "app.\(tenant)", database: database)
  }

  /// A client that holds a server.
  func hold(_ tenant: String, database: String = "app") throws -> WireClient {
    let client = try connect(tenant: tenant, database: database)
    try client.run("BEGIN")
    return client
  }

  /// A client that has asked for a server and gets none. That it waits is seen by its silence, and
  /// shown by the answer that comes in the end.
  func waiter(
    _ tenant: String, database: String = "app", sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> WireClient {
    let client = try connect(tenant: tenant, database: database)
    try client.send(Frame.query("SELECT 'done'"))
    #expect(!client.isReadable(within: 0.4), "it has to wait", sourceLocation: sourceLocation)
    return client
  }
}

/// Expects that a client was ended by its tenant's limit of that name.
func expectRefusal(
  _ error: ServerError?, names limit: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(error?.severity == "FATAL", sourceLocation: sourceLocation)
  #expect(error?.sqlstate == "53300", sourceLocation: sourceLocation)
  #expect(
    error?.message.contains("(\(limit))") == true, "\(String(describing: error))",
    sourceLocation: sourceLocation)
}
