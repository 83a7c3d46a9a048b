import Glibc

/// A small blocking client that sends arbitrary bytes and reads messages. Every wait has an end.
final class WireClient {
  let descriptor: Int32
  /// How long one wait may take.
  var seconds: Double
  /// What ParameterStatus told so far.
  private(set) var parameters: [String: String] = [:]
  /// The body of BackendKeyData.
  private(set) var key: [UInt8] = []
  private var buffer: [UInt8] = []
  private var position = 0
  private var isOpen = true
  private var peerClosed = false

  init(to endpoint: Endpoint, seconds: Double = 20) throws {
    self.seconds = seconds * Patience.factor
    descriptor = try endpoint.connect()
  }

  /// The other end of a connection that was accepted.
  init(accepted descriptor: Int32, seconds: Double = 20) {
    self.seconds = seconds * Patience.factor
    self.descriptor = descriptor
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit { close() }

  // MARK: Bytes

  /// Sends all bytes. What arrives meanwhile is kept, so that two full sockets cannot deadlock.
  func send(_ bytes: [UInt8]) throws {
    let deadline = Deadline(seconds: seconds)
    var done = 0
    while done < bytes.count {
      let sent = try sendSome(bytes[done...])
      done += sent
      if sent == 0 {
        if deadline.isOver { throw HarnessError("the peer takes no bytes") }
        if wait(for: POLLIN | POLLOUT, deadline) & Int16(POLLIN) != 0 {
          guard fill() else { throw HarnessError("the peer closed the connection") }
        }
      }
    }
  }

  /// Sends what the socket takes right now; zero if it is full.
  func sendSome(_ bytes: ArraySlice<UInt8>) throws -> Int {
    let count = bytes.withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if count >= 0 { return count }
    if errno == EAGAIN || errno == EINTR { return 0 }
    throw HarnessError("cannot send: \(String(cString: strerror(errno)))")
  }

  /// The next message, or nil if the peer closed the connection.
  func receive() throws -> ServerMessage? {
    guard try fetch(5) else { return nil }
    let type = Character(Unicode.Scalar(buffer[position]))
    var length = 0
    for byte in buffer[position + 1..<position + 5] { length = length << 8 | Int(byte) }
    guard length >= 4, length < 1 << 31 else { throw HarnessError("a length of \(length)") }
    guard try fetch(1 + length) else { return nil }
    let body = Array(buffer[position + 5..<position + 1 + length])
    position += 1 + length
    let message = ServerMessage(type: type, body: body)
    // A client's Sync has no body.
    if type == "S", !body.isEmpty {
      let pair = message.strings()
      parameters[pair[0]] = pair[1]
    } else if type == "K" {
      key = body
    }
    return message
  }

  /// A packet without a type, as a connection begins with: what follows its length.
  func receivePacket() throws -> [UInt8]? {
    guard try fetch(4) else { return nil }
    var length = 0
    for byte in buffer[position..<position + 4] { length = length << 8 | Int(byte) }
    guard length >= 8, length <= 10_000 else { throw HarnessError("a length of \(length)") }
    guard try fetch(length) else { return nil }
    defer { position += length }
    return Array(buffer[position + 4..<position + length])
  }

  /// One byte, as the answer to an SSLRequest is.
  func receiveByte() throws -> UInt8? {
    guard try fetch(1) else { return nil }
    position += 1
    return buffer[position - 1]
  }

  /// Whether something can be read (or the peer closed) within so many seconds.
  func isReadable(within seconds: Double) -> Bool {
    if buffer.count > position { return true }
    return wait(for: POLLIN, Deadline(seconds: seconds)) & Int16(POLLIN) != 0
  }

  /// Whether the peer closes the connection; messages that come before are skipped.
  func isClosedByPeer(within seconds: Double = 10) -> Bool {
    let before = self.seconds
    self.seconds = seconds * Patience.factor
    defer { self.seconds = before }
    for _ in 0..<100_000 {
      guard let message = try? receive() else { return peerClosed }
      _ = message
    }
    return false
  }

  func close() {
    guard isOpen else { return }
    isOpen = false
    Glibc.close(descriptor)
  }

  /// The port of this end.
  var localPort: UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length)
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  /// Ends the connection with a reset, as a machine that is gone would.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// Says that no more bytes will follow; can still read.
  func halfClose() {
    shutdown(descriptor, Int32(SHUT_WR))
  }

  /// A small receive buffer, for a reader that is to be slow.
  func setReceiveBuffer(bytes: Int32) {
    var size = bytes
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
  }

  /// Makes `count` bytes available; false if the connection ends before.
  private func fetch(_ count: Int) throws -> Bool {
    let deadline = Deadline(seconds: seconds)
    while buffer.count - position < count {
      if position > 1 << 20 || position == buffer.count {
        buffer.removeFirst(position)
        position = 0
      }
      if peerClosed { return false }
      if wait(for: POLLIN, deadline) == 0 { throw HarnessError("no answer in \(seconds) s") }
      if !fill() { return buffer.count - position >= count }
    }
    return true
  }

  /// Reads what is there; false at the end of the connection.
  private func fill() -> Bool {
    let count = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 18) { chunk in
      let count = recv(descriptor, chunk.baseAddress, chunk.count, 0)
      if count > 0 { buffer.append(contentsOf: UnsafeBufferPointer(rebasing: chunk[..<count])) }
      return count
    }
    if count > 0 { return true }
    if count < 0, errno == EAGAIN || errno == EINTR { return true }
    peerClosed = true
    return false
  }

  private func wait(for events: Int32, _ deadline: Deadline) -> Int16 {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    while true {
      let count = poll(&entry, 1, deadline.millisecondsLeft)
      if count > 0 { return entry.revents }
      if count == 0, deadline.isOver { return 0 }
    }
  }
}
