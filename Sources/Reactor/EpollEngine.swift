import CLinux

/// The engine on epoll, edge-triggered: a socket is registered once, and what it can do is found
/// out by doing it.
///
/// Sendable although it holds a pointer: only the loop that owns the engine calls `wait` and
/// `event`, which use it; `add` and `remove` are epoll_ctl calls, which the kernel allows from any
/// thread.
public struct EpollEngine: Engine, @unchecked Sendable {
  @usableFromInline let epoll: Int32
  @usableFromInline let events: UnsafeMutablePointer<epoll_event>
  @usableFromInline static var capacity: Int { 256 }

  /// - Throws: ``SystemError`` where the kernel gives no epoll descriptor.
  public init() throws(SystemError) {
    epoll = cl_epoll_create()
    guard epoll >= 0 else { throw SystemError(call: "epoll_create1", result: epoll) }
    events = .allocate(capacity: Self.capacity)
  }

  public func add(fd: Int32, token: UInt64) -> Int32 { cl_epoll_add_edge(epoll, fd, token) }

  public func addLevel(fd: Int32, token: UInt64) -> Int32 { cl_epoll_add_level(epoll, fd, token) }

  public func remove(fd: Int32) { _ = cl_epoll_remove(epoll, fd) }

  @inlinable
  public func wait(timeoutMilliseconds: Int32) -> Int {
    max(0, Int(cl_epoll_wait(epoll, events, Int32(Self.capacity), timeoutMilliseconds)))
  }

  @inlinable
  public func event(_ index: Int) -> EngineEvent {
    let bits = events[index].events
    return EngineEvent(
      token: cl_event_token(events + index),
      isReadable: bits & CL_EPOLL_IN != 0,
      isWritable: bits & CL_EPOLL_OUT != 0,
      isHangup: bits & CL_EPOLL_HANGUP != 0)
  }

  @inlinable
  public func receive(_ fd: Int32, into buffer: UnsafeMutableRawPointer, count: Int) -> Int {
    cl_receive(fd, buffer, UInt(count))
  }

  public func peek(_ fd: Int32) -> UInt8? {
    var byte: UInt8 = 0
    return cl_peek(fd, &byte, 1) == 1 ? byte : nil
  }

  @inlinable
  public func send(_ fd: Int32, from buffer: UnsafeRawPointer, count: Int) -> Int {
    cl_send(fd, buffer, UInt(count))
  }
}
