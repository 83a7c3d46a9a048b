import Foundation

/// What the threads of one call have in common.
///
/// `@unchecked` because `lock` guards `stored` in both methods. It is a pthread mutex, which the
/// thread sanitizer knows; it does not see a contended `Mutex` being locked and reports a race.
private final class Results<Value: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var stored: [Int: Result<Value, any Error>] = [:]

  func store(_ result: Result<Value, any Error>, at index: Int) {
    lock.withLock { stored[index] = result }
  }

  var all: [Int: Result<Value, any Error>] {
    lock.withLock { stored }
  }
}

/// Runs `body` on so many threads at once; its results in order. Throws the first error, or if they
/// take longer than `seconds`.
func onThreads<Value: Sendable>(
  _ count: Int, seconds: Double = 60, _ body: @escaping @Sendable (Int) throws -> Value
) throws -> [Value] {
  let results = Results<Value>()
  for index in 0..<count {
    let thread = Thread {
      let result = Result { try body(index) }
      results.store(result, at: index)
    }
    thread.stackSize = 1 << 20
    thread.start()
  }
  guard eventually(seconds: seconds, { results.all.count == count }) else {
    throw HarnessError("threads are not done after \(seconds) s")
  }
  let values = results.all
  return try (0..<count).map { try values[$0]!.get() }
}

/// Work on another thread, to be waited for later.
final class Background<Value: Sendable>: Sendable {
  private let results = Results<Value>()

  init(_ body: @escaping @Sendable () throws -> Value) {
    let results = results
    Thread.detachNewThread {
      let result = Result { try body() }
      results.store(result, at: 0)
    }
  }

  var isDone: Bool { results.all[0] != nil }

  func value(seconds: Double = 30) throws -> Value {
    guard eventually(seconds: seconds, { isDone }) else {
      throw HarnessError("the background thread is not done after \(seconds) s")
    }
    return try results.all[0]!.get()
  }
}
