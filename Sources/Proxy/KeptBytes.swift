import CLinux

/// A copy of some bytes, in memory that is kept for the next ones. Unlike an array it does not ask
/// at each change whether it is shared: it stands on the way of every unnamed statement.
struct KeptBytes {
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  private var count = 0

  var byteCount: Int { count }

  func append(to outbox: inout Outbox) {
    if let base { outbox.append(base, count: count) }
  }

  var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: count)) }

  @inline(__always)
  mutating func set(_ source: UnsafeRawPointer, count: Int) {
    if count > capacity { grow(count) }
    if count > 0, let base { memcpy(base, source, count) }
    self.count = count
  }

  mutating func set(_ bytes: [UInt8]) {
    count = 0
    bytes.withUnsafeBytes { if let start = $0.baseAddress { set(start, count: $0.count) } }
  }

  mutating func release() {
    base?.deallocate()
    self = KeptBytes()
  }

  @inline(never)
  private mutating func grow(_ count: Int) {
    base?.deallocate()
    capacity = max(256, count)
    base = .allocate(byteCount: capacity, alignment: 1)
  }
}
