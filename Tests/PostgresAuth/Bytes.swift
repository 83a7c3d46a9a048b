import TestSupport

/// The UTF-8 bytes of `text`.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// The text of `bytes`.
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Bytes as lower-case hexadecimal digits.
func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// `count` bytes that count up.
func counting(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0) } }

/// The bodies of whole messages, without type and length.
func bodies(_ messages: [UInt8]) -> [[UInt8]] {
  var bodies: [[UInt8]] = []
  var rest = messages[...]
  while rest.count >= 5 {
    let length = rest.dropFirst().prefix(4).reduce(0) { $0 << 8 | Int($1) }
    bodies.append(Array(rest.dropFirst(5).prefix(length - 4)))
    rest = rest.dropFirst(1 + length)
  }
  return rest.isEmpty ? bodies : []
}

extension SeededGenerator {
  /// `input` with some bytes changed, put in, or cut off.
  mutating func mutate(_ input: [UInt8]) -> [UInt8] {
    var input = input
    for _ in 0..<Int.random(in: 0...4, using: &self) where !input.isEmpty {
      let index = Int.random(in: 0..<input.count, using: &self)
      switch Int.random(in: 0..<4, using: &self) {
      case 0: input[index] = .random(in: 0...255, using: &self)
      case 1: input.removeSubrange(index...)
      case 2: input.insert(bytes(",=npcmr$:").randomElement(using: &self) ?? 0, at: index)
      default: input.remove(at: index)
      }
    }
    return input
  }
}
