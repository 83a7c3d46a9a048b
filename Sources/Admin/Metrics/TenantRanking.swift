/// Which tenants have metrics of their own: those that use most. The rest is summed up.
///
/// The sum never goes down. It counts what a tenant does while it is one of the rest, and keeps it
/// when the tenant gets metrics of its own, which begin with all that it has done: who adds up
/// rates counts everything once.
public struct TenantRanking: Sendable {
  private struct Known {
    var last: TenantMetrics
    /// Uses of late; of the past it has half of them at each ranking.
    var score: Double
    var atLastRanking: UInt64
  }

  /// The label of the sum.
  public static let rest = "other"

  /// How many have metrics of their own.
  public var limit: Int {
    didSet { if limit < named.count { rankedAt = nil } }
  }
  /// By the names' bytes: texts are equal by characters, but tenants are not.
  private var known: [[UInt8]: Known] = [:]
  private var named: Set<[UInt8]> = []
  private var rest = TenantMetrics(name: Self.rest)
  private var hasRest = false
  private var rankedAt: UInt64?
  /// The newest figures' time, and what they came to.
  private var newest: (now: UInt64, shown: [TenantMetrics])?

  public init(limit: Int) { self.limit = limit }

  /// How often they are ranked anew, in microseconds.
  static let period: UInt64 = 60_000_000

  /// Takes the figures of all tenants at one time. Of older ones, and of the same, nothing new is
  /// learned.
  /// - Returns: those to be shown, by name, the rest last.
  public mutating func take(_ tenants: [TenantMetrics], now: UInt64) -> [TenantMetrics] {
    if let newest, now <= newest.now { return newest.shown }
    let keyed = tenants.map { (key: Array($0.name.utf8), tenant: $0) }
    note(keyed)
    rank(now: now)
    var shown: [TenantMetrics] = []
    rest.clients = 0
    rest.waiting = 0
    rest.servers = 0
    for (key, tenant) in keyed {
      if named.contains(key) {
        var own = tenant
        own.name = Self.label(tenant.name)
        shown.append(own)
      } else {
        addToRest(tenant, since: known[key]?.last)
      }
      known[key]?.last = tenant
    }
    shown = shown.sorted { $0.name < $1.name } + (hasRest ? [rest] : [])
    newest = (now, shown)
    return shown
  }

  /// A tenant's name as a label: one that is called as the sum, or that with underscores in front,
  /// gets one underscore more.
  static func label(_ name: String) -> String {
    name.drop { $0 == "_" } == rest ? "_" + name : name
  }

  private mutating func note(_ tenants: [(key: [UInt8], tenant: TenantMetrics)]) {
    let present = Set(tenants.map(\.key))
    for key in known.keys where !present.contains(key) {
      known[key] = nil
      named.remove(key)
    }
    for (key, tenant) in tenants {
      if let last = known[key]?.last {
        // Forgotten and known again between two looks: it has begun anew.
        if tenant.transactions < last.transactions { known[key]?.last = TenantMetrics(name: "") }
      } else {
        known[key] = Known(
          last: TenantMetrics(name: ""), score: 0, atLastRanking: 0)
      }
      let new = tenant.transactions &- min(tenant.transactions, known[key]?.atLastRanking ?? 0)
      known[key]?.score += Double(new)
      known[key]?.atLastRanking = tenant.transactions
    }
  }

  private mutating func rank(now: UInt64) {
    let isDue = rankedAt.map { now &- $0 >= Self.period } ?? true
    let hasRoom = named.count < min(limit, known.count)
    guard isDue || hasRoom else { return }
    let order = known.sorted {
      ($0.value.score, $1.value.last.name) > ($1.value.score, $0.value.last.name)
    }
    if isDue {
      named = Set(order.prefix(limit).map(\.key))
      for key in known.keys { known[key]?.score /= 2 }
      rankedAt = now
    } else {
      for (key, _) in order where named.count < limit { named.insert(key) }
    }
  }

  private mutating func addToRest(_ tenant: TenantMetrics, since last: TenantMetrics?) {
    hasRest = true
    let last = last ?? TenantMetrics(name: "")
    rest.clients += tenant.clients
    rest.waiting += tenant.waiting
    rest.servers += tenant.servers
    rest.transactions &+= tenant.transactions &- min(tenant.transactions, last.transactions)
    rest.refusedClients &+= tenant.refusedClients &- min(tenant.refusedClients, last.refusedClients)
    rest.refusedWaiting &+= tenant.refusedWaiting &- min(tenant.refusedWaiting, last.refusedWaiting)
    rest.waits += tenant.waits.since(last.waits)
  }
}
