import CLinux
import Glibc

/// What is set on every TCP socket (the settings tcp_*). 0 leaves the kernel's value.
public struct SocketOptions: Equatable, Sendable {
  public var keepAlive = true
  public var keepIdleSeconds = 0
  public var keepIntervalSeconds = 0
  public var keepCount = 0
  public var userTimeoutMilliseconds = 0
  public var bufferBytes = 0

  public init() {}

  /// Sets them. What the kernel refuses stays as it was.
  public func apply(to fd: Int32) {
    _ = cl_set_option(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    if keepAlive {
      _ = cl_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
      set(fd, TCP_KEEPIDLE, keepIdleSeconds)
      set(fd, TCP_KEEPINTVL, keepIntervalSeconds)
      set(fd, TCP_KEEPCNT, keepCount)
    }
    set(fd, TCP_USER_TIMEOUT, userTimeoutMilliseconds)
    if bufferBytes > 0 {
      _ = cl_set_option(fd, SOL_SOCKET, SO_SNDBUF, Int32(clamping: bufferBytes))
      _ = cl_set_option(fd, SOL_SOCKET, SO_RCVBUF, Int32(clamping: bufferBytes))
    }
  }

  private func set(_ fd: Int32, _ option: Int32, _ value: Int) {
    if value > 0 { _ = cl_set_option(fd, Int32(IPPROTO_TCP), option, Int32(clamping: value)) }
  }
}

/// Makes sockets.
public enum Socket {
  /// Starts to connect without waiting. The socket becomes writable once the connection stands or
  /// has failed; ``connectResult(_:)`` then tells which.
  /// - Throws: ``SystemError`` where the attempt fails at once.
  public static func connect(
    to address: SocketAddress, options: SocketOptions
  ) throws(SystemError) -> Int32 {
    let fd = cl_socket(address.family)
    guard fd >= 0 else { throw SystemError(call: "socket", result: fd) }
    if !address.isUnix { options.apply(to: fd) }
    let result = address.bytes.withUnsafeBytes {
      cl_connect(fd, $0.baseAddress, UInt32($0.count))
    }
    // A full unix-socket backlog says EAGAIN: nothing will ever tell that there is room again.
    if result < 0 && result != -EINPROGRESS {
      close(fd)
      throw SystemError(call: "connect", result: result)
    }
    return fd
  }

  /// A socket that sends datagrams to a unix socket, and never waits.
  public static func connectDatagrams(to address: SocketAddress) throws(SystemError) -> Int32 {
    let fd = cl_datagram_socket()
    guard fd >= 0 else { throw SystemError(call: "socket", result: fd) }
    let result = address.bytes.withUnsafeBytes {
      cl_connect(fd, $0.baseAddress, UInt32($0.count))
    }
    guard result == 0 else {
      close(fd)
      throw SystemError(call: "connect", result: result)
    }
    return fd
  }

  /// The state of a started connection: nil while it is under way, 0 when it stands, else the
  /// errno.
  public static func connectResult(_ fd: Int32) -> Int32? {
    let error = cl_socket_error(fd)
    if error != 0 { return error }
    return cl_is_connected(fd) == 1 ? 0 : nil
  }

  /// A listening TCP or unix socket.
  /// - Throws: ``SystemError`` with the call that failed (`bind`: the address is in use, perhaps).
  public static func listen(
    on address: SocketAddress, backlog: Int, reusePort: Bool
  ) throws(SystemError) -> Int32 {
    let fd = cl_socket(address.family)
    guard fd >= 0 else { throw SystemError(call: "socket", result: fd) }
    if !address.isUnix {
      _ = cl_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)
      if reusePort { _ = cl_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
    }
    if address.family == AF_INET6 {
      _ = cl_set_option(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
    }
    var result = address.bytes.withUnsafeBytes { cl_bind(fd, $0.baseAddress, UInt32($0.count)) }
    var call = "bind"
    if result >= 0 {
      result = cl_listen(fd, Int32(clamping: backlog))
      call = "listen"
    }
    guard result >= 0 else {
      close(fd)
      throw SystemError(call: call, result: result)
    }
    return fd
  }

  /// The next connection of a listener; nil when there is none now.
  /// - Throws: ``SystemError`` where the kernel can't give one (no descriptors are left).
  public static func accept(
    _ listener: Int32
  ) throws(SystemError) -> (fd: Int32, address: SocketAddress)? {
    let (fd, address) = SocketAddress.fromKernel { cl_accept(listener, $0, $1) }
    if fd >= 0 { return (fd, address) }
    switch -fd {
    case EAGAIN, ECONNABORTED, EPROTO: return nil
    default: throw SystemError(call: "accept4", result: fd)
    }
  }

  /// The socket's own address.
  public static func localAddress(_ fd: Int32) -> SocketAddress {
    SocketAddress.fromKernel { cl_socket_name(fd, $0, $1) }.address
  }

  /// Who is at the other end of a unix socket; nil where the kernel does not tell.
  public static func peerCredentials(_ fd: Int32) -> (uid: UInt32, pid: Int32)? {
    var uid: UInt32 = 0
    var pid: Int32 = 0
    return cl_peer_credentials(fd, &uid, &pid) == 0 ? (uid, pid) : nil
  }
}
