import CLinux
import Pooling

/// Bytes for one server that are put together before they are sent in one write: messages that were
/// changed on their way, and the pooler's own among them. One a loop; it keeps its memory.
struct Outbox {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private(set) var count = 0

  init() {
    capacity = 131_072
    base = .allocate(byteCount: capacity, alignment: 16)
  }

  var isEmpty: Bool { count == 0 }
  var bytes: UnsafeRawPointer { UnsafeRawPointer(base) }

  mutating func clear() { count = 0 }

  func deallocate() { base.deallocate() }

  @inline(__always)
  mutating func append(_ bytes: UnsafeRawPointer, count more: Int) {
    if count + more > capacity { grow(more) }
    memcpy(base + count, bytes, more)
    count += more
  }

  mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { if let start = $0.baseAddress { append(start, count: $0.count) } }
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    if count == capacity { grow(1) }
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  /// A message's first five bytes.
  /// - Parameter length: as the protocol counts: itself and the body.
  @inline(__always)
  mutating func appendHeader(_ type: UInt8, length: Int) {
    append(type)
    var big = UInt32(truncatingIfNeeded: length).bigEndian
    append(&big, count: 4)
  }

  /// A statement's name on servers, and the NUL behind it.
  @inline(__always)
  mutating func appendName(_ name: ServerName) {
    var digits = name
    withUnsafeBytes(of: &digits.bytes) { append($0.baseAddress!, count: name.count) }
    append(UInt8(0))
  }

  /// A message with a name replaced by a statement's name on servers.
  /// - Parameters:
  ///   - before: what stands between the header and the name, `beforeCount` bytes.
  ///   - after: what follows the name's NUL, `afterCount` bytes of it.
  ///   - length: of the changed message, as the protocol counts.
  @inline(__always)
  mutating func append(
    _ type: UInt8, length: Int, before: UnsafeRawPointer, _ beforeCount: Int, _ name: ServerName,
    after: UnsafeRawPointer, _ afterCount: Int
  ) {
    let total = 5 &+ beforeCount &+ name.count &+ 1 &+ afterCount
    // A name is stored whole, with what lies behind its end.
    if count &+ total &+ 32 > capacity { grow(total &+ 32) }
    var place = base + count
    place.storeBytes(of: type, as: UInt8.self)
    place.storeBytes(
      of: UInt32(truncatingIfNeeded: length).bigEndian, toByteOffset: 1, as: UInt32.self)
    place += 5
    memcpy(place, before, beforeCount)
    place += beforeCount
    place.storeBytes(of: name.bytes.0, as: UInt64.self)
    place.storeBytes(of: name.bytes.1, toByteOffset: 8, as: UInt64.self)
    place.storeBytes(of: name.bytes.2, toByteOffset: 16, as: UInt64.self)
    place.storeBytes(of: name.bytes.3, toByteOffset: 24, as: UInt64.self)
    // Behind the name its bytes are zero.
    place += name.count &+ 1
    memcpy(place, after, afterCount)
    count &+= total
  }

  @inline(never)
  private mutating func grow(_ more: Int) {
    let larger = max(capacity * 2, count + more)
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    memcpy(fresh, base, count)
    base.deallocate()
    base = fresh
    capacity = larger
  }
}
