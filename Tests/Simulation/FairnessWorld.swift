import Pooling
import TestSupport

/// One pool under clients that ask anew as soon as they have been served, in simulated time: who
/// waits for how long, and who holds servers for how long.
struct FairnessWorld: ~Copyable {
  /// The clients of one tenant.
  struct Load {
    var tenant: String?
    var limits = TenantQuota()
    var clients = 1
    /// How long a transaction takes, in microseconds.
    var hold: ClosedRange<UInt64> = 500...1_500
    /// From the end of a transaction to the next.
    var think: ClosedRange<UInt64> = 50...150
    /// When nothing is asked for, in microseconds from the start.
    var rest: Range<UInt64> = 0..<0
  }

  struct Outcome {
    var waits: [UInt64] = []
    var latencies: [UInt64] = []
    var starts: [UInt64] = []
    var held: UInt64 = 0
    var mostServers = 0
    /// The longest wait that has not ended.
    var waiting: UInt64 = 0
    var longestWait: UInt64 { max(waiting, waits.max() ?? 0) }

    static func percentile(_ share: Double, of values: [UInt64]) -> UInt64 {
      let sorted = values.sorted()
      return sorted.isEmpty ? 0 : sorted[Int(Double(sorted.count - 1) * share)]
    }
  }

  private struct Client {
    var load: Int
    var loop: Int32
    var since: UInt64 = 0
    var isWaiting = false
    var server: Handle = 0
    var start: UInt64 = 0
  }

  private struct Event {
    var time: UInt64
    var client: Int
    var isEnd: Bool
  }

  static let loops = 4
  static let start: UInt64 = 1_000_000

  private var pools = Pools(loops: FairnessWorld.loops)
  private var pool: PoolID
  private var generator: SeededGenerator
  private let loads: [Load]
  private var tenants: [TenantID] = []
  private var clients: [Client] = []
  private var servers: [Handle: ServerID] = [:]
  private var lastHandle: Handle = 1_000_000
  private var now = FairnessWorld.start
  private var nextUpkeep: UInt64 = 0
  private var holding: [Int]
  private var events: [Event] = []
  private(set) var outcomes: [Outcome]

  init(seed: UInt64, servers: Int, loads: [Load]) {
    generator = SeededGenerator(seed: seed)
    self.loads = loads
    outcomes = loads.map { _ in Outcome() }
    holding = loads.map { _ in 0 }
    var limits = PoolLimits()
    limits.size = servers
    pool = pools.pool(
      database: "d", user: "u", limits: limits, databaseLimits: GroupLimits(),
      userLimits: GroupLimits())
    for (number, load) in loads.enumerated() {
      var id = TenantID.none
      for _ in 0..<load.clients {
        if let name = load.tenant {
          id = (try? pools.joinTenant(name, limits: load.limits, now: now).get()) ?? .none
        }
        clients.append(Client(load: number, loop: Int32(clients.count % Self.loops)))
      }
      tenants.append(id)
    }
    for client in clients.indices.shuffled(using: &generator) {
      let time = afterRest(now + UInt64(generator.below(1_000)), clients[client].load)
      push(Event(time: time, client: client, isEnd: false))
    }
  }

  mutating func run(seconds: UInt64) {
    let end = now + seconds * 1_000_000
    while now < end {
      let wakeup = pools.nextTenantWakeup(now: now) ?? .max
      let next = min(wakeup, nextUpkeep, events[0].time)
      now = max(now, next)
      if now >= nextUpkeep {
        nextUpkeep = now + 100_000
        var actions: [UpkeepAction] = []
        pools.upkeep(loop: 0, now: now, into: &actions)
        perform(actions)
      } else if now >= wakeup {
        var actions: [UpkeepAction] = []
        pools.wakeTenants(loop: 0, now: now, into: &actions)
        perform(actions)
      } else {
        let event = pop()
        if event.isEnd { finish(event.client) } else { ask(event.client) }
      }
    }
    for client in clients where client.server != 0 {
      outcomes[client.load].held += now - client.start
    }
    for client in clients where client.isWaiting {
      outcomes[client.load].waiting = max(outcomes[client.load].waiting, now - client.since)
    }
  }

  /// What the tenants were told to have, to be checked against the outcomes.
  mutating func census(_ load: Int) -> TenantCensus? { pools.census(of: tenants[load]) }

  private mutating func perform(_ actions: [UpkeepAction]) {
    for action in actions {
      switch action {
      case .open(let opening): open(opening)
      case .grant(let server, let client, _, _): begin(Int(client), server)
      case .close, .retired: break
      }
    }
  }

  private mutating func ask(_ client: Int) {
    clients[client].since = now
    clients[client].isWaiting = true
    let lease = pools.lease(
      pool, client: Handle(client), loop: clients[client].loop, now: now,
      tenant: tenants[clients[client].load])
    switch lease {
    case .server(let leased): begin(client, leased.handle)
    case .queued(let queued):
      if let opening = queued.opening { open(opening) }
    }
  }

  private mutating func open(_ opening: Opening) {
    lastHandle += 1
    servers[lastHandle] = opening.server
    pools.name(opening.server, handle: lastHandle)
    let release = pools.serverOpened(opening.server, loop: 0, now: now)
    if case .handedTo(let client, _) = release { begin(Int(client), lastHandle) }
  }

  private mutating func begin(_ client: Int, _ server: Handle) {
    let load = clients[client].load
    let hold = loads[load].hold
    let time = hold.lowerBound + generator.next() % (hold.upperBound - hold.lowerBound + 1)
    clients[client].server = server
    clients[client].isWaiting = false
    clients[client].start = now
    holding[load] += 1
    outcomes[load].mostServers = max(outcomes[load].mostServers, holding[load])
    outcomes[load].starts.append(now)
    outcomes[load].waits.append(now - clients[client].since)
    outcomes[load].latencies.append(now + time - clients[client].since)
    push(Event(time: now + time, client: client, isEnd: true))
  }

  private mutating func finish(_ client: Int) {
    let load = clients[client].load
    let handle = clients[client].server
    outcomes[load].held += now - clients[client].start
    clients[client].server = 0
    holding[load] -= 1
    if let server = servers[handle] {
      let release = pools.release(server, loop: clients[client].loop, now: now)
      if case .handedTo(let next, _) = release { begin(Int(next), handle) }
    }
    let think = loads[load].think
    let time = think.lowerBound + generator.next() % (think.upperBound - think.lowerBound + 1)
    push(Event(time: afterRest(now + time, load), client: client, isEnd: false))
  }

  private func afterRest(_ time: UInt64, _ load: Int) -> UInt64 {
    let rest = loads[load].rest
    return rest.contains(time - Self.start) ? Self.start + rest.upperBound : time
  }

  // MARK: events, a binary heap by time

  private mutating func push(_ event: Event) {
    events.append(event)
    var child = events.count - 1
    while child > 0, events[child].time < events[(child - 1) / 2].time {
      events.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() -> Event {
    events.swapAt(0, events.count - 1)
    let event = events.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < events.count && events[child].time < events[least].time {
        least = child
      }
      if least == parent { return event }
      events.swapAt(parent, least)
      parent = least
    }
  }
}
