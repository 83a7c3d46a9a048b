import Admin
import CLinux
import Insight
import Pooling
import Reactor
import Settings
import Synchronization

// Questions between loops. Each answers for what is its own, when it reads its mail: so nothing
// that is counted needs a lock, and the numbers are exact.
extension Worker {
  /// Asks all loops, or only some; `then` is called on this one when all have answered.
  func ask(_ question: Question, of loops: [Int]? = nil, then: @escaping ([LoopReport]) -> Void) {
    lastSerial += 1
    let loops = loops ?? Array(0..<pooler.loopCount)
    inquiries[lastSerial] = Inquiry(missing: loops.count, then: then)
    for loop in loops {
      pooler.mailboxes[loop].post(.asked(question, by: id, serial: lastSerial))
    }
  }

  func answered(_ serial: UInt64, _ report: LoopReport) {
    guard var inquiry = inquiries[serial] else { return }
    inquiry.reports.append(report)
    inquiry.missing -= 1
    inquiries[serial] = inquiry.missing == 0 ? nil : inquiry
    if inquiry.missing == 0 { inquiry.then(inquiry.reports) }
  }

  /// Makes a table of what has been answered, where that takes long: no loop waits for it.
  func makeTable(
    _ make: @escaping @Sendable () -> ConsoleTable, then: @escaping (ConsoleTable) -> Void
  ) {
    lastSerial += 1
    inquiries[lastSerial] = Inquiry(missing: 1) { reports in
      if let table = reports.first?.table { then(table) }
    }
    Task.detached { [id, mailbox, serial = lastSerial] in
      var report = LoopReport(loop: id)
      report.table = make()
      mailbox.post(.answered(serial, report))
    }
  }

  func asked(_ question: Question, by asker: Int32, serial: UInt64) {
    if asker == Pooler.monitor, !pooler.inquirer.isAwaited(serial) { return }
    let survey = Survey(question, asker: asker, serial: serial, loop: id)
    switch question {
    case .traffic: survey.report.traffic = trafficByDatabase()
    case .tallies:
      survey.report.tallies = serverTallies()
      survey.report.thread.consoles = consoles.count
      return begin(survey)
    case .connections:
      survey.report.connections = serverFacts()
      return begin(survey)
    case .thread:
      survey.report.thread = threadFacts()
      return begin(survey)
    case .metrics:
      survey.report.tallies = serverTallies()
      survey.report.thread = threadFacts()
      survey.report.metrics = counts()
      return begin(survey)
    case .waits, .queries, .ranking: return begin(survey)
    case .statements(let names):
      survey.report.queries = insight.map { QueryCopy(of: names, in: $0.pointee.table) }
    case .kill(let victims): survey.report.killed = kill(victims)
    case .suspend(let closesBlocked):
      survey.report.blocked = suspend(closesBlocked: closesBlocked)
    case .reload:
      if rereadsConfiguration?() != true { survey.report.error = .reloadFailed }
    case .set(let name, let value): survey.report.error = set(name, to: value)
    case .shutdown(let mode): pooler.shutDown(mode)
    }
    end(survey)
  }

  private func end(_ survey: Survey) {
    if survey.asker == Pooler.monitor {
      pooler.inquirer.answered(survey.serial, survey.report)
    } else {
      pooler.mailboxes[Int(survey.asker)].post(.answered(survey.serial, survey.report))
    }
  }

  // MARK: pieces

  /// How many chunks of places are looked at between two looks for events.
  private static var chunksAtATime: Int { 4 }

  private func begin(_ survey: Survey) {
    surveys.append(survey)
    if surveys.count == 1 { goOnWithSurveys() }
  }

  /// How many statements are looked at, or copied.
  private static var statementsAtATime: Int { 2048 }
  private static var copiesAtATime: Int { 512 }

  /// Looks at some more for the first question under way.
  func goOnWithSurveys() {
    guard let survey = surveys.first else { return }
    let isDone =
      switch survey.question {
      case .queries: copyStatements(survey)
      case .ranking: lookAtStatements(survey)
      default: lookAtClients(survey)
      }
    if isDone {
      surveys.removeFirst()
      end(survey)
    }
    if !surveys.isEmpty { mailbox.post(.surveysGoOn) }
  }

  /// - Returns: whether those were the last.
  private func copyStatements(_ survey: Survey) -> Bool {
    guard let insight else {
      survey.report.queries = nil
      return true
    }
    return survey.report.queries?.goOn(in: insight.pointee.table, count: Self.copiesAtATime) ?? true
  }

  /// - Returns: whether those were the last.
  private func lookAtStatements(_ survey: Survey) -> Bool {
    guard let insight, var selection = survey.selection.take() else { return true }
    let isDone = selection.goOn(in: insight.pointee.table, count: Self.statementsAtATime)
    if isDone { survey.report.ranking = selection.found(in: insight.pointee.table) }
    survey.selection = selection
    return isDone
  }

  /// - Returns: whether those were the last.
  private func lookAtClients(_ survey: Survey) -> Bool {
    let end = min(clients.chunkCount, survey.nextChunk + Self.chunksAtATime)
    while survey.nextChunk < end {
      clients.forEachPlace(inChunk: survey.nextChunk) { client in
        guard client.pointee.phase != .unused, client.pointee.phase != .closed else { return }
        switch survey.question {
        case .tallies: tally(client, &survey.report.tallies)
        case .connections: survey.report.connections.append(facts(client))
        case .thread: tally(client, &survey.report.thread)
        case .metrics:
          tally(client, &survey.report.tallies)
          tally(client, &survey.report.thread)
        case .waits:
          guard client.pointee.pool.rawValue >= 0 else { return }
          let isWaiting = client.pointee.phase == .waiting || client.pointee.phase == .login
          if isWaiting || client.pointee.server != nil {
            survey.report.connections.append(facts(client))
          }
        case .traffic, .queries, .ranking, .statements, .kill, .suspend, .reload, .set, .shutdown:
          break
        }
      }
      survey.nextChunk += 1
    }
    return survey.nextChunk >= clients.chunkCount
  }

  // MARK: counters

  /// Counts what a client does from now on, its login to begin with.
  func beginCounting(_ client: ClientPointer) {
    let counted = traffic(of: client.pointee.pool)
    counted.clients += 1
    counted.logins.add(now &- client.pointee.connectedAt)
    client.pointee.traffic = counted.counters
    client.pointee.traffic.pointee.counters.logins &+= 1
  }

  /// Where this loop counts what concerns a pool.
  func traffic(of pool: PoolID) -> PoolTraffic {
    while traffic.count <= pool.index { traffic.append(nil) }
    let route = route(pool)
    let database = route?.database
    // The number may have been another pool's, whose mail of farewell has not been read.
    if let old = traffic[pool.index], old.database != database?.name || old.user != route?.user {
      retireTraffic(of: pool)
    }
    if let known = traffic[pool.index] { return known }
    let fresh = PoolTraffic(
      database: database?.name ?? "", user: route?.user ?? "",
      isAutomatic: database?.isAutomatic ?? true,
      times: settings.metricsListen.isEmpty ? unreadTimes : nil)
    traffic[pool.index] = fresh
    return fresh
  }

  /// A client that has ended counts no longer.
  func endCounting(_ client: ClientPointer) {
    guard client.pointee.traffic != nobodysTraffic else { return }
    client.pointee.traffic = nobodysTraffic
    if client.pointee.pool.rawValue >= 0 { traffic[client.pointee.pool.index]?.clients -= 1 }
  }

  /// The pool has gone, unless another has its number already.
  func retireTraffic(of pool: PoolID) {
    guard pool.index < traffic.count, let old = traffic[pool.index], old.clients == 0 else {
      return
    }
    traffic[pool.index] = nil
    if old.isAutomatic { return }
    pooler.statistics.withLock { $0.retire(old.counters.pointee.counters, database: old.database) }
  }

  private func trafficByDatabase() -> [String: TrafficCounters] {
    var all = [Console.database: consoleTraffic.pointee.counters]
    for case let pool? in traffic {
      all[pool.database, default: TrafficCounters()] += pool.counters.pointee.counters
    }
    return all
  }

  // MARK: tallies

  private func threadFacts() -> ThreadFacts {
    var facts = ThreadFacts()
    facts.serverLogins = serverLogins.count
    facts.cancels = cancels.count
    facts.turns = turns
    facts.cpuMicroseconds = cl_thread_cpu_microseconds()
    facts.busyMicroseconds = busyTime
    facts.busyPercent = busyPercent
    facts.longestTurn = max(longestTurn, earlierLongestTurn)
    facts.consoles = consoles.count
    return facts
  }

  private func tally(_ client: ClientPointer, _ thread: inout ThreadFacts) {
    thread.clients += 1
    if client.pointee.phase == .login { thread.loggingIn += 1 }
    if client.pointee.phase == .waiting { thread.waiting += 1 }
    if client.pointee.server != nil { thread.servers += 1 }
  }

  private func tally(_ client: ClientPointer, _ tallies: inout [PoolTally]) {
    guard client.pointee.pool.rawValue >= 0 else { return }
    let isWaiting = client.pointee.phase == .waiting || client.pointee.phase == .login
    change(client.pointee.pool, in: &tallies) {
      if isWaiting {
        $0.waiting += 1
        $0.oldestWait = min($0.oldestWait, client.pointee.since)
      } else {
        $0.active += 1
      }
    }
  }

  private func serverTallies() -> [PoolTally] {
    var tallies: [PoolTally] = []
    for server in tasks
    where server.pointee.login == nil
      && (server.pointee.task == .check || server.pointee.task == .reset)
    {
      change(server.pointee.pool, in: &tallies) { $0.tested += 1 }
    }
    for delivery in cancels.values {
      guard let server = delivery.server else { continue }
      change(server.pointee.pool, in: &tallies) {
        $0.cancelling += 1
        if server.pointee.client == nil { $0.beingCancelled += 1 }
      }
    }
    return tallies
  }

  /// Changes the tally of a pool. They stand by the pools' numbers.
  private func change(
    _ pool: PoolID, in tallies: inout [PoolTally], _ change: (inout PoolTally) -> Void
  ) {
    guard pool.rawValue >= 0 else { return }
    while tallies.count <= pool.index {
      tallies.append(PoolTally(pool: PoolID(Int32(tallies.count))))
    }
    change(&tallies[pool.index])
  }
}
