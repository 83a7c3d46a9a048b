/// A database for each tenant of the tests.
enum TenantDatabases {
  static let tenants = ["acme", "beta"]

  /// Tenants by `sources`, each in a database of its own: `current_database()` tells which.
  static func configuration(
    _ version: PostgresVersion, _ sources: [String], _ settings: SluiceConfiguration.Section = [:]
  ) throws -> SluiceConfiguration {
    let cluster = try PostgresCluster.shared(version)
    for tenant in tenants { try create("tenant_\(tenant)", in: cluster) }
    var configuration = SluiceConfiguration(cluster)
    configuration.settings.merge(settings) { $1 }
    configuration.tenancy = ["sources": .list(sources), "dbname": "tenant_{tenant}"]
    return configuration
  }

  /// Makes a database that is not there yet.
  static func create(_ name: String, in cluster: PostgresCluster) throws {
    let count = "SELECT count(*) FROM pg_database WHERE datname = '\(name)'"
    guard try cluster.query(count).value == "0" else { return }
    try cluster.query("CREATE DATABASE \"\(name)\" OWNER app")
  }
}

extension SluiceProcess {
  /// The database that a client of this name comes to.
  func place(
    user: String = "app", database: String = "app", parameters: [String: String] = [:],
    password: String? = nil
  ) throws -> String? {
    let client = try connect(
      user: user, database: database, parameters: parameters, password: password)
    defer { client.terminate() }
    return try client.value("SELECT current_database()")
  }
}
