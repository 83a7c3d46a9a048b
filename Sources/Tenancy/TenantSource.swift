/// Where the tenant of a client is taken from.
public enum TenantSource: Hashable, Sendable {
  /// A claim of the token that the client gave as its password.
  case claim(String)
  /// The client's certificate.
  case certificate
  /// A column of the row that the authentication query gave.
  case authQuery(column: String)
  /// `tenant` of the login in the configuration.
  case user
  /// What follows the separator in the user name.
  case userSuffix
  /// What follows the separator in the database's name.
  case databaseSuffix
  /// The first label of the TLS server name.
  case sni
  /// A startup parameter, or a setting in the startup parameter `options`; in lower case.
  case startup(String)
  /// The client's own `SET`, after its login.
  case set

  /// The column of `auth_query` without a name of its own.
  public static let standardColumn = "tenant"

  /// The longest name of a claim, a column or a parameter: claims may be named by URLs.
  static let maximumNameBytes = 128

  /// Startup parameters that say something else.
  private static let reserved: Set<String> = ["user", "database", "options", "replication"]

  private static let spellings =
    "claim:NAME, certificate, auth_query:COLUMN, user, user_suffix, database_suffix, sni, "
    + "startup:NAME or set"

  /// Reads the spelling of the configuration.
  public init(_ text: String) throws(TenancyProblem) {
    let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
    let kind = colon.map { String(text[..<$0]) } ?? text
    let name = colon.map { String(text[text.utf8.index(after: $0)...]) }
    switch (kind, name) {
    case ("certificate", nil): self = .certificate
    case ("user", nil): self = .user
    case ("user_suffix", nil): self = .userSuffix
    case ("database_suffix", nil): self = .databaseSuffix
    case ("sni", nil): self = .sni
    case ("set", nil): self = .set
    case ("auth_query", nil): self = .authQuery(column: Self.standardColumn)
    case ("auth_query", let name?): self = .authQuery(column: try Self.checked(name, kind))
    case ("claim", let name?): self = .claim(try Self.checked(name, kind))
    case ("startup", let name?):
      let name = try Self.checked(name, kind).lowercased()
      if Self.reserved.contains(name) || name.hasPrefix("_pq_.") {
        throw TenancyProblem("cannot take \"startup:\(name)\": the protocol has a use for it")
      }
      self = .startup(name)
    case ("claim", nil), ("startup", nil):
      throw TenancyProblem("takes \"\(kind):NAME\", not \"\(kind)\" alone")
    case ("certificate", _?), ("user", _?), ("user_suffix", _?), ("database_suffix", _?),
      ("sni", _?), ("set", _?):
      throw TenancyProblem("takes \"\(kind)\" without a name behind it")
    default: throw TenancyProblem("takes \(Self.spellings)")
    }
  }

  /// A name that can be told in messages and compared in ASCII.
  private static func checked(_ name: String, _ kind: String) throws(TenancyProblem) -> String {
    guard (1...maximumNameBytes).contains(name.utf8.count),
      name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") })
    else {
      throw TenancyProblem(
        "takes \"\(kind):NAME\" with a name of 1 to \(maximumNameBytes) printing ASCII characters")
    }
    return name
  }

  /// What this version lacks for it; nil: nothing.
  ///
  /// The resolver knows these sources already. What is left for the later work is to put the facts
  /// into `LoginFacts` and to answer nil here.
  public var missing: String? {
    switch self {
    case .claim: "this version does not take tokens as passwords yet"
    case .certificate: "this version does not take client certificates yet"
    case .authQuery: "this version has no authentication query yet"
    case .sni: "this version has no TLS yet"
    case .user, .userSuffix, .databaseSuffix, .startup, .set: nil
    }
  }

  /// Whether this version can use it.
  public var isAvailable: Bool { missing == nil }
}

extension TenantSource: CustomStringConvertible {
  /// The spelling of the configuration.
  public var description: String {
    switch self {
    case .claim(let name): "claim:\(name)"
    case .certificate: "certificate"
    case .authQuery(let column): "auth_query:\(column)"
    case .user: "user"
    case .userSuffix: "user_suffix"
    case .databaseSuffix: "database_suffix"
    case .sni: "sni"
    case .startup(let name): "startup:\(name)"
    case .set: "set"
    }
  }
}
