import Glibc
import Synchronization

/// What a relay does once to what a server says. Offsets and messages count from where it was
/// armed.
enum Fault: Sendable, Equatable, CustomStringConvertible {
  case none
  /// So many bytes come through, then the connection ends in the orderly way.
  case close(after: Int)
  /// The same with a reset.
  case reset(after: Int)
  /// So many bytes come through, and the rest when the relay is released.
  case stall(after: Int)
  case flip(at: Int, bits: UInt8)
  case drop(Int)
  case duplicate(Int)
  /// The message comes behind the next one.
  case swap(Int)
  case replace(Int, [UInt8])
  /// In front of the message.
  case insert(Int, [UInt8])

  var description: String {
    switch self {
    case .none: "none"
    case .close(let offset): "close after \(offset)"
    case .reset(let offset): "reset after \(offset)"
    case .stall(let offset): "stall after \(offset)"
    case .flip(let offset, let bits): "flip \(bits) at \(offset)"
    case .drop(let index): "drop \(index)"
    case .duplicate(let index): "duplicate \(index)"
    case .swap(let index): "swap \(index)"
    case .replace(let index, let bytes): "replace \(index) by \(Self.name(bytes))"
    case .insert(let index, let bytes): "insert \(Self.name(bytes)) at \(index)"
    }
  }

  private static func name(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.filter { (0x20..<0x7F).contains($0) }, as: UTF8.self)
  }
}

/// Stands between Sluice and a server, and brings one fault at a time into what the server says.
final class FaultRelay: Sendable {
  struct State {
    /// Taken by the first connection that says something after its login.
    var armed: Fault?
    var isReleased = false
    /// The messages of the server since the fault was taken, as it sent them.
    var record: [[UInt8]] = []
    /// How many connections have been made.
    var connections = 0
  }

  let port: UInt16
  private let upstream: UInt16
  private let listener: Listener
  private let isClosed = Atomic<Bool>(false)
  /// Guards what the test and the connections share.
  private let state = Mutex(State())

  init(to upstream: UInt16) throws {
    self.upstream = upstream
    port = try FreePort.next()
    listener = try Listener(port: port)
    _ = Background { [self] in acceptAll() }
  }

  /// Has the server's next answer suffer the fault.
  func arm(_ fault: Fault) {
    state.withLock {
      $0.armed = fault
      $0.isReleased = false
      $0.record = []
    }
  }

  /// Takes the fault back if nothing has suffered it. - Returns: whether something has.
  @discardableResult
  func disarm() -> Bool {
    state.withLock {
      $0.isReleased = true
      let isTaken = $0.armed == nil
      $0.armed = nil
      return isTaken
    }
  }

  var record: [[UInt8]] { state.withLock { $0.record } }
  var connections: Int { state.withLock { $0.connections } }

  func close() { isClosed.store(true, ordering: .relaxed) }

  fileprivate var isOver: Bool { isClosed.load(ordering: .relaxed) }
  fileprivate var isReleased: Bool { state.withLock { $0.isReleased } }

  fileprivate func take() -> Fault? {
    state.withLock { $0.armed.take() }
  }

  fileprivate func note(_ message: [UInt8]) { state.withLock { $0.record.append(message) } }

  private func acceptAll() {
    defer { listener.close() }
    let deadline = Deadline(seconds: 600)
    while !isOver, !deadline.isOver {
      var entry = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 50) > 0 else { continue }
      let descriptor = accept(listener.descriptor, nil, nil)
      guard descriptor >= 0 else { continue }
      state.withLock { $0.connections += 1 }
      _ = Background { [self] in
        let client = WireClient(accepted: descriptor)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        let server = try WireClient(to: .tcp(upstream))
        defer {
          client.close()
          server.close()
        }
        try RelayedConnection(self, client, server).run()
      }
    }
  }
}

/// One connection through the relay.
private final class RelayedConnection {
  private let relay: FaultRelay
  private let client: WireClient
  private let server: WireClient
  private var isLoggedIn = false
  /// Bytes of the server that make no whole message yet.
  private var pending: [UInt8] = []
  private var fault: Fault?
  private var index = 0
  private var sent = 0
  private var swapped: [UInt8] = []
  /// What is kept back by a stall.
  private var stalled: [UInt8]?
  private var isCut = false

  init(_ relay: FaultRelay, _ client: WireClient, _ server: WireClient) {
    self.relay = relay
    self.client = client
    self.server = server
  }

  func run() throws {
    let deadline = Deadline(seconds: 600)
    while !relay.isOver, !deadline.isOver, !isCut {
      var entries = [
        pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: server.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&entries, 2, stalled == nil ? 100 : 1) >= 0 else { continue }
      if let bytes = stalled, relay.isReleased {
        stalled = nil
        fault = nil
        try client.send(bytes)
      }
      if entries[0].revents != 0 {
        guard let bytes = read(client.descriptor) else { return }
        try server.send(bytes)
      }
      if entries[1].revents != 0 {
        guard let bytes = read(server.descriptor) else { return }
        pending += bytes
        try relayMessages()
      }
    }
  }

  private func read(_ descriptor: Int32) -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return [] }
    return count > 0 ? Array(chunk[..<count]) : nil
  }

  private func relayMessages() throws {
    var position = 0
    var out: [UInt8] = []
    while pending.count - position >= 5 {
      let length = pending[position + 1..<position + 5].reduce(0) { $0 << 8 | Int($1) }
      guard pending.count - position > length else { break }
      let message = Array(pending[position...position + length])
      position += length + 1
      if isLoggedIn {
        if let taken = relay.take() {
          fault = taken
          index = 0
          sent = 0
        }
        if fault != nil { relay.note(message) }
        out += suffered(message)
        index += 1
      } else {
        out += message
        isLoggedIn = message[0] == UInt8(ascii: "Z")
      }
    }
    pending.removeFirst(position)
    try put(out)
  }

  /// What comes of a message.
  private func suffered(_ message: [UInt8]) -> [UInt8] {
    switch fault {
    case .drop(index): return []
    case .duplicate(index): return message + message
    case .replace(index, let bytes): return bytes
    case .insert(index, let bytes): return bytes + message
    case .swap(index):
      swapped = message
      return []
    default:
      defer { swapped = [] }
      return message + swapped
    }
  }

  private func put(_ bytes: [UInt8]) throws {
    if stalled != nil {
      stalled? += bytes
      return
    }
    var bytes = bytes
    let start = sent
    sent += bytes.count
    switch fault {
    case .flip(let offset, let bits) where (start..<sent).contains(offset):
      bytes[offset - start] ^= bits
    case .close(let offset) where offset < sent:
      try client.send(Array(bytes[..<max(0, offset - start)]))
      isCut = true
      return
    case .reset(let offset) where offset < sent:
      try client.send(Array(bytes[..<max(0, offset - start)]))
      client.reset()
      isCut = true
      return
    case .stall(let offset) where offset < sent && !relay.isReleased:
      let here = max(0, offset - start)
      try client.send(Array(bytes[..<here]))
      stalled = Array(bytes[here...])
      return
    default: break
    }
    if !bytes.isEmpty { try client.send(bytes) }
  }
}
