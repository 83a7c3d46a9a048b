import BenchWire
import CBench
import Glibc

extension Load {
  // MARK: Logging in

  /// Logs all clients in, `plan.loginConcurrency` at a time; throws the first failure.
  func login() throws(LoadError) {
    let deadline = cb_now_nanoseconds() + nanoseconds(plan.loginTimeoutSeconds)
    startLogins()
    while readyCount < plan.clientCount {
      turn(timeoutMilliseconds: 100)
      startLogins()
      if let failure { throw LoadError(failure) }
      if cb_now_nanoseconds() > deadline {
        throw LoadError(
          "\(readyCount) of \(plan.clientCount) clients were logged in"
            + " after \(plan.loginTimeoutSeconds) seconds")
      }
    }
  }

  func startLogins() {
    while failure == nil && nextLogin < plan.clientCount
      && loginsUnderWay < plan.loginConcurrency
    {
      if !startLogin(clients + nextLogin) { return }
      nextLogin += 1
      loginsUnderWay += 1
    }
  }

  /// False where a listener on a Unix socket has no room yet.
  private func startLogin(_ client: ClientPointer) -> Bool {
    let fd: Int32
    switch plan.address {
    case .tcp(let host, let port): fd = cb_connect_tcp(host, port)
    case .unix(let path): fd = cb_connect_unix(path)
    }
    if fd == -EAGAIN { return false }
    guard fd >= 0 else {
      failure = "cannot connect: \(errnoText(Int(fd)))"
      return false
    }
    client.pointee.fd = fd
    client.pointee.phase = .connecting
    _ = cb_epoll_add_edge(epoll, fd, UInt64(client - clients))
    return true
  }

  func connected(_ client: ClientPointer) {
    let code = cb_socket_error(client.pointee.fd)
    if code != 0 { return lost(client, "cannot connect: \(errnoText(Int(code)))") }
    client.pointee.phase = .loggingIn
    send(client)
  }

  // MARK: Running

  /// Warms up, measures, and lets what is under way finish.
  func measure() throws(LoadError) -> Measurement {
    if plan.warmupSeconds > 0 {
      startAll()
      let warm = cb_now_nanoseconds() + nanoseconds(plan.warmupSeconds)
      while cb_now_nanoseconds() < warm && hasClients { turnWhileRunning(until: warm) }
    }
    counts = Counts()
    histogram.reset()
    if case .transactions(let count) = plan.length { startsLeft = count }

    let begin = Snapshot(watching: plan.watchedProcess)
    startAll()
    switch plan.length {
    case .seconds(let seconds):
      let end = begin.nanoseconds + nanoseconds(seconds)
      while cb_now_nanoseconds() < end && hasClients { turnWhileRunning(until: end) }
    case .transactions(let count):
      while counts.transactions + counts.errors < count && hasClients {
        turn(timeoutMilliseconds: 1_000)
      }
    }
    let end = Snapshot(watching: plan.watchedProcess)
    let measurement = Measurement(
      counts: counts, histogram: histogram, begin: begin, end: end)
    drain()
    return measurement
  }

  private var hasClients: Bool { closedCount < plan.clientCount }

  private func turnWhileRunning(until end: UInt64) {
    let now = cb_now_nanoseconds()
    if now < end { turn(timeoutMilliseconds: Int32(min(1_000, (end - now) / 1_000_000 + 1))) }
  }

  private func startAll() {
    let now = cb_now_nanoseconds()
    for index in 0..<plan.clientCount { start(clients + index, now) }
  }

  private func drain() {
    mayStart = false
    let deadline = cb_now_nanoseconds() + nanoseconds(10)
    while runningCount > 0 && cb_now_nanoseconds() < deadline {
      turn(timeoutMilliseconds: 100)
    }
  }

  // MARK: Idling

  /// Holds the connections until standard input ends or has a line, or the time is over. A
  /// connection that ends meanwhile is an error.
  func hold(seconds: Double) {
    _ = watchInput()
    let end = cb_now_nanoseconds() + nanoseconds(seconds)
    while cb_now_nanoseconds() < end && hasClients {
      if turn(timeoutMilliseconds: 200) { return }
    }
  }

  /// Says Terminate on every connection and closes it.
  func closeAll() {
    var buffer = MessageBuffer()
    buffer.message("X")
    for index in 0..<nextLogin where clients[index].phase != .closed {
      _ = cb_send(clients[index].fd, buffer.bytes, buffer.bytes.count)
      close(clients[index].fd)
      clients[index].phase = .closed
    }
  }

  private func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(max(0, seconds) * 1e9) }
}
