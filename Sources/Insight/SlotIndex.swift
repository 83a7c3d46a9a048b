/// A table from 64-bit hashes to small numbers. The keys are hashes under a secret key already, so
/// they are not hashed again.
struct SlotIndex: Sendable {
  private var keys: [UInt64]
  /// -1: the place is free.
  private var values: [Int32]
  private(set) var count = 0

  init() {
    keys = []
    values = []
  }

  func find(_ key: UInt64) -> Int32? {
    guard count > 0 else { return nil }
    let mask = keys.count &- 1
    var place = Int(truncatingIfNeeded: key) & mask
    while values[place] >= 0 {
      if keys[place] == key { return values[place] }
      place = (place &+ 1) & mask
    }
    return nil
  }

  mutating func set(_ key: UInt64, _ value: Int32) {
    if count &* 2 >= keys.count { grow() }
    let mask = keys.count &- 1
    var place = Int(truncatingIfNeeded: key) & mask
    while values[place] >= 0, keys[place] != key { place = (place &+ 1) & mask }
    if values[place] < 0 { count += 1 }
    keys[place] = key
    values[place] = value
  }

  mutating func remove(_ key: UInt64) {
    guard count > 0 else { return }
    let mask = keys.count &- 1
    var hole = Int(truncatingIfNeeded: key) & mask
    while values[hole] >= 0, keys[hole] != key { hole = (hole &+ 1) & mask }
    guard values[hole] >= 0 else { return }
    count -= 1
    // What stands behind moves up, unless it is in front of where it belongs.
    var next = (hole &+ 1) & mask
    while values[next] >= 0 {
      let home = Int(truncatingIfNeeded: keys[next]) & mask
      if (next &- home) & mask >= (next &- hole) & mask {
        keys[hole] = keys[next]
        values[hole] = values[next]
        hole = next
      }
      next = (next &+ 1) & mask
    }
    values[hole] = -1
  }

  private mutating func grow() {
    let old = (keys, values)
    let size = max(8, keys.count * 2)
    keys = Array(repeating: 0, count: size)
    values = Array(repeating: -1, count: size)
    count = 0
    for (key, value) in zip(old.0, old.1) where value >= 0 { set(key, value) }
  }
}
