import Synchronization

/// Turns host names into addresses off the loops, and remembers the answers for a while.
///
/// Each name is asked for once at a time, on a thread of its own; at most ``threadLimit`` threads
/// ask at once, and further names wait. The lock guards the table; no other lock is taken under it,
/// and callbacks run outside it.
public final class Resolver: Sendable {
  public typealias Answer = Result<[SocketAddress], ResolveError>
  public typealias Callback = @Sendable (Answer) -> Void

  /// How many names are asked for at once.
  public static let threadLimit = 8

  fileprivate struct Entry {
    var answer: Answer
    var expires: UInt64
  }

  fileprivate struct State {
    var cache: [String: Entry] = [:]
    var waiting: [String: [Callback]] = [:]
    var queue: [String] = []
    var threads = 0
    var maxAge: UInt64
    var maxNegativeAge: UInt64
  }

  private let state: Lock<State>

  /// - Parameters:
  ///   - maxAge: microseconds for which an answer is used again (dns_max_ttl).
  ///   - maxNegativeAge: the same for a failure (dns_nxdomain_ttl).
  public init(maxAge: UInt64, maxNegativeAge: UInt64) {
    state = Lock(State(maxAge: maxAge, maxNegativeAge: maxNegativeAge))
  }

  public func setAges(maxAge: UInt64, maxNegativeAge: UInt64) {
    state.withLock {
      $0.maxAge = maxAge
      $0.maxNegativeAge = maxNegativeAge
    }
  }

  /// The addresses of `host`, with port 0. `callback` is called at once where the answer is known
  /// (or the host is an address in digits), else later on another thread.
  public func lookUp(_ host: String, _ callback: @escaping Callback) {
    if let digits = try? SocketAddress.resolve(host: host, port: 0, isNumeric: true) {
      return callback(.success(digits))
    }
    let known = state.withLock { state -> Answer? in
      if let entry = state.cache[host], entry.expires > Clock.now { return entry.answer }
      state.waiting[host, default: []].append(callback)
      if state.waiting[host]?.count == 1 { state.queue.append(host) }
      return nil
    }
    if let known { return callback(known) }
    startThread()
  }

  /// What is known of a name.
  public struct KnownHost: Sendable {
    public var host: String
    public var secondsLeft: UInt64
    public var addresses: [SocketAddress]
  }

  /// The names that are known now, by name.
  public var entries: [KnownHost] {
    let now = Clock.now
    let cache = state.withLock { $0.cache }
    return cache.sorted { $0.key < $1.key }.compactMap { host, entry in
      guard entry.expires > now else { return nil }
      let addresses = (try? entry.answer.get()) ?? []
      return KnownHost(
        host: host, secondsLeft: (entry.expires - now) / 1_000_000, addresses: addresses)
    }
  }

  /// How many names are known, how many have been asked for and not been answered, and how many of
  /// those wait for a thread.
  public var counts: (known: Int, asked: Int, waiting: Int) {
    state.withLock { ($0.cache.count, $0.waiting.count, $0.queue.count) }
  }

  private func startThread() {
    let mayStart = state.withLock { state -> Bool in
      guard state.threads < Self.threadLimit, !state.queue.isEmpty else { return false }
      state.threads += 1
      return true
    }
    guard mayStart else { return }
    do {
      try Thread.start(name: "resolver") { self.work() }
    } catch {
      state.withLock { $0.threads -= 1 }
      fail("no thread: \(error)")
    }
  }

  private func fail(_ reason: String) {
    let failed = state.withLock { state -> [(String, [Callback])] in
      let hosts = state.queue
      state.queue = []
      return hosts.map { ($0, state.waiting.removeValue(forKey: $0) ?? []) }
    }
    for (host, callbacks) in failed {
      for callback in callbacks { callback(.failure(ResolveError(host: host, reason: reason))) }
    }
  }

  private func work() {
    while true {
      let host = state.withLock { state -> String? in
        if state.queue.isEmpty {
          state.threads -= 1
          return nil
        }
        return state.queue.removeFirst()
      }
      guard let host else { return }
      let answer: Answer
      do {
        answer = .success(try SocketAddress.resolve(host: host, port: 0))
      } catch {
        answer = .failure(error)
      }
      let callbacks = state.withLock { state -> [Callback] in
        state.remember(host, answer)
        return state.waiting.removeValue(forKey: host) ?? []
      }
      for callback in callbacks { callback(answer) }
    }
  }
}

extension Resolver.State {
  /// The cache holds the names of the configuration, and no more than this.
  private static var cacheLimit: Int { 1_000 }

  fileprivate mutating func remember(_ host: String, _ answer: Resolver.Answer) {
    let now = Clock.now
    if cache.count >= Self.cacheLimit { cache = cache.filter { $0.value.expires > now } }
    if cache.count >= Self.cacheLimit { cache = [:] }
    let age: UInt64
    switch answer {
    case .success: age = maxAge
    case .failure: age = maxNegativeAge
    }
    cache[host] = Resolver.Entry(answer: answer, expires: now &+ age)
  }
}
