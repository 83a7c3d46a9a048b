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
/// - **aside**: a transaction of its own in front, which is committed. It holds for whatever comes
///   behind it. Its messages are those of the extended protocol, without a Sync: whatever fails in
///   it, be it before its first statement, the server skips all that comes behind it, a simple
///   query too. An error in a query of its own would end that query, and no more.
/// - **inside**: within the client's own transaction, where this is known to be one simple query or
///   one batch of statements that can't end it. It costs no answer of its own. If the transaction
///   is rolled back the server has the settings of before, which the next preamble replaces.
public struct Preamble: Sendable {
  /// Without semicolons, in the order in which they run.
  public let statements: [String]
  /// What each of them sets.
  public let names: [String]
  /// The messages of the transaction that goes aside: Parse, Bind and Execute of each statement.
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
    var items: [(name: String, text: String)] = []
    // Whose role it was may lack the right to change what comes next.
    if names.contains(where: { $0.kind == .role }) { items.append(("role", Self.leavingRole)) }
    // Its clock, once it runs, is not set anew by another value, only stopped.
    if names.contains(where: { $0.key == "transaction_timeout" }) {
      items.append(("transaction_timeout", "SET SESSION transaction_timeout=0"))
    }
    items += names.subtracting(own).filter { $0.kind != .role }
      .map { ($0.text, "RESET \($0.quoted)") }.sorted { $0.1 < $1.1 }
    for (setting, text) in zip(bundle?.settings ?? [], bundle?.sessionStatements ?? []) {
      items.append((setting.name.text, text))
    }
    let paths = bundle?.settings.filter { ["search_path", "role"].contains($0.name.key) } ?? []
    self.init(
      statements: items.map(\.text), names: items.map(\.name),
      hasRole: own.contains { $0.kind == .role },
      space: Array(paths.map { "\($0.name.key)=\($0.values)\0" }.joined().utf8))
  }

  init(
    statements: [String], names: [String] = [], hasRole: Bool = false, space: [UInt8] = []
  ) {
    self.hasRole = hasRole
    self.statements = statements
    self.names = names
    self.space = space
    prefix = Array(statements.map { "\($0);" }.joined().utf8)
    batch = Self.messages(statements)
    // The level is named lest the last client's default make the transaction wait.
    aside = Self.messages(
      ["BEGIN ISOLATION LEVEL READ COMMITTED NOT DEFERRABLE"] + statements + ["COMMIT"])
  }

  private static func messages(_ statements: [String]) -> [UInt8] {
    var writer = MessageWriter()
    for statement in statements {
      writer.parse(query: statement)
      writer.bind()
      writer.execute()
    }
    return writer.bytes
  }
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
