/// A configuration to start Sluice with, in its own format or as PgBouncer's.
struct SluiceConfiguration: Sendable {
  enum Value: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByBooleanLiteral
  {
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case list([String])

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .flag(value) }
    init(arrayLiteral elements: String...) { self = .list(elements) }

    var plain: String {
      switch self {
      case .text(let text): text
      case .integer(let integer): String(integer)
      case .number(let number): String(number)
      case .flag(let isOn): String(isOn)
      case .list(let elements): elements.joined(separator: ",")
      }
    }

    var toml: String {
      switch self {
      case .text(let text): SluiceConfiguration.quoted(text)
      case .list(let elements):
        "[\(elements.map(SluiceConfiguration.quoted).joined(separator: ", "))]"
      default: plain
      }
    }
  }

  typealias Section = [String: Value]

  var settings: Section
  var databases: [String: Section]
  var users: [String: Section]
  var tenancy: Section = [:]
  /// `[tenancy.settings]`.
  var tenantSettings: Section = [:]
  var tenants: [String: Section] = [:]

  /// Transaction pooling of database `app` for user `app` on that server.
  init(_ cluster: PostgresCluster) {
    self.init(database: Self.upstream(cluster))
  }

  init(database: Section) {
    settings = [
      "listen_addr": "127.0.0.1", "auth_type": "trust", "pool_mode": "transaction", "threads": 2,
    ]
    databases = ["app": database]
    users = ["app": ["password": ""]]
  }

  static func upstream(_ cluster: PostgresCluster, _ database: String = "app") -> Section {
    [
      "host": .text(PostgresCluster.host), "port": .integer(Int(cluster.port)),
      "dbname": .text(database),
    ]
  }

  func toml() -> String {
    var text = Self.lines(settings)
    for (name, section) in databases.sorted(by: { $0.key < $1.key }) {
      text += "\n[databases.\(Self.quoted(name))]\n" + Self.lines(section)
    }
    for (name, section) in users.sorted(by: { $0.key < $1.key }) {
      text += "\n[users.\(Self.quoted(name))]\n" + Self.lines(section)
    }
    if !tenancy.isEmpty { text += "\n[tenancy]\n" + Self.lines(tenancy) }
    if !tenantSettings.isEmpty {
      text += "\n[tenancy.settings]\n"
      for (name, value) in tenantSettings.sorted(by: { $0.key < $1.key }) {
        text += "\(Self.quoted(name)) = \(value.toml)\n"
      }
    }
    for (name, section) in tenants.sorted(by: { $0.key < $1.key }) {
      text += "\n[tenants.\(Self.quoted(name))]\n" + Self.lines(section)
    }
    return text
  }

  /// PgBouncer's format. What only Sluice knows is left out.
  func ini(userList: String) -> String {
    var text = "[databases]\n"
    for (name, section) in databases.sorted(by: { $0.key < $1.key }) {
      let pairs = section.sorted { $0.key < $1.key }.map { key, value in
        "\(key)='\(value.plain.map { $0 == "'" ? "''" : String($0) }.joined())'"
      }
      text += "\(name) = \(pairs.joined(separator: " "))\n"
    }
    text += "\n[users]\n"
    for (name, section) in users.sorted(by: { $0.key < $1.key }) {
      let pairs = section.filter { $0.key != "password" }.sorted { $0.key < $1.key }
        .map { "\($0)=\($1.plain)" }
      if !pairs.isEmpty { text += "\(name) = \(pairs.joined(separator: " "))\n" }
    }
    text += "\n[pgbouncer]\nauth_file = \(userList)\n"
    for (key, value) in settings.sorted(by: { $0.key < $1.key }) where key != "threads" {
      text += "\(key) = \(value.plain)\n"
    }
    return text
  }

  /// PgBouncer's `auth_file`.
  func userList() -> String {
    users.sorted { $0.key < $1.key }.map { name, section in
      "\"\(name)\" \"\(section["password"]?.plain ?? "")\"\n"
    }.joined()
  }

  private static func lines(_ section: Section) -> String {
    section.sorted { $0.key < $1.key }.map { "\($0) = \($1.toml)\n" }.joined()
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for character in text {
      if character == "\"" || character == "\\" { quoted.append("\\") }
      quoted.append(character)
    }
    return quoted + "\""
  }
}
