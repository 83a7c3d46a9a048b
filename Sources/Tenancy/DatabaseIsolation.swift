/// Where a tenant's own database is, as templates. What is nil or empty is as the database that the
/// client names has it.
public struct DatabaseIsolation: Hashable, Sendable {
  /// The database's name on the server.
  public private(set) var dbname: SettingTemplate?
  /// Hosts, as a database's `host`.
  public private(set) var hosts: [SettingTemplate] = []
  public private(set) var port: Int?

  public init() {}

  public init(dbname: String?, hosts: [String], port: Int?) throws(TenancyProblem) {
    self.dbname = try dbname.map(Self.dbname)
    for host in hosts { self.hosts.append(try Self.host(host)) }
    self.port = port
  }

  /// A place that is the same for whoever asks.
  init(literalDbname dbname: String?, host: String?, port: Int?) throws(TenancyProblem) {
    self.dbname = try dbname.map(Self.escaped)
    hosts = try host.map { text throws(TenancyProblem) in [try Self.escaped(text)] } ?? []
    self.port = port
  }

  private static func escaped(_ text: String) throws(TenancyProblem) -> SettingTemplate {
    try SettingTemplate(
      String(
        String.UnicodeScalarView(
          text.unicodeScalars.flatMap { $0 == "{" || $0 == "}" ? [$0, $0] : [$0] })))
  }

  /// A template for `dbname`, with `{tenant}` and `{database}`.
  public static func dbname(_ text: String) throws(TenancyProblem) -> SettingTemplate {
    let template = try SettingTemplate(text)
    guard template.placeholders.isSubset(of: [.tenant, .database]) else {
      throw TenancyProblem("can have no names in braces but {tenant} and {database}")
    }
    return template
  }

  /// A template for one host, with `{tenant}`.
  public static func host(_ text: String) throws(TenancyProblem) -> SettingTemplate {
    let template = try SettingTemplate(text)
    guard template.placeholders.isSubset(of: [.tenant]) else {
      throw TenancyProblem("can have no name in braces but {tenant}")
    }
    return template
  }

  /// Whether it says nothing.
  public var isEmpty: Bool { dbname == nil && hosts.isEmpty && port == nil }

  /// What tells one place of a tenant from another. A NUL parts what it has.
  public func key(of tenant: TenantName) -> String {
    let context = TemplateContext(tenant: tenant, user: "", database: "", clientAddress: "")
    let texts = [dbname] + hosts.map { $0 }
    return texts.map { $0.map { Self.text($0, context) } ?? "" }.joined(separator: "\0")
      + "\0\(port.map(String.init) ?? "")"
  }

  /// The same with what is missing taken from `other`.
  func or(_ other: DatabaseIsolation) -> DatabaseIsolation {
    var merged = self
    merged.dbname = dbname ?? other.dbname
    if hosts.isEmpty { merged.hosts = other.hosts }
    merged.port = port ?? other.port
    return merged
  }

  /// The tenant's database; nil where nothing is configured.
  /// - Parameter database: its name as clients know it, without a suffix.
  func render(_ tenant: TenantName, database: String) throws(TenantRefusal) -> TenantDatabase? {
    if isEmpty { return nil }
    let context = TemplateContext(
      tenant: tenant, user: "", database: database, clientAddress: "")
    var name: String?
    if let dbname {
      let text = Self.text(dbname, context)
      // The server cuts a longer name short, and two tenants could share what is left.
      guard (1...SettingName.maximumBytes).contains(text.utf8.count), !text.utf8.contains(0) else {
        throw .unfitDatabase(
          reason: "would have a name of more than \(SettingName.maximumBytes) bytes, or of none")
      }
      name = text
    }
    if hosts.contains(where: { !$0.placeholders.isEmpty }) { try Self.checkLabel(tenant) }
    return TenantDatabase(
      dbname: name, hosts: hosts.map { Self.text($0, context) }, port: port)
  }

  private static func text(_ template: SettingTemplate, _ context: TemplateContext) -> String {
    // Only names that the context always has are allowed above.
    (try? template.render(context))?.joined() ?? ""
  }

  /// In a host's name a dot or a slash of the tenant's would lead anywhere, and the case of letters
  /// does not tell two hosts apart.
  private static func checkLabel(_ tenant: TenantName) throws(TenantRefusal) {
    let isLabel = tenant.text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
      default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      }
    }
    guard isLabel else {
      throw .unfitDatabase(
        reason: "has a host with the tenant in its name, which needs lower-case letters, digits, "
          + "- and _")
    }
  }
}

/// Where a tenant's own database is. What is nil or empty is as the database that the client names
/// has it.
public struct TenantDatabase: Hashable, Sendable {
  public let dbname: String?
  public let hosts: [String]
  public let port: Int?

  public init(dbname: String?, hosts: [String], port: Int?) {
    self.dbname = dbname
    self.hosts = hosts
    self.port = port
  }
}
