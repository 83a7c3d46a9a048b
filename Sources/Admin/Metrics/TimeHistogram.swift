/// Spans of time by their length, and their sum. In whole microseconds.
///
/// Each octave has four buckets of one width. A bucket holds what is above its lower bound and not
/// above its upper one, as Prometheus has it, so that the powers of two among the bounds are exact.
public struct TimeHistogram: Equatable, Sendable {
  /// Octaves up to 2^31 microseconds, which is 36 minutes; what is longer counts into the last.
  public static let bucketCount = 128

  /// By place; see ``place(_:)``.
  public private(set) var counts: [UInt64]
  public private(set) var microseconds: UInt64

  public init() {
    counts = Array(repeating: 0, count: Self.bucketCount)
    microseconds = 0
  }

  /// - Parameter counts: ``bucketCount`` of them, by place.
  public init(counts: [UInt64], microseconds: UInt64) {
    self.counts = counts
    self.microseconds = microseconds
  }

  /// Where a span counts: below ``bucketCount`` whatever comes. A few instructions, without a
  /// branch: the exponent of a floating-point number is the octave, its first two binary places
  /// are the bucket within. It is taken of 2n - 1, which moves the bounds into their buckets; the
  /// sign of -1 is cut off.
  @inlinable @inline(__always)
  public static func place(_ microseconds: UInt64) -> Int {
    let bounded = min(microseconds, 1 << 31)
    let odd = Double(Int64(bitPattern: bounded &+ bounded &- 1))
    return Int(truncatingIfNeeded: (odd.bitPattern &>> 50) & 127)
  }

  /// The bucket of a place, counted from the shortest spans.
  static func bucket(ofPlace place: Int) -> Int { (place + 4) % bucketCount }

  /// The longest span of a bucket, in microseconds.
  static func upperBound(_ bucket: Int) -> Double {
    let odd = Double(1 << UInt64(bucket >> 2)) * Double((bucket & 3) + 5) / 4
    return ((odd + 1) / 2).rounded(.up) - 1
  }

  public mutating func add(_ microseconds: UInt64, times: UInt64 = 1) {
    counts[Self.place(microseconds)] &+= times
    self.microseconds &+= microseconds &* times
  }

  public static func += (left: inout TimeHistogram, right: TimeHistogram) {
    for place in 0..<bucketCount { left.counts[place] &+= right.counts[place] }
    left.microseconds &+= right.microseconds
  }

  /// What has come since an older reading.
  public func since(_ old: TimeHistogram) -> TimeHistogram {
    func difference(_ new: UInt64, _ old: UInt64) -> UInt64 { new > old ? new - old : 0 }
    return TimeHistogram(
      counts: zip(counts, old.counts).map(difference),
      microseconds: difference(microseconds, old.microseconds))
  }

  public var count: UInt64 { counts.reduce(0, &+) }

  /// From the shortest spans to the longest.
  var ordered: [UInt64] {
    (0..<Self.bucketCount).map { counts[($0 + Self.bucketCount - 4) % Self.bucketCount] }
  }

  /// The span that so large a share of them does not exceed, in seconds, as far as the buckets
  /// tell; nil where there are none.
  public func quantile(_ share: Double) -> Double? {
    let count = count
    guard count > 0 else { return nil }
    let wanted = share * Double(count)
    var below = 0.0
    for (bucket, spans) in ordered.enumerated() where spans > 0 {
      let within = below + Double(spans)
      if within >= wanted {
        if bucket == 0 { return 0 }
        let lower = Self.upperBound(bucket - 1)
        let part = (wanted - below) / Double(spans)
        return (lower + (Self.upperBound(bucket) - lower) * max(0, part)) / 1_000_000
      }
      below = within
    }
    return nil
  }

  // MARK: exposition

  /// The bounds that are shown: 2^7 to 2^27 microseconds, 128 us to 134 s.
  public static let shownExponents = 7...27

  /// How many spans there are up to each of the bounds shown, in microseconds.
  public var cumulative: [(bound: UInt64, count: UInt64)] {
    var sum: UInt64 = 0
    var shown: [(bound: UInt64, count: UInt64)] = []
    for (bucket, spans) in ordered.enumerated() {
      sum &+= spans
      let exponent = bucket >> 2
      if bucket & 3 == 3, Self.shownExponents.contains(exponent) {
        shown.append((1 << UInt64(exponent), sum))
      }
    }
    return shown
  }
}
