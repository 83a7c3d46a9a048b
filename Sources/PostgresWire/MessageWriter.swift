/// Builds messages, one after the other, into one run of bytes.
///
/// No string can break the framing: NUL bytes within strings are left out, since the protocol
/// ends a string at a NUL. They are left out rather than taken as the end, because a query that
/// is cut off (`DELETE FROM t<NUL> WHERE id = 1`) may do more than the whole.
public struct MessageWriter: Sendable {
  /// The messages written so far, each whole.
  public var bytes: [UInt8]

  public init() { bytes = [] }

  /// A message of type `type` around `body`, which is written as it is.
  public mutating func message(_ type: UInt8, body: [UInt8] = []) {
    let start = begin(type)
    bytes += body
    end(start)
  }

  /// Writes the type and leaves room for the length.
  ///
  /// - Returns: where the length stands, for ``end(_:)``.
  mutating func begin(_ type: UInt8) -> Int {
    bytes.append(type)
    return beginUntyped()
  }

  /// As ``begin(_:)``, for the packets that have no type.
  mutating func beginUntyped() -> Int {
    defer { append(UInt32(0)) }
    return bytes.count
  }

  /// Fills in the length, which counts itself and all that follows it.
  mutating func end(_ start: Int) {
    let length = bytes.count - start
    precondition(length <= Int(Int32.max), "a message is longer than the protocol allows")
    for index in 0..<4 {
      bytes[start + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index))
    }
  }

  mutating func append(_ value: UInt16) {
    bytes.append(UInt8(truncatingIfNeeded: value >> 8))
    bytes.append(UInt8(truncatingIfNeeded: value))
  }

  mutating func append(_ value: UInt32) {
    append(UInt16(truncatingIfNeeded: value >> 16))
    append(UInt16(truncatingIfNeeded: value))
  }

  /// The string without its NULs, then the NUL that ends it.
  mutating func append(cString string: String) {
    append(cString: string.utf8)
  }

  mutating func append(cString text: some Sequence<UInt8>) {
    for byte in text where byte != 0 { bytes.append(byte) }
    bytes.append(0)
  }

  /// A count that the protocol holds in 16 bits.
  ///
  /// - Returns: the count as written, at most 65,535: write no more elements than that.
  mutating func append(count: Int) -> Int {
    let written = UInt16(clamping: count)
    append(written)
    return Int(written)
  }

  /// A length of 32 bits and the bytes; nil is NULL.
  mutating func append(value: (some Collection<UInt8>)?) {
    guard let value else { return append(UInt32.max) }
    append(UInt32(value.count))
    bytes.append(contentsOf: value)
  }
}
