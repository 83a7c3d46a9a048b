/// What a loop needs from the kernel.
///
/// The seam between the loop and the way it hears of sockets. It is shaped so that an engine on
/// readiness (epoll) and one on completion (io_uring) both fit: bytes are *pulled*. `wait` tells
/// that bytes are there; they stay where they are (the kernel's buffer, or the engine's) until the
/// loop asks for them, so a client that waits for a server costs no memory and back-pressure is not
/// asking.
public protocol Engine {
  /// Watches a socket in both directions until `remove`. Events carry the token.
  /// - Returns: 0, or a negative errno.
  func add(fd: Int32, token: UInt64) -> Int32

  /// Watches a descriptor for as long as it has something to read, such as a listener.
  func addLevel(fd: Int32, token: UInt64) -> Int32

  /// Lets go of a descriptor. Events that were fetched before may still be delivered.
  func remove(fd: Int32)

  /// Waits for events, at most for the time given; negative: without end.
  /// - Returns: the number of events, which `event` gives until the next call.
  func wait(timeoutMilliseconds: Int32) -> Int

  func event(_ index: Int) -> EngineEvent

  /// Takes bytes that have come.
  /// - Returns: their number, 0 at the end of the stream, or a negative errno (EAGAIN: none now).
  func receive(_ fd: Int32, into buffer: UnsafeMutableRawPointer, count: Int) -> Int

  /// The first of the bytes that have come, which stay to be received; nil where there are none.
  func peek(_ fd: Int32) -> UInt8?

  /// Hands over bytes to be sent.
  /// - Returns: how many were taken, or a negative errno (EAGAIN: none now).
  func send(_ fd: Int32, from buffer: UnsafeRawPointer, count: Int) -> Int
}

/// Something happened to a watched descriptor. May be stale: whoever handles it asks the socket.
public struct EngineEvent {
  public var token: UInt64
  public var isReadable: Bool
  public var isWritable: Bool
  /// The peer has closed its side, or the connection is broken: reading will tell.
  public var isHangup: Bool

  @inlinable
  public init(token: UInt64, isReadable: Bool, isWritable: Bool, isHangup: Bool) {
    self.token = token
    self.isReadable = isReadable
    self.isWritable = isWritable
    self.isHangup = isHangup
  }
}
