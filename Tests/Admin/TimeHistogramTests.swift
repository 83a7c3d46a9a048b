import Testing

@testable import Admin

@Suite struct TimeHistograms {
  @Test func `a span counts into the bucket that holds it, at every bound`() {
    var spans: [UInt64] = Array(0...5000)
    for exponent in 12..<31 {
      for quarter in 0..<4 {
        let bound = (1 << UInt64(exponent)) * UInt64(4 + quarter) / 4
        spans += [bound - 1, bound, bound + 1]
      }
    }
    for span in spans {
      let bucket = TimeHistogram.bucket(ofPlace: TimeHistogram.place(span))
      #expect(Double(span) <= TimeHistogram.upperBound(bucket), "\(span)")
      if bucket > 0 && span > 4 {
        #expect(Double(span) > TimeHistogram.upperBound(bucket - 1), "\(span)")
      }
    }
  }

  @Test func `whatever comes has a place`() {
    let spans: [UInt64] = [0, 1, 1 << 31, (1 << 31) + 1, 1 << 62, (1 << 63) - 1, 1 << 63, .max]
    for span in spans {
      #expect((0..<TimeHistogram.bucketCount).contains(TimeHistogram.place(span)))
    }
    #expect(TimeHistogram.place(.max) == TimeHistogram.place(1 << 31))
  }

  @Test func `the bounds that are shown hold exactly what does not exceed them`() {
    for exponent in TimeHistogram.shownExponents {
      var histogram = TimeHistogram()
      let bound: UInt64 = 1 << UInt64(exponent)
      histogram.add(bound)
      histogram.add(bound + 1)
      let shown = histogram.cumulative.first { $0.bound == bound }
      #expect(shown?.count == 1)
      #expect(histogram.count == 2)
    }
    #expect(TimeHistogram().cumulative.count == 21)
  }

  @Test func `quantiles are near, whatever the spans`() throws {
    var histogram = TimeHistogram()
    for span in 1...10_000 { histogram.add(UInt64(span) * 37) }
    for share in [0.1, 0.5, 0.95, 0.99] {
      let real = share * 10_000 * 37 / 1_000_000
      let told = try #require(histogram.quantile(share))
      #expect(told > real * 0.8 && told < real * 1.25, "\(share): \(told), not \(real)")
    }
    #expect(TimeHistogram().quantile(0.5) == nil)
    var zeros = TimeHistogram()
    zeros.add(0, times: 5)
    #expect(zeros.quantile(0.99) == 0)
  }

  @Test func `sums and differences are those of the counts`() {
    var (one, two) = (TimeHistogram(), TimeHistogram())
    one.add(100)
    two.add(100)
    two.add(5_000_000, times: 3)
    var sum = one
    sum += two
    #expect(sum.count == 5)
    #expect(sum.microseconds == 15_000_200)
    #expect(sum.since(one) == two)
  }
}
