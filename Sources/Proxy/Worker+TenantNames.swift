import Pooling
import PostgresWire
import Settings
import Synchronization
import Tenancy

// application_name_add_tenant: a client's tracked application_name is the one with its tenant in
// it, so that every server which the client gets is brought to it as to any other parameter. Only
// the client itself is told its own.
extension Worker {
  private static var parameter: String { "application_name" }

  /// A client has come in, or acts for another tenant, or the setting has changed.
  func updateShownName(_ client: ClientPointer, _ tenant: TenantPointer) {
    let isOn = settings.tenancy.applicationNameAddTenant
    // A client that is logging in has no parameters yet.
    guard isOn || tenant.pointee.showsName, client.pointee.login == nil, !tenant.pointee.isExempt
    else { return }
    if tenant.pointee.shownName == nil {
      let own = pooler.parameterSets.withLock { sets in
        sets.index(of: Self.parameter).flatMap { sets.values(client.pointee.parameterSet)[$0] }
      }
      tenant.pointee.shownName = ShownName(own: own ?? "", tenant: tenant.pointee.name)
      tenant.pointee.showsName = true
    } else {
      tenant.pointee.shownName?.act(for: isOn ? tenant.pointee.name : nil)
    }
    writeShownName(client, tenant)
  }

  /// The client has been given parameters of its server's, among which its name may be its own.
  /// - Returns: what the client is to be told for a name that the server has reported; nil: just
  ///   that.
  @discardableResult
  func adoptShownName(_ client: ClientPointer) -> String? {
    guard let tenant = client.pointee.tenant, tenant.pointee.showsName else { return nil }
    let value = pooler.parameterSets.withLock { sets in
      sets.index(of: Self.parameter).flatMap { sets.values(client.pointee.parameterSet)[$0] }
    }
    guard let value else { return nil }
    let own = tenant.pointee.shownName?.reported(value)
    writeShownName(client, tenant)
    return own == value ? nil : own
  }

  /// A name that RESET brings back, as the client's set has it.
  func resetShownName(_ client: ClientPointer, to own: String) -> String {
    guard let tenant = client.pointee.tenant, tenant.pointee.showsName else { return own }
    _ = tenant.pointee.shownName?.reported(own)
    return tenant.pointee.shownName?.shown ?? own
  }

  static func isShownName(_ name: String) -> Bool { name == parameter }

  private func writeShownName(_ client: ClientPointer, _ tenant: TenantPointer) {
    guard let shown = tenant.pointee.shownName?.shown else { return }
    client.pointee.parameterSet = pooler.parameterSets.withLock { sets in
      var values = sets.values(client.pointee.parameterSet)
      guard let index = sets.index(of: Self.parameter), values[index] != shown else {
        return client.pointee.parameterSet
      }
      values[index] = shown
      let number = sets.intern(values)
      sets.release(client.pointee.parameterSet)
      return number
    }
  }

  /// The statement that is due in front of a transaction where the client has kept its server and
  /// has since changed its name, or its tenant; nil: the server has the right name.
  func shownNameStatement(_ client: ClientPointer, _ server: ServerPointer) -> String? {
    let name = pooler.parameterSets.withLock { sets -> String? in
      guard let index = sets.index(of: Self.parameter) else { return nil }
      let wanted = sets.values(client.pointee.parameterSet)[index]
      return sets.values(server.pointee.parameterSet)[index] == wanted ? nil : wanted
    }
    return name.map { "SET SESSION application_name=\(SQLLiteral.quote($0))" }
  }

  /// Tells a client its own name where the server has reported another.
  /// - Parameters: as those of `note`.
  /// - Returns: where the answer begins that the client has still to be sent.
  func presentShownName(
    _ own: String, _ body: ServerScan.Body, _ server: ServerPointer, _ start: Int, behind end: Int
  ) -> Int {
    var writer = MessageWriter()
    writer.parameterStatus(name: Self.parameter, value: own)
    return replace(start..<body.start - 5, by: writer.bytes, server, behind: end)
  }
}
