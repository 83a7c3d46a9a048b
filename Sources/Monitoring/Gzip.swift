import CZlib

/// Bodies in the form of gzip, for who takes them so: a scrape, which is much the same line over
/// and over, is a tenth as long.
enum Gzip {
  /// Shorter ones are not worth it.
  static let shortest = 1000

  /// nil: it could not be done.
  static func compress(_ bytes: [UInt8]) -> [UInt8]? {
    let capacity = czlib_gzip_bound(bytes.count)
    let compressed = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      count = bytes.withUnsafeBufferPointer {
        czlib_gzip($0.baseAddress, $0.count, buffer.baseAddress, buffer.count)
      }
    }
    return compressed.isEmpty ? nil : compressed
  }

  /// Whether an Accept-Encoding header takes it (RFC 9110, 12.5.3).
  static func isTaken(_ accept: String) -> Bool {
    var (own, any): (Double?, Double?) = (nil, nil)
    for item in accept.split(separator: ",") {
      let parts = item.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }
      // What is no number is no wish.
      let quality = weight.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
      switch parts.first {
      case "gzip", "x-gzip": own = max(own ?? 0, quality)
      case "*": any = quality
      default: break
      }
    }
    return (own ?? any ?? 0) > 0
  }
}
