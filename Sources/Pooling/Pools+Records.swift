// What the pools know of a server, of who waits, and of a pool.
extension Pools {
  @usableFromInline
  enum State: UInt8, Sendable {
    case opening
    case idle
    case leased
    /// As idle, but of an older epoch: nobody may have it any longer. Upkeep closes it.
    case outdated
  }

  @usableFromInline
  struct Server: Linked {
    @usableFromInline var links = Links()
    @usableFromInline var handle: Handle
    /// -1 where it is gone and its place is free.
    @usableFromInline var pool: Int32
    @usableFromInline var loop: Int32
    @usableFromInline var state = State.opening
    /// When it is released next, it has not been used: it is new, was only looked at, or is leased
    /// for a login. `leaseIdle` need not touch this: where the lifetime is ``PoolLimits/oneUse``,
    /// none rests that has it set.
    @usableFromInline var isUnused = false
    @usableFromInline var epoch: UInt32
    @usableFromInline var connectedAt: UInt64
    @usableFromInline var idleSince: UInt64 = 0
    /// The share that it is leased to, in a shared pool.
    var share: Int32 = -1
    var leasedAt: UInt64 = 0
    /// It counts towards a limit of the tenant.
    var isCharged = false
    /// Whose it was last, as far as is known. Who that is may be gone.
    var lastTenant = TenantID.none

    @usableFromInline
    init(handle: Handle, pool: Int32, loop: Int32, epoch: UInt32, now: UInt64) {
      self.handle = handle
      self.pool = pool
      self.loop = loop
      self.epoch = epoch
      connectedAt = now
    }
  }

  @usableFromInline
  struct Waiter: Linked {
    @usableFromInline var links = Links()
    @usableFromInline var client: Handle
    @usableFromInline var pool: Int32
    @usableFromInline var loop: Int32
    @usableFromInline var generation: UInt32
    @usableFromInline var ticket: UInt64
    @usableFromInline var since: UInt64
    @usableFromInline var wasNotified = false
    /// It needs a server for a moment only, to log in: see ``Pool/wanted``.
    @usableFromInline let isLogin: Bool
    /// In whose list it is; -1: in the pool's list of its loop.
    @usableFromInline let share: Int32

    /// It stands at the front although it began to wait later than those behind it.
    @usableFromInline var wasRequeued: Bool { ticket == 0 }

    @usableFromInline
    init(
      client: Handle, pool: Int32, loop: Int32, generation: UInt32, ticket: UInt64, since: UInt64,
      isLogin: Bool, share: Int32
    ) {
      self.client = client
      self.pool = pool
      self.loop = loop
      self.generation = generation
      self.ticket = ticket
      self.since = since
      self.isLogin = isLogin
      self.share = share
    }
  }

  @usableFromInline
  struct Pool: Sendable {
    @usableFromInline var limits: PoolLimits { didSet { setShortcuts() } }
    @usableFromInline var database: Int
    @usableFromInline var user: Int
    @usableFromInline var idle = 0
    @usableFromInline var total = 0
    @usableFromInline var opening = 0
    @usableFromInline var waiting = 0
    /// How many of those who wait do so to log in.
    @usableFromInline var waitingLogins = 0
    @usableFromInline var clients = 0
    /// Clients that wait for room for a server of their own.
    @usableFromInline var waitingDedicated = 0
    /// Servers of an older epoch are closed once they are free.
    @usableFromInline var epoch: UInt32 = 0
    /// No connection is opened before this time: the last attempt failed (server_login_retry).
    @usableFromInline var retryAt: UInt64 = 0
    @usableFromInline var isFailing = false
    @usableFromInline var isRemoved = false
    @usableFromInline var isInUse = true
    /// Retired, and forgotten by all who knew it by its number.
    @usableFromInline var isFree = false
    @usableFromInline var unusedSince: UInt64 = 0

    /// Tenants have shares in it: leases and releases go by them.
    @usableFromInline var isShared = false { didSet { setShortcuts() } }
    @usableFromInline var isPaused = false { didSet { setShortcuts() } }
    /// An idle server is for whoever comes.
    @usableFromInline private(set) var leasesFreely = true
    /// Its servers go on as long as there are no more than that. None does where it is shared, so
    /// that the hot path need not ask for that.
    @usableFromInline private(set) var plainSize = 0
    var shareCount = 0
    /// The share of those without a tenant; -1: there is none.
    var commonShare: Int32 = -1
    /// The heap of shares whose waiters may have a server.
    var ready: Int32 = -1
    /// Shares of tenants with waiters.
    var waitingShares = LinkedList()
    /// How many of those who wait do so in a tenant's share.
    var waitingTenants = 0
    var waitingTenantLogins = 0
    var virtualTime: UInt64 = 0

    @usableFromInline
    init(limits: PoolLimits, database: Int, user: Int) {
      self.limits = limits
      self.database = database
      self.user = user
      setShortcuts()
    }

    private mutating func setShortcuts() {
      leasesFreely = !isShared && !isPaused
      plainSize = isShared ? -1 : limits.size
    }

    /// How many connections those who wait could use: one each, but logins one together. They only
    /// need to hear what a server is like, and the first burst of clients is nothing but logins.
    var wanted: Int { waiting - waitingLogins + min(1, waitingLogins) }

    /// How many of those who wait do so without a tenant.
    var commonWaiting: Int { waiting - waitingTenants - waitingTenantLogins }
  }
}
