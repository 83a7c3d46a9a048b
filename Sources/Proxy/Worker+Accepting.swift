import CLinux
import Logging
import Logs
import Pooling
import Reactor
import Settings

// How connections come in. The first loop accepts and deals them out.
extension Worker {
  func startListening() {
    if pooler.isSuspended { return }
    for index in listeners.indices { watch(index) }
  }

  private func watch(_ index: Int) {
    guard !listeners[index].isWatched else { return }
    let token = UInt64(index) << 3 | Token.listener
    listeners[index].isWatched = engine.addLevel(fd: listeners[index].fd, token: token) == 0
  }

  /// Listens again where accepting had to rest, since descriptors had run out.
  func retryListening() {
    if pooler.isSuspended { return }
    for index in listeners.indices { watch(index) }
  }

  /// Takes no connections until `startListening`. They wait in the kernel.
  func restListening() {
    for index in listeners.indices where listeners[index].isWatched {
      engine.remove(fd: listeners[index].fd)
      listeners[index].isWatched = false
    }
  }

  /// Closes the TCP listeners. The unix socket stays to the end.
  func stopListening(alsoUnix: Bool = false) {
    for index in listeners.indices {
      engine.remove(fd: listeners[index].fd)
      listeners[index].isWatched = false
      if alsoUnix || !listeners[index].isUnix { listeners[index].close() }
    }
    listeners.removeAll { alsoUnix || !$0.isUnix }
    // Tokens are indices, and those have changed.
    startListening()
  }

  /// Takes the connections that a listener has.
  func acceptAll(_ index: Int) {
    guard index < listeners.count else { return }
    for _ in 0..<64 {
      do {
        guard let (fd, address) = try Socket.accept(listeners[index].fd) else { return }
        deal(fd, address)
      } catch {
        log(
          .error, .acceptFailed, .none,
          "accept: \(error.reason): raise the limit on open files, or lower max_client_conn")
        engine.remove(fd: listeners[index].fd)
        listeners[index].isWatched = false
        return
      }
    }
  }

  /// Gives a connection to the loop that has the fewest clients.
  private func deal(_ fd: Int32, _ address: SocketAddress) {
    var best = 0
    for loop in 1..<max(1, pooler.loopCount)
    where pooler.clientCounts[loop].count < pooler.clientCounts[best].count {
      best = loop
    }
    pooler.clientCounts[best].add(1)
    if best == Int(id) {
      welcome(fd, address)
    } else {
      pooler.mailboxes[best].post(.accepted(fd: fd, address: address))
    }
  }

  /// Begins a client's login on this loop.
  func welcome(_ fd: Int32, _ address: SocketAddress) {
    var peerProcess: Int32 = 0
    if address.isUnix {
      peerProcess = Socket.peerCredentials(fd)?.pid ?? 0
    } else {
      settings.socketOptions.apply(to: fd)
    }
    let client = clients.take()
    client.pointee.stream = Stream(fd: fd)
    client.pointee.phase = .login
    client.pointee.connectedAt = now
    client.pointee.since = now
    client.pointee.identity = ClientIdentity(
      address: address, number: pooler.nextNumber(), peerProcess: peerProcess)
    let timeout = settings.clientLoginTimeout.microseconds
    client.pointee.login = ClientLogin(deadline: timeout == 0 ? .max : now &+ timeout)
    if engine.add(fd: fd, token: client.asHandle | Token.client) < 0 {
      endClient(client, .internalError("epoll_ctl failed"), isTold: true)
    }
  }
}

extension Settings {
  /// What the tcp_* settings say.
  var socketOptions: SocketOptions {
    var options = SocketOptions()
    options.keepAlive = tcpKeepalive
    options.keepCount = tcpKeepcnt
    options.keepIdleSeconds = tcpKeepidle
    options.keepIntervalSeconds = tcpKeepintvl
    options.userTimeoutMilliseconds = Int(clamping: tcpUserTimeout.microseconds / 1000)
    options.bufferBytes = tcpSocketBuffer
    return options
  }
}
