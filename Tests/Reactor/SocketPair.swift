import Glibc
import Reactor

/// Two connected sockets that do not block: the one under test, and its peer.
final class SocketPair {
  let near: Int32
  private(set) var far: Int32

  init() {
    var sockets: [Int32] = [-1, -1]
    _ = socketpair(
      AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &sockets)
    near = sockets[0]
    far = sockets[1]
  }

  deinit {
    close(near)
    closeFar()
  }

  func closeFar() {
    if far >= 0 { close(far) }
    far = -1
  }

  /// Has the peer send bytes.
  func write(_ bytes: [UInt8]) { _ = Glibc.write(far, bytes, bytes.count) }

  /// What has come to the peer, at most `limit` bytes.
  func read(_ limit: Int = 1 << 20) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = Glibc.read(far, &bytes, limit)
    return Array(bytes.prefix(max(0, count)))
  }

  /// Shrinks the buffer on the way to the peer, so that it fills soon.
  func narrow() {
    var size: Int32 = 4096
    setsockopt(near, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// `count` bytes of which each tells its place.
func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251) } }
