import CLinux

/// One non-blocking stream socket as its loop sees it. All that is read from or written to a peer
/// goes through here: the place where a later TLS session decrypts and encrypts.
public struct Stream {
  public var fd: Int32 = -1
  /// Bytes, or the end of the stream, may be there: an event said so and nothing has disproved it.
  public var isReadable = false
  /// The peer has closed its side; a short read does not mean drained.
  public var sawHangup = false
  /// Bytes that were read and could not be taken yet. They come first at the next `receive`.
  public var carry = Backlog()
  /// What is carried has not been looked at yet: `receive` gives it without waiting for more.
  public var hasUnseen = false
  /// Bytes that the kernel has not taken yet.
  public var outgoing = Backlog()

  @inlinable public init() {}
  @inlinable public init(fd: Int32) { self.fd = fd }

  @inlinable public var isOpen: Bool { fd >= 0 }
  @inlinable public var isBlocked: Bool { !outgoing.isEmpty }

  /// What `receive` found.
  public enum Received: Equatable {
    /// So many bytes lie at the start of the buffer, the carried ones first.
    case bytes(Int)
    case nothing
    case end
    /// The connection is broken; the errno, positive.
    case failed(Int32)
  }

  /// Reads what is there behind what was carried. A buffer that the carried bytes fill, or do not
  /// fit in, is the end: no message is waited for that is so long.
  @inlinable
  public mutating func receive<E: Engine>(
    _ engine: E, into buffer: UnsafeMutableRawPointer, capacity: Int
  ) -> Received {
    var carried = 0
    if !carry.isEmpty {
      if carry.count > capacity { return .end }
      carried = carry.move(to: buffer, capacity: capacity)
    }
    if hasUnseen {
      hasUnseen = false
      if carried > 0 { return .bytes(carried) }
    }
    let room = capacity &- carried
    let result = engine.receive(fd, into: buffer + carried, count: room)
    if result > 0 {
      if result < room && !sawHangup { isReadable = false }
      return .bytes(carried &+ result)
    }
    return receivedNone(result, buffer, carried)
  }

  @usableFromInline @inline(never)
  mutating func receivedNone(
    _ result: Int, _ buffer: UnsafeMutableRawPointer, _ carried: Int
  ) -> Received {
    // What was carried stays so: without new bytes there is nothing new in it.
    carry.append(UnsafeRawBufferPointer(start: buffer, count: carried))
    if result == -Int(EAGAIN) {
      isReadable = false
      return .nothing
    }
    return result == 0 ? .end : .failed(Int32(-result))
  }

  /// Sends, and keeps what the kernel does not take. A broken connection shows when it is read.
  /// - Returns: whether all is gone.
  @inlinable
  public mutating func send<E: Engine>(
    _ engine: E, _ bytes: UnsafeRawPointer, count: Int
  ) -> Bool {
    if outgoing.isEmpty {
      let sent = engine.send(fd, from: bytes, count: count)
      if sent == count { return true }
      return keep(bytes, count: count, sent: sent)
    }
    return keep(bytes, count: count, sent: 0)
  }

  @usableFromInline @inline(never)
  mutating func keep(_ bytes: UnsafeRawPointer, count: Int, sent: Int) -> Bool {
    if sent < 0 && sent != -Int(EAGAIN) { return true }
    let start = max(0, sent)
    outgoing.append(UnsafeRawBufferPointer(start: bytes + start, count: count - start))
    return false
  }

  /// Sends what was kept. - Returns: whether all is gone.
  public mutating func flush<E: Engine>(_ engine: E) -> Bool {
    let bytes = outgoing.bytes
    guard let start = bytes.baseAddress else { return true }
    let sent = engine.send(fd, from: start, count: bytes.count)
    if sent < 0 {
      guard sent != -Int(EAGAIN) else { return false }
      outgoing.clear()
      return true
    }
    outgoing.removeFirst(sent)
    return outgoing.isEmpty
  }

  /// Closes the socket and gives its memory back.
  public mutating func close() {
    if fd >= 0 { _ = CLinux.close(fd) }
    carry.clear()
    outgoing.clear()
    self = Stream()
  }
}
