import Testing

/// In which ways servers are shared among the clients of tenants.
enum TenantMode: String, CaseIterable, Sendable {
  case transaction
  /// The names of prepared statements are not mapped.
  case unmapped
  case session

  private var settings: SluiceConfiguration.Section {
    switch self {
    case .transaction: [:]
    case .unmapped: ["max_prepared_statements": 0]
    case .session: ["pool_mode": "session", "default_pool_size": 8]
    }
  }

  /// Each of them, with each version.
  static let places = PostgresVersion.available.flatMap { version in
    allCases.map { (version, $0) }
  }

  /// Runs a test with Sluice in front of a database of four tenants, and looks for foreign rows.
  /// - Parameter isNamed: clients name their tenant by SET; else a suffix of their name does.
  func withTenants(
    _ version: PostgresVersion, servers: Int = 1, isNamed: Bool,
    _ body: (SluiceProcess) throws -> Void
  ) throws {
    let database = try IsolationDatabase(
      version, tenants: 4, mark: "\(self) \(UInt32.random(in: 0 ... .max))")
    var configuration = database.tenancy(["default_pool_size": .integer(servers), "threads": 1])
    configuration.settings.merge(settings) { $1 }
    if isNamed {
      configuration.users["app"] = ["password": "", "tenants": ["t*"]]
      configuration.tenancy = ["sources": ["set"]]
    }
    try withSluice(configuration, body)
    #expect(try database.foreignRows() == [])
  }
}
