import Admin
import Glibc
import Logging
import Logs
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
    if isOwnUser(client, user) { return .freely }
    let isNamed = settings.adminUsers.contains(user) || settings.statsUsers.contains(user)
    return isNamed ? .withPassword : .refused
  }

  private func isOwnUser(_ client: ClientPointer, _ user: String) -> Bool {
    guard user == Console.database, client.pointee.identity?.address.isUnix == true,
      let peer = Socket.peerCredentials(client.pointee.stream.fd)
    else { return false }
    return peer.uid == geteuid()
  }

  func enterConsole(_ client: ClientPointer) {
    let pending = client.pointee.login?.pendingBytes ?? []
    let user = client.pointee.identity?.user ?? ""
    let isAdmin = settings.adminUsers.contains(user) || isOwnUser(client, user)
    client.pointee.phase = .console
    lastSerial += 1
    let session = ConsoleSession(
      isAdmin: isAdmin, hasOldColumns: client.pointee.login?.wantsOldColumns == true)
    client.pointee.login = nil
    consoles[client] = ConsoleClient(session: session, serial: lastSerial)
    pooler.consoleClients.add(1)
    send(pending + Console.greeting(isAdmin: isAdmin), to: client)
    client.pointee.traffic = consoleTraffic
    client.pointee.traffic.pointee.counters.logins &+= 1
    if settings.logConnections {
      log(.info, .login, .client(client), "login attempt: \(describe(client)) tls=no")
    }
    if client.pointee.stream.isReadable { list(client) }
  }

  /// How many pieces of a long answer, or commands, come one after the other before others have
  /// their turn.
  private static var consoleStepsPerTurn: Int { 8 }

  /// Does for a client of the console what can be done now.
  func runConsole(_ client: ClientPointer) {
    for _ in 0..<Self.consoleStepsPerTurn {
      guard client.pointee.phase == .console, let console = consoles[client] else { return }
      switch console.session.state {
      case .ready:
        send(console.session.output(), to: client)
        // Who does not read is not answered.
        if client.pointee.stream.isBlocked { return }
        guard readConsole(client, console) else { return }
      case .busy(let command):
        if console.isRunning {
          if client.pointee.stream.sawHangup { endClient(client, .clientUnexpectedEOF) }
          return
        }
        console.isRunning = true
        countConsoleCommand(client)
        run(command, client, console)
      case .sending:
        // What it does not read is not made.
        if client.pointee.stream.isBlocked { return }
        send(console.session.output(), to: client)
      }
    }
    list(client)
  }

  /// Commands count as queries, each a transaction.
  private func countConsoleCommand(_ client: ClientPointer) {
    client.pointee.traffic.pointee.counters.queries &+= 1
    client.pointee.traffic.pointee.counters.transactions &+= 1
    client.pointee.since = now
    client.pointee.leasedAt = now
  }

  private static var longestQuery: Int { 65_536 }

  /// Takes messages up to one that has to be waited for.
  /// - Returns: false: there are no more, or the client has ended.
  private func readConsole(_ client: ClientPointer, _ console: ConsoleClient) -> Bool {
    guard client.pointee.stream.isReadable else { return false }
    let bytes: [UInt8]
    switch client.pointee.stream.receive(engine, into: scratch, capacity: Self.scratchSize) {
    case .bytes(let count): bytes = Array(UnsafeRawBufferPointer(start: scratch, count: count))
    case .nothing: return false
    case .end, .failed:
      endClient(client, .clientUnexpectedEOF)
      return false
    }
    var position = 0
    while console.session.state == .ready, bytes.count - position >= 5 {
      let length = bytes[(position + 1)..<(position + 5)].reduce(0) { $0 << 8 | Int($1) }
      if bytes[position] == ClientMessageType.terminate {
        endClient(client, .clientClosed)
        return false
      }
      guard length >= 4, length <= Self.longestQuery else {
        endClient(client, .invalidMessageLength)
        return false
      }
      guard bytes.count - position > length else { break }
      let body = Array(bytes[(position + 5)..<(position + 1 + length)])
      guard console.session.receive(bytes[position], body) else {
        endClient(client, .invalidMessageType(bytes[position]))
        return false
      }
      client.pointee.traffic.pointee.counters.received &+= UInt64(length + 1)
      position += length + 1
    }
    send(console.session.output(), to: client)
    guard client.pointee.phase == .console else { return false }
    bytes[position...].withUnsafeBytes { client.pointee.stream.carry.append($0) }
    if console.session.state != .ready && position < bytes.count {
      client.pointee.stream.hasUnseen = true
      client.pointee.stream.isReadable = true
    }
    return true
  }

  /// A command has come to its end, at once or later.
  func finish(_ client: ClientPointer, _ serial: UInt64, _ outcome: ConsoleOutcome) {
    // Somebody else may be in its place.
    guard let console = consoles[client], console.serial == serial, console.isRunning else {
      return
    }
    console.isRunning = false
    console.isDone = nil
    console.session.complete(outcome)
    list(client)
  }

  /// Looks whether what commands wait for has come about.
  func lookAfterConsoles() {
    for (client, console) in consoles {
      if let outcome = console.isDone?() { finish(client, console.serial, outcome) }
    }
  }
}
