import Insight
import Logging
import Pooling
import PostgresWire
import Reactor

// What servers answer, as far as it tells of statements: what is counted and logged of them.
extension Worker {
  /// CommandComplete, EmptyQueryResponse or PortalSuspended has come to the server's client.
  /// - Parameter tag: of a CommandComplete.
  @inline(never)
  func observeEnd(
    _ server: ServerPointer, _ tag: UnsafeRawBufferPointer?, isSuspended: Bool = false
  ) {
    guard let insight, let client = server.pointee.client, let observed = client.pointee.observed
    else {
      // Nobody looks any longer.
      server.pointee.ledger.watches.remove(.ends)
      return
    }
    var rows: UInt64 = 0
    if let tag {
      rows = CommandTag.rows(tag.assumingMemoryBound(to: UInt8.self).span)
    }
    if let ended = observed.pointee.underWay.completed(
      rows: rows, isSuspended: isSuspended, now: now)
    {
      record(ended, client, observed, insight)
    }
  }

  /// An error has come to the server's client.
  @inline(never)
  func observeError(_ server: ServerPointer) {
    guard let insight, let client = server.pointee.client, let observed = client.pointee.observed
    else { return }
    if let ended = observed.pointee.underWay.failed(now: now) {
      record(ended, client, observed, insight)
    }
  }

  /// ReadyForQuery has come to the server's client.
  @inline(never)
  func observeReady(_ client: ClientPointer, _ server: ServerPointer) {
    guard let insight, let observed = client.pointee.observed else { return }
    let isSettled = server.pointee.ledger.isSettled
    if let ended = observed.pointee.underWay.ready(isSettled: isSettled, now: now) {
      record(ended, client, observed, insight)
    }
    guard server.pointee.ledger.status == TransactionStatus.idle else { return }
    let times = observed.pointee.repeats.endTransaction(now: now)
    noteRepeats(times, observed.pointee.lastEnded, isRequest: true, client, observed, insight)
  }

  private func record(
    _ ended: StatementsUnderWay.Ended, _ client: ClientPointer, _ observed: ObservedPointer,
    _ insight: QueryInsight
  ) {
    let entry = ended.entry
    let isSlow = ended.duration >= insight.slowDuration
    let run = QueryTable.Run(
      calls: entry.isContinued ? 0 : 1, rows: ended.rows, duration: ended.duration,
      isError: ended.isError, isSlow: isSlow)
    insight.table.add(
      run, at: entry.place, scope: observed.pointee.scope,
      tenant: client.pointee.tenant?.pointee.name?.text)
    observed.pointee.lastEnded = entry.place
    if isSlow { logSlow(ended, client, observed, insight) }
    if insight.repeatThreshold != 0, !entry.isContinued {
      let times = observed.pointee.repeats.add(
        entry.hash == 0 ? nil : entry.hash, trace: observed.pointee.trace(of: entry),
        start: entry.start)
      noteRepeats(times, entry.place, isRequest: false, client, observed, insight)
    }
  }

  /// - Parameter times: how often a statement was run in its transaction, or its request.
  private func noteRepeats(
    _ times: UInt32, _ place: QueryTable.Place, isRequest: Bool, _ client: ClientPointer,
    _ observed: ObservedPointer, _ insight: QueryInsight
  ) {
    guard insight.repeatThreshold > 1, times >= insight.repeatThreshold else { return }
    let isFirst = times == insight.repeatThreshold
    let by = RepeatedBy(
      application: isFirst ? application(client.pointee.parameterSet) : nil,
      tenant: isFirst ? client.pointee.tenant?.pointee.name?.text : nil)
    insight.table.addRepeat(
      at: place, scope: observed.pointee.scope, calls: isFirst ? UInt64(times) : 1,
      by: isFirst ? by : nil)
    guard isFirst, insight.table.mayLog(at: place, now: now, interval: Self.repeatLogInterval)
    else { return }
    logRepeats(times, place, isRequest: isRequest, client, observed, insight)
  }

  // MARK: log

  /// The same statement's repetition is not told more often; microseconds.
  private static var repeatLogInterval: UInt64 { 10_000_000 }

  private func logSlow(
    _ ended: StatementsUnderWay.Ended, _ client: ClientPointer, _ observed: ObservedPointer,
    _ insight: QueryInsight
  ) {
    let text = insight.table.statement(ended.entry.place)?.text ?? QueryTotals.others
    let comment = observed.pointee.comment(of: ended.entry)
    let milliseconds = "\(ended.duration / 1_000).\(String(1_000 + ended.duration % 1_000).dropFirst())"
    logger.info(
      "\(name(client)) slow query: duration=\(milliseconds) ms\(origin(client, comment)) query: \(text)",
      metadata: metadata(text, client, comment).merging(
        ["duration": "\(milliseconds)", "rows": "\(ended.rows)"]) { $1 })
  }

  private func logRepeats(
    _ times: UInt32, _ place: QueryTable.Place, isRequest: Bool, _ client: ClientPointer,
    _ observed: ObservedPointer, _ insight: QueryInsight
  ) {
    let text = insight.table.statement(place)?.text ?? QueryTotals.others
    let comment =
      observed.pointee.trace == 0 ? nil : TraceComment(observed.pointee.comment[...])
    logger.warning(
      """
      \(name(client)) repeated query (N+1): \(times) times in one \
      \(isRequest ? "request" : "transaction")\(origin(client, comment)) query: \(text)
      """,
      metadata: metadata(text, client, comment).merging(["times": "\(times)"]) { $1 })
  }

  /// Where a statement comes from, for a line of text.
  private func origin(_ client: ClientPointer, _ comment: TraceComment?) -> String {
    var origin = ""
    if let application = application(client.pointee.parameterSet), !application.isEmpty {
      origin += " application=\(application)"
    }
    for (key, value) in comment?.pairs ?? [] { origin += " \(key)=\(value)" }
    return origin
  }

  private func metadata(
    _ text: String, _ client: ClientPointer, _ comment: TraceComment?
  ) -> Logger.Metadata {
    var metadata: Logger.Metadata = ["fingerprint": "\(text)"]
    if let identity = client.pointee.identity {
      metadata["database"] = "\(identity.databaseName)"
      metadata["user"] = "\(identity.login)"
      if let tenant = identity.tenant { metadata["tenant"] = "\(tenant.text)" }
    }
    if let application = application(client.pointee.parameterSet) {
      metadata["application"] = "\(application)"
    }
    if let traceparent = comment?.traceparent { metadata["traceparent"] = "\(traceparent)" }
    let pairs = (comment?.pairs ?? []).filter { $0.key != "traceparent" }
    if !pairs.isEmpty {
      metadata["comment"] = .dictionary(
        pairs.reduce(into: [:]) { $0[$1.key] = "\($1.value)" })
    }
    return metadata
  }
}
