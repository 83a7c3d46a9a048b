/// A position in a message's body that reads forward and never past the end.
///
/// Every read gives nil, and leaves the position as it is, where too few bytes are left.
struct ByteCursor {
  private(set) var offset = 0

  func remaining(in bytes: Span<UInt8>) -> Int { bytes.count - offset }

  mutating func readUInt8(in bytes: Span<UInt8>) -> UInt8? {
    guard remaining(in: bytes) >= 1 else { return nil }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func readUInt16(in bytes: Span<UInt8>) -> UInt16? {
    guard remaining(in: bytes) >= 2 else { return nil }
    defer { offset += 2 }
    return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
  }

  mutating func readUInt32(in bytes: Span<UInt8>) -> UInt32? {
    guard remaining(in: bytes) >= 4 else { return nil }
    defer { offset += 4 }
    return UInt32(bytes[offset]) << 24 | UInt32(bytes[offset + 1]) << 16
      | UInt32(bytes[offset + 2]) << 8 | UInt32(bytes[offset + 3])
  }

  mutating func readBytes(_ count: Int, in bytes: Span<UInt8>) -> [UInt8]? {
    guard count >= 0, count <= remaining(in: bytes) else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(count)
    for index in offset..<(offset + count) { result.append(bytes[index]) }
    offset += count
    return result
  }

  /// Everything up to the end.
  mutating func readRest(in bytes: Span<UInt8>) -> [UInt8] {
    readBytes(remaining(in: bytes), in: bytes) ?? []
  }

  /// The bytes before the next NUL, which is consumed too.
  mutating func readCString(in bytes: Span<UInt8>) -> [UInt8]? {
    var end = offset
    while end < bytes.count, bytes[end] != 0 { end += 1 }
    guard end < bytes.count, let text = readBytes(end - offset, in: bytes) else { return nil }
    offset += 1
    return text
  }

  /// As ``readCString(in:)``; what is not UTF-8 becomes U+FFFD, as texts of a server come in
  /// the client's encoding.
  mutating func readText(in bytes: Span<UInt8>) -> String? {
    readCString(in: bytes).map { String(decoding: $0, as: UTF8.self) }
  }
}
