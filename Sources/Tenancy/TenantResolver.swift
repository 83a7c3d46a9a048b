import PostgresWire

/// Finds the tenant of a client.
///
/// Rules:
/// 1. The sources are asked in their order. The first that has an answer decides; an answer that is
///    no tenant's name, or not an allowed one, is a refusal and never passed over.
/// 2. A later source that answers too must name the same tenant, or the client is refused: what it
///    says in one place would otherwise happen under the tenant of another. `sni` is left out of
///    this, for every connection with TLS has a server name.
/// 3. A tenant is allowed where its name matches the pattern, the list of all tenants if there is
///    one, and the list of the login if it has one.
/// 4. Without an answer the client waits for its `SET` if `set` is a source, has the fallback if
///    there is one, and is refused otherwise. The fallback goes before the waiting.
/// 5. `set` may later name another tenant unless a source in front of it has decided.
/// 6. A login that is exempt has no tenant. If it names one, it is refused.
public struct TenantResolver: Sendable {
  /// In the order in which they are asked; none: there are no tenants.
  public var sources: [TenantSource] = []
  /// What stands between a login and its tenant.
  public var separator = TenantResolver.standardSeparator
  public var pattern: TenantPattern
  /// All tenants there are; nil: all that match the pattern.
  public var tenants: [TenantGlob]?
  /// Who a client without an answer acts for.
  public var fallback: TenantName?
  public var logins: [String: LoginRule] = [:]
  /// Users and databases that are known under their whole names, which are not split.
  public var knownUsers: Set<String> = []
  public var knownDatabases: Set<String> = []
  /// Databases that no name with a tenant behind it leads to, as the console.
  public var reservedDatabases: Set<String> = []

  public static let standardSeparator = "."

  public init(pattern: TenantPattern) { self.pattern = pattern }

  /// What the names of a client come to. This needs no proof of who it is: authentication is for
  /// `user`. The suffixes are as they came, unchecked.
  public struct Names: Hashable, Sendable {
    public let user: String
    public let database: String
    let userSuffix: String?
    let databaseSuffix: String?
  }

  /// Parts the names where the sources say so. A client without a database's name means the one
  /// that is called as its login.
  public func names(user: String, database: String?) -> Names {
    let (login, userSuffix) =
      sources.contains(.userSuffix) ? split(user, known: knownUsers, reserved: []) : (user, nil)
    guard let database else {
      return Names(user: login, database: login, userSuffix: userSuffix, databaseSuffix: nil)
    }
    let (name, suffix) =
      sources.contains(.databaseSuffix)
      ? split(database, known: knownDatabases, reserved: reservedDatabases) : (database, nil)
    return Names(user: login, database: name, userSuffix: userSuffix, databaseSuffix: suffix)
  }

  /// At the first separator whose left side is known, else at the first: the name of a tenant may
  /// have separators too. A name that is known as a whole is not split.
  private func split(
    _ name: String, known: Set<String>, reserved: Set<String>
  ) -> (name: String, suffix: String?) {
    if known.contains(name) || reserved.contains(name) || separator.isEmpty { return (name, nil) }
    let bytes = Array(name.utf8)
    let mark = Array(separator.utf8)
    guard bytes.count <= Self.maximumNameBytes else { return (name, nil) }
    var first: (String, String)?
    for start in bytes.indices.dropFirst() where bytes[start...].starts(with: mark) {
      // Both sides are text: the separator is ASCII.
      let left = String(decoding: bytes[..<start], as: UTF8.self)
      let right = String(decoding: bytes[(start + mark.count)...], as: UTF8.self)
      if known.contains(left) { return (left, right) }
      if first == nil, !reserved.contains(left) { first = (left, right) }
    }
    return first ?? (name, nil)
  }

  /// A user's or a database's name and a tenant's, as long as they can be.
  private static let maximumNameBytes = 256

  /// The tenant of a client whose login is proven: a refusal may tell which tenants there are.
  public func resolve(_ facts: LoginFacts) -> TenantResolution {
    let names = names(user: facts.user, database: facts.database)
    let outcome: TenantResolution.Outcome
    do {
      outcome = try decide(facts, names)
    } catch {
      outcome = .refused(error)
    }
    return TenantResolution(user: names.user, database: names.database, outcome: outcome)
  }

  private func decide(
    _ facts: LoginFacts, _ names: Names
  ) throws(TenantRefusal) -> TenantResolution.Outcome {
    if sources.isEmpty { return .exempt }
    let login = names.user
    let answers = try answers(facts, names)
    if logins[login]?.isExempt == true {
      if answers.contains(where: { $0.source != .sni }) { throw .loginWithoutTenant }
      return .exempt
    }
    guard let first = answers.first else {
      if let fallback {
        try checkAllowed(fallback, login: login)
        return .tenant(fallback, by: nil)
      }
      if sources.contains(.set) { return .none }
      throw .noTenant
    }
    guard let tenant = pattern.name(first.text) else { throw .invalidName(first.source) }
    for other in answers.dropFirst() where other.source != .sni {
      if !other.text.utf8.elementsEqual(first.text.utf8) {
        throw .contradiction(first.source, other.source)
      }
    }
    try checkAllowed(tenant, login: login)
    return .tenant(tenant, by: first.source)
  }

  /// Whether the lists have the tenant for this login.
  public func isAllowed(_ tenant: TenantName, login: String) -> Bool {
    pattern.name(tenant.text) != nil && (try? checkAllowed(tenant, login: login)) != nil
  }

  private func checkAllowed(_ tenant: TenantName, login: String) throws(TenantRefusal) {
    for list in [tenants, logins[login]?.tenants] {
      if let list, !list.contains(where: { $0.matches(tenant) }) { throw .notAllowed(tenant) }
    }
  }
}

// What the sources say.
extension TenantResolver {
  private struct Answer {
    let source: TenantSource
    let text: String
  }

  private func answers(
    _ facts: LoginFacts, _ names: Names
  ) throws(TenantRefusal) -> [Answer] {
    var answers: [Answer] = []
    for source in sources {
      let texts: [String?]
      switch source {
      case .claim(let name): texts = [facts.claims[name]]
      case .certificate: texts = [facts.certificateName]
      case .authQuery(let column): texts = [facts.authQueryColumns[column]]
      case .user: texts = [logins[names.user]?.tenant?.text]
      case .userSuffix: texts = [names.userSuffix]
      case .databaseSuffix: texts = [names.databaseSuffix]
      case .sni: texts = [facts.serverName.map(Self.firstLabel)]
      case .startup(let name): texts = try Self.startupValues(name, facts.parameters)
      case .set: texts = []
      }
      for case let text? in texts { answers.append(Answer(source: source, text: text)) }
    }
    return answers
  }

  private static func firstLabel(_ name: String) -> String {
    String(decoding: name.utf8.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
  }

  /// All values of a parameter, of its own and in `options`: all of them have to agree, for which
  /// of them counts would be a matter of taste.
  private static func startupValues(
    _ name: String, _ parameters: [StartupParameter]
  ) throws(TenantRefusal) -> [String] {
    var values: [String] = []
    for parameter in parameters {
      if parameter.name.lowercased() == name { values.append(parameter.value) }
      guard parameter.name == "options" else { continue }
      let options: [StartupParameter]
      do {
        options = try OptionsParameter.parse(parameter.value)
      } catch {
        throw .unreadableOptions
      }
      values += options.filter { $0.name.lowercased() == name }.map(\.value)
    }
    return values
  }

  /// Startup parameters that are a source's and go no further, in lower case.
  public var startupNames: Set<String> {
    var names: Set<String> = []
    for case .startup(let name) in sources { names.insert(name) }
    return names
  }
}

// The source `set`.
extension TenantResolver {
  /// The tenant that a client's `SET` names.
  /// - Parameter login: the user name without a suffix.
  /// - Parameter decision: what `resolve` said of the client at its login.
  /// - Throws: why the client may not act for it.
  public func tenant(
    named text: String, login: String, after decision: TenantResolution.Outcome
  ) throws(TenantRefusal) -> TenantName {
    guard let own = sources.firstIndex(of: .set) else { throw .setIsNoSource }
    if logins[login]?.isExempt == true { throw .loginWithoutTenant }
    guard let tenant = pattern.name(text) else { throw .invalidName(.set) }
    try checkAllowed(tenant, login: login)
    switch decision {
    case .none: break
    case .exempt: throw .loginWithoutTenant
    case .refused(let refusal): throw refusal
    case .tenant(let decided, let source):
      if let source, let place = sources.firstIndex(of: source), place < own, decided != tenant {
        throw .alreadyDecided(source)
      }
    }
    return tenant
  }

  /// Whether a client's `SET` may name the tenant.
  public func mayName(
    _ text: String, login: String, after decision: TenantResolution.Outcome
  ) -> Bool {
    (try? tenant(named: text, login: login, after: decision)) != nil
  }
}

/// What a client's login came to.
public struct TenantResolution: Hashable, Sendable {
  /// Whose tenant it is, if anyone's.
  public enum Outcome: Hashable, Sendable {
    /// The client acts for this tenant; `by` is nil for the fallback.
    case tenant(TenantName, by: TenantSource?)
    /// It has no tenant until its `SET` names one, and may not run anything else before.
    case none
    /// It acts without a tenant: there are none, or its login has `tenancy = "off"`.
    case exempt
    /// It may not come in.
    case refused(TenantRefusal)
  }

  /// The login, without a suffix.
  public let user: String
  /// The database's name as clients know it, without a suffix.
  public let database: String
  public let outcome: Outcome
}
