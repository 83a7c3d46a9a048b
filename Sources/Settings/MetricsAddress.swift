/// An address to listen on, as `metrics_listen` names it.
public struct MetricsAddress: Equatable, Sendable {
  /// A name, an IPv4 or IPv6 address without brackets, or `*`.
  public let host: String
  public let port: Int

  /// - Parameter text: `host:port`, `[v6]:port`, `:port` or a port, which are on 127.0.0.1.
  public init?(_ text: String) {
    var port = text[...]
    var host = "127.0.0.1"
    if let colon = text.lastIndex(of: ":") {
      port = text[text.index(after: colon)...]
      let before = text[..<colon]
      if before.hasPrefix("[") {
        guard before.hasSuffix("]"), before.count > 2 else { return nil }
        host = String(before.dropFirst().dropLast())
      } else if before.contains(":") {
        return nil
      } else if !before.isEmpty {
        host = String(before)
      }
    }
    guard !port.isEmpty, port.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(port), (1...65_535).contains(number)
    else { return nil }
    self.host = host
    self.port = number
  }

  /// Only this machine reaches it.
  public var isLoopback: Bool {
    let isNumeric = host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2e }
    return host == "localhost" || host == "::1" || (isNumeric && host.hasPrefix("127."))
  }
}
