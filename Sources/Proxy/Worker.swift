import Admin
import CLinux
import Logging
import Pooling
import PostgresAuth
import PostgresWire
import Reactor
import Settings
import Synchronization
import Tenancy

/// One event loop, and all connections that live on it. One thread owns it and all under it.
///
/// The hot path is in `Worker+Clients.swift` and `Worker+Servers.swift`: it neither allocates nor
/// counts references. Extensions hold the rest by concern: logins, leases, cancels, ticks and mail.
final class Worker {
  /// What an event's token is about: the low three bits. The rest is a pointer or an index.
  enum Token {
    static let wake: UInt64 = 0
    static let client: UInt64 = 1
    static let server: UInt64 = 2
    static let listener: UInt64 = 3
    static let cancel: UInt64 = 4
    static let tick: UInt64 = 5
    static let signal: UInt64 = 6
    static let mask: UInt64 = 7
  }

  let id: Int32
  let pooler: Pooler
  let engine: EpollEngine
  let mailbox: Mailbox<Mail>
  let logger: Logger

  /// Every byte that is read lands here first. Longer than the longest carry (a password message of
  /// 65,535 bytes), so that a read always has room.
  let scratch: UnsafeMutableRawPointer
  static let scratchSize = 131_072
  /// A batch that is sent once more stands in front of what has been read.
  static let scratchCapacity = scratchSize + ClientSession.longestRetry
  /// Messages for one server that are put together here before they are sent.
  @exclusivity(unchecked) var outbox = Outbox()

  /// Monotonic microseconds, as of the last batch of events.
  var now: UInt64
  var maxPacketSize = UInt32.max
  var resetsAlways = false
  /// Prepared statements that a server may have; 0: they are not mapped.
  var maxPrepared = 0
  /// An unknown user's login takes as long as that of a user with a plain password.
  var hasPlainSecrets = false
  /// The rules about tenants, the names that every preamble is about, and the rules' number, which
  /// a reload changes.
  var tenancy = TenancyRules.none
  var tenantNames: Set<SettingName> = []
  var tenancyEpoch: UInt32 = 0
  /// Names that a client with a tenant may not set by itself.
  var protectedNames: Set<String> = []
  /// Clients may name their tenant by SET.
  var hasSetSource = false
  var signer: TokenSigner?
  /// Clients that wait for what the table of tenants has for a tenant.
  var tenantWaiters: [(client: ClientPointer, name: TenantName)] = []
  /// The answer that has just come, while those who waited for it go on.
  var arrivedRow: (name: TenantName, answer: TenantRows.Answer)?
  /// Which configuration answers have to be of; see `TenantRows`.
  var tableEpoch: UInt64 = 0
  /// What reads the table; only on the loop `Pooler.hubLoop`.
  var tenantReader: TenantReader?
  /// When clients that hear a tenant's own database are looked after next; see `reviewListeners`.
  var nextReviewAt: UInt64 = 0
  /// Tenants whose rows have been asked for on their behalf.
  var reviewed: Set<TenantName> = []
  /// When a tenant's rate lets somebody go on; see `wakeTenants`.
  var tenantWakeAt = UInt64.max
  var clients: PointerSlab<ClientConnection>
  /// What the clients of each pool have done on this loop, by pool.
  var traffic: [PoolTraffic?] = []
  /// Where times count that nobody reads.
  let unreadTimes: UnsafeMutablePointer<UInt64>
  /// What those do that have not logged in.
  let nobodysTraffic: TrafficPointer
  /// What the console's clients do.
  let consoleTraffic: TrafficPointer
  /// Clients of the console.
  var consoles: [ClientPointer: ConsoleClient] = [:]
  /// What this loop is asked about and has not answered, and what it has asked all loops.
  var surveys: [Survey] = []
  var inquiries: [UInt64: Inquiry] = [:]
  /// When the averages are taken next; only on the first loop.
  var nextStatsAt: UInt64 = 0
  /// What is known about statements; nil: nobody wants to know.
  var insight: InsightPointer?
  /// How often it has looked for events.
  var turns: UInt64 = 0
  /// Turns until the next one that is timed, and what is then left of those until the next one that
  /// stands for all.
  var turnsToSample = Worker.sampledTurns
  var turnsLeft = 0
  /// Microseconds at work, not waiting for events, and the longest turns of two periods.
  var busyTime: UInt64 = 0
  var longestTurn: UInt64 = 0
  var earlierLongestTurn: UInt64 = 0
  /// Where the two periods began.
  var turnPeriod = TurnMark()
  var earlierTurnPeriod = TurnMark()
  /// Ends of clients and of servers by why, and logins that failed.
  var clientEnds: [String: UInt64] = [:]
  var loginFailures: [String: UInt64] = [:]
  var serverEnds: [ServerDeparture: UInt64] = [:]
  /// Clients to be run after the events at hand: they were granted a server, or have bytes left.
  var firstListed: ClientPointer?
  var lastListed: ClientPointer?
  /// Routes of the pools that this loop's clients are in.
  var routes: [Route?] = []
  var settings: Settings
  /// Clients that have proved who they are and wait for the pool's first server.
  var loginWaiters: [ClientPointer] = []
  /// Replication clients that wait until the limits allow a server of their own, in their order.
  var roomWaiters: [ClientPointer] = []
  /// Servers that are logging in on this loop.
  var serverLogins: [ServerPointer] = []
  /// Servers that are answering a query of the pooler's own.
  var tasks: [ServerPointer] = []
  var listeners: [Listener] = []
  /// Listening connections by database; only on the loop `Pooler.hubLoop`.
  var hubs: [String: NotificationHub] = [:]
  var cancels: [UInt64: CancelDelivery] = [:]
  var lastSerial: UInt64 = 0
  var mail: [Mail] = []
  var actions: [UpkeepAction] = []
  var expired: [Handle] = []
  var isStopping = false
  let ticker: Ticker
  /// Signals, which the first loop takes, and what is to be done about them.
  var signals: (source: SignalSource, handle: (Int32) -> Void)?
  /// Reads the configuration anew; false: it can't be used. Only on the first loop.
  var rereadsConfiguration: (() -> Bool)?
  /// Told of what SET changes, of which it gives what can't be; and ten times a second. Only on the
  /// first loop.
  var settingsChange: ((Settings) -> String?)?
  var ticked: (() -> Void)?
  /// When lines that were left out are told of next.
  var nextLogReportAt: UInt64 = 0

  /// One of so many turns is timed and stands for all: a look at the clock costs a twentieth of a
  /// short turn. Odd, since turns of a client and of its server alternate.
  static var sampledTurns: Int { 15 }
  private static var manyEvents: Int { 8 }

  static let tickMicroseconds: UInt64 = 100_000

  init(id: Int32, pooler: Pooler, listeners: [Listener]) throws(SystemError) {
    self.id = id
    self.pooler = pooler
    engine = pooler.engines[Int(id)]
    mailbox = pooler.mailboxes[Int(id)]
    logger = pooler.logger
    tableEpoch = pooler.tenantRows.withLock { $0.epoch }
    settings = pooler.settings
    let nobodys = TrafficPointer.allocate(capacity: 1)
    unreadTimes = LoopTraffic.makeTimes()
    nobodys.initialize(to: LoopTraffic(times: unreadTimes))
    nobodysTraffic = nobodys
    consoleTraffic = TrafficPointer.allocate(capacity: 1)
    consoleTraffic.initialize(to: LoopTraffic(times: unreadTimes))
    clients = PointerSlab<ClientConnection> { ClientConnection(traffic: nobodys) }
    self.listeners = listeners
    scratch = .allocate(byteCount: Self.scratchCapacity, alignment: 64)
    now = Clock.now
    ticker = try Ticker(periodMicroseconds: Self.tickMicroseconds)
    applySettings()
  }

  deinit {
    scratch.deallocate()
    outbox.deallocate()
    unreadTimes.deallocate()
    endInsight()
    nobodysTraffic.deallocate()
    consoleTraffic.deallocate()
    ticker.close()
  }

  func applySettings() {
    maxPacketSize = UInt32(clamping: settings.maxPacketSize)
    maxPrepared = settings.maxPreparedStatements
    resetsAlways = settings.serverResetQueryAlways
    tenancy = settings.tenancyRules
    hasSetSource = tenancy.setName != nil
    tenantNames = tenancy.settingNames
    protectedNames = tenancy.protectedNames
    // The configuration has been checked: a tenant that needs a token is refused without one.
    signer = try? settings.tenancy.signer()
    tenancyEpoch &+= 1
    hasPlainSecrets = settings.secrets.values.contains {
      if case .plain = StoredSecret($0.text) { true } else { false }
    }
    applyInsight()
  }

  /// Runs until the end of the process's service.
  func run() {
    _ = engine.addLevel(fd: mailbox.wakeDescriptor, token: Token.wake)
    _ = engine.addLevel(fd: ticker.descriptor, token: Token.tick)
    if let signals {
      _ = engine.addLevel(fd: signals.source.descriptor, token: Token.signal)
    }
    startListening()
    while !isStopping {
      let mustLook = mailbox.willSleep() || firstListed != nil
      let count = engine.wait(timeoutMilliseconds: mustLook ? 0 : tenantWait)
      mailbox.didWake()
      now = Clock.now
      turns &+= 1
      if mailbox.isFull { readMail() }
      // Who is granted a server runs after the batch: a loop that alternates between answers and
      // new queries seems to wake its peers more often (measured, with noise).
      var index = 0
      while index < count {
        dispatch(engine.event(index))
        index &+= 1
      }
      if now >= tenantWakeAt { wakeTenants() }
      runListed()
      clients.recycle()
      turnsToSample &-= 1
      if turnsToSample == 0 || count > Self.manyEvents { timeTurn() }
    }
    endAll()
  }

  @inline(__always)
  private func dispatch(_ event: EngineEvent) {
    switch event.token & Token.mask {
    case Token.client:
      clientEvent(ClientPointer(handle: event.token & ~Token.mask), event)
    case Token.server:
      serverEvent(ServerPointer(handle: event.token & ~Token.mask), event)
    case Token.listener: acceptAll(Int(event.token >> 3))
    case Token.cancel: cancelEvent(event.token >> 3)
    case Token.tick:
      ticker.drain()
      tick()
    case Token.signal: takeSignals()
    default: mailbox.drainWake()
    }
  }

  @inline(never)
  private func takeSignals() {
    while let signals, let number = signals.source.next() { signals.handle(number) }
  }

  // MARK: listed clients

  /// Has a client run once the events at hand are done with.
  @inline(__always)
  func list(_ client: ClientPointer) {
    if client.pointee.isListed { return }
    client.pointee.isListed = true
    client.pointee.nextListed = nil
    if let last = lastListed { last.pointee.nextListed = client } else { firstListed = client }
    lastListed = client
  }

  /// Runs those who are listed now. Who is listed meanwhile comes in the next round.
  func runListed() {
    guard let last = lastListed else { return }
    while let client = firstListed {
      firstListed = client.pointee.nextListed
      if firstListed == nil { lastListed = nil }
      client.pointee.isListed = false
      runClient(client)
      if client == last { return }
    }
  }

  /// Has the pool's route looked up anew: its number may mean another pool now.
  func forgetRoute(_ pool: PoolID) {
    if pool.index < routes.count { routes[pool.index] = nil }
  }

  func route(_ pool: PoolID) -> Route? {
    if pool.index < routes.count, let route = routes[pool.index] { return route }
    guard let route = pooler.route(pool) else { return nil }
    while routes.count <= pool.index { routes.append(nil) }
    routes[pool.index] = route
    return route
  }
}
