import CLinux
import Synchronization

/// Messages from any thread to one loop, in order.
///
/// The lock guards the list and nothing else; no other lock is taken under it. The loop is woken
/// through its eventfd only when it sleeps.
public final class Mailbox<Message: Sendable>: Sendable {
  private let messages = Lock<[Message]>([])
  private let isAsleep = Atomic<Bool>(false)
  private let hasMail = Atomic<Bool>(false)
  /// Readable when there is mail for a sleeping loop.
  public let wakeDescriptor: Int32

  /// - Throws: ``SystemError`` where the kernel gives no eventfd.
  public init() throws(SystemError) {
    wakeDescriptor = cl_eventfd()
    guard wakeDescriptor >= 0 else {
      throw SystemError(call: "eventfd", result: wakeDescriptor)
    }
  }

  public func post(_ message: Message) {
    messages.withLock { $0.append(message) }
    hasMail.store(true, ordering: .sequentiallyConsistent)
    if isAsleep.exchange(false, ordering: .sequentiallyConsistent) {
      cl_eventfd_wake(wakeDescriptor)
    }
  }

  /// Called by the loop before it sleeps; true if it must not, since mail has come.
  public func willSleep() -> Bool {
    isAsleep.store(true, ordering: .sequentiallyConsistent)
    return hasMail.load(ordering: .sequentiallyConsistent)
  }

  public func didWake() { isAsleep.store(false, ordering: .relaxed) }

  /// Whether a `take` would bring anything.
  public var isFull: Bool { hasMail.load(ordering: .acquiring) }

  /// Exchanges the mail for the empty list `into`.
  public func take(into list: inout [Message]) {
    hasMail.store(false, ordering: .sequentiallyConsistent)
    messages.withLock { swap(&$0, &list) }
  }

  /// Resets the eventfd after it has woken the loop.
  public func drainWake() { cl_eventfd_drain(wakeDescriptor) }
}
