import Pooling
import PostgresWire
import Reactor
import Settings
import Tenancy

// What a client with a tenant may not do: touch the settings that its tenant has by them. `SET` of
// the one that names the tenant is an instruction to the pooler, where `set` is a source.
extension Worker {
  enum TenantVerdict {
    /// It is none of the tenants' business.
    case free
    /// A statement that fails in its place.
    case refused(String)
    /// It names a tenant.
    case assigns(SQLAnalysis.SoleAssignment, TenantPointer)
    /// It may name one: that is known when it is bound.
    case mayAssign(SQLAnalysis.OpenAssignment)
  }

  /// - Parameters:
  ///   - analysis: nil: the text is plain.
  ///   - isSimple: it comes as a simple query, which is alone in its batch.
  func tenantVerdict(
    _ text: UnsafeRawBufferPointer, _ analysis: SQLAnalysis?, _ client: ClientPointer,
    _ server: ServerPointer, isSimple: Bool
  ) -> TenantVerdict {
    guard let tenant = client.pointee.tenant, !tenant.pointee.isExempt else { return .free }
    if let analysis {
      if analysis.effects.contains(.preparedSQL) {
        client.pointee.session?.pointee.knowsNames = false
      }
      if let sole = analysis.soleAssignment, sole.name == tenancy.setName?.key {
        return .assigns(sole, tenant)
      }
      if !isSimple, tenancy.setName != nil, maps(client), let open = analysis.openAssignment,
        !refuses(analysis)
      {
        return .mayAssign(open)
      }
      if let refusal = refusal(analysis, server, isSimple: isSimple) { return .refused(refusal) }
      if executesAssignment(text, client) {
        return .refused(
          Self.failingText(
            "EXECUTE can not name the tenant",
            hint: "Bind the prepared statement by the protocol, or send its text."))
      }
    }
    guard tenant.pointee.isNobody, !isTransactionControl(text, analysis) else { return .free }
    return .refused(namelessText)
  }

  /// What fails in place of all that a client sends before it has named a tenant.
  var namelessText: String {
    Self.failingText(
      "no tenant is named",
      hint: "SET \(tenancy.setName?.text ?? "the tenant") to its name before anything else.")
  }

  private func refusal(
    _ analysis: SQLAnalysis, _ server: ServerPointer, isSimple: Bool
  ) -> String? {
    let names = analysis.settingNames + analysis.localNames + analysis.attachedNames
    if let name = names.first(where: protectedNames.contains) {
      let isSetName = name == tenancy.setName?.key
      return Self.failingText(
        "permission denied to set parameter \"\(name)\"",
        hint: isSetName
          ? "It names the tenant: send it as a statement of its own, with a constant value."
          : "It belongs to the tenant's settings, which the pooler makes.")
    }
    if !analysis.effects.isDisjoint(with: [.unknownSettings, .unknownLocalSettings]) {
      return Self.failingText(
        "permission denied to set a parameter that can not be told from the text",
        hint: "It could be one of the tenant's settings, which the pooler makes.")
    }
    guard analysis.effects.contains(.resetAll) || analysis.effects.contains(.discardAll) else {
      return nil
    }
    // Alone, what they take away comes back with the next transaction.
    let isAlone =
      analysis.statementCount == 1 || (analysis.endsWithResetAll && !analysis.beginsTransaction)
    if isSimple && isAlone && isIdle(server.pointee.ledger) { return nil }
    return Self.failingText(
      "permission denied to reset all parameters",
      hint: "Tenants' settings are among them: send it as a simple query, at the end of its text, "
        + "and outside of a transaction block.")
  }

  /// Nothing is under way, and no transaction block open.
  private func isIdle(_ ledger: Ledger) -> Bool {
    ledger.status == TransactionStatus.idle && !ledger.owesReply && !ledger.hasOpenBatch
      && !ledger.isCopying && !ledger.isTainted
  }

  func isTransactionControl(
    _ text: UnsafeRawBufferPointer, _ analysis: SQLAnalysis?
  ) -> Bool {
    let analysis = analysis ?? SQLText.analyse(text.bytes)
    return analysis.statementCount == 0
      || (analysis.statementCount == 1
        && (analysis.effects.contains(.exitsTransaction) || analysis.beginsTransaction))
  }

  /// A statement that fails with 42501, where it belongs among other answers.
  static func failingText(_ message: String, hint: String) -> String {
    let body =
      "BEGIN RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = \(SQLLiteral.quote(message)), "
      + "HINT = \(SQLLiteral.quote(hint)); END"
    return "DO \(SQLLiteral.quote(body))"
  }

  // MARK: naming the tenant

  /// What a SET that names the tenant is on the server, within a transaction: all of the tenant's
  /// settings, in one statement. It is the client's alone: what is signed in it is no other's.
  /// - Parameter portal: the one that it is bound to; nil: it is run at once.
  /// - Returns: a statement that fails, where it may not.
  func assignment(
    _ sole: SQLAnalysis.SoleAssignment, _ client: ClientPointer, _ tenant: TenantPointer,
    _ session: SessionPointer, portal: [UInt8]? = nil
  ) -> String {
    if client.pointee.mode == .session, !sole.isLocal {
      return Self.failingText(
        "the tenant can not be changed here",
        hint: "With pool_mode session it takes SET by a simple query outside of a transaction, or "
          + "SET LOCAL.")
    }
    let statements: [String]
    var elements: [String]
    let name: TenantName?
    do throws(TenantRefusal) {
      if case .parameter = sole.value {
        return Self.failingText(
          "the tenant can not be given as a parameter here",
          hint: "Give its name as a constant, or use a pool_mode other than session.")
      }
      name = try named(sole.value, client)
      let bundle = try name.map { name throws(TenantRefusal) in try self.bundle(name, client) }
      statements = Preamble(bundle?.bundle, names: tenantNames).statements(isLocal: sole.isLocal)
      elements = Preamble.calls(
        bundle?.bundle, names: tenantNames, first: sole.name, isLocal: sole.isLocal)
    } catch {
      return Self.failingText(error.message, hint: "See the setting tenants of this login.")
    }
    noteNaming(name, portal, client, tenant, session)
    noteAssignment(sole, client, session)
    if sole.form == .select {
      let column = SQLIdentifier.quote(sole.columnName ?? "set_config")
      return elements.count == 1
        ? "SELECT \(elements[0]) AS \(column)"
        : "SELECT (ARRAY[\(elements.joined(separator: ", "))])[1] AS \(column)"
    }
    if statements.count == 1 { return statements[0] }
    let body = "BEGIN \(statements.map { "\($0); " }.joined())END"
    return "DO \(SQLLiteral.quote(body))"
  }

  /// What the SET leaves in the session is asked of the server, once the transaction is over.
  func noteAssignment(
    _ sole: SQLAnalysis.SoleAssignment, _ client: ClientPointer, _ session: SessionPointer
  ) {
    guard !sole.isLocal else { return }
    session.pointee.touch(sole.name)
    suspect(.settings, client, session)
    unsettle(client)
  }

  /// Has what a statement leaves in the session looked at before the next transaction begins.
  func unsettle(_ client: ClientPointer) {
    guard let tenant = client.pointee.tenant, !tenant.pointee.isExempt else { return }
    tenant.pointee.isUnsettled = true
    client.pointee.keepsServer = true
  }

  /// The tenant that a value names; nil: nobody, where the login came to nobody.
  /// - Parameter isPlaced: it has to be known where the tenant's database is.
  func named(
    _ value: SQLAnalysis.SoleAssignment.Value, _ client: ClientPointer, isPlaced: Bool = true
  ) throws(TenantRefusal) -> TenantName? {
    switch value {
    case .text(let text) where !text.isEmpty:
      isPlaced ? try allowed(text, client) : try permitted(text, client)
    case .text, .default: client.pointee.tenant?.pointee.origin
    case .parameter: nil
    }
  }

  /// A tenant that the client's login may act for.
  private func permitted(
    _ text: String, _ client: ClientPointer
  ) throws(TenantRefusal) -> TenantName {
    guard let identity = client.pointee.identity, let resolution = identity.resolution else {
      throw .setIsNoSource
    }
    return try tenancy.resolver.tenant(
      named: text, login: identity.login, after: resolution.outcome)
  }

  /// A tenant that the client may act for, on the servers that it has.
  func allowed(_ text: String, _ client: ClientPointer) throws(TenantRefusal) -> TenantName {
    let name = try permitted(text, client)
    // Where the row has run out, whoever makes the preamble asks for it and looks then.
    guard case .known(let row, _) = try row(of: name) else { return name }
    guard isInDatabase(of: name, row: row?.database, client) else {
      throw .unfitDatabase(reason: "is another than this connection's")
    }
    return name
  }

  /// Answers a SET that names the tenant and that comes between transactions: no server needs to
  /// know of it.
  /// - Returns: nil where it is none.
  func answerAssignment(
    _ client: ClientPointer, _ session: SessionPointer, _ start: Int, _ count: Int
  ) -> Covered? {
    guard let setName = tenancy.setName, client.pointee.tenant?.pointee.isExempt == false,
      scratch.load(fromByteOffset: start, as: UInt8.self) == ClientMessageType.query
    else { return nil }
    let whole = messageLength(at: start)
    guard whole > 6, whole <= count - start, whole <= Self.longestAssignment else { return nil }
    let text = bytes(start + 5, start + whole - 1).bytes
    guard !SQLText.isPlain(text), let sole = SQLText.analyse(text).soleAssignment,
      sole.name == setName.key
    else { return nil }
    if mustAwaitRow(sole.value, client, session) { return .held }
    var writer = MessageWriter()
    do throws(TenantRefusal) {
      let name = try named(sole.value, client)
      if let name { _ = try row(of: name) }
      if sole.isLocal {
        writer.noticeResponse(
          severity: "WARNING", sqlstate: SQLState.noActiveSQLTransaction,
          message: "SET LOCAL can only be used in transaction blocks")
      } else if !switchTenant(client, name) {
        return .ended
      }
      switch sole.form {
      case .set: writer.commandComplete("SET")
      case .reset: writer.commandComplete("RESET")
      case .select:
        writer.rowDescription([.text(sole.columnName ?? "set_config")])
        writer.dataRow([name?.text ?? ""])
        writer.commandComplete("SELECT 1")
      }
    } catch {
      writer.errorResponse(
        severity: "ERROR",
        sqlstate: error.isOfTable ? error.sqlstate : SQLState.insufficientPrivilege,
        message: error.message)
    }
    writer.readyForQuery(status: TransactionStatus.idle)
    send(writer.bytes, to: client)
    return .answered
  }

  /// A longer text is none that names a tenant.
  private static var longestAssignment: Int { 1_024 }

  /// What the session's setting is after a transaction in which the tenant was named.
  /// - Returns: false: the client has ended.
  func adoptTenant(_ client: ClientPointer, _ value: String?) -> Bool {
    guard let tenant = client.pointee.tenant, !tenant.pointee.isExempt else { return true }
    guard let value, !value.isEmpty else { return switchTenant(client, nil) }
    if value == tenant.pointee.name?.text { return true }
    do throws(TenantRefusal) {
      return switchTenant(client, try allowed(value, client))
    } catch {
      // Something else than a SET that was looked at has changed it.
      endClient(client, .tenantRefused(error))
      return false
    }
  }

  // MARK: FunctionCall

  /// Functions that a FunctionCall may not name: set_config, and those that run a text.
  func isForbiddenFunction(_ message: InspectedMessage) -> Bool {
    guard message.here >= 9 else { return true }
    let oid = UInt32(
      bigEndian: scratch.loadUnaligned(fromByteOffset: message.body, as: UInt32.self))
    return [2078, 2924, 2925, 2927, 2928, 2930, 3684, 3685, 3689, 3690].contains(oid)
  }
}
