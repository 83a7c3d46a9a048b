import CLinux
import Glibc

/// Signals as a descriptor that a loop watches.
///
/// The signals are blocked in the calling thread and in those it starts: make the source before any
/// other thread.
public struct SignalSource: Sendable {
  /// Readable when a signal is pending.
  public let descriptor: Int32

  /// - Throws: ``SystemError`` where the kernel gives no descriptor.
  public init(_ numbers: [Int32]) throws(SystemError) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    descriptor = cl_signalfd(&set)
    guard descriptor >= 0 else { throw SystemError(call: "signalfd", result: descriptor) }
  }

  /// The next pending signal's number; nil when there is none.
  public func next() -> Int32? {
    let number = cl_next_signal(descriptor)
    return number > 0 ? number : nil
  }
}
