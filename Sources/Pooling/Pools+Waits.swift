// What becomes of those who wait too long.
extension Pools {
  /// Clients of `loop` that have waited longer than query_wait_timeout. They have left the queue.
  public mutating func expireWaiters(
    loop: Int32, now: UInt64, into clients: inout [Handle]
  ) {
    for number in pools.indices where pools[number].waiting > 0 {
      let timeout = pools[number].limits.queryWaitTimeout
      guard timeout != 0 else { continue }
      let list = waitLists[number * loops + Int(loop)]
      expire(list, loop: loop, timeout: timeout, now: now, into: &clients)
      var share = pools[number].waitingShares.first
      while share >= 0 {
        // The share is not of the list any longer, and perhaps not at all, once nobody waits.
        let (waiters, logins) = (shares.entries[share].waiters, shares.entries[share].logins)
        let next = shares.entries[share].links.next
        expire(logins, loop: loop, timeout: timeout, now: now, into: &clients)
        expire(waiters, loop: loop, timeout: timeout, now: now, into: &clients)
        share = next
      }
    }
  }

  private mutating func expire(
    _ list: LinkedList, loop: Int32, timeout: UInt64, now: UInt64, into clients: inout [Handle]
  ) {
    var index = list.first
    while index >= 0 {
      let waiter = waiters[index]
      if waiter.loop != loop {
        // Its own loop's clock says when.
      } else if now &- waiter.since >= timeout {
        clients.append(waiter.client)
        giveUp(index, now: now)
      } else if !waiter.wasRequeued {
        break
      }
      index = waiter.links.next
    }
  }

  /// Clients of `loop` that have waited for query_wait_notify and have not been told yet.
  public mutating func notifyWaiters(
    loop: Int32, now: UInt64, into clients: inout [Handle]
  ) {
    for number in pools.indices where pools[number].waiting > 0 {
      let delay = pools[number].limits.queryWaitNotify
      guard delay != 0 else { continue }
      let list = waitLists[number * loops + Int(loop)]
      notify(list, loop: loop, delay: delay, now: now, into: &clients)
      var share = pools[number].waitingShares.first
      while share >= 0 {
        let logins = shares.entries[share].logins
        notify(logins, loop: loop, delay: delay, now: now, into: &clients)
        let waiters = shares.entries[share].waiters
        notify(waiters, loop: loop, delay: delay, now: now, into: &clients)
        share = shares.entries[share].links.next
      }
    }
  }

  private mutating func notify(
    _ list: LinkedList, loop: Int32, delay: UInt64, now: UInt64, into clients: inout [Handle]
  ) {
    var index = list.first
    while index >= 0 {
      if waiters[index].loop != loop {
        // Its own loop's clock says when.
      } else if now &- waiters[index].since >= delay {
        if !waiters[index].wasNotified { clients.append(waiters[index].client) }
        waiters[index].wasNotified = true
      } else if !waiters[index].wasRequeued {
        break
      }
      index = waiters[index].links.next
    }
  }
}
