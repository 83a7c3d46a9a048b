import HTTPTypes
import PostgresAuth

/// Who may see what.
struct Gate: Sendable {
  /// Of `user:password`; nil: everybody may see all.
  private let digest: [UInt8]?
  /// Only names of this machine are taken for its own.
  private let checksHost: Bool

  init(user: String, password: String, isLoopback: Bool) {
    digest = user.isEmpty ? nil : Digest.sha256(Array("\(user):\(password)".utf8)) ?? []
    checksHost = isLoopback && user.isEmpty
  }

  enum Answer: Equatable {
    case allowed
    case unauthorized
    /// A page from elsewhere may have had its name lead here, to read with the browser's hands what
    /// only this machine may.
    case foreignHost
  }

  func answer(_ head: HTTPRequest, isHealth: Bool) -> Answer {
    if checksHost, let host = head.authority, !host.isEmpty, !Self.isLocal(host) {
      return .foreignHost
    }
    guard let digest, !isHealth else { return .allowed }
    guard let given = head.headerFields[.authorization],
      let credentials = Self.credentials(given),
      let hash = Digest.sha256(credentials), Digest.constantTimeEquals(hash, digest)
    else { return .unauthorized }
    return .allowed
  }

  /// `Basic` and what is behind it, decoded; nil where it is not that.
  private static func credentials(_ header: String) -> [UInt8]? {
    let parts = header.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "basic", parts[1].utf8.count <= 1024 else {
      return nil
    }
    return Base64.decode(Array(parts[1].utf8))
  }

  /// Whether a Host header names this machine in a way that no name server has a say in.
  static func isLocal(_ authority: String) -> Bool {
    var host = authority[...]
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return false }
      return host[..<end].dropFirst().utf8.allSatisfy { $0 == 0x3a || isHex($0) || $0 == 0x2e }
    }
    if let colon = host.lastIndex(of: ":") { host = host[..<colon] }
    if host.lowercased() == "localhost" { return true }
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
    return numbers.count == 4
      && numbers.allSatisfy { number in
        (1...3).contains(number.utf8.count)
          && number.utf8.allSatisfy { (0x30...0x39).contains($0) }
      }
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte & 0xdf)
  }
}
