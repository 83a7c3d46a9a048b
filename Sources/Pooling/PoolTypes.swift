/// Names a pool: one database for one user.
public struct PoolID: Hashable, Sendable {
  public var rawValue: Int32
  @inlinable public init(_ rawValue: Int32) { self.rawValue = rawValue }
  @inlinable var index: Int { Int(rawValue) }
}

/// Names a server connection's record in ``Pools``.
public struct ServerID: Hashable, Sendable {
  public var rawValue: Int32
  @inlinable public init(_ rawValue: Int32) { self.rawValue = rawValue }
}

/// Names a place in a wait queue. The generation tells a place from the one that had its index
/// before.
public struct WaiterID: Hashable, Sendable {
  public var index: Int32
  public var generation: UInt32

  /// Not waiting.
  @inlinable public static var none: WaiterID { WaiterID(index: -1, generation: 0) }
  @inlinable public init(index: Int32, generation: UInt32) {
    self.index = index
    self.generation = generation
  }
  @inlinable public var isNone: Bool { index < 0 }
}

/// What the caller knows a connection by. ``Pools`` only hands it back.
public typealias Handle = UInt64

/// What holds for one pool. Times are in microseconds; 0 turns a limit off.
public struct PoolLimits: Equatable, Sendable {
  public var size = 20
  public var reserveSize = 0
  public var reserveTimeout: UInt64 = 5_000_000
  public var minimumSize = 0
  /// At what age a server is closed, once it is free. See also ``oneUse``.
  public var serverLifetime: UInt64 = 0
  public var serverIdleTimeout: UInt64 = 0
  /// After how long in the pool a server is checked before use; nil: never.
  public var serverCheckDelay: UInt64?
  public var loginRetry: UInt64 = 15_000_000
  public var queryWaitTimeout: UInt64 = 0
  public var queryWaitNotify: UInt64 = 0
  /// After how long without clients and servers the pool itself goes.
  public var poolIdleTimeout: UInt64 = 0
  public var isRoundRobin = false
  /// A tenant gets a server that it has had last, if one of the first idle ones is such.
  public var prefersTenant = false
  /// Open up to the minimum size although no client has come: the pool knows its user and password.
  public var isAlwaysWarm = false
  /// Without clients no server is kept for the minimum size.
  public var isTransient = false

  /// The lifetime of a server that is closed after its first client, and not before. As a signed
  /// number it is the least, so that the hot path takes it for one that is always over.
  public static let oneUse: UInt64 = 1 << 63

  public init() {}
}

/// Limits on all pools of one database, or of one user. 0 turns a limit off.
public struct GroupLimits: Equatable, Sendable {
  public var servers = 0
  public var clients = 0
  public init(servers: Int = 0, clients: Int = 0) {
    self.servers = servers
    self.clients = clients
  }
}

/// The answer to a client that needs a server.
public enum Lease: Equatable, Sendable {
  case server(LeasedServer)
  case queued(Queued)
}

/// A server that is the client's from now on.
public struct LeasedServer: Equatable, Sendable {
  public var handle: Handle
  /// The loop it is registered on.
  public var loop: Int32
  /// It has been idle for so long that it must prove itself before use (server_check_delay).
  public var needsCheck: Bool

  @inlinable
  public init(handle: Handle, loop: Int32, needsCheck: Bool) {
    self.handle = handle
    self.loop = loop
    self.needsCheck = needsCheck
  }
}

/// The client waits. Perhaps a connection is to be opened meanwhile.
public struct Queued: Equatable, Sendable {
  public var waiter: WaiterID
  public var opening: Opening?
  /// The client does not wait: its tenant has too many who do. The waiter is none, then.
  public var refusal: TenantQuotaRefusal?

  @inlinable
  public init(waiter: WaiterID, opening: Opening?, refusal: TenantQuotaRefusal? = nil) {
    self.waiter = waiter
    self.opening = opening
    self.refusal = refusal
  }
}

/// A connection that the caller is to open now; it is counted already.
public struct Opening: Equatable, Sendable {
  public var server: ServerID
  public var pool: PoolID
  /// It comes from the reserve (reserve_pool_size).
  public var isFromReserve: Bool
  /// An idle server of another pool, to be closed first: it makes room under a limit.
  public var evicted: Handle?
}

/// The answer to a server that has become free.
public enum Release: Equatable, Sendable {
  /// It rests in its loop's stack.
  case idle
  /// It is this client's now, which lives on that loop.
  case handedTo(client: Handle, loop: Int32)
  /// The caller closes it and reports ``Pools/serverClosed(_:now:loop:)``.
  case close(ServerEnding)
}

/// Work that upkeep found.
public enum UpkeepAction: Equatable, Sendable {
  /// The server is nobody's any longer; take it over and close it. Its record is gone.
  case close(Handle, ServerEnding)
  case open(Opening)
  /// The server, idle on the loop `from`, is the client's from now on, which lives on `loop`.
  case grant(server: Handle, client: Handle, loop: Int32, from: Int32)
  /// The pool has gone. The caller forgets what it knows of it, then calls ``Pools/free(_:)``.
  case retired(PoolID)
}

/// Why the pooler ends a server connection that has nothing wrong with it.
public enum ServerEnding: Equatable, Sendable {
  case lifetimeOver
  case idleTimeout
  case evicted
  case databaseConfigurationChanged
  case databaseRemoved
  case paused
  /// The pool, or all of its database or its user, has more servers than it may have now.
  case poolTooLarge
}

/// Why a client can't join a pool.
public enum JoinRefusal: Error, Equatable, Sendable {
  case maxDatabaseClients
  case maxUserClients
  case databaseRemoved
}
