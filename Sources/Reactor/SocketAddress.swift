import CLinux
import Glibc

/// A TCP or unix-socket address, as the kernel takes it.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The sockaddr's bytes.
  public let bytes: [UInt8]

  /// - Parameter storage: a sockaddr of `length` bytes.
  public init(storage: UnsafeRawPointer, length: Int) {
    bytes = Array(UnsafeRawBufferPointer(start: storage, count: length))
  }

  /// A unix socket in the file system, or with a leading `@` in the abstract namespace.
  /// - Returns: nil where the path is longer than the kernel takes (107 bytes).
  public init?(unixPath path: String) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    var utf8 = Array(path.utf8)
    let isAbstract = utf8.first == UInt8(ascii: "@")
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard utf8.count < room else { return nil }
    if isAbstract { utf8[0] = 0 }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: utf8) }
    let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    let length = offset + utf8.count + (isAbstract ? 0 : 1)
    self = withUnsafeBytes(of: &address) {
      SocketAddress(bytes: Array($0.prefix(length)))
    }
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// The address that a socket call filled in.
  public static func fromKernel(
    _ call: (UnsafeMutableRawPointer, UnsafeMutablePointer<UInt32>) -> Int32
  ) -> (result: Int32, address: SocketAddress) {
    var storage = sockaddr_storage()
    var length = UInt32(MemoryLayout<sockaddr_storage>.size)
    let result = call(&storage, &length)
    let count = min(Int(length), MemoryLayout<sockaddr_storage>.size)
    return withUnsafeBytes(of: &storage) {
      (result, SocketAddress(bytes: Array($0.prefix(max(2, count)))))
    }
  }

  public var family: Int32 {
    Int32(UInt16(bytes[0]) | UInt16(bytes[1]) << 8)
  }

  public var isUnix: Bool { family == AF_UNIX }

  /// The TCP port; 0 for a unix socket.
  public var port: Int {
    isUnix || bytes.count < 4 ? 0 : Int(bytes[2]) << 8 | Int(bytes[3])
  }

  /// The same address with another port.
  public func with(port: Int) -> SocketAddress {
    guard !isUnix, bytes.count >= 4 else { return self }
    var changed = bytes
    changed[2] = UInt8(truncatingIfNeeded: port >> 8)
    changed[3] = UInt8(truncatingIfNeeded: port)
    return SocketAddress(bytes: changed)
  }

  /// The host as digits, or `unix`.
  public var host: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let offset = family == AF_INET ? 4 : 8
    guard !isUnix, bytes.count > offset else { return "unix" }
    let isKnown = bytes.withUnsafeBytes {
      inet_ntop(family, $0.baseAddress! + offset, &text, socklen_t(text.count)) != nil
    }
    guard isKnown else { return "unknown" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  public var description: String {
    if isUnix { return "unix" }
    return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// The addresses of a host name or of an address in digits. Blocks while it asks the resolver.
  /// - Parameters:
  ///   - host: `*` means every address of this machine (with `isPassive`).
  ///   - isNumeric: take digits alone; then it never blocks.
  /// - Throws: the resolver's words.
  public static func resolve(
    host: String, port: Int, isPassive: Bool = false, isNumeric: Bool = false
  ) throws(ResolveError) -> [SocketAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = (isPassive ? AI_PASSIVE : 0) | (isNumeric ? AI_NUMERICHOST : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host == "*" ? nil : host, String(port), &hints, &list)
    guard status == 0 else {
      throw ResolveError(host: host, reason: String(cString: gai_strerror(status)))
    }
    defer { freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next {
      let address = SocketAddress(
        storage: entry.pointee.ai_addr, length: Int(entry.pointee.ai_addrlen))
      if !addresses.contains(address) { addresses.append(address) }
      next = entry.pointee.ai_next
    }
    return addresses
  }
}

/// A host name that could not be turned into addresses.
public struct ResolveError: Error, Equatable, Sendable, CustomStringConvertible {
  public var host: String
  public var reason: String
  public var description: String { "could not resolve host \"\(host)\": \(reason)" }
}
