/// A way in which a client names the tenant that it acts for.
enum NamingWay: String, CaseIterable, Sendable {
  case set, setLocal, reset
  case call, callInTransaction, callWithSchema
  case unnamedSet, unnamedText, unnamed, unnamedBinary, unnamedEarlier
  case namedSet, namedText, named, namedBinary, namedEarlier

  /// It holds for the transaction alone.
  var isLocal: Bool { self == .setLocal }

  /// By an unnamed statement of the extended protocol.
  var isUnnamed: Bool { rawValue.hasPrefix("unnamed") }

  /// The name is bound.
  var hasParameter: Bool {
    switch self {
    case .unnamed, .unnamedBinary, .unnamedEarlier, .named, .namedBinary, .namedEarlier: true
    default: false
    }
  }

  /// Names a tenant, within a transaction for those that are for one.
  func name(_ tenant: String, _ client: WireClient) throws -> Exchange {
    let call = "SELECT set_config('app.tenant_id', $1, false)"
    let text = "SELECT set_config('app.tenant_id', '\(tenant)', false)"
    let value = [Array(tenant.utf8)]
    switch self {
    case .set: return try client.query("SET app.tenant_id = '\(tenant)'")
    case .reset:
      // What it brings back is nobody, whatever was named before.
      _ = try client.query("RESET app.tenant_id")
      return try client.query("SET SESSION app.tenant_id TO \(tenant)")
    case .setLocal:
      _ = try client.query("BEGIN")
      return try client.query("SET LOCAL app.tenant_id = '\(tenant)'")
    case .call: return try client.query(text)
    case .callWithSchema:
      return try client.query("/* web */ SELECT pg_catalog.\(text.dropFirst(7))")
    case .callInTransaction:
      _ = try client.query("BEGIN")
      let answer = try client.query(text)
      _ = try client.query("COMMIT")
      return answer
    case .unnamedSet: return try client.extended("SET app.tenant_id = '\(tenant)'")
    case .unnamedText: return try client.extended(text)
    case .unnamed: return try client.extended(call, [tenant])
    case .unnamedBinary:
      return try run(Frame.parse(call) + bind(value, formats: [1]), client)
    case .unnamedEarlier:
      _ = try run(Frame.parse(call), client)
      return try run(bind(value), client)
    case .namedSet:
      let name = "set \(tenant)"
      return try run(
        parse("SET app.tenant_id = '\(tenant)'", name) + bind(statement: name), client)
    case .namedText:
      return try run(parse(text, "text \(tenant)") + bind(statement: "text \(tenant)"), client)
    case .named: return try run(parse(call, "n") + bind(value, statement: "n"), client)
    case .namedBinary:
      return try run(parse(call, "n") + bind(value, statement: "n", formats: [1]), client)
    case .namedEarlier:
      _ = try run(parse(call, "n") + Frame.describeStatement("n"), client)
      return try run(bind(value, statement: "n"), client)
    }
  }

  /// A Parse of a name that may be taken.
  private func parse(_ text: String, _ name: String) -> [UInt8] {
    Frame.closeStatement(name) + Frame.parse(text, name: name)
  }

  private func bind(
    _ values: [[UInt8]?] = [], statement: String = "", formats: [Int] = []
  ) -> [UInt8] {
    Frame.bind(values, statement: statement, formats: formats) + Frame.describePortal()
      + Frame.execute()
  }

  private func run(_ messages: [UInt8], _ client: WireClient) throws -> Exchange {
    try client.send(messages + Frame.sync)
    return try client.receiveUntilReady()
  }
}
