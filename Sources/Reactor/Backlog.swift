import CLinux

/// Bytes that are stuck: read but not yet understood, or not yet taken by the kernel.
///
/// Owns memory only while it holds bytes. Whoever discards one calls `clear`.
public struct Backlog {
  @usableFromInline var base: UnsafeMutableRawPointer?
  @usableFromInline var offset: UInt32 = 0
  @usableFromInline var length: UInt32 = 0

  @inlinable public init() {}

  @inlinable public var isEmpty: Bool { base == nil }
  @inlinable public var count: Int { Int(length) }
  @inlinable public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base.map { $0 + Int(offset) }, count: Int(length))
  }

  /// Adds bytes at the end.
  public mutating func append(_ more: UnsafeRawBufferPointer) {
    guard let source = more.baseAddress, !more.isEmpty else { return }
    let total = Int(length) + more.count
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: total, alignment: 1)
    if let base { memcpy(fresh, base + Int(offset), Int(length)) }
    memcpy(fresh + Int(length), source, more.count)
    base?.deallocate()
    base = fresh
    offset = 0
    length = UInt32(total)
  }

  /// Takes bytes away at the front.
  public mutating func removeFirst(_ count: Int) {
    if count >= Int(length) {
      clear()
    } else {
      offset += UInt32(count)
      length -= UInt32(count)
    }
  }

  /// Moves all bytes to `destination`, which has room for `capacity`, and gives the memory back.
  public mutating func move(to destination: UnsafeMutableRawPointer, capacity: Int) -> Int {
    guard let base else { return 0 }
    let moved = Int(length)
    precondition(moved <= capacity, "there is no room for what was carried")
    memcpy(destination, base + Int(offset), moved)
    clear()
    return moved
  }

  public mutating func clear() {
    base?.deallocate()
    self = Backlog()
  }
}
