import TestSupport

/// The bytes of a message: a type, its length, its body.
func frame(_ type: Character, _ body: [UInt8] = []) -> [UInt8] {
  header(type, UInt32(body.count + 4)) + body
}

/// A type and a length, whatever it claims.
func header(_ type: Character, _ length: UInt32) -> [UInt8] {
  [type.asciiValue ?? 0] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
}

func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

/// Where `bytes` is cut: whole, byte by byte, and at random places.
func cuts(of bytes: [UInt8]) -> [[Int]] {
  var generator = SeededGenerator(seed: UInt64(bytes.count))
  let random = (0..<30).map { _ in
    (0..<3).map { _ in generator.below(bytes.count + 1) }.sorted()
  }
  return [[], Array(0..<bytes.count)] + random
}
