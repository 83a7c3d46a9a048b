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

/// SplitMix64: the same numbers for the same seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
