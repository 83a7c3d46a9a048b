import Admin
import CLinux
import Insight
import Pooling
import PostgresWire
import Reactor
import Settings
import Synchronization

// What clients send, as far as it tells of statements. Only while there is a `QueryInsight`: it
// looks at what has gone to the server, behind those who send it, and changes nothing of it.
extension Worker {
  /// Sends a client's bytes on, and notes the statements in them.
  /// - Returns: false: the client has ended.
  @inline(never)
  func forwardObserved(_ client: ClientPointer, _ server: ServerPointer, _ count: Int) -> Bool {
    guard let insight else { return true }
    // What is under way already nobody has seen.
    let canBegin =
      client.pointee.observed == nil && (server.pointee.ledger.isSettled || owesOnlyOwn(server))
      && !client.pointee.scanner.isMidMessage
    let before = client.pointee.traffic.pointee.counters.received
    guard forwardScanned(client, server, count) else { return false }
    let taken = Int(truncatingIfNeeded: client.pointee.traffic.pointee.counters.received &- before)
    guard taken > 0, !client.pointee.isReplication else { return true }
    guard let observed = client.pointee.observed ?? (canBegin ? beginObserving(client) : nil)
    else { return true }
    let seen = min(taken, observed.pointee.repeatedBytes)
    observed.pointee.repeatedBytes &-= seen
    let fresh = UnsafeRawBufferPointer(start: scratch + seen, count: taken &- seen)
    if seen < taken { observe(fresh, client, server, observed, insight) }
    return true
  }

  private func beginObserving(_ client: ClientPointer) -> ObservedPointer {
    let observed = ObservedPointer.allocate(capacity: 1)
    observed.initialize(to: ObservedClient())
    client.pointee.observed = observed
    return observed
  }

  /// Forgets what is known of a client.
  func endObserving(_ client: ClientPointer) {
    guard let observed = client.pointee.observed else { return }
    observed.deinitialize(count: 1)
    observed.deallocate()
    client.pointee.observed = nil
  }

  /// Begins, goes on or ends, as the configuration says.
  func applyInsight() {
    let isWanted = QueryInsight.isWanted(settings)
    if let insight {
      let beginsAnew = settings.queryStats && !insight.pointee.isShown
      if isWanted, !beginsAnew, insight.pointee.limit == settings.queryStatsMax {
        return insight.pointee.apply(settings)
      }
      // Places in this table are none in another one.
      clients.forEachPlace { self.endObserving($0) }
      for survey in surveys { survey.beginStatements() }
      endInsight()
    }
    if !isWanted { return }
    let fresh = InsightPointer.allocate(capacity: 1)
    fresh.initialize(to: QueryInsight(settings, key: pooler.insightKey, seed: now &+ UInt64(id)))
    insight = fresh
  }

  func endInsight() {
    insight?.deinitialize(count: 1)
    insight?.deallocate()
    insight = nil
  }

  /// The number of a client's pool in the table.
  private func scope(
    _ client: ClientPointer, _ observed: ObservedPointer, _ insight: InsightPointer
  ) -> Int32 {
    let pool = client.pointee.pool
    if observed.pointee.pool != pool.rawValue, let route = route(pool) {
      observed.pointee.pool = pool.rawValue
      observed.pointee.scope = insight.pointee.table.scope(database: route.title, user: route.user)
    }
    return observed.pointee.scope
  }

  private func observe(
    _ bytes: UnsafeRawBufferPointer, _ client: ClientPointer, _ server: ServerPointer,
    _ observed: ObservedPointer, _ insight: InsightPointer
  ) {
    let scope = scope(client, observed, insight)
    if observed.pointee.underWay.isEmpty { server.pointee.scanner.endType = 0 }
    let span = bytes.assumingMemoryBound(to: UInt8.self).span
    var position = 0
    while let message = observed.pointee.walker.next(span, &position) {
      if let body = message.body {
        take(
          message.type, UnsafeRawBufferPointer(rebasing: bytes[body]), client, scope, observed,
          insight)
      } else {
        let kept = observed.pointee.walker.kept
        kept.withUnsafeBytes { take(message.type, $0, client, scope, observed, insight) }
        observed.pointee.walker.forget()
      }
    }
    if !observed.pointee.underWay.isEmpty {
      server.pointee.ledger.watches.insert(.ends)
    }
  }

  /// A message of the client's has gone to the server, as far as it matters.
  private func take(
    _ type: UInt8, _ body: UnsafeRawBufferPointer, _ client: ClientPointer, _ scope: Int32,
    _ observed: ObservedPointer, _ insight: InsightPointer
  ) {
    switch type {
    case ClientMessageType.query:
      let (statement, place) = insight.pointee.statement(
        Self.text(body, from: 0), scope: scope, of: observed)
      observed.pointee.sentQuery(place, statement, now: now)
    case ClientMessageType.parse:
      let name = Self.text(body, from: 0)
      let (statement, place) = insight.pointee.statement(
        Self.text(body, from: name.count + 1), scope: scope, of: observed)
      observed.pointee.sentParse(Self.number(name, insight), statement, place)
    case ClientMessageType.bind:
      let portal = Self.text(body, from: 0)
      let name = Self.text(body, from: portal.count + 1)
      bind(Self.number(portal, insight), name, client, scope, observed, insight)
    case ClientMessageType.execute:
      let portal = Self.text(body, from: 0)
      var limit: UInt32 = 0
      if body.count >= portal.count + 5 {
        limit = UInt32(
          bigEndian: body.loadUnaligned(fromByteOffset: portal.count + 1, as: UInt32.self))
      }
      observed.pointee.sentExecute(portal: Self.number(portal, insight), rowLimit: limit, now: now)
    case ClientMessageType.sync: observed.pointee.sentSync(now: now)
    case ClientMessageType.functionCall: observed.pointee.sentFunctionCall(now: now)
    default: break
    }
  }

  /// What stands from there to the next NUL, or to the end.
  @inline(__always)
  private static func text(
    _ body: UnsafeRawBufferPointer, from start: Int
  ) -> UnsafeRawBufferPointer {
    guard let base = body.baseAddress, start < body.count,
      base.load(fromByteOffset: start, as: UInt8.self) != 0
    else { return UnsafeRawBufferPointer(start: body.baseAddress, count: 0) }
    let count = body.count &- start
    let end = memchr(base + start, 0, count).map { (base + start).distance(to: $0) }
    return UnsafeRawBufferPointer(start: base + start, count: end ?? count)
  }

  /// What stands for a name of the client's; 0: it is empty.
  private static func number(
    _ name: UnsafeRawBufferPointer, _ insight: InsightPointer
  ) -> UInt64 {
    guard name.count > 0 else { return 0 }
    return insight.pointee.key.hash(name.bytes) | 1
  }

  private func bind(
    _ portal: UInt64, _ name: UnsafeRawBufferPointer, _ client: ClientPointer, _ scope: Int32,
    _ observed: ObservedPointer, _ insight: InsightPointer
  ) {
    let number = Self.number(name, insight)
    if let known = observed.pointee.statement(number),
      let place = insight.pointee.table.find(known.hash, scope: scope)
    {
      observed.pointee.sentBind(portal: portal, known, place)
      return
    }
    // It was prepared before anybody looked, or has given way since.
    guard let text = preparedText(name, client) else {
      observed.pointee.sentBind(portal: portal, nil, .none)
      return
    }
    let (statement, place) = text.withUnsafeBytes {
      insight.pointee.statement(Self.text($0, from: 0), scope: scope, of: nil)
    }
    if number != 0 { observed.pointee.learn(number, statement) }
    observed.pointee.sentBind(portal: portal, statement, place)
  }

  /// The text of a statement that the client has prepared, if the pooler has it.
  private func preparedText(
    _ name: UnsafeRawBufferPointer, _ client: ClientPointer
  ) -> [UInt8]? {
    guard maps(client), let session = client.pointee.session else { return nil }
    if name.count == 0 {
      return session.pointee.unnamed == .kept ? session.pointee.unnamedTail.bytes : nil
    }
    // `find` wants the NUL behind the name.
    let bytes = Array(name.prefix(ClientStatements.longestName)) + [0]
    let found = bytes.withUnsafeBytes {
      session.pointee.statements.find($0.bytes, at: 0, count: $0.count - 1)
    }
    guard let found, found.index >= 0 else { return nil }
    return pooler.statements.withLock { $0.tail(found.index) }
  }
}
