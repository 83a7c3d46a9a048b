import Testing

@testable import Monitoring

@Suite struct GzipTests {
  @Test(arguments: [
    ("gzip", true), ("gzip, deflate, br", true), ("br;q=1.0, GZIP ; q=0.5", true), ("*", true),
    ("x-gzip", true), ("deflate, *;q=0.1", true), ("", false), ("identity", false),
    ("gzip;q=0", false), ("gzip;q=0, *", false), ("*;q=0", false), ("deflate, br", false),
    ("gzip;q=", false), ("gzip;q=x", false), ("gzipped", false), (";;;,,,=", false),
  ])
  func `gzip is used where it is accepted`(accept: String, isTaken: Bool) {
    #expect(Gzip.isTaken(accept) == isTaken)
  }

  @Test func `what is the same over and over becomes short`() throws {
    let lines = (0..<5000).map { "sluice_query_seconds_bucket{database=\"app\"} \($0)\n" }
    let compressed = try #require(Gzip.compress(Array(lines.joined().utf8)))
    #expect(compressed.prefix(3) == [0x1f, 0x8b, 8])
    #expect(compressed.count < lines.joined().utf8.count / 5)
    #expect(Gzip.compress([])?.prefix(2) == [0x1f, 0x8b])
  }

  @Test func `noise becomes hardly longer`() throws {
    var random: UInt64 = 1
    let noise = (0..<300_000).map { _ in
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(random >> 56)
    }
    let compressed = try #require(Gzip.compress(noise))
    #expect(compressed.count > 300_000 && compressed.count < 301_000)
  }
}
