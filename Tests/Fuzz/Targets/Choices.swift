/// An input read as choices, one byte each. Behind its end all choices are zero.
struct Choices {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }
  /// What has not been read.
  var rest: [UInt8] { Array(bytes[min(position, bytes.count)...]) }

  mutating func byte() -> UInt8 {
    guard !isAtEnd else { return 0 }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func bool() -> Bool { byte() & 1 == 1 }

  /// A number below `limit`, which is at most 256.
  mutating func number(below limit: Int) -> Int { Int(byte()) % limit }

  /// As many bytes as a first one says.
  mutating func run() -> [UInt8] {
    let end = min(position + Int(byte()) + 1, bytes.count)
    let start = min(position, end)
    position = end
    return Array(bytes[start..<end])
  }
}
