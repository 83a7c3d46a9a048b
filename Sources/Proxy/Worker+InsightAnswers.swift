import Insight
import Logging
import Logs
import Pooling
import PostgresWire
import Reactor
import Tenancy

// What servers answer, as far as it tells of statements: what is counted and logged of them.
extension Worker {
  /// The scanner has seen a statement's end.
  @inline(never)
  func observeEnd(_ server: ServerPointer) {
    let type = server.pointee.scanner.endType
    server.pointee.scanner.endType = 0
    noteEnd(server, type, rows: server.pointee.scanner.endRows)
  }

  /// A statement's end has come, and perhaps one in front of it that the scanner has seen.
  @inline(never)
  func observeEnds(_ server: ServerPointer, _ type: UInt8, rows: UInt64) {
    if server.pointee.scanner.endType != 0 { observeEnd(server) }
    noteEnd(server, type, rows: rows)
  }

  /// - Parameter type: CommandComplete, EmptyQueryResponse or PortalSuspended.
  private func noteEnd(_ server: ServerPointer, _ type: UInt8, rows: UInt64) {
    guard let insight, let client = server.pointee.client, let observed = client.pointee.observed
    else {
      // Nobody looks any longer.
      server.pointee.ledger.watches.remove(.ends)
      return
    }
    let isSuspended = type == ServerMessageType.portalSuspended
    if let ended = observed.pointee.underWay.completed(
      rows: rows, isSuspended: isSuspended, now: now)
    {
      record(ended, client, observed, insight)
    }
  }

  /// An error has come to the server's client.
  @inline(never)
  func observeError(_ server: ServerPointer, _ sqlstate: String?) {
    if server.pointee.scanner.endType != 0 { observeEnd(server) }
    guard let insight, let client = server.pointee.client, let observed = client.pointee.observed
    else { return }
    // Where a quote is missing, what looks like words may be a literal.
    if sqlstate == SQLState.syntaxError, let oldest = observed.pointee.underWay.oldest {
      insight.pointee.table.shorten(at: oldest.place)
    }
    if let ended = observed.pointee.underWay.failed(now: now) {
      record(ended, client, observed, insight)
    }
  }

  /// ReadyForQuery has come to the server's client.
  @inline(never)
  func observeReady(_ client: ClientPointer, _ server: ServerPointer) {
    if server.pointee.scanner.endType != 0 { observeEnd(server) }
    guard let insight, let observed = client.pointee.observed else { return }
    let isSettled = server.pointee.ledger.isSettled
    if let ended = observed.pointee.underWay.ready(isSettled: isSettled, now: now) {
      record(ended, client, observed, insight)
    }
    guard server.pointee.ledger.status == TransactionStatus.idle else { return }
    let times = observed.pointee.repeats.endTransaction(now: now)
    if times >= insight.pointee.repeatThreshold, let last = observed.pointee.lastEnded {
      noteRepeats(times, last, isRequest: true, client, observed, insight)
    }
  }

  @inline(__always)
  private func record(
    _ ended: StatementsUnderWay.Ended, _ client: ClientPointer, _ observed: ObservedPointer,
    _ insight: InsightPointer
  ) {
    let entry = ended.entry
    let isSlow = ended.duration >= insight.pointee.slowDuration
    let run = QueryTable.Run(
      calls: entry.isContinued ? 0 : 1, rows: ended.rows, duration: ended.duration,
      isError: ended.isError, isSlow: isSlow)
    let scope = observed.pointee.scope
    insight.pointee.table.add(run, at: entry.place, scope: scope)
    if let tenant = client.pointee.tenant, let name = tenant.pointee.name {
      insight.pointee.table.add(ended.duration, of: name.text, at: entry.place)
    }
    observed.pointee.lastEnded = entry
    if isSlow { logSlow(ended, client, observed, insight) }
    if entry.isContinued { return }
    let times = observed.pointee.repeats.add(
      entry.hash, trace: observed.pointee.trace(of: entry), start: entry.start)
    if times >= insight.pointee.repeatThreshold {
      noteRepeats(times, entry, isRequest: false, client, observed, insight)
    }
  }

  /// A statement was run as often in its transaction, or its request, as is to be told.
  @inline(never)
  private func noteRepeats(
    _ times: UInt32, _ entry: StatementsUnderWay.Entry, isRequest: Bool, _ client: ClientPointer,
    _ observed: ObservedPointer, _ insight: InsightPointer
  ) {
    let (scope, place) = (observed.pointee.scope, entry.place)
    guard times == insight.pointee.repeatThreshold else {
      return insight.pointee.table.addRepeat(at: place, scope: scope, calls: 1, by: nil)
    }
    let by = RepeatedBy(
      application: application(client.pointee.parameterSet),
      tenant: client.pointee.tenant?.pointee.name?.text)
    insight.pointee.table.addRepeat(at: place, scope: scope, calls: UInt64(times), by: by)
    guard insight.pointee.table.mayLog(at: place, now: now, interval: Self.repeatLogInterval)
    else { return }
    logRepeats(times, entry, isRequest: isRequest, client, observed, insight)
  }

  // MARK: log

  /// The same statement's repetition is not told more often; microseconds.
  private static var repeatLogInterval: UInt64 { 10_000_000 }

  private func logSlow(
    _ ended: StatementsUnderWay.Ended, _ client: ClientPointer, _ observed: ObservedPointer,
    _ insight: InsightPointer
  ) {
    let text = insight.pointee.table.statement(ended.entry.place)?.text ?? QueryTotals.others
    let comment = observed.pointee.comment(of: ended.entry)
    let milliseconds =
      "\(ended.duration / 1_000).\(String(1_000 + ended.duration % 1_000).dropFirst())"
    log(
      .info, .slowQuery, .client(client),
      fields: fields(text, client, comment).merging(
        ["duration": .string(milliseconds), "rows": .stringConvertible(ended.rows)]) { $1 },
      "slow query: duration=\(milliseconds) ms\(origin(client, comment)) query: \(text)")
  }

  private func logRepeats(
    _ times: UInt32, _ entry: StatementsUnderWay.Entry, isRequest: Bool, _ client: ClientPointer,
    _ observed: ObservedPointer, _ insight: InsightPointer
  ) {
    let text = insight.pointee.table.statement(entry.place)?.text ?? QueryTotals.others
    let comment = observed.pointee.comment(of: entry)
    log(
      .warning, .repeatedQuery, .client(client),
      fields: fields(text, client, comment)
        .merging(["times": .stringConvertible(times)]) { $1 },
      """
      repeated query (N+1): \(times) times in one \(isRequest ? "request" : "transaction")\
      \(origin(client, comment)) query: \(text)
      """)
  }

  /// Where a statement comes from, for a line of text.
  private func origin(_ client: ClientPointer, _ comment: TraceComment?) -> String {
    var origin = ""
    if let application = application(client.pointee.parameterSet), !application.isEmpty {
      origin += " application=\(LogText.quoted(application))"
    }
    for (key, value) in comment?.pairs ?? [] {
      origin += " \(LogText.quoted(key))=\(LogText.quoted(value))"
    }
    return origin
  }

  private func fields(
    _ text: String, _ client: ClientPointer, _ comment: TraceComment?
  ) -> Logger.Metadata {
    var fields: Logger.Metadata = ["fingerprint": .string(text)]
    if let application = application(client.pointee.parameterSet) {
      fields["application"] = .string(application)
    }
    if let traceparent = comment?.traceparent { fields["traceparent"] = .string(traceparent) }
    let pairs = (comment?.pairs ?? []).filter { $0.key != "traceparent" }
    if !pairs.isEmpty {
      fields["comment"] = .dictionary(pairs.reduce(into: [:]) { $0[$1.key] = .string($1.value) })
    }
    return fields
  }
}
