import Glibc
import Testing

/// A moment on the monotonic clock until which something is waited for.
struct Deadline: Sendable {
  private let end: ContinuousClock.Instant

  init(seconds: Double) {
    end = .now + .seconds(seconds)
  }

  var isOver: Bool { ContinuousClock.now >= end }

  /// For `poll(2)`: rounded up, never negative.
  var millisecondsLeft: Int32 {
    let left = end - .now
    if left <= .zero { return 0 }
    return Int32(min(left / .milliseconds(1) + 1, 1_000_000))
  }
}

/// How much slower than usual things may be: a sanitized binary is several times slower.
enum Patience {
  static let sanitizer = getenv("SLUICE_SANITIZER").map { String(cString: $0) } ?? ""
  static let factor: Double = sanitizer.isEmpty ? 1 : 5
  /// A sanitizer's shadow memory makes figures of resident memory meaningless.
  static let measuresMemory = sanitizer.isEmpty
}

/// Polls until `condition` holds; false if it did not within `seconds`.
func eventually(seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = Deadline(seconds: seconds * Patience.factor)
  while true {
    if try condition() { return true }
    if deadline.isOver { return false }
    usleep(20_000)
  }
}

/// Records an issue if `condition` does not come to hold within `seconds`.
func expectEventually(
  _ comment: Comment? = nil, seconds: Double = 10,
  sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () throws -> Bool
) rethrows {
  let holds = try eventually(seconds: seconds, condition)
  #expect(holds, comment, sourceLocation: sourceLocation)
}

/// Seconds that `body` took.
func secondsTaken(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  return (ContinuousClock.now - start) / .seconds(1)
}
