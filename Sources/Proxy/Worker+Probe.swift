import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

// What a server is asked before it leaves a client whose statements may have changed the session.
extension Worker {
  /// A clean server whose client may not just give it back: it is in session mode, it is pinned, or
  /// its statements have still to be looked at.
  @inline(never)
  func settleSession(_ client: ClientPointer, _ server: ServerPointer) {
    guard client.pointee.mode != .session, let session = client.pointee.session else { return }
    // The server is clean since the client's LISTEN has not been sent yet.
    if session.pointee.awaitsListener || session.pointee.awaitsTenant { return }
    if session.pointee.suspicions.remove(.schema) != nil { noteSchemaChange() }
    let asksNothing =
      session.pointee.suspicions == .settings && session.pointee.assignment == nil
      && session.pointee.touched.isEmpty
    if session.pointee.suspicions.isEmpty || asksNothing {
      restoreStartup(client, session)
      guard client.pointee.server == server else { return }
      session.pointee.forgetLease()
      settleChannels(client, server, session, committed: [])
      deliverKept(client)
      return settled(client, server, session)
    }
    if let assignment = session.pointee.assignment, session.pointee.touched.isEmpty,
      session.pointee.suspicions == .settings
    {
      // One plain SET: it has been done, or it has failed.
      let isDone = !session.pointee.sawError
      session.pointee.forgetLease()
      settleChannels(client, server, session, committed: [])
      deliverKept(client)
      if isDone {
        record([(assignment.name, assignment.value)], resets: [], client, server, session)
      }
      return settled(client, server, session)
    }
    let asked = session.pointee.suspicions.union(session.pointee.pin).intersection(.probed)
    let probe = SessionProbe(effects: asked, names: session.pointee.touched)
    client.pointee.phase = .preparing
    session.pointee.probe = probe
    session.pointee.probed = nil
    // Should the client leave meanwhile, nobody knows what is left in the session.
    server.pointee.cleanup = .discard
    startTask(.probe, probe.query, on: server)
  }

  /// The server has answered, or failed to.
  func probeDone(_ client: ClientPointer, _ server: ServerPointer, _ error: ErrorFields?) {
    guard let session = client.pointee.session else { return }
    let suspicions = session.pointee.suspicions
    let answer = session.pointee.probed.flatMap { session.pointee.probe?.answer($0) }
    session.pointee.probed = nil
    session.pointee.probe = nil
    client.pointee.phase = .active
    if let answer, error == nil {
      let resets = session.pointee.sawError ? [] : session.pointee.resets
      let restored = session.pointee.sawError ? [] : session.pointee.restored
      let restoresAll = session.pointee.restoresAll && !session.pointee.sawError
      // What was not asked about is as it was: it can't be asked about, or nothing has touched it.
      let unasked = session.pointee.pin.union(suspicions.intersection(.bound)).subtracting(.probed)
      session.pointee.forgetLease()
      session.pointee.pin = unasked.union(answer.effects).subtracting(.listen)
      settleChannels(client, server, session, committed: answer.channels)
      var settings = answer.settings
      if client.pointee.tenant != nil, let name = tenancy.setName?.key,
        let index = settings.firstIndex(where: { $0.name == name })
      {
        guard adoptTenant(client, settings.remove(at: index).value) else { return }
      }
      record(settings, resets: resets, client, server, session)
      restoreStartup(client, session, all: restoresAll, restored)
      guard client.pointee.server == server else { return }
    } else {
      if let error { debug(1, .client(client), "probe failed: \(error.message)") }
      // It can't be told for whom the client acts.
      if client.pointee.tenant?.pointee.isUnsettled == true {
        return endClient(client, .outOfStep)
      }
      session.pointee.forgetLease()
      // Channels are still the session's, and to be asked about again.
      session.pointee.pin.formUnion(suspicions.intersection(.listen).union(.unknownSettings))
      settleChannels(client, server, session, committed: nil)
    }
    deliverKept(client)
    client.pointee.tenant?.pointee.isUnsettled = false
    if session.pointee.pin.isEmpty { return giveBack(client, server) }
    pin(client, session)
    if client.pointee.stream.isReadable || client.pointee.isHeld { list(client) }
  }

  /// Nothing is left to be looked at.
  private func settled(
    _ client: ClientPointer, _ server: ServerPointer, _ session: SessionPointer
  ) {
    let wasUnsettled = client.pointee.tenant?.pointee.isUnsettled == true
    if wasUnsettled { client.pointee.tenant?.pointee.isUnsettled = false }
    if session.pointee.pin.isEmpty { return giveBack(client, server) }
    guard wasUnsettled, client.pointee.isHeld else { return }
    readHeldAgain(client)
    list(client)
  }

  /// The client keeps its server until nothing binds it to it any longer.
  private func pin(_ client: ClientPointer, _ session: SessionPointer) {
    client.pointee.since = now
    guard session.pointee.pinnedAt == 0 else { return }
    session.pointee.pinnedAt = now
    let reason = session.pointee.pin.names.joined(separator: ", ")
    log(.info, .keepsServer, .client(client), "keeps its server: \(reason)")
    let pinned = PinnedClient(
      name: name(client), database: client.pointee.identity?.databaseName ?? "",
      user: client.pointee.identity?.login ?? "", reason: reason, pool: client.pointee.pool,
      number: client.pointee.identity?.number ?? 0)
    pooler.pinned.withLock { $0[client.asHandle] = pinned }
    pooler.pinCount.add(1)
    traffic(of: client.pointee.pool).pins += 1
  }

  func unpin(_ client: ClientPointer, _ session: SessionPointer) {
    guard session.pointee.pinnedAt != 0 else { return }
    session.pointee.pinnedAt = 0
    pooler.pinned.withLock { _ = $0.removeValue(forKey: client.asHandle) }
  }

  /// Nothing of the client is left on the server but what can be put back.
  private func giveBack(_ client: ClientPointer, _ server: ServerPointer) {
    if let session = client.pointee.session { unpin(client, session) }
    client.pointee.keepsServer = false
    server.pointee.cleanup = resetsAlways ? .reset : .none
    // It goes on with another server, or this one, in a transaction of its own.
    readHeldAgain(client)
    part(client, server)
  }

  private func restoreStartup(_ client: ClientPointer, _ session: SessionPointer) {
    guard !session.pointee.sawError else { return }
    restoreStartup(
      client, session, all: session.pointee.restoresAll, session.pointee.restored)
  }

  /// RESET and DISCARD ALL bring back what the client came with, where the server only knows its
  /// own defaults. The client has been told those; it is told again. While it keeps its server, the
  /// defaults are in force there.
  private func restoreStartup(
    _ client: ClientPointer, _ session: SessionPointer, all: Bool, _ names: Set<String>
  ) {
    if all, client.pointee.tenant != nil, !switchTenant(client, nil) { return }
    guard all || !names.isEmpty, session.pointee.pin.isEmpty else { return }
    var changed: [(name: String, value: String)] = []
    client.pointee.parameterSet = pooler.parameterSets.withLock { sets in
      let startup = sets.values(client.pointee.startupSet)
      var values = sets.values(client.pointee.parameterSet)
      for (index, name) in sets.names.enumerated() where all || names.contains(name.lowercased()) {
        guard let value = startup[index] else { continue }
        let shown = Self.isShownName(name) ? resetShownName(client, to: value) : value
        guard values[index] != shown else { continue }
        values[index] = shown
        changed.append((name, value))
      }
      let number = sets.intern(values)
      sets.release(client.pointee.parameterSet)
      return number
    }
    var writer = MessageWriter()
    for (name, value) in changed { writer.parameterStatus(name: name, value: value) }
    send(writer.bytes, to: client)
  }

  /// Remembers settings of the session, as the server has them now.
  private func record(
    _ settings: [(name: String, value: String?)], resets: Set<String>, _ client: ClientPointer,
    _ server: ServerPointer, _ session: SessionPointer
  ) {
    guard !settings.isEmpty else { return }
    var fits = true
    let number = pooler.parameterSets.withLock { sets -> ParameterSets.Number in
      var values = sets.values(server.pointee.parameterSet)
      for (name, value) in settings {
        if let index = sets.index(of: name) {
          values[index] = value
        } else {
          fits = fits && (value?.utf8.count ?? 0) <= ClientSession.longestValue
          values.set(name, resets.contains(name) ? nil : value)
        }
      }
      fits = fits && values.session.count <= ClientSession.maximumSettings
      return sets.intern(values)
    }
    if !fits { session.pointee.pin.formUnion(.unknownSettings) }
    pooler.parameterSets.withLock { $0.release(server.pointee.parameterSet) }
    server.pointee.parameterSet = number
    adoptParameters(client, of: server)
    adoptShownName(client)
  }
}

/// A client that keeps its server, for the console.
struct PinnedClient: Sendable {
  var name: String
  var database: String
  var user: String
  var reason: String
  var pool: PoolID
  var number: UInt64
}
