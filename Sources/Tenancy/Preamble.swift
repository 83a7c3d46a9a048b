import PostgresWire

/// What goes to a server in front of a client's transaction, so that this runs under its tenant's
/// settings and under nobody else's.
///
/// The settings are the session's, not the transaction's (`SET LOCAL`). So they hold whatever the
/// client does with the transaction: `ROLLBACK`, `COMMIT AND CHAIN`, a procedure that commits. And
/// since every transaction has its preamble, what is left of it on the server is replaced before
/// anybody's next statement. All names that any tenant's settings have are in every preamble: what
/// this tenant has no value for gets its default.
///
/// Two ways:
/// - **aside**: a query of its own in front, a transaction that is committed. It holds for whatever
///   comes behind it. If it fails its block stays open and failed, so that nothing else runs.
/// - **inside**: within the client's own transaction, where this is known to be one simple query or
///   one batch of statements that can't end it. It costs no answer of its own. If the transaction
///   is rolled back the server has the settings of before, which the next preamble replaces.
public struct Preamble: Sendable {
  /// Without semicolons, in the order in which they run.
  public let statements: [String]
  /// The query that goes aside.
  public let aside: [UInt8]
  /// The statements in front of the text of a simple query.
  public let prefix: [UInt8]
  /// The messages in front of a batch: Parse, Bind and Execute of each statement.
  public let batch: [UInt8]

  /// What decides which objects a statement's names mean: the statements that set the path and the
  /// role; empty where no tenant has either.
  public let space: [UInt8]

  static let leavingRole = "RESET ROLE"
  /// The tenant has a role of its own.
  let hasRole: Bool

  /// - Parameters:
  ///   - bundle: the tenant's settings; nil: the client acts for nobody.
  ///   - names: of all tenants' settings.
  public init(_ bundle: TenantBundle?, names: Set<SettingName>) {
    let own = bundle?.settings.map(\.name) ?? []
    var statements: [String] = []
    // Whose role it was may lack the right to change what comes next.
    if names.contains(where: { $0.kind == .role }) { statements.append(Self.leavingRole) }
    // Its clock, once it runs, is not set anew by another value, only stopped.
    if names.contains(where: { $0.key == "transaction_timeout" }) {
      statements.append("SET SESSION transaction_timeout=0")
    }
    statements += names.subtracting(own).filter { $0.kind != .role }
      .map { "RESET \($0.quoted)" }.sorted()
    statements += bundle?.sessionStatements ?? []
    let paths = bundle?.settings.filter { ["search_path", "role"].contains($0.name.key) } ?? []
    self.init(
      statements: statements, hasRole: own.contains { $0.kind == .role },
      space: Array(paths.map { "\($0.name.key)=\($0.values)\0" }.joined().utf8))
  }

  init(statements: [String], hasRole: Bool = false, space: [UInt8] = []) {
    self.hasRole = hasRole
    self.statements = statements
    self.space = space
    let text = statements.map { "\($0);" }.joined()
    prefix = Array(text.utf8)
    var writer = MessageWriter()
    // The level is named lest the last client's default make the transaction wait.
    writer.query("BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE;\(text)COMMIT")
    aside = writer.bytes
    writer = MessageWriter()
    for statement in statements {
      writer.parse(query: statement)
      writer.bind()
      writer.execute()
    }
    batch = writer.bytes
  }

  /// The statements as one text, for a query of the pooler's own that has more in it.
  public var text: String { statements.map { "\($0);" }.joined() }
}

extension TenancyRules {
  /// The names that every preamble has something to say about.
  public var settingNames: Set<SettingName> {
    var names = Set(settings.map(\.name))
    for override in overrides.values { names.formUnion(override.settings.map(\.name)) }
    if let tokenName { names.insert(tokenName) }
    return names
  }
}

// A tenant that is named within a transaction.
extension Preamble {
  /// The statements for the session, or for the transaction alone.
  public func statements(isLocal: Bool) -> [String] {
    // The role has been left, if at all, to come back to it at the end.
    let statements = self.statements.filter { $0 != Self.leavingRole || !hasRole }
    guard isLocal else { return statements }
    return statements.map { statement in
      if statement == Self.leavingRole { return "SET LOCAL ROLE NONE" }
      if statement.hasPrefix("RESET ") { return "SET LOCAL \(statement.dropFirst(6)) TO DEFAULT" }
      return "SET LOCAL \(statement.dropFirst("SET SESSION ".utf8.count))"
    }
  }

  /// The same as calls of `set_config`, that of `first` in front.
  public static func calls(
    _ bundle: TenantBundle?, names: Set<SettingName>, first: String, isLocal: Bool
  ) -> [String] {
    func call(_ name: SettingName, _ value: String?) -> String {
      "pg_catalog.set_config(\(SQLLiteral.quote(name.key)), "
        + "\(value.map(SQLLiteral.quote) ?? "NULL"), \(isLocal))"
    }
    let settings = bundle?.settings ?? []
    var calls: [(name: SettingName, text: String)] = []
    for name in names.subtracting(settings.map(\.name)).sorted(by: { $0.key < $1.key }) {
      calls.append((name, call(name, name.kind == .role ? "none" : nil)))
    }
    for setting in settings {
      let value =
        setting.name.kind == .names
        ? setting.values.map(SQLIdentifier.quote).joined(separator: ", ")
        : setting.values.joined(separator: ", ")
      calls.append((setting.name, call(setting.name, value)))
    }
    return calls.filter { $0.name.key == first }.map(\.text)
      + calls.filter { $0.name.key != first }.map(\.text)
  }
}
