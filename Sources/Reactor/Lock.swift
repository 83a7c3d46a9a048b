import CLinux
import Synchronization

#if THREAD_SANITIZER

  /// A value and the lock that guards it.
  ///
  /// In builds for the thread sanitizer it is a lock that the sanitizer knows, with the interface
  /// of `Mutex`, whose futex it does not understand: it would report a race at every contended use.
  public struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Sendable: the value is touched by the holder of the mutex alone.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    public init(_ initial: consuming sending Value) {
      mutex = .allocate(capacity: 1)
      pthread_mutex_init(mutex, nil)
      value = .allocate(capacity: 1)
      value.initialize(to: initial)
    }

    deinit {
      pthread_mutex_destroy(mutex)
      mutex.deallocate()
      value.deinitialize(count: 1)
      value.deallocate()
    }

    public borrowing func withLock<Result: ~Copyable, Failure: Error>(
      _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return try body(&value.pointee)
    }
  }

#else

  /// A value and the lock that guards it.
  public typealias Lock<Value: ~Copyable> = Mutex<Value>

#endif
