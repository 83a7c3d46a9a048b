import CLinux
import Insight
import Pooling
import Reactor

// What a loop counts for metrics, off the way of transactions.
extension Worker {
  /// A client has ended. One that says nothing, or goes in its login without a word, is a probe.
  func countEnd(_ client: ClientPointer, _ ending: Ending) {
    if client.pointee.login == nil && client.pointee.isCounted {
      clientEnds[ending.label.rawValue, default: 0] += 1
    } else if ending.notice != nil {
      loginFailures[ending.label.rawValue, default: 0] += 1
    }
  }

  /// Has the turn timed in any case: it does more than usual.
  func mustTimeTurn() {
    if turnsLeft == 0 { turnsLeft = turnsToSample }
    turnsToSample = 1
  }

  /// Takes the time of the turn that ends.
  @inline(never)
  func timeTurn() {
    let turn = Clock.now &- now
    longestTurn = max(longestTurn, turn)
    guard turnsToSample == 0 else { return }
    if turnsLeft > 1 {
      turnsToSample = turnsLeft &- 1
      turnsLeft = 0
      return
    }
    turnsLeft = 0
    turnsToSample = Self.sampledTurns
    busyTime &+= turn &* UInt64(Self.sampledTurns)
  }

  /// A tick of this loop: it turns. The longest turn is that of one or two periods.
  func noteTick() {
    mustTimeTurn()
    pooler.lastTicks[Int(id)].store(now)
    guard now &- turnPeriod.time >= Self.turnPeriod else { return }
    earlierTurnPeriod = turnPeriod.time == 0 ? TurnMark(time: now, busy: busyTime) : turnPeriod
    turnPeriod = TurnMark(time: now, busy: busyTime)
    earlierLongestTurn = longestTurn
    longestTurn = 0
  }

  private static var turnPeriod: UInt64 { 15_000_000 }

  /// The share of the time at work, in per cent, over one or two periods.
  var busyPercent: Int {
    let time = now &- earlierTurnPeriod.time
    let busy = busyTime &- earlierTurnPeriod.busy
    return time == 0 ? 0 : Int(min(100, busy * 100 / time))
  }

  func counts() -> LoopCounts {
    var counts = LoopCounts()
    for (index, pool) in traffic.enumerated() {
      if let pool { counts.traffic.append(pool.report(PoolID(Int32(index)))) }
    }
    counts.clientEnds = clientEnds
    counts.loginFailures = loginFailures
    counts.serverEnds = serverEnds
    counts.findings = insight?.pointee.table.findings ?? []
    for listener in listeners where !listener.isUnix {
      var (waiting, limit): (UInt32, UInt32) = (0, 0)
      guard cl_listen_queue(listener.fd, &waiting, &limit) == 0 else { continue }
      counts.backlog += Int(waiting)
      counts.backlogLimit += Int(limit)
    }
    return counts
  }
}

/// A moment, and how long the loop had been at work by then. In microseconds.
struct TurnMark {
  var time: UInt64 = 0
  var busy: UInt64 = 0
}
