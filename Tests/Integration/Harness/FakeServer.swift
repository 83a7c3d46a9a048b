import Glibc
import Synchronization

/// A server that says what a test has it say. Each connection is served on a thread of its own.
final class FakeServer: Sendable {
  let port: UInt16
  private let listener: Listener
  private let isClosed = Atomic<Bool>(false)
  /// Guards the packets that connections began with, in order.
  private let begun = Mutex<[[UInt8]]>([])

  /// - Parameter serve: gets a connection and the packet it began with; the connection is closed
  ///   when it returns.
  init(_ serve: @escaping @Sendable (WireClient, [UInt8]) throws -> Void) throws {
    port = try FreePort.next()
    listener = try Listener(port: port)
    _ = Background { [self] in try acceptAll(serve) }
  }

  /// The packets that connections began with so far.
  var packets: [[UInt8]] { begun.withLock { $0 } }

  /// The protocol versions that were asked for so far, such as `3.2`.
  var versions: [String] {
    packets.filter { $0[0] == 0 && $0[1] == 3 }.map { "3.\(Int($0[2]) << 8 | Int($0[3]))" }
  }

  /// Sluice's way to it, as database `app`.
  func configuration(_ settings: SluiceConfiguration.Section = [:]) -> SluiceConfiguration {
    var configuration = SluiceConfiguration(database: [
      "host": "127.0.0.1", "port": .integer(Int(port)), "dbname": "app",
    ])
    configuration.settings.merge(settings) { $1 }
    return configuration
  }

  func close() { isClosed.store(true, ordering: .relaxed) }

  private func acceptAll(
    _ serve: @escaping @Sendable (WireClient, [UInt8]) throws -> Void
  ) throws {
    defer { listener.close() }
    let deadline = Deadline(seconds: 120)
    while !isClosed.load(ordering: .relaxed), !deadline.isOver {
      var entry = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 50) > 0 else { continue }
      let descriptor = accept(listener.descriptor, nil, nil)
      guard descriptor >= 0 else { continue }
      _ = Background { [self] in
        let connection = WireClient(accepted: descriptor)
        defer { connection.close() }
        guard let packet = try connection.receivePacket() else { return }
        begun.withLock { $0.append(packet) }
        try serve(connection, packet)
      }
    }
  }
}

/// What a server sends at its login, and in answer to simple queries.
extension WireClient {
  /// AuthenticationOk to ReadyForQuery.
  func welcome(
    key: [UInt8] = [0, 0, 0, 9, 1, 2, 3, 4],
    parameters: [(String, String)] = [("server_version", "18.0"), ("client_encoding", "UTF8")]
  ) throws {
    var bytes = Frame.message("R", Frame.int32(0))
    for (name, value) in parameters {
      bytes += Frame.message("S", Frame.string(name) + Frame.string(value))
    }
    try send(bytes + Frame.message("K", key) + Frame.message("Z", [0x49]))
  }

  func refuse(_ sqlstate: String, _ message: String) throws {
    let fields = [("S", "FATAL"), ("V", "FATAL"), ("C", sqlstate), ("M", message)]
    try send(Frame.message("E", fields.flatMap { Frame.string($0.0 + $0.1) } + [0]))
  }

  /// Answers each simple query with its text as the tag, until the client leaves.
  func serveQueries() throws {
    while let message = try receive() {
      guard message.type == "Q" else { return }
      let text = message.strings().first ?? ""
      let status: UInt8 = text == "BEGIN" ? 0x54 : 0x49
      try send(Frame.message("C", Frame.string(text)) + Frame.message("Z", [status]))
    }
  }
}
