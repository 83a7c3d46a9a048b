import PostgresWire

/// The name of a setting that a tenant gets, as `app.tenant_id` or `statement_timeout`.
///
/// PostgreSQL's own checks (`valid_custom_variable_name`), narrowed to ASCII and to one dot: names
/// are compared without case, and for other characters PostgreSQL and Swift need not agree on it.
public struct SettingName: Sendable {
  /// How PostgreSQL reads a value of it.
  public enum Kind: Hashable, Sendable {
    /// As one text.
    case plain
    /// As a list of names (GUC_LIST_QUOTE): each argument of `SET` is one name, which the server
    /// quotes itself.
    case names
    /// As a list of words (GUC_LIST_INPUT alone): the server joins the arguments of `SET` and
    /// parts them anew at the commas.
    case words
    /// As the name of a role.
    case role
  }

  /// What PostgreSQL keeps of a name, in bytes.
  static let maximumBytes = 63

  /// As it was written.
  public let text: String
  /// In lower case, to compare with.
  public let key: String

  /// - Throws: where it is no name, or that of a setting which no tenant can have.
  public init(_ text: String) throws(TenancyProblem) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy(Self.isIdentifier) else {
      throw TenancyProblem("is no name of a setting: take \"name\" or \"class.name\", in ASCII")
    }
    self.text = text
    key = text.lowercased()
    if let reason = Self.refused[key] { throw TenancyProblem("cannot be a tenant's: \(reason)") }
  }

  private static func isIdentifier(_ part: Substring) -> Bool {
    guard (1...maximumBytes).contains(part.utf8.count), let first = part.utf8.first,
      isLetter(first)
    else { return false }
    return part.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x24 }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5A).contains(byte & 0xDF) && byte < 0x80 || byte == UInt8(ascii: "_")
  }

  /// How PostgreSQL reads a value of it.
  public var kind: Kind {
    if key == "role" { return .role }
    if Self.nameLists.contains(key) { return .names }
    return Self.wordLists.contains(key) ? .words : .plain
  }

  /// For SQL text.
  var quoted: String {
    key.split(separator: ".").map { SQLIdentifier.quote(String($0)) }.joined(separator: ".")
  }

  /// GUC_LIST_QUOTE in PostgreSQL 12 to 18, as pg_dump lists them too.
  private static let nameLists: Set<String> = [
    "local_preload_libraries", "search_path", "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories",
  ]

  /// GUC_LIST_INPUT without GUC_LIST_QUOTE, of those that a session can set.
  private static let wordLists: Set<String> = [
    "createrole_self_grant", "plpgsql.extra_errors", "plpgsql.extra_warnings",
    "restrict_nonsystem_relation_kind", "wal_consistency_checking",
  ]
}

extension SettingName: Hashable {
  public static func == (left: SettingName, right: SettingName) -> Bool { left.key == right.key }

  public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

extension SettingName: CustomStringConvertible {
  /// As it was written.
  public var description: String { text }
}

extension SettingName {
  private static let isClients = "Sluice keeps it for each client, who may set it as it likes"
  private static let isStart = """
    it counts when a transaction begins, and a tenant's settings are made within the transaction
    """
  private static let isServers = "no session can set it"

  /// Settings that no tenant can have, and why.
  private static let refused: [String: String] = [
    "application_name": "\(isClients); `application_name_add_tenant` adds the tenant to it",
    "client_encoding": isClients,
    "datestyle": isClients,
    "default_transaction_deferrable": isStart,
    "default_transaction_isolation": isStart,
    "default_transaction_read_only": isStart,
    "in_hot_standby": isServers,
    "integer_datetimes": isServers,
    "intervalstyle": isClients,
    "is_superuser": isServers,
    "lc_collate": isServers,
    "lc_ctype": isServers,
    "seed": "it is no setting but a start for random numbers",
    "server_encoding": isServers,
    "server_version": isServers,
    "server_version_num": isServers,
    "session_authorization": "who is logged in to the server is the pool's; take \"role\"",
    "standard_conforming_strings": isClients,
    "timezone": isClients,
    "transaction_deferrable": isStart,
    "transaction_isolation": isStart,
    "transaction_read_only": isStart,
  ]
}
