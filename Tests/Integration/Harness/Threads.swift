import Foundation
import Synchronization

/// What the threads of one call have in common.
private final class Results<Value: Sendable>: Sendable {
  let values: Mutex<[Int: Result<Value, any Error>]> = Mutex([:])
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
      results.values.withLock { $0[index] = result }
    }
    thread.stackSize = 1 << 20
    thread.start()
  }
  guard eventually(seconds: seconds, { results.values.withLock { $0.count } == count }) else {
    throw HarnessError("threads are not done after \(seconds) s")
  }
  return try results.values.withLock { values in
    try (0..<count).map { try values[$0]!.get() }
  }
}

/// Work on another thread, to be waited for later.
final class Background<Value: Sendable>: Sendable {
  private let results = Results<Value>()

  init(_ body: @escaping @Sendable () throws -> Value) {
    let results = results
    Thread.detachNewThread {
      let result = Result { try body() }
      results.values.withLock { $0[0] = result }
    }
  }

  var isDone: Bool { results.values.withLock { $0[0] != nil } }

  func value(seconds: Double = 30) throws -> Value {
    guard eventually(seconds: seconds, { isDone }) else {
      throw HarnessError("the background thread is not done after \(seconds) s")
    }
    return try results.values.withLock { try $0[0]!.get() }
  }
}
