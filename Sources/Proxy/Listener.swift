import CLinux
import Glibc
import Reactor
import Settings

/// A socket on which clients come in.
struct Listener {
  let fd: Int32
  let address: SocketAddress
  /// The unix socket's file, removed at the end; empty for TCP and for abstract names.
  let path: String
  var isWatched = false

  var isUnix: Bool { address.isUnix }

  /// Opens every socket that the configuration asks for.
  /// - Throws: ``ServiceError`` with the address and the way out.
  static func openAll(_ settings: Settings) throws(ServiceError) -> [Listener] {
    var listeners: [Listener] = []
    do throws(ServiceError) {
      // The unix socket first: who can connect to a port finds it.
      if !settings.unixSocketDir.isEmpty {
        listeners.append(try openUnix(settings))
      }
      for host in settings.listenAddr {
        listeners += try openTCP(host, settings)
      }
    } catch {
      for listener in listeners { listener.close() }
      throw error
    }
    guard !listeners.isEmpty else {
      throw ServiceError(
        "nothing to listen on: set listen_addr, or unix_socket_dir, or both")
    }
    return listeners
  }

  private static func openTCP(
    _ host: String, _ settings: Settings
  ) throws(ServiceError) -> [Listener] {
    let addresses: [SocketAddress]
    do {
      addresses = try SocketAddress.resolve(
        host: host, port: settings.listenPort, isPassive: true)
    } catch {
      throw ServiceError("listen_addr \"\(host)\": \(error.reason)")
    }
    var listeners: [Listener] = []
    for address in addresses {
      do {
        let fd = try Socket.listen(
          on: address, backlog: settings.listenBacklog, reusePort: settings.soReuseport)
        deferAccept(fd, settings.tcpDeferAccept)
        listeners.append(Listener(fd: fd, address: address, path: ""))
      } catch  where error.code == EAFNOSUPPORT || error.code == EADDRNOTAVAIL {
        // `*` names IPv6 also where the machine has none.
        if addresses.count == 1 { throw ServiceError("listen on \(address): \(error.reason)") }
      } catch {
        for listener in listeners { listener.close() }
        throw ServiceError(
          "listen on \(address): \(error.reason): is another process there already?")
      }
    }
    return listeners
  }

  /// tcp_defer_accept: a connection is not seen before its first bytes.
  static func deferAccept(_ fd: Int32, _ isOn: Bool) {
    // Seconds within which the client's first bytes are expected.
    _ = cl_set_option(fd, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, isOn ? 45 : 0)
  }

  private static func openUnix(_ settings: Settings) throws(ServiceError) -> Listener {
    let path = "\(settings.unixSocketDir)/.s.PGSQL.\(settings.listenPort)"
    guard let address = SocketAddress(unixPath: path) else {
      throw ServiceError("unix socket \(path): the path is longer than the system takes")
    }
    let isAbstract = path.hasPrefix("@")
    if !isAbstract { try removeStale(path, address) }
    let fd: Int32
    do {
      fd = try Socket.listen(on: address, backlog: settings.listenBacklog, reusePort: false)
    } catch {
      throw ServiceError("unix socket \(path): \(error.reason): see unix_socket_dir")
    }
    if !isAbstract {
      chmod(path, mode_t(settings.unixSocketMode))
      if !settings.unixSocketGroup.isEmpty {
        guard let group = Account.groupID(settings.unixSocketGroup),
          chown(path, uid_t.max, group) == 0
        else {
          Glibc.close(fd)
          throw ServiceError(
            "unix_socket_group \"\(settings.unixSocketGroup)\": no such group, or not allowed")
        }
      }
    }
    return Listener(fd: fd, address: address, path: isAbstract ? "" : path)
  }

  /// Removes a socket file that nobody listens on; it is in the way.
  private static func removeStale(
    _ path: String, _ address: SocketAddress
  ) throws(ServiceError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw ServiceError("unix socket \(path): a file that is no socket is in the way")
    }
    if let fd = try? Socket.connect(to: address, options: SocketOptions()) {
      Glibc.close(fd)
      throw ServiceError("unix socket \(path): another process listens there")
    }
    unlink(path)
  }

  /// Closes the socket and removes its file.
  func close() {
    Glibc.close(fd)
    if !path.isEmpty { unlink(path) }
  }
}

/// Looks up accounts of the system.
public enum Account {
  public static func groupID(_ name: String) -> UInt32? {
    guard let entry = getgrnam(name) else { return UInt32(name) }
    return entry.pointee.gr_gid
  }
}

/// Why the service can't start.
public struct ServiceError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}
