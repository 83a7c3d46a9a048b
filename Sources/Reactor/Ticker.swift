import CLinux

/// A descriptor that becomes readable at a fixed period.
///
/// A loop that ticks through it may wait for events without a timeout, which spares the kernel the
/// setting of a timer at every wait.
public struct Ticker: Sendable {
  public let descriptor: Int32

  /// - Throws: ``SystemError`` where the kernel gives no timer.
  public init(periodMicroseconds: UInt64) throws(SystemError) {
    descriptor = cl_ticker(periodMicroseconds)
    guard descriptor >= 0 else { throw SystemError(call: "timerfd_create", result: descriptor) }
  }

  /// Makes the descriptor unreadable until the next period ends.
  public func drain() {
    var count: UInt64 = 0
    _ = cl_read(descriptor, &count, 8)
  }

  public func close() { _ = CLinux.close(descriptor) }
}
