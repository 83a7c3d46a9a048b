import Glibc
import Pooling
import PostgresWire
import Reactor
import Settings

// Clients of the console.
extension Worker {
  /// How somebody may enter the console.
  enum Admission {
    /// The process's own user, over the unix socket: whatever auth_type says, as in PgBouncer.
    case freely
    case withPassword
    case refused
  }

  func admission(_ client: ClientPointer, _ user: String) -> Admission {
    if user == Console.database, client.pointee.identity?.address.isUnix == true,
      let peer = Socket.peerCredentials(client.pointee.stream.fd), peer.uid == geteuid()
    {
      return .freely
    }
    let isNamed = settings.adminUsers.contains(user) || settings.statsUsers.contains(user)
    return isNamed ? .withPassword : .refused
  }

  func enterConsole(_ client: ClientPointer) {
    let pending = client.pointee.login?.pendingBytes ?? []
    client.pointee.login = nil
    client.pointee.phase = .console
    send(pending + Console.greeting(), to: client)
    if settings.logConnections {
      logger.info("\(name(client)) login attempt: \(describe(client)) tls=no")
    }
    if client.pointee.stream.isReadable { list(client) }
  }

  /// Answers what a client of the console has sent. Only whole simple queries are understood.
  func runConsole(_ client: ClientPointer) {
    while client.pointee.phase == .console, client.pointee.stream.isReadable {
      switch client.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
      case .bytes(let count):
        readConsole(client, Array(UnsafeRawBufferPointer(start: scratch, count: count)))
      case .nothing: return
      case .end, .failed: return endClient(client, .clientUnexpectedEOF)
      }
    }
  }

  /// What the console's tables tell, as of now.
  private func facts() -> Console.Facts {
    var facts = Console.Facts()
    facts.pinned = pooler.pinned.withLock { $0.values.sorted { $0.name < $1.name } }
    facts.pinCount = pooler.pinCount.count
    facts.warningCount = pooler.pinWarnings.count
    let (listing, bytes) = pooler.statements.withLock { ($0.listing, $0.byteCount) }
    facts.prepared = listing.map { ("SLUICE_\($0.serial)", $0.uses, $0.byteCount) }
    facts.statementBytes = bytes
    return facts
  }

  private static var longestQuery: Int { 65_536 }

  private func readConsole(_ client: ClientPointer, _ bytes: [UInt8]) {
    var position = 0
    while client.pointee.phase == .console, bytes.count - position >= 5 {
      let length = bytes[(position + 1)..<(position + 5)].reduce(0) { $0 << 8 | Int($1) }
      switch bytes[position] {
      case ClientMessageType.terminate: return endClient(client, .clientClosed)
      case ClientMessageType.query: break
      default:
        return endClient(
          client, .unsupported("the console of this version speaks the simple protocol only"))
      }
      guard length >= 5, length <= Self.longestQuery else {
        return endClient(client, .invalidMessageLength)
      }
      guard bytes.count - position > length else { break }
      let text = bytes[(position + 5)..<(position + length)]
      send(Console.answer(String(decoding: text, as: UTF8.self), facts()), to: client)
      position += length + 1
    }
    guard client.pointee.phase == .console, position < bytes.count else { return }
    bytes[position...].withUnsafeBytes { client.pointee.stream.carry.append($0) }
  }
}
