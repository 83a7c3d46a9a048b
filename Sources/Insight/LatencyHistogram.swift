/// Counts durations in microseconds in buckets, of which each power of two has four: a quantile is
/// right to within an eighth.
public struct LatencyHistogram: Equatable, Sendable {
  /// The last one has all that take longer than half an hour.
  static var bucketCount: Int { 4 * 30 }

  private(set) var counts: [UInt32]
  private(set) var total: UInt64 = 0

  public init() { counts = Array(repeating: 0, count: Self.bucketCount) }

  public mutating func add(_ microseconds: UInt64, times: UInt32 = 1) {
    let bucket = Self.bucket(microseconds)
    let (sum, isOver) = counts[bucket].addingReportingOverflow(times)
    counts[bucket] = isOver ? .max : sum
    total &+= UInt64(times)
  }

  public static func += (left: inout LatencyHistogram, right: LatencyHistogram) {
    for bucket in left.counts.indices {
      let (sum, isOver) = left.counts[bucket].addingReportingOverflow(right.counts[bucket])
      left.counts[bucket] = isOver ? .max : sum
    }
    left.total &+= right.total
  }

  static func bucket(_ microseconds: UInt64) -> Int {
    guard microseconds >= 4 else { return Int(microseconds) }
    let power = 63 - microseconds.leadingZeroBitCount
    let quarter = Int(microseconds >> UInt64(power - 2)) & 3
    return min(4 * (power - 1) + quarter, bucketCount - 1)
  }

  /// The middle of a bucket.
  static func value(_ bucket: Int) -> UInt64 {
    guard bucket >= 4 else { return UInt64(bucket) }
    let power = UInt64(bucket / 4 + 1)
    let width: UInt64 = 1 << (power - 2)
    return (4 + UInt64(bucket % 4)) * width + width / 2
  }

  /// The duration that this part of all does not exceed; 0 where nothing has been counted.
  public func quantile(_ part: Double) -> UInt64 {
    let all = counts.reduce(0) { $0 + UInt64($1) }
    guard all > 0 else { return 0 }
    let rank = max(1, UInt64((Double(all) * part).rounded(.up)))
    var seen: UInt64 = 0
    for (bucket, count) in counts.enumerated() {
      seen += UInt64(count)
      if seen >= rank { return Self.value(bucket) }
    }
    return Self.value(Self.bucketCount - 1)
  }
}
