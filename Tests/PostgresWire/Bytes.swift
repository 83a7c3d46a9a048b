import PostgresWire

/// The UTF-8 bytes of `text`.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The bytes of a big-endian integer.
func bigEndian(_ value: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
}

/// A packet without a type: its length, a code and the rest.
func packet(_ code: UInt32, _ rest: [UInt8] = []) -> [UInt8] {
  bigEndian(UInt32(8 + rest.count)) + bigEndian(code) + rest
}

/// The body of the only message in `writer`, after a check of its type and length.
func onlyBody(_ writer: MessageWriter, type: UInt8) -> [UInt8]? {
  let bytes = writer.bytes
  guard bytes.count >= 5, bytes[0] == type,
    Array(bytes[1..<5]) == bigEndian(UInt32(bytes.count - 1))
  else { return nil }
  return Array(bytes[5...])
}
