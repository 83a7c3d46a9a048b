/// A rate with a burst, as the generic cell rate algorithm has it: one time says all (ITU-T I.371).
///
/// Within any time `t` no more than the burst and `t` times the rate is taken. Times go in and out
/// in microseconds; within they are nanoseconds.
struct TokenBucket: Sendable {
  /// Between two tokens; 0: there is no limit.
  private var interval: UInt64 = 0
  private var burst: UInt64 = 1
  /// When the bucket will be full, or has been.
  private var fullAt: UInt64 = 0

  var isLimited: Bool { interval != 0 }

  /// Sets what comes per second and how much at once. What has been taken stays taken.
  mutating func set(rate: Int, burst: Int, now: UInt64) {
    guard rate > 0 else {
      self = TokenBucket()
      return
    }
    let most = 1_000_000_000
    let taken = interval == 0 ? 0 : missing(now * 1000) / interval
    // Rounded up: never more than the rate.
    interval = UInt64((most + min(rate, most) - 1) / min(rate, most))
    self.burst = UInt64(min(burst > 0 ? burst : rate, most))
    fullAt = now * 1000 + min(taken, self.burst) * interval
  }

  private func missing(_ time: UInt64) -> UInt64 { fullAt > time ? fullAt - time : 0 }

  /// Whether there is one more token than `kept`.
  func has(beyond kept: Int, now: UInt64) -> Bool {
    interval == 0 || missing(now * 1000) + UInt64(kept + 1) * interval <= burst * interval
  }

  /// How many there are.
  func count(now: UInt64) -> Int {
    guard interval != 0 else { return .max }
    let full = burst * interval
    return Int((full - min(full, missing(now * 1000))) / interval)
  }

  mutating func take(now: UInt64) {
    guard interval != 0 else { return }
    fullAt = max(fullAt, now * 1000) + interval
  }

  mutating func giveBack() {
    fullAt -= min(fullAt, interval)
  }

  /// When there will be one more than `kept`, of which there is none now.
  func time(ofOneBeyond kept: Int, now: UInt64) -> UInt64 {
    let due = max(fullAt, now * 1000) + UInt64(kept + 1) * interval - burst * interval
    return (due + 999) / 1000
  }
}
